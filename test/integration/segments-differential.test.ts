import { expect } from 'chai';
import fc from 'fast-check';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories } from '../../db/repositories.ts';
import { PARTS, partOf } from '../../db/segments/parts.ts';
import { followServerClock } from '../../db/server-clock.ts';
import { UnknownReference } from '../../domain/audience/audience-errors.ts';
import { operators } from '../../domain/audience/conditions.ts';
import { checkSegment, OWN_EVENTS, type Segment } from '../../domain/audience/segment.ts';
import { OWN_OPERATORS, segmentOf } from '../support/segment-arbitraries.ts';
import { holds, membersOf, type Person } from '../support/segment-oracle.ts';
import { createDice, createPopulation, createValues, eventsOf, NOW } from '../support/segment-population.ts';
import {
  addEvents,
  addLists,
  addSubscription,
  storePopulation,
  type Stage,
} from '../support/segment-world.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

const SEED = Number(process.env.BECKON_TEST_SEED ?? 20_260_610);
/** All of them are 2,000 cases and take minutes; fewer are for every day. */
const ALL_POPULATIONS = 10;
const POPULATIONS = Number(process.env.BECKON_TEST_POPULATIONS ?? 2);
/** Twice for each population: as it was stored, and after it has changed. */
const CASES_PER_PHASE = 100;
/** How many profiles are also asked about one by one, in each case. */
const SINGLES = 6;

/** In how many cases everything must have held for someone, and in how many it must not have for someone. */
const LEAST_CASES = 8;
const KINDS = [
  'all',
  'any',
  'not',
  'segment',
  'inList',
  'did',
  'didNot',
  'firstDid',
  'lastDid',
  'subscription',
];
const PERIODS = ['ever', 'within', 'between', 'before', 'after', 'before and after'];
const MUST_OCCUR = [
  ...KINDS,
  ...['profile', 'event', 'subscription'].flatMap((place) => operators.map((op) => `${place} ${op}`)),
  ...OWN_OPERATORS.map((op) => `own ${op}`),
  ...['eq', 'gt', 'gte', 'lt', 'lte', 'default'].map((bound) => `count ${bound}`),
  ...['did', 'didNot', 'firstDid', 'lastDid'].flatMap((kind) => PERIODS.map((period) => `${kind} ${period}`)),
  ...['default', 'active', 'optedOut', 'expired', 'any'].map((status) => `subscription status ${status}`),
  'subscription siteId',
  ...Object.values(OWN_EVENTS).map((name) => `own ${name}`),
];

interface Case {
  segment: Segment;
  limit: number;
  ofSite: number;
  from: number;
}

