import type { Connection, mongo } from 'mongoose';

/** What reads of one instant have in common: a session, with a read concern where it is no transaction. */
export type ReadOptions = Pick<mongo.FindOptions, 'session' | 'readConcern'>;

/** Reads several times at one instant, without a transaction. */
export async function atOneInstant<T>(
  connection: Connection,
  read: (reads: ReadOptions) => Promise<T>,
): Promise<T> {
  const session = await connection.startSession({ snapshot: true });
  try {
    return await read({ session, readConcern: { level: 'snapshot' } });
  } finally {
    await session.endSession();
  }
}
