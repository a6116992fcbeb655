import { randomUUID } from 'node:crypto';
import { Schema, type Connection } from 'mongoose';
import type { LaneRepository } from '../domain/ports/events.ts';

interface LaneDoc {
  _id: number;
  owner: string;
  token: string;
  leaseUntil: Date;
}

/** Who dispatches a lane, and until when by the database's clock. */
const laneSchema = new Schema<LaneDoc>(
  {
    _id: { type: Number, required: true },
    owner: { type: String, required: true },
    token: { type: String, required: true },
    leaseUntil: { type: Date, required: true },
  },
  { collection: 'lanes', versionKey: false },
);

export function createLaneRepository(connection: Connection): LaneRepository {
  const lanes = connection.model<LaneDoc>('Lane', laneSchema).collection;
  const until = (leaseMs: number): object => ({ $add: ['$$NOW', leaseMs] });

  return {
    async claim(lane, owner, leaseMs) {
      const token = randomUUID();
      // One step: the document of a lane that is held stays as it is, and shows its holder's token.
      const free = { $lt: [{ $ifNull: ['$leaseUntil', new Date(0)] }, '$$NOW'] };
      const take = (value: unknown, field: string): object => ({ $cond: [free, value, `$${field}`] });
      const doc = await lanes.findOneAndUpdate(
        { _id: lane as never },
        [
          {
            $set: {
              owner: take({ $literal: owner }, 'owner'),
              token: take(token, 'token'),
              leaseUntil: take(until(leaseMs), 'leaseUntil'),
            },
          },
        ],
        { upsert: true, returnDocument: 'after' },
      );
      return doc?.token === token ? token : null;
    },

    async renew(lane, token, leaseMs) {
      const answer = await lanes.updateOne({ _id: lane as never, token }, [
        { $set: { leaseUntil: until(leaseMs) } },
      ]);
      return answer.matchedCount === 1;
    },

    async release(lane, token) {
      await lanes.updateOne({ _id: lane as never, token }, [{ $set: { leaseUntil: new Date(0) } }]);
    },
  };
}
