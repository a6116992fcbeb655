import { Schema, type Connection } from 'mongoose';

interface EventNameDoc {
  _id: string;
  key: string;
}

const eventNameSchema = new Schema<EventNameDoc>(
  { _id: { type: String, required: true }, key: { type: String, required: true } },
  { collection: 'eventNames', versionKey: false },
);
// Two names never get the same key.
eventNameSchema.index({ key: 1 }, { unique: true });

/**
 * How many event names the roll-up follows. A profile's document holds something for each name that it did, so
 * their number is bounded; names beyond it are counted from the events themselves, exactly as well.
 */
export const MOST_NAMES = 500;

export interface EventNames {
  /** @returns name → key of a document's field; names that are not followed are missing */
  keysOf(names: string[]): Promise<Map<string, string>>;
  /** The same, and names seen for the first time get a key while there is room. */
  register(names: string[]): Promise<Map<string, string>>;
  /** @returns whether a name without a key can only be one of which no event was ever folded */
  mayFollowMore(): Promise<boolean>;
}

export function createEventNames(connection: Connection): EventNames {
  const known = connection.model<EventNameDoc>('EventName', eventNameSchema).collection;
  const counters = connection.collection('counters');
  // A name's key never changes, and a name that found no room never gets one.
  const kept = new Map<string, string>();
  let full = false;

  async function keysOf(names: string[]): Promise<Map<string, string>> {
    const missing = names.filter((name) => !kept.has(name));
    if (missing.length > 0) {
      for (const doc of await known.find({ _id: { $in: missing as never[] } }).toArray())
        kept.set(String(doc._id), doc.key as string);
    }
    return new Map(names.flatMap((name) => (kept.has(name) ? [[name, kept.get(name)!] as const] : [])));
  }

  /** Counts and writes in one step: a name that is counted has its key. */
  async function add(name: string): Promise<void> {
    await connection.transaction(async (session) => {
      if (await known.findOne({ _id: name as never }, { session })) return;
      const counter = await counters.findOneAndUpdate(
        { _id: 'eventNames' as never, value: { $lt: MOST_NAMES } },
        { $inc: { value: 1 } },
        { returnDocument: 'after', session },
      );
      if (counter === null) full = true;
      else await known.insertOne({ _id: name as never, key: `e${String(counter.value)}` }, { session });
    });
  }

  return {
    keysOf,
    async mayFollowMore() {
      if (full) return false;
      const counter = await counters.findOne({ _id: 'eventNames' as never });
      return ((counter?.value as number | undefined) ?? 0) < MOST_NAMES;
    },
    async register(names) {
      const unique = [...new Set(names)];
      let keys = await keysOf(unique);
      if (keys.size === unique.length || full) return keys;
      await counters.updateOne(
        { _id: 'eventNames' as never },
        { $setOnInsert: { value: 0 } },
        { upsert: true },
      );
      for (const name of unique) if (!keys.has(name) && !full) await add(name);
      keys = await keysOf(unique);
      return keys;
    },
  };
}