describe('random segments over random histories', () => {
  let end = async (): Promise<void> => {};
  const occurred = new Map<string, number>();
  const results = { cases: 0, some: 0 };

  async function stageOf(number: number): Promise<Stage> {
    const servers = await sharedServers();
    const connection = await connectDatabase(servers.mongoUri(uniqueName('segments')));
    const clock = await followServerClock(connection);
    end = async () => {
      clock.stop();
      await connection.dropDatabase();
      await connection.close();
    };
    const repositories = await createRepositories(connection, clock);
    const dice = createDice(SEED + number);
    const population = createPopulation(dice);
    // More names than the roll-up follows: the others are counted from the events.
    if (number === 1)
      population.people[0]!.events.unshift(
        ...Array.from({ length: 498 }, (_, i) => ({
          eventId: `n${i}`,
          name: `n${i}`,
          at: NOW,
          properties: {},
        })),
      );
    if (number % 2 === 1) {
      for (const property of ['Amount', 'plan', 'tags'])
        await repositories.promoted.promote({ event: 'Charged', property });
    }
    const stage = await storePopulation(connection, repositories, population, dice);
    expect(new Set(stage.world.people.map((person) => partOf(person.id)))).to.have.all.keys(...PARTS);
    await addLists(stage, 2);
    await addSegments(stage, 4);
    return stage;
  }

  /** Saved segments that nest: each may refer to those before it. */
  async function addSegments({ repositories, world, dice }: Stage, many: number): Promise<void> {
    for (let i = 0; i < many; i += 1) {
      const arbitrary = segmentOf(world, referencesIn(world));
      const [segment] = fc.sample(arbitrary, { seed: dice.below(1e9), numRuns: 1 });
      const id = dice.id();
      await repositories.segments.create({ id, name: `Segment ${i}`, segment: segment! });
      world.segments.set(id, segment!);
    }
  }

  /** Late and repeated events, other properties and subscriptions, a new profile, one erased, a rebuild. */
  async function change(stage: Stage, number: number): Promise<void> {
    const { repositories, world, dice } = stage;
    const value = createValues(dice);
    const adding = world.people.map(async (person, place) => {
      if (place > 1 && dice.chance(0.5)) return;
      await addEvents(stage, person.id, eventsOf(dice, value, place < 2 ? 200 : 15));
    });
    await Promise.all([
      ...adding,
      repositories.rollup.catchUp(),
      number % 3 === 0 ? repositories.rollup.rebuild() : 0,
    ]);
    for (const person of world.people.filter(() => dice.chance(0.3))) {
      const properties = { plan: value(), tags: value(), 'a.b': value() };
      await repositories.profiles.upsertMany([
        { identity: person.identity ?? '', country: null, name: 'gold', properties },
      ]);
      Object.assign(person, { country: undefined, name: 'gold' });
      person.properties = { ...person.properties, ...properties };
      const [first] = person.subscriptions;
      if (!first) continue;
      Object.assign(first, { status: dice.pick(['active', 'optedOut', 'expired']), topics: ['gold'] });
      await addSubscription(stage, person.id, 0, first);
    }
    const identity = 'fresh';
    const [id = ''] = await repositories.profiles.upsertMany([{ identity, properties: { plan: 'gold' } }]);
    world.people.push({
      ...{ id, identity, testProfile: false, properties: { plan: 'gold' } },
      ...{ events: [], subscriptions: [], messages: [] },
    });
    await addEvents(stage, id, eventsOf(dice, value, 10));
    const [erased] = world.people.splice(5, 1);
    await repositories.profiles.erase(erased!.id);
  }

  async function judge(stage: Stage, { segment, limit, ofSite, from }: Case): Promise<void> {
    const { audience } = stage.repositories;
    const { world } = stage;
    const wanted = membersOf(world, segment, NOW);
    const ids = world.people.map((person) => person.id);

    const paged: string[] = [];
    for (let after: string | null = null, rounds = 0; ; rounds += 1) {
      const page = await audience.page(segment, after, limit, NOW);
      if (page.profiles.length > limit) throw new Error(`a page of ${page.profiles.length} for ${limit}`);
      for (const { id } of page.profiles) paged.push(id);
      if (page.after === null) break;
      if (page.profiles.length === 0) throw new Error('an empty page that is not the last');
      if (rounds > ids.length) throw new Error('pages without end');
      after = page.after;
    }
    same(stage, segment, 'page', paged, [...wanted].sort());

    const all = await audience.members(segment, [...ids, 'f'.repeat(24)], NOW);
    same(stage, segment, 'members', [...all].sort(), [...wanted].sort());

    const siteId = [undefined, ...new Set([...world.campaigns.values()].map((one) => one.siteId))][ofSite];
    const isReachable = ({ subscriptions }: Person): boolean =>
      subscriptions.some((one) => one.status === 'active' && (siteId === undefined || one.siteId === siteId));
    const reach = await audience.estimate(segment, { nowMs: NOW, siteId });
    const webPush = world.people.filter((person) => wanted.has(person.id) && isReachable(person)).length;
    const figures = { qualified: reach.qualified, webPush: reach.reachable.webPush };
    if (figures.qualified !== wanted.size || figures.webPush !== webPush) {
      const expected = { qualified: wanted.size, webPush };
      throw new Error(
        report(segment, `estimate gave ${JSON.stringify(figures)}, not ${JSON.stringify(expected)}`),
      );
    }

    const singles = Array.from({ length: SINGLES }, (_, i) => ids[(from + i * 7) % ids.length]!);
    const answers = await Promise.all(singles.map((id) => audience.members(segment, [id], NOW)));
    same(
      stage,
      segment,
      'members of one',
      singles.filter((id, i) => answers[i]!.has(id)),
      singles.filter((id) => wanted.has(id)),
    );
    if (answers.some((answer, i) => [...answer].some((id) => id !== singles[i])))
      throw new Error(report(segment, 'members of one gave others'));
  }

  function note(stage: Stage, { segment }: Case): void {
    const seen = new Set<string>();
    const of = stage.world.people.map((person) =>
      holds(stage.world, segment, person, NOW, (what, held) => seen.add(`${what}: ${String(held)}`)),
    );
    for (const what of seen) occurred.set(what, (occurred.get(what) ?? 0) + 1);
    results.cases += 1;
    if (of.includes(true) && of.includes(false)) results.some += 1;
  }

  async function run(stage: Stage, seed: number): Promise<void> {
    const { world } = stage;
    const one = fc.record({
      segment: segmentOf(world, referencesIn(world)),
      limit: fc.constantFrom(7, 20, 1_000),
      ofSite: fc.nat(2),
      from: fc.nat(50),
    });
    for (const each of fc.sample(one, { seed, numRuns: CASES_PER_PHASE })) note(stage, each);
    await fc.assert(
      fc.asyncProperty(one, (each) => judge(stage, each)),
      { seed, numRuns: CASES_PER_PHASE, endOnFailure: false },
    );
  }

  afterEach(async function () {
    this.timeout(30_000);
    await end();
    end = async () => {};
  });

  for (let number = 0; number < POPULATIONS; number += 1) {
    it(`hold for whom a plain reading says, population ${number}`, async function () {
      this.timeout(240_000);
      const stage = await stageOf(number);
      await run(stage, SEED + number);
      await change(stage, number);
      await run(stage, SEED + 1_000 + number);
    });
  }

  it('refuse to judge what refers to nothing, wherever it stands', async function () {
    this.timeout(60_000);
    const { repositories, world } = await stageOf(POPULATIONS);
    const ids = world.people.map((person) => person.id);
    const none = 'e'.repeat(24);
    for (const reference of [{ segment: none }, { inList: none }]) {
      for (const segment of [
        reference,
        { all: [{ any: [] }, { not: reference }] },
        { any: [{ all: [] }, reference] },
      ]) {
        const calls = [
          repositories.audience.page(segment, null, 7, NOW),
          repositories.audience.members(segment, ids, NOW),
          repositories.audience.estimate(segment, { nowMs: NOW }),
        ];
        for (const answer of await Promise.allSettled(calls)) {
          expect(answer.status === 'rejected' && answer.reason).to.be.instanceOf(UnknownReference);
        }
      }
    }
  });

  it('have shown every operator, bound, period and kind, holding and not', function () {
    expect(results.cases).to.equal(2 * POPULATIONS * CASES_PER_PHASE);
    expect(results.some / results.cases).to.be.at.least(0.3);
    // What is rare is seen often enough only among all of them.
    if (POPULATIONS < ALL_POPULATIONS) return;
    const short = MUST_OCCUR.flatMap((what) => [`${what}: true`, `${what}: false`])
      .map((what) => ({ what, cases: occurred.get(what) ?? 0 }))
      .filter(({ cases }) => cases < LEAST_CASES);
    expect(short).to.deep.equal([]);
  });
});

