import fc, { type Arbitrary } from 'fast-check';
import { operators, type Condition, type Operator } from '../../domain/audience/conditions.ts';
import { OWN_EVENTS, type CountBounds, type Period, type Segment } from '../../domain/audience/segment.ts';
import { readMoment } from './segment-oracle-conditions.ts';
import type { Person, World } from './segment-oracle.ts';
import { ATTRIBUTES, DURATIONS, EVENT_NAMES, INSTANTS, PROFILE_NAMES } from './segment-population.ts';
import { EVENT_PROPERTIES, NOW, written } from './segment-population.ts';

/** A place where conditions stand: the names that occur there, and each one's values. */
type Place = Map<string, unknown[]>;

const SUBSCRIPTION_NAMES = [
  ...['browserType', 'platformName', 'language', 'country', 'timezone', 'topics', 'transport', 'createdAt'],
  ...['syncedAt', 'siteId', 'status', ...ATTRIBUTES],
];

const someText = fc.constantFrom('gold', 'go', '20', '.', '$', '%', 'é', '2024-05-01T00:00:00Z', '2024');
const someNumber = fc.constantFrom(0, 1, 1.5, 20, 50, -3, 2 ** 53);
const duration = fc.constantFrom(...DURATIONS);

/** An instant near an edge, in one of the ways to write it. */
const instant: Arbitrary<string> = fc
  .record({ ms: fc.constantFrom(...INSTANTS), way: fc.nat(4) })
  .map(({ ms, way }) => written(ms, { pick: (list) => list[way % list.length] as never }));

/** Valid segments about a world, leaning to what occurs in it. Shrinks to one small part. */
export function segmentOf(
  world: World,
  references: { segments: string[]; lists: string[] },
): Arbitrary<Segment> {
  const profile = conditionAt(placeOf(PROFILE_NAMES.concat(NAMED as never), world.people, scopesOfProfile));
  const event = conditionAt(
    placeOf(EVENT_PROPERTIES, world.people, (one) => one.events.map((e) => e.properties)),
  );
  const own = conditionAt(ownPlace(world), OWN_OPERATORS);
  const address = conditionAt(placeOf(SUBSCRIPTION_NAMES, world.people, scopesOfSubscriptions));
  const where = (condition: Arbitrary<Condition>, most: number) =>
    fc.option(fc.array(condition, { minLength: 1, maxLength: most }), { nil: undefined, freq: 3 });

  const filter = fc.oneof(
    { arbitrary: fc.record({ event: fc.constantFrom(...EVENT_NAMES), where: where(event, 2) }), weight: 16 },
    {
      arbitrary: fc.record({ event: fc.constantFrom(...Object.values(OWN_EVENTS)), where: where(own, 2) }),
      weight: 12,
    },
    { arbitrary: fc.constant({ event: 'Never Done', where: undefined }), weight: 1 },
  );
  const occurrence = fc.tuple(filter, period).map(([one, when]) => lean({ ...one, ...when }));
  const behaviour = fc
    .tuple(filter, period, fc.option(count, { nil: undefined, freq: 2 }))
    .map(([one, when, bounds]) => lean({ ...one, ...when, count: bounds }));
  const siteIds = [...new Set([...world.campaigns.values()].map((campaign) => campaign.siteId))];
  const subscription = fc
    .record({
      siteId: fc.option(fc.constantFrom(...siteIds), { nil: undefined }),
      status: fc.constantFrom('active', 'optedOut', 'expired', 'any', undefined),
      where: where(address, 2),
    })
    .map(lean);

  const leaves: { arbitrary: Arbitrary<Segment>; weight: number }[] = [
    { arbitrary: profile, weight: 6 },
    { arbitrary: fc.record({ did: behaviour }), weight: 7 },
    { arbitrary: fc.record({ didNot: behaviour }), weight: 3 },
    { arbitrary: fc.record({ firstDid: occurrence }), weight: 3 },
    { arbitrary: fc.record({ lastDid: occurrence }), weight: 3 },
    { arbitrary: fc.record({ subscription }), weight: 9 },
  ];
  if (references.segments.length > 0)
    leaves.push({ arbitrary: fc.record({ segment: fc.constantFrom(...references.segments) }), weight: 1 });
  if (references.lists.length > 0)
    leaves.push({ arbitrary: fc.record({ inList: fc.constantFrom(...references.lists) }), weight: 1 });

  const { segment } = fc.letrec<{ segment: Segment; leaf: Segment; tree: Segment }>((tie) => ({
    leaf: fc.oneof(...leaves),
    tree: fc.oneof(
      { arbitrary: fc.record({ all: fc.array(tie('segment'), { maxLength: 3 }) }), weight: 2 },
      { arbitrary: fc.record({ any: fc.array(tie('segment'), { maxLength: 3 }) }), weight: 2 },
      { arbitrary: fc.record({ not: tie('segment') }), weight: 1 },
    ),
    segment: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'segment' },
      { arbitrary: tie('leaf'), weight: 3 },
      { arbitrary: tie('tree'), weight: 2 },
    ),
  }));
  return segment;
}

