import type { Person, PersonEvent, PersonMessage, PersonSubscription } from './segment-oracle.ts';

/** The instant that segments are judged at. Everything below lies around it. */
export const NOW = Date.parse('2026-06-10T12:00:00.000Z');

export const EVENT_NAMES = ['Charged', 'Added To Cart', 'a.b', '$where', '__proto__', 'Café %'] as const;
export const PROFILE_NAMES = [
  'plan',
  'score',
  'a.b',
  'a',
  'since',
  'tags',
  'größe %',
  'a%2Eb',
  'x$y',
  'country',
  'email',
  '_id',
  'createdAt',
  'toString',
  'testProfile',
] as const;
export const EVENT_PROPERTIES = ['Amount', 'plan', 'a.b', 'a', 'due', 'tags', 'time', 'toString'] as const;
export const ATTRIBUTES = ['tier', 'a.b', 'country', 'since', 'topics', 'profileId'] as const;
export const DURATIONS = ['1s', '1h', '1d', '7d', '30d', '90d', '52w'] as const;

const LENGTHS = [1_000, 3_600_000, 86_400_000, 7 * 86_400_000, 30 * 86_400_000, 90 * 86_400_000];
const STEPS = [-1, 0, 1];

/** Edges of windows, of months and years, ties, the future, and the far past. */
export const INSTANTS: readonly number[] = [
  ...LENGTHS.flatMap((length) => STEPS.map((step) => NOW - length + step)),
  ...['2026-06-01', '2026-05-01', '2026-01-01', '2025-11-30', '2024-02-29'].flatMap((day) =>
    STEPS.map((step) => Date.parse(`${day}T00:00:00.000Z`) + step),
  ),
  ...STEPS.map((step) => NOW + step),
  NOW + 300_000,
  Date.parse('2025-12-24T18:30:00.123Z'),
  -1,
  0,
  Date.parse('0001-01-01T00:00:00.000Z'),
];

/** Texts that are, or only look like, instants, and others that a pattern or a query would misread. */
const TEXTS = [
  'gold',
  'Gold',
  'golden',
  'silver',
  '',
  '20',
  'true',
  'a.c',
  '.*',
  '^g(',
  '%',
  '$plan',
  '$$NOW',
  'caf\u00e9',
  'cafe\u0301',
  '🛒 cart',
  'nul\u0000byte',
  '2024-05-01T00:00:00Z',
  '2024-05-01T02:00:00.000+02:00',
  '2024-04-30T18:30-05:30',
  '2024-05-01T00:00:00.0009Z',
  '2024-05-01T00:00:00.001Z',
  '2024-02-30T00:00:00Z',
  '2024-03-01T00:00:00Z',
  '1900-02-29T00:00:00Z',
  '2024-05-01',
  '2024-05-01T24:00:00Z',
  '2024-05-01T00:00:60Z',
  '2024-05-01T00:00:00',
  '2024-05-01t00:00:00z',
  '2024-05-01T00:00:00Z\n',
  '2024-05-01T00:00:00+0200',
  '0000-01-01T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
];
const NUMBERS = [0, -0, 1, 1.5, 2, 20, 50, -3, 0.1 + 0.2, 2_147_483_648, 2 ** 53, 1e300, 5e-324];

/** Chance with a seed, so that the same population comes again. */
export function createDice(seed: number) {
  let state = seed >>> 0;
  const roll = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (most: number): number => Math.floor(roll() * most);
  const pick = <T>(list: readonly T[]): T => {
    if (list.length === 0) throw new Error('nothing to pick from');
    return list[below(list.length)] as T;
  };
  const chance = (share: number): boolean => roll() < share;
  const many = <T>(most: number, make: () => T): T[] => Array.from({ length: below(most + 1) }, make);
  const id = (): string => Array.from({ length: 24 }, () => below(16).toString(16)).join('');
  return { below, pick, chance, many, id };
}

export type Dice = ReturnType<typeof createDice>;

/** The same instant, written in one of the ways that there are. */
export function written(ms: number, dice: Pick<Dice, 'pick'>): string {
  const offset = dice.pick([0, 0, 120, -330, 1_439]);
  const local = ms + offset * 60_000;
  if (offset === 0 || local < Date.parse('0001-01-02T00:00:00Z')) return new Date(ms).toISOString();
  const size = Math.abs(offset);
  const zone = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return new Date(local).toISOString().replace('Z', `${offset < 0 ? '-' : '+'}${zone}`);
}

/** A value as somebody may post it; few different ones in a population, so that segments meet them. */
export function createValues(dice: Dice): (at?: number) => unknown {
  const texts = ['gold', '2024-05-01T00:00:00Z', ...Array.from({ length: 8 }, () => dice.pick(TEXTS))];
  const numbers = [1, 20, ...Array.from({ length: 4 }, () => dice.pick(NUMBERS))];
  const instants = Array.from({ length: 6 }, () => dice.pick(INSTANTS));
  const scalar = (at: number): unknown => {
    const kind = dice.below(10);
    if (kind < 4) return dice.pick(texts);
    if (kind < 7) return dice.pick(numbers);
    if (kind < 8) return dice.chance(0.5);
    if (kind < 9) return written(dice.pick(instants), dice);
    return written(at - dice.pick([0, -1, 1, ...LENGTHS.flatMap((length) => [length, length + 1])]), dice);
  };
  return (at = NOW) => {
    const kind = dice.below(20);
    if (kind < 14) return scalar(at);
    if (kind < 18)
      return dice.many(3, () => (dice.chance(0.2) ? dice.pick([null, ['gold'], { b: 1 }]) : scalar(at)));
    return kind < 19 ? { b: scalar(at), c: [1] } : null;
  };
}

