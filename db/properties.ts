import type { Connection } from 'mongoose';
import { learnProperties } from '../domain/content/known-properties.ts';
import { PROFILE_FIELDS } from '../domain/profile.ts';
import type { KnownProperty, PropertyRepository } from '../domain/ports/properties.ts';

/** What is looked at, how long that may take, and how long the answer serves. */
const SAMPLE = 1_000;
const NAMES_FROM = 2_000;
const LOOK_FOR_MS = 2_000;
const KEEP_MS = 60_000;
const MOST_KEPT = 500;
const OBJECT_ID_BYTES = 24;

const NAMED: Record<(typeof PROFILE_FIELDS)[number], KnownProperty['types'][number]> = {
  identity: 'string',
  email: 'string',
  name: 'string',
  timezone: 'string',
  language: 'string',
  country: 'string',
  testProfile: 'boolean',
};

/**
 * Learns which properties there are from a bounded sample, for at most two seconds a question, and keeps each answer
 * for a minute: nobody who stores events waits for it.
 */
export function createPropertyRepository(connection: Connection): PropertyRepository {
  const profiles = connection.collection('profiles');
  const events = connection.collection('events');
  const names = connection.collection('eventNames');
  const kept = new Map<string, { untilMs: number; answer: Promise<unknown> }>();

  /** Whoever asks for the same meanwhile gets the same answer. */
  function once<T>(key: string, look: () => Promise<T>): Promise<T> {
    const nowMs = performance.now();
    const known = kept.get(key);
    if (known && known.untilMs > nowMs) return known.answer as Promise<T>;
    if (kept.size >= MOST_KEPT) kept.clear();
    const answer = look();
    kept.set(key, { untilMs: nowMs + KEEP_MS, answer });
    // What failed or took too long is no answer: the next one who asks looks again.
    const forget = (): void => {
      if (kept.get(key)?.answer === answer) kept.delete(key);
    };
    answer.then((found) => {
      if (found === null) forget();
    }, forget);
    return answer;
  }

  const shown = { properties: 1, ...Object.fromEntries(PROFILE_FIELDS.map((field) => [field, 1])) };

  async function lookAtProfiles(): Promise<KnownProperty[] | null> {
    const [latest, some] = await Promise.all([
      inTime(
        profiles
          .find({}, { projection: shown, sort: { _id: -1 }, limit: SAMPLE / 2, maxTimeMS: LOOK_FOR_MS })
          .toArray(),
      ),
      inTime(
        profiles
          .aggregate([{ $sample: { size: SAMPLE / 2 } }, { $project: shown }], { maxTimeMS: LOOK_FOR_MS })
          .toArray(),
      ),
    ]);
    if (latest === null && some === null) return null;
    // The same profile may be in both, and is no two that share its values.
    const docs = [
      ...new Map([...(latest ?? []), ...(some ?? [])].map((doc) => [String(doc._id), doc])).values(),
    ];
    const fields = new Set<string>(PROFILE_FIELDS);
    const free = docs.map(({ properties }) =>
      // A named field stands for itself alone: templates and segments never see a property of that name.
      Object.fromEntries(
        Object.entries((properties as object | null) ?? {}).filter(([name]) => !fields.has(name)),
      ),
    );
    const named = new Map(
      learnProperties(
        docs.map((doc) => Object.fromEntries(PROFILE_FIELDS.map((name) => [name, doc[name]]))),
      ).map((one) => [one.name, one]),
    );
    return [
      ...PROFILE_FIELDS.map((name) => ({
        name,
        path: [name],
        types: [NAMED[name]],
        examples: named.get(name)?.examples ?? [],
        maxBytes: named.get(name)?.maxBytes,
      })),
      {
        ...{ name: 'objectId', path: ['objectId'] },
        ...{ types: ['string' as const], examples: [], maxBytes: OBJECT_ID_BYTES },
      },
      ...learnProperties(free).filter(({ path: [name] }) => name !== 'objectId'),
    ];
  }

  async function lookAtEvent(name: string): Promise<KnownProperty[] | null> {
    const docs = await inTime(
      events
        .find(
          { name },
          {
            projection: { _id: 0, properties: 1, profileId: 1 },
            sort: { time: -1 },
            limit: SAMPLE,
            hint: 'name_1_time_1_profileId_1',
            maxTimeMS: LOOK_FOR_MS,
          },
        )
        .toArray(),
    );
    if (docs === null) return null;
    return learnProperties(
      docs.map((doc) => (doc.properties ?? {}) as Record<string, unknown>),
      // The events of one profile tell of one person, however many they are.
      (i) => String(docs[i]?.profileId),
    );
  }

  async function lookForNames(): Promise<string[] | null> {
    const [latest, followed] = await Promise.all([
      inTime(
        events
          .find(
            {},
            {
              projection: { _id: 0, name: 1 },
              sort: { receivedAt: -1 },
              limit: NAMES_FROM,
              hint: 'receivedAt_1',
              maxTimeMS: LOOK_FOR_MS,
            },
          )
          .toArray(),
      ),
      inTime(names.find({}, { sort: { _id: 1 }, maxTimeMS: LOOK_FOR_MS }).toArray()),
    ]);
    if (latest === null && followed === null) return null;
    return [
      ...new Set([
        ...(latest ?? []).map((doc) => doc.name as string),
        ...(followed ?? []).map((doc) => String(doc._id)),
      ]),
    ];
  }

  return {
    ofProfiles: () => once('profiles', lookAtProfiles),
    ofEvent: (name) => once(`event/${name}`, () => lookAtEvent(name)),
    eventNames: async (limit) => (await once('names', lookForNames))?.slice(0, limit) ?? null,
  };
}

/** @returns null when the database did not come to an end in time: what there is, is not known then */
async function inTime<T>(docs: Promise<T[]>): Promise<T[] | null> {
  try {
    return await docs;
  } catch (error) {
    if ((error as { codeName?: unknown }).codeName === 'MaxTimeMSExpired') return null;
    throw error;
  }
}
