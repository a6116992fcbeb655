import { randomUUID } from 'node:crypto';
import { Schema, type Connection } from 'mongoose';
import type { IdempotencyRepository } from '../domain/ports/access.ts';
import type { Vault } from './vault.ts';

interface IdempotencyDoc {
  _id: string;
  fingerprint: string;
  token: string;
  leaseUntil: Date;
  status?: number;
  body?: unknown;
  /** Instead of `body`, for an answer may hold a secret that is shown once. */
  sealed?: string;
  createdAt: Date;
}

const idempotencySchema = new Schema<IdempotencyDoc>(
  {
    _id: { type: String, required: true },
    fingerprint: { type: String, required: true },
    token: { type: String, required: true },
    leaseUntil: { type: Date, required: true },
    status: Number,
    body: Schema.Types.Mixed,
    sealed: String,
    createdAt: { type: Date, required: true },
  },
  { collection: 'idempotency', versionKey: false },
);
// A key is remembered for a day.
idempotencySchema.index({ createdAt: 1 }, { expireAfterSeconds: 86_400 });

export function createIdempotencyRepository(connection: Connection, vault: Vault): IdempotencyRepository {
  const keys = connection.model<IdempotencyDoc>('Idempotency', idempotencySchema).collection;
  const place = (key: string): string => `idempotency/${key}`;
  const bodyOf = (key: string, { sealed, body }: IdempotencyDoc): unknown =>
    sealed === undefined ? body : (JSON.parse(vault.open(sealed, place(key))) as unknown);

  return {
    async begin(key, fingerprint, leaseMs) {
      const token = randomUUID();
      // Taken when it is new, or when whoever took it went away without an answer; all in one step.
      const mayTake = {
        $and: [
          { $eq: [{ $type: '$status' }, 'missing'] },
          { $eq: [{ $ifNull: ['$fingerprint', fingerprint] }, fingerprint] },
          { $lt: [{ $ifNull: ['$leaseUntil', new Date(0)] }, '$$NOW'] },
        ],
      };
      const doc = (await keys.findOneAndUpdate(
        { _id: key as never },
        [
          {
            $set: {
              token: { $cond: [mayTake, token, '$token'] },
              leaseUntil: { $cond: [mayTake, { $add: ['$$NOW', leaseMs] }, '$leaseUntil'] },
              fingerprint: { $ifNull: ['$fingerprint', fingerprint] },
              createdAt: { $ifNull: ['$createdAt', '$$NOW'] },
            },
          },
        ],
        { upsert: true, returnDocument: 'after' },
      )) as unknown as IdempotencyDoc;
      if (doc.token === token) return { kind: 'begun', token };
      if (doc.fingerprint !== fingerprint) return { kind: 'differs' };
      return doc.status === undefined
        ? { kind: 'running' }
        : { kind: 'done', status: doc.status, body: bodyOf(key, doc) };
    },

    async finish(key, token, status, body) {
      const kept = vault.unlocked
        ? { sealed: vault.seal(JSON.stringify(body ?? null), place(key)) }
        : { body };
      await keys.updateOne({ _id: key as never, token }, { $set: { status, ...kept } });
    },

    async abandon(key, token) {
      await keys.deleteOne({ _id: key as never, token, status: { $exists: false } });
    },
  };
}
