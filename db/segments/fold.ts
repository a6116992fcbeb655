import { createHash, randomUUID } from 'node:crypto';
import { MongoServerError } from 'mongodb';
import { Schema, type Collection, type Connection } from 'mongoose';
import type { StoredEvent } from '../../domain/event.ts';
import { entryOf, INDEXED_DIGITS, indexedPart } from './entry.ts';
import type { EventNames } from './event-names.ts';
import { partOf } from './parts.ts';

/** What of an event is folded. */
export type Foldable = Pick<StoredEvent, 'profileId' | 'name' | 'time' | 'eventId'>;

/** Entries that left a profile's document because it held too many of one name; never changed. */
interface ChunkDoc {
  _id: string;
  profileId: string;
  key: string;
  least: string;
  greatest: string;
  entries: string[];
  /** A rebuild is about to put others in its place. */
  old?: string;
}

const chunkSchema = new Schema<ChunkDoc>(
  {
    _id: { type: String, required: true },
    profileId: { type: String, required: true },
    key: { type: String, required: true },
    least: { type: String, required: true },
    greatest: { type: String, required: true },
    entries: [String],
    old: String,
  },
  { collection: 'eventChunks', versionKey: false },
);
// A profile's entries of one name in a period; erasing a profile.
chunkSchema.index({ profileId: 1, key: 1, greatest: 1 });

/** A profile's document holds at most about so many entries of one name, and keeps so many when older ones leave. */
export const SPILL = { above: 256, keep: 128 } as const;
const PROFILES_PER_WRITE = 500;
const WRITES_AT_ONCE = 2;
const ENTRIES_PER_UPDATE = 5_000;
const ROUNDS = 3;

/** Events by profile, that are folded together. */
export interface Gathering {
  /** How many events. */
  readonly size: number;
  add(events: Foldable[]): Promise<void>;
  /** Adds them to what is known of their profiles. Folding them again changes nothing. */
  fold(): Promise<void>;
}

export interface Folder {
  gather(): Gathering;
  /** Puts this in the place of all that is known of a profile. */
  replace(profiles: Map<string, Foldable[]>): Promise<void>;
}

/**
 * Folds events into the documents of their profiles. `did.<key>` is the set of entries, latest first, so that
 * its n-th place is the n-th latest event; `t1.<part>.<key>` and `t2.<part>.<key>` are about the instants of the
 * latest two, which one wildcard index covers; `spill.<part>.<key>` is the greatest entry that has left for
 * `eventChunks`; `folds` counts the changes of all that.
 */