const NAMED = ['identity', 'name', 'language', 'timezone'];

function scopesOfProfile({ properties, ...fields }: Person): Record<string, unknown>[] {
  return [properties, fields];
}

function scopesOfSubscriptions({ subscriptions }: Person): Record<string, unknown>[] {
  return subscriptions.flatMap(({ customAttributes, ...fields }) => [customAttributes, fields]);
}

function placeOf(
  names: readonly string[],
  people: Person[],
  scopesOf: (person: Person) => Record<string, unknown>[],
): Place {
  const scopes = people.flatMap(scopesOf);
  const place: Place = new Map();
  for (const name of new Set(names)) {
    const values = scopes.flatMap((scope) => (Object.hasOwn(scope, name) ? [scope[name]].flat() : []));
    place.set(name, [
      ...new Set(values.map((value) => (value instanceof Date ? value.toISOString() : value))),
    ]);
  }
  return place;
}

function ownPlace({ campaigns }: World): Place {
  const all = [...campaigns];
  return new Map<string, unknown[]>([
    ['campaignId', all.map(([id]) => id)],
    ['campaignName', all.map(([, { name }]) => name)],
    ['labels', all.flatMap(([, { labels }]) => labels)],
    ['channel', ['webPush']],
    ['siteId', all.map(([, { siteId }]) => siteId)],
    ['plan', []],
    ['labels.0', []],
  ]);
}

/** No property of our own events is an instant: asking how long ago one lies is refused. */
export const OWN_OPERATORS = operators.filter((op) => op !== 'withinLast');