function propertiesOf(names: readonly string[], share: number, dice: Dice, value: () => unknown) {
  return Object.fromEntries(names.filter(() => dice.chance(share)).map((name) => [name, value()]));
}

/** One that is about to be stored; the oracle's is made of those that stayed. */
export interface EventToStore extends PersonEvent {
  eventId: string;
}

export interface PersonToStore extends Omit<
  Person,
  'id' | 'identity' | 'events' | 'subscriptions' | 'messages'
> {
  identity: string;
  events: EventToStore[];
  subscriptions: PersonSubscription[];
  messages: PersonMessage[];
}

export interface Population {
  people: PersonToStore[];
  campaigns: { id: string; name: string; labels: string[]; channel: 'webPush'; siteId: string }[];
  siteIds: string[];
}

export function createPopulation(dice: Dice): Population {
  const value = createValues(dice);
  const siteIds = [dice.id(), dice.id()];
  const names = ['Spring', written(NOW - 7 * 86_400_000, dice), written(dice.pick(INSTANTS), dice)];
  const campaigns = names.map((name) => ({
    id: dice.id(),
    name,
    labels: dice.many(2, () => dice.pick(['cart', 'news', '$x'])),
    channel: 'webPush' as const,
    siteId: dice.pick(siteIds),
  }));
  const people = Array.from({ length: 40 + dice.below(15) }, (_, place): PersonToStore => {
    const optional = <T>(share: number, one: T): T | undefined => (dice.chance(share) ? one : undefined);
    return {
      identity: `${dice.pick(['gold', 'p', '2024'])}-${place}`,
      email: optional(0.5, `p${dice.below(9)}@shop.example`),
      name: optional(0.5, dice.pick(['gold', 'Ada', 'Bo', '2024-05-01T00:00:00Z'])),
      timezone: optional(0.3, dice.pick(['Europe/Berlin', 'UTC'])),
      language: optional(0.4, dice.pick(['de', 'pt-BR'])),
      country: optional(0.5, dice.pick(['DE', 'AT', 'US'])),
      testProfile: dice.chance(0.3),
      properties: propertiesOf(PROFILE_NAMES, 0.55, dice, value),
      events: place < 2 ? manyEvents(dice, value, place) : eventsOf(dice, value, 30),
      subscriptions: dice.many(3, () => subscriptionOf(dice, value, siteIds)),
      messages: dice.many(4, () => messageOf(dice, campaigns)),
    };
  });
  return { people, campaigns, siteIds };
}

export function eventsOf(dice: Dice, value: (at?: number) => unknown, most: number): EventToStore[] {
  // Half of them know few instants and few names, which makes ties and high counts.
  const instants = dice.chance(0.5) ? INSTANTS : Array.from({ length: 4 }, () => dice.pick(INSTANTS));
  const names = dice.chance(0.5) ? EVENT_NAMES : [dice.pick(EVENT_NAMES), dice.pick(EVENT_NAMES)];
  return dice.many(most, () => {
    const at = dice.pick(instants);
    // Few ids, so that some come twice: the first that is stored stays.
    const eventId = dice.chance(0.9) ? dice.id() : dice.pick(['e:1', 'e:2', '$e']);
    return {
      eventId,
      name: dice.pick(names),
      at,
      properties: propertiesOf(EVENT_PROPERTIES, 0.45, dice, () => value(at)),
    };
  });
}

/** Far more of one name than a profile's document is to hold. */
function manyEvents(dice: Dice, value: (at?: number) => unknown, place: number): EventToStore[] {
  const one = EVENT_NAMES[place] ?? 'Charged';
  const many = Array.from({ length: 320 + dice.below(300) }, (_, i) => {
    const at = dice.chance(0.3)
      ? dice.pick(INSTANTS)
      : NOW - dice.below(200) * 86_400_000 + dice.below(3) - 1;
    const properties = dice.chance(0.2) ? { plan: value(at), Amount: i } : {};
    return { eventId: `m${i}`, name: one, at, properties };
  });
  return [...many, ...eventsOf(dice, value, 20)];
}

function subscriptionOf(dice: Dice, value: () => unknown, siteIds: string[]): PersonSubscription {
  const optional = <T>(one: T): T | undefined => (dice.chance(0.6) ? one : undefined);
  const customAttributes = propertiesOf(ATTRIBUTES, 0.6, dice, value);
  return {
    siteId: dice.pick(siteIds),
    status: dice.pick(['active', 'active', 'optedOut', 'expired']),
    transport: 'vapid',
    browserType: optional(dice.pick(['Firefox', 'Chrome'])),
    platformName: optional(dice.pick(['Linux', '2024-05-01T00:00:00Z'])),
    language: optional(dice.pick(['de', 'en'])),
    country: optional(dice.pick(['DE', 'AT'])),
    timezone: optional('Europe/Berlin'),
    topics: dice.many(3, () => dice.pick(['gold', 'news', 'a.c'])),
    customAttributes,
    createdAt: new Date(dice.pick(INSTANTS)),
    syncedAt: new Date(dice.pick(INSTANTS)),
  };
}

function messageOf(dice: Dice, campaigns: { id: string }[]): PersonMessage {
  const kinds = ['delivered', 'viewed', 'clicked', 'dismissed'] as const;
  return {
    campaignId: dice.pick(campaigns).id,
    sentAt: dice.chance(0.8) ? dice.pick(INSTANTS) : undefined,
    receipts: dice.many(4, () => ({ kind: dice.pick(kinds), at: dice.pick(INSTANTS) })),
  };
}
