import { Schema, type Connection } from 'mongoose';
import { isDuplicateKey } from './connection.ts';
import type { ApiKey, KeyRepository } from '../domain/ports/access.ts';

interface KeyDoc extends Omit<ApiKey, 'id'> {
  _id: string;
  hash: string;
}

/** Keys are kept as SHA-256: they are long and random, so a slow hash would protect nothing. */
const keySchema = new Schema<KeyDoc>(
  {
    _id: { type: String, required: true },
    hash: { type: String, required: true },
    role: { type: String, enum: ['admin'], required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: 'keys', versionKey: false },
);
// Each call looks its key up.
keySchema.index({ hash: 1 }, { unique: true });

export function createKeyRepository(connection: Connection): KeyRepository {
  const model = connection.model<KeyDoc>('Key', keySchema);
  return {
    async byHash(hash) {
      const doc = await model.findOne({ hash }).lean<KeyDoc>().exec();
      return doc ? { id: doc._id, role: doc.role, createdAt: doc.createdAt } : null;
    },
    async put({ id, createdAt, ...rest }) {
      const update = { $set: rest, $setOnInsert: { createdAt } };
      try {
        await model.collection.updateOne({ _id: id as never }, update, { upsert: true });
      } catch (error) {
        // The same key under another id is a key all the same.
        if (!isDuplicateKey(error)) throw error;
      }
    },
    async count() {
      return model.countDocuments().exec();
    },
  };
}
