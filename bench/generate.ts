import type { Connection } from 'mongoose';
import { ensureIndexes } from '../db/connection.ts';
import { partOf } from '../db/segments/parts.ts';
import { searchFields } from '../db/segments/search-fields.ts';
import type { BenchDatabase } from './database.ts';
import {
  eventDocs,
  identityOf,
  isSubscribed,
  profileDocs,
  profileIdOf,
  SITE_ID,
  subscriptionDocs,
  type Size,
} from './population.ts';
import { say, seconds, timed } from './report.ts';

const BATCH = 2_000;
const IN_FLIGHT = 4;
/** Raised when what a part is made of changes: it is then made anew. */
const VERSIONS = { profiles: 5, plainProfiles: 1, identities: 1, subscriptions: 1, events: 1, rollup: 6 };

type Part = keyof typeof VERSIONS;

interface Meta {
  _id: Part;
  version: number;
  nowMs: number;
}

/**
 * Makes what is missing of the data of this size; what is there is kept.
 *
 * @returns the instant that the history ends at: "now" for every question
 */
export async function generate({ connection, repositories }: BenchDatabase, size: Size): Promise<number> {
  const meta = connection.collection<Meta>('benchMeta');
  const known = await meta.find({}).toArray();
  const nowMs = known[0]?.nowMs ?? Math.floor(Date.now() / 60_000) * 60_000;
  const isThere = (part: Part): boolean =>
    known.some(({ _id, version }) => _id === part && version === VERSIONS[part]);
  const make = async (part: Part, work: () => Promise<number>): Promise<void> => {
    const { seconds: took, value: count } = await timed(work);
    await meta.replaceOne({ _id: part }, { version: VERSIONS[part], nowMs }, { upsert: true });
    say(`Made ${part} of ${count.toLocaleString('en')} documents in ${seconds(took)}.`);
  };
  const parts: Record<Exclude<Part, 'rollup'>, () => Iterable<object>> = {
    profiles: () => searchableProfiles(size, nowMs),
    plainProfiles: () => profileDocs(size, nowMs),
    identities: () => identityDocs(size),
    subscriptions: () => subscriptionDocs(size, nowMs),
    events: () => eventDocs(size, nowMs),
  };
  let anew = !isThere('rollup');
  for (const [part, docs] of Object.entries(parts) as [keyof typeof parts, () => Iterable<object>][]) {
    if (isThere(part)) continue;
    if (part === 'profiles' || part === 'events') {
      await meta.deleteOne({ _id: 'rollup' });
      anew = true;
    }
    await make(part, () => fill(connection, part, docs()));
  }
  const { seconds: took } = await timed(() => ensureIndexes(connection));
  if (took > 1) say(`Built the indexes in ${seconds(took)}.`);
  if (anew) await make('rollup', () => repositories.rollup.rebuild());
  return nowMs;
}

/** As `db/profiles.ts` and `db/subscriptions.ts` write them, in the same order of fields. */
function* searchableProfiles(size: Size, nowMs: number): Generator<object> {
  let index = 0;
  for (const { _id, ...profile } of profileDocs(size, nowMs)) {
    const shown = searchFields(profile, profile.properties as Record<string, unknown>);
    const part = partOf(_id as string);
    yield {
      _id,
      part,
      pushSites: isSubscribed(index) ? [SITE_ID] : [],
      seenAt: null,
      q: { [part]: { testProfile: false, ...shown } },
      ...profile,
      ...(isSubscribed(index) ? { reachVersion: 1 } : {}),
    };
    index += 1;
  }
}

function* identityDocs(size: Size): Generator<object> {
  for (let index = 0; index < size.profiles; index += 1) {
    yield { _id: identityOf(index), profileId: profileIdOf(index) };
  }
}

/** Loads a collection anew, without its indexes: they are built over the whole, which is faster. */
async function fill(connection: Connection, name: string, docs: Iterable<object>): Promise<number> {
  const { db } = connection;
  if (db === undefined) throw new Error('there is no connection');
  await db.collection(name).drop();
  const under = new Set<Promise<unknown>>();
  let count = 0;
  const send = async (documents: object[]): Promise<void> => {
    // The command itself: insertMany measures each document before it writes it.
    const answer = await db.command({ insert: name, documents, ordered: false, writeConcern: { w: 1 } });
    if (answer.n !== documents.length) throw new Error(`${name}: ${JSON.stringify(answer.writeErrors)}`);
  };
  let batch: object[] = [];
  const flush = async (): Promise<void> => {
    count += batch.length;
    const sending = send(batch).finally(() => under.delete(sending));
    under.add(sending);
    batch = [];
    if (under.size >= IN_FLIGHT) await Promise.race(under);
  };
  for (const doc of docs) {
    batch.push(doc);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  await Promise.all(under);
  return count;
}