export function createFolder(connection: Connection, names: EventNames): Folder {
  const profiles = connection.collection('profiles');
  const chunks = connection.model<ChunkDoc>('EventChunk', chunkSchema).collection;

  /**
   * Reads, adds and writes back in one transaction: half of what updates that compute cost the server, and what
   * somebody else changes meanwhile makes it begin again. Where that happens too often, such updates follow.
   */
  async function add(grouped: Map<string, EntriesByKey>): Promise<void> {
    const ids = [...grouped.keys()].sort();
    const groups = Array.from({ length: Math.ceil(ids.length / PROFILES_PER_WRITE) }, (_, i) =>
      ids.slice(i * PROFILES_PER_WRITE, (i + 1) * PROFILES_PER_WRITE),
    );
    // While the server writes one group, the next is made ready.
    const queue = groups.values();
    await Promise.all(
      Array.from({ length: WRITES_AT_ONCE }, async () => {
        for (const group of queue) await addTo(group, grouped);
      }),
    );
    await spillOver(profiles, chunks);
  }

  async function addTo(ids: string[], grouped: Map<string, EntriesByKey>): Promise<void> {
    for (let round = 1; round <= ROUNDS; round += 1) if (await addAsRead(ids, grouped)) return;
    await profiles.bulkWrite(
      ids.map((id) => ({
        updateOne: { filter: { _id: id as never }, update: addEntries(id, grouped.get(id)!) },
      })),
    );
  }

  /** @returns false when somebody else changed one of the profiles meanwhile */
  async function addAsRead(ids: string[], grouped: Map<string, EntriesByKey>): Promise<boolean> {
    const docs = (await profiles
      .find({ _id: { $in: ids as never[] } }, { projection: { did: 1, folds: 1 }, batchSize: ids.length })
      .toArray()) as unknown as FoldedDoc[];
    const updates = docs.flatMap((doc) => {
      const $set = added(doc, grouped.get(doc._id)!);
      if ($set === null) return [];
      return [{ q: { _id: doc._id, folds: doc.folds ?? null }, u: { $set, $inc: { folds: 1 } } }];
    });
    if (updates.length === 0) return true;
    // The command itself is not sent again by the driver, and so costs the server no note of each update.
    const answer = await connection.db!.command({
      update: profiles.collectionName,
      updates,
      ordered: false,
      writeConcern: { w: 'majority' },
    });
    if (answer.writeErrors !== undefined || answer.writeConcernError !== undefined)
      throw new MongoServerError(answer);
    return answer.n === updates.length;
  }

  /** In the place of what is there; very many entries go in parts, none of which makes a document too large. */
  async function put(grouped: Map<string, EntriesByKey>): Promise<void> {
    const ofParts = [...grouped].map(([id, byKey]) => ({ id, parts: inParts(byKey) }));
    const most = Math.max(0, ...ofParts.map(({ parts }) => parts.length));
    for (let place = 0; place < most; place += 1) {
      await profiles.bulkWrite(
        ofParts.flatMap(({ id, parts }) => {
          const part = parts[place];
          if (part === undefined) return [];
          const update = place === 0 ? putEntries(id, part) : addEntries(id, part);
          return [{ updateOne: { filter: { _id: id as never }, update } }];
        }),
        { ordered: false },
      );
      await spillOver(profiles, chunks);
    }
  }

  function gatherInto(grouped: Map<string, EntriesByKey>): Gathering {
    let size = 0;
    return {
      get size() {
        return size;
      },
      async add(events) {
        const keys = await names.register(events.map((event) => event.name));
        size += events.length;
        for (const event of events) {
          const key = keys.get(event.name);
          if (key === undefined) continue;
          let byKey = grouped.get(event.profileId);
          if (!byKey) grouped.set(event.profileId, (byKey = new Map<string, string[]>()));
          const entries = byKey.get(key);
          if (entries) entries.push(entryOf(event));
          else byKey.set(key, [entryOf(event)]);
        }
      },
      async fold() {
        if (grouped.size > 0) await add(grouped);
      },
    };
  }

  return {
    gather: () => gatherInto(new Map<string, EntriesByKey>()),
    async replace(byProfile) {
      const ids = [...byProfile.keys()];
      // Chunks go when others stand in their place: broken off in between, nothing is missing.
      const old = randomUUID();
      await chunks.updateMany({ profileId: { $in: ids } }, { $set: { old } });
      const grouped = new Map<string, EntriesByKey>();
      await gatherInto(grouped).add([...byProfile.values()].flat());
      for (const id of ids) if (!grouped.has(id)) grouped.set(id, new Map<string, string[]>());
      await put(grouped);
      await chunks.deleteMany({ profileId: { $in: ids }, old });
    },
  };
}

/** Key of an event's name → entries. */
type EntriesByKey = Map<string, string[]>;

interface FoldedDoc {
  _id: string;
  did?: Record<string, string[]>;
  folds?: number;
}

/** @returns what is to be set so that the document holds the entries; null when it holds them already */
function added(doc: FoldedDoc, byKey: EntriesByKey): Record<string, unknown> | null {
  const sets: Record<string, unknown> = {};
  for (const [key, entries] of byKey) {
    const known = doc.did?.[key] ?? [];
    const all = [...new Set([...known, ...entries])];
    if (all.length === known.length) continue;
    Object.assign(sets, setsOf(doc._id, key, all.sort().reverse(), known));
  }
  return Object.keys(sets).length === 0 ? null : sets;
}

/** @param entries latest first; @param known those there were: what the index holds is only set when it changes */
function setsOf(id: string, key: string, entries: string[], known: string[]): Record<string, unknown> {
  const sets: Record<string, unknown> = { [`did.${key}`]: entries };
  for (const [tree, place] of [
    ['t1', 0],
    ['t2', 1],
  ] as const) {
    const [now, before] = [entries[place], known[place]].map((one) => one && indexedPart(one));
    if (now !== undefined && now !== before) sets[`${tree}.${partOf(id)}.${key}`] = now;
  }
  if (entries.length > SPILL.above) sets.spillDue = true;
  return sets;
}

/** The whole of what is known of a profile, as one update. */
function putEntries(id: string, byKey: EntriesByKey): object {
  const sets: Record<string, unknown> = {};
  for (const [key, entries] of byKey)
    Object.assign(sets, setsOf(id, key, [...new Set(entries)].sort().reverse(), []));
  const stages: object[] = [{ $unset: ['did', 't1', 't2', 'spill', 'spillDue'] }];
  // Texts of entries begin with a digit or a letter, and names of fields are ours: nothing of it is an expression.
  if (Object.keys(sets).length > 0) stages.push({ $set: sets });
  return [...stages, { $set: FOLDED_AGAIN }];
}

const FOLDED_AGAIN = { folds: { $add: [{ $ifNull: ['$folds', 0] }, 1] } };

