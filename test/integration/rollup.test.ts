import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories, type Repositories } from '../../db/repositories.ts';
import { createEventNames } from '../../db/segments/event-names.ts';
import { PARTS, partOf } from '../../db/segments/parts.ts';
import { createRollupRepository } from '../../db/segments/rollup.ts';
import { followServerClock } from '../../db/server-clock.ts';
import type { RollupRepository } from '../../domain/ports/audience.ts';
import type { NewEvent } from '../../domain/ports/events.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import { goToPart } from '../support/id-parts.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';
import { startStack } from '../support/stack.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.now();

describe('the roll-up that segments count by', function () {
  this.timeout(60_000);
  let connection: Connection;
  let clock: Awaited<ReturnType<typeof followServerClock>>;
  let repositories: Repositories;
  let ids: Map<string, string>;

  before(async () => {
    connection = await connectDatabase((await sharedServers()).mongoUri(uniqueName('t')));
    clock = await followServerClock(connection);
    repositories = await createRepositories(connection, clock);
    ids = new Map();
    for (const [i, identity] of ['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus'].entries()) {
      goToPart(PARTS[i % PARTS.length]!);
      const found = await repositories.profiles.resolveIdentities([identity]);
      ids.set(identity, found.get(identity)!);
    }
  });
  after(async () => {
    clock.stop();
    await connection.close();
  });

  const did = (identity: string, name: string, eventId: string, ms: number): NewEvent => ({
    profileId: ids.get(identity)!,
    eventId,
    name,
    properties: {},
    time: new Date(ms),
    index: 0,
    pending: false,
  });
  const store = (...events: NewEvent[]) => repositories.events.insertMany(events, 0);
  const holdsFor = async (segment: Segment): Promise<string[]> => {
    const members = await repositories.audience.members(segment, [...ids.values()], nowMs);
    const { qualified } = await repositories.audience.estimate(segment, { nowMs });
    expect(qualified, 'the population and each profile').to.equal(members.size);
    return [...ids].flatMap(([identity, id]) => (members.has(id) ? [identity] : []));
  };
  const atLeast = (event: string, gte: number, within = '30d'): Segment => ({
    did: { event, count: { gte }, within },
  });
  const keyOf = async (name: string): Promise<string> => {
    const doc = await connection.collection('eventNames').findOne({ _id: name as never });
    return String(doc?.key);
  };
  const entriesOf = async (identity: string): Promise<Record<string, string[]>> => {
    const doc = await connection.collection('profiles').findOne({ _id: ids.get(identity) as never });
    return (doc?.did ?? {}) as Record<string, string[]>;
  };

  it('counts an event once however often it comes', async () => {
    const once = did('ada', 'Once', '1', nowMs - 5);
    await store(once);
    expect(await holdsFor(atLeast('Once', 1))).to.deep.equal(['ada']);
    await store(once);
    await store(once, did('ada', 'Once', '1', nowMs - 99));
    expect(await holdsFor(atLeast('Once', 2))).to.deep.equal([]);
    await repositories.rollup.catchUp();
    await repositories.rollup.catchUp();
    expect(await holdsFor(atLeast('Once', 2))).to.deep.equal([]);
  });

  it('tells apart two events of the same millisecond', async () => {
    await store(did('bob', 'Twin', 'a', nowMs - 7), did('bob', 'Twin', 'b', nowMs - 7));
    expect(await holdsFor(atLeast('Twin', 2))).to.deep.equal(['bob']);
    expect(await holdsFor(atLeast('Twin', 3))).to.deep.equal([]);
  });

  it('puts a late event in its place', async () => {
    await store(did('cyd', 'Late', 'now', nowMs - 1_000));
    expect(await holdsFor(atLeast('Late', 2))).to.deep.equal([]);
    await store(did('cyd', 'Late', 'old', nowMs - 40 * DAY_MS));
    expect(await holdsFor(atLeast('Late', 2))).to.deep.equal([]);
    expect(await holdsFor(atLeast('Late', 2, '41d'))).to.deep.equal(['cyd']);
    const first: Segment = {
      firstDid: { event: 'Late', before: new Date(nowMs - 30 * DAY_MS).toISOString() },
    };
    expect(await holdsFor(first)).to.deep.equal(['cyd']);
  });

  it('is exact to the millisecond at the edge of a window', async () => {
    await store(
      did('dan', 'Edge', 'in', nowMs - 30 * DAY_MS),
      did('eve', 'Edge', 'out', nowMs - 30 * DAY_MS - 1),
    );
    expect(await holdsFor(atLeast('Edge', 1))).to.deep.equal(['dan']);
  });

  it('stays exact when a profile did something thousands of times', async () => {
    const many = Array.from({ length: 3_000 }, (_, i) => did('fay', 'Viewed', `v${i}`, nowMs - i * 60_000));
    for (let i = 0; i < many.length; i += 700) await store(...many.slice(i, i + 700));
    await repositories.rollup.catchUp();
    const kept = Object.values(await entriesOf('fay')).flat();
    expect(kept.length).to.be.at.most(257);
    expect(
      await connection.collection('eventChunks').countDocuments({ profileId: ids.get('fay') }),
    ).to.be.above(0);
    const fay = await connection.collection('profiles').findOne({ _id: ids.get('fay') as never });
    expect(fay?.traces, 'one of the latest two, and one of what has left').to.have.lengthOf(2);
    expect(await holdsFor(atLeast('Viewed', 3_000))).to.deep.equal(['fay']);
    expect(await holdsFor(atLeast('Viewed', 3_001))).to.deep.equal([]);
    const inOld = (eq: number): Segment => ({
      did: {
        event: 'Viewed',
        count: { eq },
        between: [
          new Date(nowMs - 2_000 * 60_000).toISOString(),
          new Date(nowMs - 1_001 * 60_000).toISOString(),
        ],
      },
    });
    expect(await holdsFor(inOld(1_000))).to.deep.equal(['fay']);
    expect(await holdsFor({ not: inOld(999) })).to.have.lengthOf(7);
    // Folding all of it again moves nothing and counts nothing twice.
    await repositories.rollup.rebuild();
    expect(await holdsFor(atLeast('Viewed', 3_000))).to.deep.equal(['fay']);
    expect(await holdsFor(atLeast('Viewed', 3_001))).to.deep.equal([]);
  });

  it('keeps as many traces as it needs, however often something comes', async () => {
    for (let i = 0; i < 40; i += 1) {
      await store(did('dan', 'Daily', `d${i}`, nowMs - (40 - i) * 3_600_000));
      await repositories.rollup.catchUp();
    }
    const doc = await connection.collection('profiles').findOne({ _id: ids.get('dan') as never });
    const { did: known, traces } = doc as unknown as { did: Record<string, string[]>; traces: string[] };
    expect(known[await keyOf('Daily')]).to.have.lengthOf(40);
    expect(traces.length).to.be.within(Object.keys(known).length, Object.keys(known).length + 16);
    expect(await holdsFor(atLeast('Daily', 1, '61m'))).to.deep.equal(['dan']);
    expect(await holdsFor(atLeast('Daily', 2, '61m'))).to.deep.equal([]);
    expect(await holdsFor(atLeast('Daily', 2, '121m'))).to.deep.equal(['dan']);
    expect(await holdsFor(atLeast('Daily', 40, '41h'))).to.deep.equal(['dan']);
    expect(await holdsFor(atLeast('Edge', 1))).to.deep.equal(['dan']);
  });

  it('loses nothing when two fold the same profile at the same time', async () => {
    const other = await createRepositories(connection, clock);
    await store(did('ada', 'Race', 'r1', nowMs - 20));
    const database = connection.db!;
    const real = database.command.bind(database);
    const refused: unknown[] = [];
    let raced = false;
    Object.assign(database, {
      command: async (...args: Parameters<typeof real>) => {
        if (args[0].update === 'profiles' && !raced) {
          raced = true;
          await store(did('ada', 'Race', 'r2', nowMs - 10));
          await other.rollup.catchUp([ids.get('ada')!]);
        }
        const answer = await real(...args);
        refused.push(...((answer.writeErrors ?? []) as { code: number }[]).map((one) => one.code));
        return answer;
      },
    });
    try {
      await repositories.rollup.catchUp();
    } finally {
      Object.assign(database, { command: real });
    }
    expect(refused).to.deep.equal([121]);
    expect((await entriesOf('ada'))[await keyOf('Race')]).to.have.lengthOf(2);
    expect(await holdsFor(atLeast('Race', 2))).to.deep.equal(['ada']);
    expect(await holdsFor(atLeast('Race', 3))).to.deep.equal([]);
  });

  it('is made anew from the events, also while more of them come', async () => {
    await connection
      .collection('profiles')
      .updateMany({}, { $unset: { traces: '' }, $set: { 'did.e1': ['~wrong'] } });
    const coming = Array.from({ length: 40 }, (_, i) => did('gus', 'Meanwhile', `m${i}`, nowMs - i));
    const posted = (async () => {
      for (const event of coming) await store(event);
    })();
    await repositories.rollup.rebuild();
    await posted;
    expect(await holdsFor({ did: { event: 'Once' } })).to.deep.equal(['ada']);
    expect(await holdsFor({ did: { event: 'Meanwhile', count: { eq: 40 } } })).to.deep.equal(['gus']);
    await repositories.rollup.catchUp();
    expect(await holdsFor({ did: { event: 'Meanwhile', count: { eq: 40 } } })).to.deep.equal(['gus']);
  });

  it('stands behind what every question reads, also in a profile that is new', async () => {
    const profile = await connection.collection('profiles').findOne({ _id: ids.get('fay') as never });
    expect(Object.keys(profile!).slice(0, 5)).to.deep.equal(['_id', 'part', 'pushSites', 'seenAt', 'q']);
  });

  it('puts profiles where they belong that stand in another part, when it is made anew', async () => {
    const profiles = connection.collection('profiles');
    const id = ids.get('eve')!;
    await repositories.profiles.upsertMany([
      { identity: 'eve', country: 'SE', properties: { plan: 'gold', age: 29 } },
    ]);
    const before = await profiles.findOne({ _id: id as never });
    const other = PARTS.find((part) => part !== partOf(id))!;
    await profiles.updateOne(
      { _id: id as never },
      { $set: { part: other, q: { [other]: before!.q[partOf(id)] } } },
    );
    // Changed before anybody made it anew: it stands in both.
    await repositories.profiles.upsertMany([{ identity: 'eve', properties: { age: 30 } }]);
    await repositories.rollup.rebuild();
    for (const [property, value] of Object.entries({ country: 'SE', plan: 'gold', age: 30 }))
      expect(await holdsFor({ property, op: 'eq', value }), property).to.deep.equal(['eve']);
    expect(await holdsFor({ property: 'age', op: 'eq', value: 29 })).to.deep.equal([]);
    const { part, q } = (await profiles.findOne({ _id: id as never }))!;
    expect(part).to.equal(partOf(id));
    expect(Object.keys(q)).to.deep.equal([partOf(id)]);
  });

  it('is made anew at the first start on a database in the form of an earlier version, by one process', async () => {
    await store(did('bob', 'Earlier', 'e1', nowMs - DAY_MS));
    await repositories.rollup.catchUp();
    const profiles = connection.collection('profiles');
    const starts = async (): Promise<string[]> => {
      const told: string[] = [];
      const others = [0, 1, 2].map(() =>
        createRollupRepository(connection, clock, createEventNames(connection)),
      );
      await Promise.all(others.map((one) => one.ensureForm((text) => told.push(text))));
      return told.filter((text) => text.includes('is made anew'));
    };
    const entries = await entriesOf('bob');
    expect(entries).to.have.property(await keyOf('Earlier'));
    await connection.collection('forms').deleteMany({});
    await profiles.updateMany({}, { $unset: { did: '', traces: '', q: '' } });
    await profiles.createIndex({ 'latest.$**': 1 }, { name: 'latest' });
    expect(await starts()).to.have.lengthOf(1);
    expect(await entriesOf('bob')).to.deep.equal(entries);
    const doc = await profiles.findOne({ _id: ids.get('bob') as never });
    expect(doc?.q).to.have.nested.property(`${partOf(ids.get('bob')!)}.identity`, 'bob');
    expect((await profiles.indexes()).map((index) => index.name)).to.not.include('latest');
    expect(await starts()).to.deep.equal([]);
  });

  describe('of an earlier version', () => {
    let own: Connection;
    let theirs: Repositories;
    let told: string[];
    let begunMs: number;
    const idOf = (place: number): string => String(place).padStart(24, '0');
    const unmade = (): Promise<number> =>
      own.collection('profiles').countDocuments({ q: { $exists: false } });
    const storeFor = (place: number, eventId: string): Promise<unknown> =>
      theirs.events.insertMany(
        [{ ...did('ada', 'Visited', eventId, nowMs - DAY_MS), profileId: idOf(place) }],
        0,
      );
    const visitsOf = async (gte: number): Promise<number> =>
      (await theirs.audience.estimate(atLeast('Visited', gte), { nowMs })).qualified;
    const rollup = (): RollupRepository => createRollupRepository(own, clock, createEventNames(own));
    const start = (signal?: AbortSignal): Promise<void> =>
      rollup().ensureForm((text) => void told.push(text), signal);

    /** Two pages and a little; one visit of a profile on each. */
    beforeEach(async () => {
      own = await connectDatabase((await sharedServers()).mongoUri(uniqueName('t')));
      theirs = await createRepositories(own, clock);
      told = [];
      begunMs = clock.nowMs();
      await own
        .collection('profiles')
        .insertMany(
          Array.from({ length: 4_100 }, (_, i) => ({ _id: idOf(i) as never, properties: { plan: 'gold' } })),
        );
      for (const place of [3, 2_003, 4_003]) await storeFor(place, `first-${place}`);
      await own.collection('forms').deleteMany({});
    });
    afterEach(() => own.close());

    /** @param then what happens right after the first page is noted */
    async function leaveOff(then: () => Promise<void> | void, signal?: AbortSignal): Promise<unknown> {
      const forms = own.collection('forms');
      const real = forms.updateOne.bind(forms);
      Object.assign(forms, {
        updateOne: async (...args: Parameters<typeof real>) => {
          const answer = await real(...args);
          await then();
          return answer;
        },
      });
      try {
        return await start(signal).then(
          () => undefined,
          (error: unknown) => error,
        );
      } finally {
        Object.assign(forms, { updateOne: real });
      }
    }

    it('is made anew from where a start before was given up', async () => {
      const givenUp = new AbortController();
      const reason = new Error('asked to end');
      expect(await leaveOff(() => givenUp.abort(reason), givenUp.signal)).to.equal(reason);
      expect(await unmade()).to.equal(2_100);
      const marks = await own.collection('foldMarks').find().toArray();
      // Only the mark of making it anew covers what came before this test; it is not left open.
      const before = marks.filter((mark) => (mark.from as Date).getTime() < begunMs);
      expect(before.map((mark) => mark.to))
        .to.have.lengthOf(1)
        .and.not.include(undefined);

      // Nobody comes to the first page again.
      await own.collection('profiles').updateOne({ _id: idOf(7) as never }, { $unset: { q: '' } });
      await start();
      expect(await unmade()).to.equal(1);
      expect(told).to.have.lengthOf(2);
      expect(told[1]).to.contain('goes on from where it was left off');
      expect(await own.collection('forms').findOne({})).to.deep.equal({ _id: 'profiles', form: 1 });
      await storeFor(3, 'second');
      expect([await visitsOf(1), await visitsOf(2)]).to.deep.equal([3, 1]);
      // Unlike what an operator asks for, which makes all anew.
      await rollup().rebuild();
      expect(await unmade()).to.equal(0);
    });

    it('is made anew from the beginning when an earlier version stored anything since', async () => {
      const changes: Record<string, () => Promise<unknown>> = {
        'an event': () => storeFor(3, 'second'),
        'a profile': () =>
          own.collection('profiles').updateOne({ _id: idOf(9) as never }, [{ $set: { updatedAt: '$$NOW' } }]),
      };
      for (const [what, change] of Object.entries(changes)) {
        await own.collection('forms').deleteMany({});
        const fault = new Error('killed');
        expect(await leaveOff(() => Promise.reject(fault))).to.equal(fault);
        await change();
        await own.collection('profiles').updateOne({ _id: idOf(7) as never }, { $unset: { q: '' } });
        told = [];
        await start();
        expect(told.join(), what).to.contain('in the form of an earlier version');
        expect(await unmade(), what).to.equal(0);
      }
      expect([await visitsOf(1), await visitsOf(2)]).to.deep.equal([3, 1]);
    });
  });

  it('is in the form of today before an API or a worker is there', async () => {
    const stack = await startStack({ workers: 0 });
    try {
      const id = 'f'.repeat(24);
      const profiles = stack.db.collection('profiles');
      for (const start of [() => stack.startApi(), () => stack.startWorker()]) {
        await stack.db.collection('forms').deleteMany({});
        await profiles.deleteMany({});
        await profiles.insertOne({ _id: id as never, properties: { plan: 'gold' } });
        await start();
        const doc = await profiles.findOne({ _id: id as never });
        expect(doc?.q).to.deep.equal({ [partOf(id)]: { plan: 'gold' } });
      }
    } finally {
      await stack.close();
    }
  });

  it('finds what a process stored that was killed before it could say so', async () => {
    // What is left of it: its mark, open for ever, and its event.
    const receivedAt = new Date(nowMs - 600_000);
    await connection.collection('foldMarks').insertOne({ _id: 'dead' as never, from: receivedAt });
    await connection.collection('events').insertOne({
      _id: `${ids.get('ada')!}:orphan` as never,
      ...did('ada', 'Orphaned', 'orphan', nowMs - 600_000),
      receivedAt,
      lane: 0,
      catalogueVersion: 0,
    });
    expect(await holdsFor(atLeast('Orphaned', 1))).to.deep.equal(['ada']);
  });

  it('goes on after a pass that failed', async () => {
    const lanes = connection.collection('lanes');
    const real = lanes.findOneAndUpdate.bind(lanes);
    let failures = 0;
    Object.assign(lanes, {
      findOneAndUpdate: () => {
        failures += 1;
        return Promise.reject(new Error('away'));
      },
    });
    // Through another repository of the same connection, which has the same collection underneath.
    const own = createRollupRepository(connection, clock, createEventNames(connection));
    try {
      await store(did('bob', 'Again', '1', nowMs));
      const fault = await own.catchUp().then(String, (error: unknown) => error);
      expect(fault).to.be.instanceOf(Error);
    } finally {
      Object.assign(lanes, { findOneAndUpdate: real });
    }
    expect(failures).to.equal(1);
    await own.catchUp();
    expect(
      await connection
        .collection('profiles')
        .countDocuments({ [`did.${await keyOf('Again')}`]: { $exists: true } }),
    ).to.equal(1);
  });

  describe('in a process that folds in the background', () => {
    let own: Repositories;
    let stop: () => Promise<void>;
    const troubles: unknown[] = [];
    before(async () => {
      own = await createRepositories(connection, clock);
      stop = own.rollup.start((error) => troubles.push(error));
    });
    after(() => stop());

    const marksLeft = () => connection.collection('foldMarks').countDocuments({});
    const closed = async (): Promise<void> => {
      const open = { to: { $exists: false } };
      while ((await connection.collection('foldMarks').countDocuments(open)) > 0)
        await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const reads = async (work: () => Promise<unknown>): Promise<number> => {
      const events = connection.collection('events');
      const real = events.find.bind(events);
      let found = 0;
      Object.assign(events, {
        find: (...args: Parameters<typeof real>) => {
          found += 1;
          return real(...args);
        },
      });
      try {
        await work();
      } finally {
        Object.assign(events, { find: real });
      }
      return found;
    };

    it('folds what it stored itself without reading it', async () => {
      await repositories.rollup.catchUp();
      await own.events.insertMany(
        [
          did('ada', 'Held', 'h1', nowMs - 9),
          did('ada', 'Held', 'h2', nowMs - 3),
          did('bob', 'Held', 'h1', nowMs),
        ],
        0,
      );
      await closed();
      expect(await reads(() => own.rollup.catchUp()), 'reads of events').to.equal(0);
      expect(await marksLeft()).to.equal(0);
      expect(await holdsFor(atLeast('Held', 2))).to.deep.equal(['ada']);
      expect(await holdsFor(atLeast('Held', 1))).to.deep.equal(['ada', 'bob']);
    });

    it('counts a repeat once, whatever time it names', async () => {
      await own.events.insertMany([did('cyd', 'Held Once', 'o1', nowMs - 50)], 0);
      await own.events.insertMany(
        [did('cyd', 'Held Once', 'o1', nowMs - 40), did('cyd', 'Held Once', 'o1', nowMs - 30)],
        0,
      );
      await closed();
      await own.rollup.catchUp();
      expect(await holdsFor(atLeast('Held Once', 1))).to.deep.equal(['cyd']);
      expect(await holdsFor(atLeast('Held Once', 2))).to.deep.equal([]);
    });

    it('folds it after a while by itself, and holds nothing any more', async () => {
      await closed();
      await own.rollup.catchUp();
      const found = await reads(async () => {
        await own.events.insertMany([did('fay', 'Held Long', 'l1', nowMs)], 0);
        expect(await marksLeft()).to.equal(1);
        while ((await marksLeft()) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
      });
      expect(found, 'reads of events').to.equal(0);
      expect((await entriesOf('fay'))[await keyOf('Held Long')]).to.have.lengthOf(1);
      expect(troubles).to.deep.equal([]);
    });

    it('reads what was stored by a call that failed, and what another process stored', async () => {
      const events = connection.collection('events');
      const real = events.insertMany.bind(events);
      Object.assign(events, {
        insertMany: async (...args: Parameters<typeof real>) => {
          await real(...args);
          throw new Error('the connection broke');
        },
      });
      try {
        const call = own.events.insertMany([did('dan', 'Broken Off', 'b1', nowMs)], 0);
        expect(String(await call.then(String, (error: unknown) => error))).to.contain('broke');
      } finally {
        Object.assign(events, { insertMany: real });
      }
      await own.events.insertMany([did('eve', 'Broken Off', 'b1', nowMs)], 0);
      await store(did('gus', 'Broken Off', 'b1', nowMs));
      await own.rollup.catchUp();
      expect(await holdsFor(atLeast('Broken Off', 1))).to.deep.equal(['dan', 'eve', 'gus']);
    });
  });

  it('takes away the marks of what it has folded, and closes those that nobody will', async () => {
    const stop = repositories.rollup.start((error) => {
      throw error as Error;
    });
    const deadline = Date.now() + 40_000;
    let left = Infinity;
    while (left > 0 && Date.now() < deadline) {
      left = await connection.collection('foldMarks').countDocuments({});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop();
    expect(left).to.equal(0);
    const doc = await connection.collection('profiles').findOne({ _id: ids.get('ada') as never });
    expect(doc?.did).to.be.an('object');
  });
});
