import mongoose, { type Connection } from 'mongoose';

/** How long an unreachable database is waited for before a start or a call fails. */
const SERVER_SELECTION_MS = 5_000;

/**
 * Connects with majority writes and reads, which is what every promise of ours rests on.
 *
 * @param uri of a replica set (transactions and change streams need one)
 * @throws when no primary answers within 5 s
 */
export async function connectDatabase(uri: string): Promise<Connection> {
  const connection = mongoose.createConnection(uri, {
    serverSelectionTimeoutMS: SERVER_SELECTION_MS,
    writeConcern: { w: 'majority', journal: true },
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    retryWrites: true,
    autoIndex: false,
    // What is absent is not stored as null.
    ignoreUndefined: true,
    maxPoolSize: 50,
  });
  try {
    return await connection.asPromise();
  } catch (error) {
    await connection.close(true).catch(() => undefined);
    throw error;
  }
}

/**
 * Makes the collections and indexes that are missing, and has collections refuse what their schemas say; each
 * schema says which query an index serves.
 */
export async function ensureIndexes(connection: Connection): Promise<void> {
  for (const model of Object.values(connection.models)) {
    await model.createCollection();
    await ensureValidator(connection, model);
    await model.createIndexes();
  }
}

/** A collection that was there before has the validator of its time, or none. */
async function ensureValidator(connection: Connection, model: Connection['models'][string]): Promise<void> {
  const { validator } = model.schema.get('collectionOptions') ?? {};
  if (validator === undefined) return;
  const name = model.collection.collectionName;
  const [known] = (await connection.db?.listCollections({ name }).toArray()) ?? [];
  if (
    JSON.stringify((known as mongoose.mongo.CollectionInfo | undefined)?.options?.validator) ===
    JSON.stringify(validator)
  )
    return;
  await connection.db?.command({ collMod: name, validator });
}

/** @returns whether the error is MongoDB's duplicate key */
export function isDuplicateKey(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 11000;
}
