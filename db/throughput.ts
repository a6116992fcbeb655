import { Schema, type Connection } from 'mongoose';
import type { ThroughputRepository } from '../domain/ports/limits.ts';
import { GRANT_MS, nextTokenMs, paceOf, type Bucket } from '../domain/delivery/throughput.ts';
import { isDuplicateKey } from './connection.ts';
import { newId } from './ids.ts';

interface ThroughputDoc {
  _id: string;
  /** Tokens in the bucket at `at`. */
  level: number;
  at: Date;
  /** Tokens in somebody's hand. */
  held: { id: string; count: number; until: Date }[];
  /** Of what was taken last: read back by whoever took it. */
  granted: number;
}

/** One document a bucket, read and changed by its id. */
const throughputSchema = new Schema<ThroughputDoc>(
  {
    _id: { type: String, required: true },
    level: Number,
    at: Date,
    held: [Schema.Types.Mixed],
    granted: Number,
  },
  { collection: 'throughputs', versionKey: false },
);

/** One document a campaign whose queue is seen to. */
const awakeSchema = new Schema<{ _id: string; at: Date; until?: Date }>(
  { _id: { type: String, required: true }, at: Date, until: Date },
  { collection: 'awakeQueues', versionKey: false },
);

export function createThroughputRepository(connection: Connection): ThroughputRepository {
  const buckets = connection.model<ThroughputDoc>('Throughput', throughputSchema).collection;
  const awake = connection.model('AwakeQueue', awakeSchema).collection;

  return {
    async take(bucket, wanted) {
      const grant = newId();
      const taking = [
        ...filled(bucket),
        { $set: { granted: { $min: [{ $floor: '$level' }, Math.max(Math.floor(wanted), 0)] } } },
        {
          $set: {
            level: { $subtract: ['$level', '$granted'] },
            held: {
              $cond: [
                { $gt: ['$granted', 0] },
                {
                  $concatArrays: [
                    '$held',
                    [{ id: grant, count: '$granted', until: { $add: ['$$NOW', GRANT_MS] } }],
                  ],
                },
                '$held',
              ],
            },
          },
        },
      ];
      const doc = await upsert(bucket.name, taking);
      const { level, at, granted } = doc;
      const held = doc.held.reduce((sum, { count }) => sum + count, 0);
      const nextAt = new Date(at.getTime() + nextTokenMs(paceOf(bucket.perMinute), level, held));
      return { grant, granted, nextAt };
    },

    async settle(bucket, grant, left) {
      const mine = { $filter: { input: '$held', cond: { $eq: ['$$this.id', grant] } } };
      await buckets.updateOne({ _id: bucket.name as never, 'held.id': grant }, [
        ...filled(bucket),
        {
          $set: {
            level: { $add: ['$level', { $max: [0, { $subtract: [{ $sum: count(mine) }, left] }] }] },
            held: { $filter: { input: '$held', cond: { $ne: ['$$this.id', grant] } } },
          },
        },
        ...capped(bucket),
      ]);
    },

    async wake(campaignId, dueAt = new Date()) {
      const dozes = { $gt: ['$until', dueAt] };
      try {
        const before = await awake.findOneAndUpdate(
          { _id: campaignId as never },
          [{ $set: { at: { $ifNull: ['$at', '$$NOW'] }, until: { $cond: [dozes, '$$REMOVE', '$until'] } } }],
          { upsert: true, returnDocument: 'before' },
        );
        return before === null || ((before.until as Date | undefined) ?? new Date(0)) > dueAt;
      } catch (error) {
        if (isDuplicateKey(error)) return false;
        throw error;
      }
    },

    async doze(campaignId, until) {
      const asleep = [{ $set: { at: { $ifNull: ['$at', '$$NOW'] }, until } }];
      try {
        await awake.updateOne({ _id: campaignId as never }, asleep, { upsert: true });
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        await awake.updateOne({ _id: campaignId as never }, asleep);
      }
    },

    async sleep(campaignId) {
      await awake.deleteOne({ _id: campaignId as never });
    },
  };

  /** Two who make the document at once: one of them finds it there. */
  async function upsert(name: string, update: object[]): Promise<ThroughputDoc> {
    for (;;) {
      try {
        const options = { upsert: true, returnDocument: 'after' as const };
        const doc = await buckets.findOneAndUpdate({ _id: name as never }, update, options);
        return doc as unknown as ThroughputDoc;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
      }
    }
  }
}

/** What came in since `at`, without what nobody can still be holding; a bucket that is new is full. */
function filled(bucket: Bucket): object[] {
  const { burst, perMs } = paceOf(bucket.perMinute);
  const passed = { $max: [0, { $subtract: ['$$NOW', '$at'] }] };
  return [
    {
      $set: {
        at: { $ifNull: ['$at', '$$NOW'] },
        level: { $ifNull: ['$level', burst] },
        held: {
          $filter: { input: { $ifNull: ['$held', []] }, cond: { $gt: ['$$this.until', '$$NOW'] } },
        },
      },
    },
    { $set: { level: { $add: ['$level', { $multiply: [passed, perMs] }] }, at: '$$NOW' } },
    ...capped(bucket),
  ];
}

/** No more than the bucket holds, and no more together with what is in hand than may leave. */
function capped(bucket: Bucket): object[] {
  const { burst, most } = paceOf(bucket.perMinute);
  const room = { $subtract: [most, { $sum: count('$held') }] };
  return [{ $set: { level: { $max: [0, { $min: ['$level', burst, room] }] } } }];
}

function count(held: string | object): object {
  return { $map: { input: held, in: '$$this.count' } };
}
