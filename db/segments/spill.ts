import { createHash } from 'node:crypto';
import { Schema, type Collection, type Connection } from 'mongoose';
import { FOLDED_AGAIN } from './fold-count.ts';
import { partOf } from './parts.ts';
import { tracesOf } from './traces.ts';

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

/** The collection of what has left profiles' documents. */
export function chunksIn(connection: Connection) {
  return connection.model<ChunkDoc>('EventChunk', chunkSchema).collection;
}

/** Whether one of the names has grown too long. */
export function spillDueOf(keys: string[]): object {
  const tooLong = keys.map((key) => ({ $gt: [{ $size: `$did.${key}` }, SPILL.above] }));
  return { $cond: [{ $or: tooLong }, true, { $ifNull: ['$spillDue', '$$REMOVE'] }] };
}

/** Moves the oldest entries of documents that hold too many into chunks: first there, then away from here. */
export async function spillOver(profiles: Collection, chunks: Collection): Promise<void> {
  for (;;) {
    const docs = await profiles
      .find({ spillDue: true }, { projection: { did: 1, spill: 1, folds: 1 }, hint: 'spillDue', limit: 100 })
      .toArray();
    if (docs.length === 0) return;
    for (const doc of docs) {
      const profileId = String(doc._id);
      const did = doc.did as Record<string, string[]>;
      const sets: Record<string, object> = {};
      const spill = { ...(doc.spill as Record<string, string> | undefined) };
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
        const greatest = [spill[key] ?? '', leaving[0]!].sort()[1]!;
        spill[key] = greatest;
      }
      // Only as it was read: else it is taken up once more.
      const keys = Object.keys(did);
      await profiles.updateOne({ _id: doc._id, folds: (doc.folds as number | undefined) ?? null }, [
        // What leaves is older than the latest two, of which the traces are.
        { $set: { ...sets, spill, traces: tracesOf(partOf(profileId), did, spill) } },
        { $unset: 'spillDue' },
        { $set: { spillDue: spillDueOf(keys), ...FOLDED_AGAIN } },
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