/** Very many entries go in several updates, none of which is large. */
function inParts(byKey: EntriesByKey): EntriesByKey[] {
  let most = 0;
  for (const entries of byKey.values()) most = Math.max(most, entries.length);
  if (most <= ENTRIES_PER_UPDATE) return [byKey];
  const parts: EntriesByKey[] = [];
  for (let i = 0; i < most; i += ENTRIES_PER_UPDATE) {
    const part = new Map<string, string[]>();
    for (const [key, entries] of byKey) {
      const slice = entries.slice(i, i + ENTRIES_PER_UPDATE);
      if (slice.length > 0) part.set(key, slice);
    }
    parts.push(part);
  }
  return parts;
}

/** An update that computes from the document as it stands. */
function addEntries(id: string, byKey: EntriesByKey): object[] {
  const sets: Record<string, object> = {};
  for (const [key, entries] of byKey) {
    const union = { $setUnion: [{ $ifNull: [`$did.${key}`, []] }, entries] };
    sets[`did.${key}`] = { $sortArray: { input: union, sortBy: -1 } };
  }
  return [{ $set: sets }, { $set: { ...latestOf(id, [...byKey.keys()]), ...FOLDED_AGAIN } }];
}

/** The latest instants of the names, read from their entries, and whether one has grown too long. */
function latestOf(id: string, keys: string[]): Record<string, object> {
  const sets: Record<string, object> = {};
  for (const key of keys) {
    sets[`t1.${partOf(id)}.${key}`] = instantAt(key, 0);
    sets[`t2.${partOf(id)}.${key}`] = instantAt(key, 1);
  }
  const tooLong = keys.map((key) => ({ $gt: [{ $size: `$did.${key}` }, SPILL.above] }));
  sets.spillDue = { $cond: [{ $or: tooLong }, true, { $ifNull: ['$spillDue', '$$REMOVE'] }] };
  return sets;
}

/** About the instant of the n-th entry, as the index holds it; absent when there is none. */
function instantAt(key: string, place: number): object {
  return {
    $let: {
      vars: { entry: { $arrayElemAt: [`$did.${key}`, place] } },
      in: {
        $cond: [
          { $eq: [{ $type: '$$entry' }, 'string'] },
          { $substrBytes: ['$$entry', 0, INDEXED_DIGITS] },
          '$$REMOVE',
        ],
      },
    },
  };
}

/** Moves the oldest entries of documents that hold too many into chunks: first there, then away from here. */
async function spillOver(profiles: Collection, chunks: Collection): Promise<void> {
  for (;;) {
    const docs = await profiles
      .find({ spillDue: true }, { projection: { did: 1, folds: 1 }, hint: 'spillDue', limit: 100 })
      .toArray();
    if (docs.length === 0) return;
    for (const doc of docs) {
      const profileId = String(doc._id);
      const did = doc.did as Record<string, string[]>;
      const sets: Record<string, object> = {};
      for (const [key, entries] of Object.entries(did)) {
        if (entries.length <= SPILL.above) continue;
        const leaving = entries.slice(SPILL.keep);
        await chunks.bulkWrite(
          chunksOf(profileId, key, leaving).map((chunk) => ({
            updateOne: {
              filter: { _id: chunk._id },
              update: { $setOnInsert: chunk, $unset: { old: '' } },
              upsert: true,
            },
          })) as never,
        );
        sets[`did.${key}`] = {
          $filter: { input: `$did.${key}`, cond: { $not: [{ $in: ['$$this', leaving] }] } },
        };
        sets[`spill.${partOf(profileId)}.${key}`] = {
          $max: [`$spill.${partOf(profileId)}.${key}`, leaving[0]],
        };
      }
      // Only as it was read: else it is taken up once more.
      const keys = Object.keys(did);
      await profiles.updateOne({ _id: doc._id, folds: (doc.folds as number | undefined) ?? null }, [
        { $set: sets },
        { $unset: 'spillDue' },
        { $set: { ...latestOf(profileId, keys), ...FOLDED_AGAIN } },
      ]);
    }
  }
}

const CHUNK_ENTRIES = 2_000;

function chunksOf(profileId: string, key: string, entries: string[]): ChunkDoc[] {
  const made: ChunkDoc[] = [];
  for (let i = 0; i < entries.length; i += CHUNK_ENTRIES) {
    const part = entries.slice(i, i + CHUNK_ENTRIES);
    const mark = createHash('sha256').update(part.join()).digest('base64url').slice(0, 16);
    made.push({
      _id: `${profileId}/${key}/${mark}`,
      profileId,
      key,
      least: part[part.length - 1]!,
      greatest: part[0]!,
      entries: part,
    });
  }
  return made;
}
