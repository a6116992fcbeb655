import { laneOf } from '../domain/hash.ts';
import { derivedId } from '../db/ids.ts';
import { createChoice, createRandom, type Random } from './random.ts';

/** The names of the events; the weight of each is 1/rank (Zipf). */
export const EVENT_NAMES = [
  ...['Page Viewed', 'Product Viewed', 'Searched', 'Category Viewed', 'Added To Cart', 'Charged'],
  ...['Logged In', 'Cart Viewed', 'Checkout Started', 'Wishlist Added', 'Coupon Viewed', 'Video Played'],
  ...['Article Read', 'Review Read', 'Removed From Cart', 'Shared', 'Support Opened', 'Survey Answered'],
  ...['Review Written', 'Account Closed'],
] as const;

export const DAYS = 180;
export const DAY_MS = 86_400_000;
export const SITE_ID = '5'.repeat(24);
/** How many events of the history came in one call; they share the instant of their arrival. */
const CALL = 1_000;

const ID_START = '66aa00c0ffee5eed';

const choices = {
  name: createChoice(EVENT_NAMES.map((name, i) => [name, 1 / (i + 1)])),
  country: createChoice([
    ...([
      ['DE', 30],
      ['FR', 15],
      ['GB', 12],
      ['IT', 10],
      ['ES', 8],
    ] as const),
    ...([
      ['PL', 7],
      ['NL', 6],
      ['AT', 5],
      ['CH', 4],
      ['SE', 3],
    ] as const),
  ]),
  plan: createChoice([
    ['free', 45],
    ['silver', 30],
    ['gold', 25],
  ]),
  browser: createChoice([
    ['chrome', 65],
    ['firefox', 15],
    ['edge', 20],
  ]),
};

/** What a data set is made of; the same seeds give the same data. */
export interface Size {
  profiles: number;
  events: number;
}

/** @returns the id of a profile: as ours are, the later ones sort after the earlier ones */
export function profileIdOf(index: number): string {
  return `${ID_START}${index.toString(16).padStart(8, '0')}`;
}

export const identityOf = (index: number): string => `customer-${index}`;

/** @returns the documents of profiles, as the repository stores them (what it derives is added by the caller) */
export function* profileDocs(size: Size, nowMs: number): Generator<Record<string, unknown>> {
  const random = createRandom(1);
  for (let index = 0; index < size.profiles; index += 1) {
    const country = choices.country(random);
    const createdAt = new Date(nowMs - Math.floor((DAYS + random.next() * 720) * DAY_MS));
    yield {
      _id: profileIdOf(index),
      identity: identityOf(index),
      createdAt,
      updatedAt: createdAt,
      testProfile: false,
      email: `person${index}@shop.example`,
      language: country === 'DE' || country === 'AT' || country === 'CH' ? 'de' : 'en',
      country,
      properties: {
        plan: choices.plan(random),
        age: 16 + random.below(70),
        since: createdAt.toISOString(),
      },
    };
  }
}

/** @returns a subscription for three profiles of five */
export function* subscriptionDocs(size: Size, nowMs: number): Generator<Record<string, unknown>> {
  const random = createRandom(2);
  for (let index = 0; index < size.profiles; index += 1) {
    if (!isSubscribed(index)) continue;
    const endpoint = `https://push.example/send/${random.hex(8)}`;
    const at = new Date(nowMs - Math.floor(random.next() * DAYS * DAY_MS));
    yield {
      _id: derivedId(SITE_ID, endpoint),
      status: 'active',
      syncedAt: at,
      createdAt: at,
      siteId: SITE_ID,
      profileId: profileIdOf(index),
      transport: 'vapid',
      endpoint,
      keys: { p256dh: random.hex(10).padEnd(87, 'B'), auth: random.hex(2).padEnd(22, 'A') },
      browserType: choices.browser(random),
      platformName: 'web',
      topics: [],
      customAttributes: {},
    };
  }
}

/** @returns whether the profile has a subscription: independent of what else it has */
export function isSubscribed(index: number): boolean {
  return Math.imul(index + 1, 0x9e3779b1) >>> 0 < 0.6 * 2 ** 32;
}

/** @returns the history, in the order in which it came in */
export function* eventDocs(size: Size, nowMs: number): Generator<Record<string, unknown>> {
  const random = createRandom(3);
  const lanes = Array.from({ length: size.profiles }, (_, index) => laneOf(profileIdOf(index)));
  const stepMs = (DAYS * DAY_MS) / size.events;
  const fromMs = nowMs - DAYS * DAY_MS;
  for (let index = 0; index < size.events; index += 1) {
    const call = Math.floor(index / CALL);
    const profile = random.below(size.profiles);
    const profileId = profileIdOf(profile);
    const eventId = random.hex(3);
    yield {
      _id: `${profileId}:${eventId}`,
      profileId,
      eventId,
      name: choices.name(random),
      properties: eventProperties(random),
      time: new Date(Math.floor(fromMs + index * stepMs)),
      index: index % CALL,
      receivedAt: new Date(Math.floor(fromMs + (call + 1) * CALL * stepMs)),
      lane: lanes[profile],
      catalogueVersion: 0,
    };
  }
}

/** @returns the name and properties of an event, for those that are posted */
export function randomEvent(random: Random): { name: string; properties: Record<string, unknown> } {
  return { name: choices.name(random), properties: eventProperties(random) };
}

function eventProperties(random: Random): Record<string, unknown> {
  return {
    Amount: random.below(100_000) / 100,
    category: `category-${random.below(50)}`,
    cartId: random.hex(2),
  };
}
