import { createHash } from 'node:crypto';
import { Schema, type Collection, type Connection } from 'mongoose';
import type { StoredEvent } from '../../domain/event.ts';
import { entryOf, INDEXED_DIGITS } from './entry.ts';
import type { EventNames } from './event-names.ts';

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
}

const chunkSchema = new Schema<ChunkDoc>(
  {
    _id: { type: String, required: true },
    profileId: { type: String, required: true },
    key: { type: String, required: true },
    least: { type: String, required: true },
    greatest: { type: String, required: true },
    entries: [String],
  },
  { collection: 'eventChunks', versionKey: false },
);
// A profile's entries of one name in a period; erasing a profile.
chunkSchema.index({ profileId: 1, key: 1, greatest: 1 });

/** A profile's document holds at most about so many entries of one name, and keeps so many when older ones leave. */
export const SPILL = { above: 256, keep: 128 } as const;
const PROFILES_PER_WRITE = 500;
const ENTRIES_PER_UPDATE = 1_000;

export interface Folder {
  /** Adds the events to what is known of their profiles. Folding them again changes nothing. */
  fold(events: Foldable[]): Promise<void>;
  /** Puts this in the place of all that is known of a profile. */
  replace(profiles: Map<string, Foldable[]>): Promise<void>;
}

/**
 * Folds events into the documents of their profiles. `did.<key>` is the set of entries, latest first, so that
 * its n-th place is the n-th latest event; `t1.<key>` and `t2.<key>` are about the instants of the latest two,
 * which one wildcard index covers; `spill.<key>` is the greatest entry that has left for `eventChunks`.
 */
export function createFolder(connection: Connection, names: EventNames): Folder {
  const profiles = connection.collection('profiles');
  const chunks = connection.model<ChunkDoc>('EventChunk', chunkSchema).collection;

  async function write(grouped: Map<string, Map<string, string[]>>, anew: boolean): Promise<void> {
    const ids = [...grouped.keys()].sort();
    for (let i = 0; i < ids.length; i += PROFILES_PER_WRITE) {
      await profiles.bulkWrite(
        ids.slice(i, i + PROFILES_PER_WRITE).flatMap((id) =>
          inParts(grouped.get(id)!).map((part, place) => ({
            updateOne: { filter: { _id: id as never }, update: addEntries(part, anew && place === 0) },
          })),
        ),
      );
    }
    await spillOver(profiles, chunks);
  }

  async function group(events: Iterable<Foldable>): Promise<Map<string, Map<string, string[]>>> {
    const list = [...events];
    const keys = await names.register(list.map((event) => event.name));
    const grouped = new Map<string, Map<string, string[]>>();
    for (const event of list) {
      const key = keys.get(event.name);
      if (key === undefined) continue;
      let byKey = grouped.get(event.profileId);
      if (!byKey) grouped.set(event.profileId, (byKey = new Map<string, string[]>()));
      const entries = byKey.get(key);
      if (entries) entries.push(entryOf(event));
      else byKey.set(key, [entryOf(event)]);
    }
    return grouped;
  }

  return {
    async fold(events) {
      if (events.length > 0) await write(await group(events), false);
    },
    async replace(byProfile) {
      const ids = [...byProfile.keys()];
      await chunks.deleteMany({ profileId: { $in: ids } });
      const grouped = await group([...byProfile.values()].flat());
      for (const id of ids) if (!grouped.has(id)) grouped.set(id, new Map<string, string[]>());
      await write(grouped, true);
    },
  };
}

/** Very many entries go in several updates, none of which is large. */
function inParts(byKey: Map<string, string[]>): Map<string, string[]>[] {
  let most = 0;
  for (const entries of byKey.values()) most = Math.max(most, entries.length);
  if (most <= ENTRIES_PER_UPDATE) return [byKey];
  const parts: Map<string, string[]>[] = [];
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

/** @param anew whether what is there goes first */
function addEntries(byKey: Map<string, string[]>, anew: boolean): object[] {
  const clear = anew ? [{ $unset: ['did', 't1', 't2', 'spill', 'spillDue'] }] : [];
  if (byKey.size === 0) return clear;
  const sets: Record<string, object> = {};
  for (const [key, entries] of byKey) {
    const union = { $setUnion: [{ $ifNull: [`$did.${key}`, []] }, entries] };
    sets[`did.${key}`] = { $sortArray: { input: union, sortBy: -1 } };
  }
  return [...clear, { $set: sets }, { $set: latestOf([...byKey.keys()]) }];
}

/** The latest instants of the names, read from their entries, and whether one has grown too long. */
function latestOf(keys: string[]): Record<string, object> {
  const sets: Record<string, object> = {};
  for (const key of keys) {
    sets[`t1.${key}`] = instantAt(key, 0);
    sets[`t2.${key}`] = instantAt(key, 1);
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
      .find({ spillDue: true }, { projection: { did: 1 }, hint: 'spillDue', limit: 100 })
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
            updateOne: { filter: { _id: chunk._id }, update: { $setOnInsert: chunk }, upsert: true },
          })) as never,
        );
        sets[`did.${key}`] = {
          $filter: { input: `$did.${key}`, cond: { $not: [{ $in: ['$$this', leaving] }] } },
        };
        sets[`spill.${key}`] = { $max: [`$spill.${key}`, leaving[0]] };
      }
      // What was folded meanwhile may have made another name too long: the flag is raised again if so.
      const keys = Object.keys(did);
      await profiles.updateOne({ _id: doc._id }, [
        { $set: sets },
        { $unset: 'spillDue' },
        ...(keys.length > 0 ? [{ $set: latestOf(keys) }] : []),
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