function conditionAt(place: Place, among: readonly Operator[] = operators): Arbitrary<Condition> {
  return fc.constantFrom(...among).chain((op) => {
    const names = [...place.keys()];
    const absent = names.filter((name) => place.get(name)?.length === 0);
    const asked = op === 'exists' || op === 'notExists';
    // What is asked for is as often something that nobody has as anything.
    const fitting = asked
      ? [...names, ...names.flatMap((_, i) => absent[i % Math.max(1, absent.length)] ?? [])]
      : names.filter((name) => (place.get(name) ?? []).some((value) => FITS[op]?.(value) ?? true));
    return either(fitting, fc.constantFrom(...names)).chain((property) =>
      valueFor(op, place.get(property) ?? []).map((value) =>
        value === undefined ? { property, op } : { property, op, value },
      ),
    );
  });
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isMoment = (value: unknown): boolean => typeof value === 'string' && readMoment(value) !== undefined;
const isOrdered = (value: unknown): boolean => typeof value === 'number' || isMoment(value);

/** What an operator can hold for at all; absent: anything. */
const FITS: Partial<Record<Operator, (value: unknown) => boolean>> = {
  ...{ gt: isOrdered, gte: isOrdered, lt: isOrdered, lte: isOrdered, between: isOrdered },
  ...{ before: isMoment, after: isMoment, withinLast: isMoment, contains: isText, startsWith: isText },
};

function valueFor(op: Operator, occurring: unknown[]): Arbitrary<unknown> {
  const texts = occurring.filter((value) => typeof value === 'string');
  const numbers = occurring.filter((value) => typeof value === 'number');
  const instants = texts.filter((text) => readMoment(text) !== undefined);
  const scalars = occurring.filter((value) => ['string', 'number', 'boolean'].includes(typeof value));
  const scalar = either(scalars, fc.oneof(someText, someNumber, fc.boolean()));
  const moment = either(instants, instant);
  const number = either(numbers, someNumber);
  // Mostly of a kind that occurs, so that there is something to compare with.
  const kinds = { number: 1 + 3 * Math.min(1, numbers.length), moment: 1 + 3 * Math.min(1, instants.length) };
  switch (op) {
    case 'eq':
    case 'ne':
      return scalar;
    case 'in':
    case 'notIn':
      return fc.array(scalar, { minLength: 1, maxLength: 4 });
    case 'contains':
    case 'startsWith':
      return fc.tuple(either(texts, someText), fc.nat(3), fc.nat(12)).map(([text, from, to]) => {
        const start = op === 'startsWith' ? 0 : from;
        // Whole characters: half of one is not a text that a call can hold.
        return [...text].slice(start, start + to + 1).join('') || 'gold';
      });
    case 'between':
      return fc.oneof(
        {
          arbitrary: fc.tuple(number, number).map(([a, b]) => (a <= b ? [a, b] : [b, a])),
          weight: kinds.number,
        },
        { arbitrary: fc.tuple(moment, moment).map(inOrder), weight: kinds.moment },
      );
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return fc.oneof(
        { arbitrary: number, weight: kinds.number },
        { arbitrary: moment, weight: kinds.moment },
      );
    case 'before':
    case 'after':
      return moment;
    case 'withinLast':
      return duration;
    case 'exists':
    case 'notExists':
      return fc.constant(undefined);
  }
}

/** Mostly what occurs, if anything does. */
function either<T>(occurring: T[], any: Arbitrary<T>): Arbitrary<T> {
  if (occurring.length === 0) return any;
  return fc.oneof({ arbitrary: any, weight: 1 }, { arbitrary: fc.constantFrom(...occurring), weight: 3 });
}

function inOrder(pair: [string, string]): [string, string] {
  return momentIn(pair[0]) <= momentIn(pair[1]) ? pair : [pair[1], pair[0]];
}

function momentIn(text: string): number {
  return readMoment(text) ?? NOW;
}

const period: Arbitrary<Period> = fc.oneof(
  fc.constant({}),
  duration.map((within) => ({ within })),
  fc.tuple(instant, instant).map((pair) => ({ between: inOrder(pair) })),
  instant.map((before) => ({ before })),
  instant.map((after) => ({ after })),
  fc
    .tuple(instant, instant)
    .map(inOrder)
    .filter(([after, before]) => momentIn(after) < momentIn(before))
    .map(([after, before]) => ({ after, before })),
);

const times = fc.oneof(
  { arbitrary: fc.nat(4), weight: 8 },
  { arbitrary: fc.nat(30), weight: 2 },
  { arbitrary: fc.constantFrom(128, 256, 257, 320, 1_000_000), weight: 1 },
);
const count: Arbitrary<CountBounds> = fc.oneof(
  ...(['eq', 'gt', 'gte', 'lt', 'lte'] as const).map((bound) => times.map((n) => ({ [bound]: n }))),
  fc.tuple(fc.constantFrom('gt', 'gte'), times, fc.constantFrom('lt', 'lte'), times).map(([a, n, b, m]) => ({
    [a]: n,
    [b]: m,
  })),
);

/** Without what is undefined, as a call has it. */
function lean<T extends object>(thing: T): T {
  return Object.fromEntries(Object.entries(thing).filter(([, value]) => value !== undefined)) as T;
}
