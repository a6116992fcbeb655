import type { Collection, Connection } from 'mongoose';
import type { NewRunRow } from '../domain/ports/messages.ts';

/** @returns a run's row as it is stored; `_id` is run id + profile id */
export function runRowDoc({ suppressed, ...row }: NewRunRow, now: Date) {
  return { ...row, ...freshRow(row.dueAt, suppressed, now), _id: `${row.runId}${row.profileId}` as never };
}

/** @returns what every new row has */
export function freshRow(
  dueAt: Date,
  suppressed: string | undefined,
  now: Date,
  qualified = true,
): Record<string, unknown> {
  const settled = suppressed === undefined ? {} : { reason: suppressed, qualified, settledAt: now };
  return {
    state: suppressed === undefined ? 'waiting' : 'suppressed',
    firstDueAt: dueAt,
    tries: 0,
    devices: [],
    attempts: [],
    receipts: [],
    createdAt: now,
    ...settled,
  };
}

/**
 * Inserts rows of a run that draws, unless its draw may have begun: a lost worker that comes late could put in
 * a row below the drawn rank, which nobody had counted. Changing the run in the same transaction is what keeps
 * both apart.
 *
 * @returns how many were new
 */
export async function insertRowsToDraw(
  connection: Connection,
  messages: Collection,
  runId: string,
  rows: NewRunRow[],
): Promise<number> {
  return connection.transaction(async (session) => {
    const open = await connection
      .collection('runs')
      .updateOne({ _id: runId as never, status: 'materialising' }, { $inc: { pages: 1 } }, { session });
    if (open.matchedCount === 0) return 0;
    const docs = rows.map((row) => runRowDoc(row, new Date()));
    const known = await messages
      .find({ _id: { $in: docs.map((doc) => doc._id) } }, { session, projection: { _id: 1 } })
      .toArray();
    const there = new Set(known.map((doc) => String(doc._id)));
    const fresh = docs.filter((doc) => !there.has(doc._id));
    if (fresh.length > 0) await messages.insertMany(fresh, { session });
    return fresh.length;
  });
}