function referencesIn(world: Stage['world']): { segments: string[]; lists: string[] } {
  return { segments: [...world.segments.keys()], lists: [...world.lists.keys()] };
}

function same(stage: Stage, segment: Segment, call: string, actual: string[], expected: string[]): void {
  if (actual.join() === expected.join()) return;
  const wrong = [...new Set([...actual, ...expected])].filter(
    (id) => actual.includes(id) !== expected.includes(id),
  );
  const shown = wrong.slice(0, 2).map((id) => {
    const person = stage.world.people.find((one) => one.id === id);
    const { events = [], ...rest } = person ?? {};
    const text = JSON.stringify(segment) + JSON.stringify([...stage.world.segments.values()]);
    const meant = events.filter((event) => text.includes(JSON.stringify(event.name)));
    const dated = meant
      .map(({ at, ...event }) => ({ at: new Date(at).toISOString(), ...event }))
      .slice(0, 40);
    return `${actual.includes(id) ? 'given, but not expected' : 'expected, but not given'}: ${JSON.stringify({ ...rest, events: dated })}`;
  });
  const order = wrong.length === 0 ? [`order or repeats: ${actual.join()} for ${expected.join()}`] : [];
  throw new Error(report(segment, `${call} is wrong about ${wrong.length}`, ...shown, ...order));
}

function report(segment: Segment, ...lines: string[]): string {
  const faults = checkSegment(segment, '');
  const valid = faults.length === 0 ? [] : [`(the segment is faulty: ${JSON.stringify(faults)})`];
  return [`segment ${JSON.stringify(segment)} at ${new Date(NOW).toISOString()}`, ...valid, ...lines].join(
    '\n',
  );
}
