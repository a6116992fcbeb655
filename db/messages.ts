import type { Connection } from 'mongoose';
import { OPEN_STATES, MESSAGE_LIMITS, type Message } from '../domain/delivery/message.ts';
import type { MessageRepository } from '../domain/ports/messages.ts';
import { isDuplicateKey } from './connection.ts';
import { createMessageFence } from './message-fence.ts';
import { createQueuedRows } from './queued-rows.ts';
import { freshRow, insertRowsToDraw, runRowDoc } from './run-rows.ts';
import { messageSchema, toMessage, type MessageDoc } from './message-schema.ts';
import { campaignStats, variantStats } from './message-stats.ts';

/** How many of a profile's latest passages decide what another opening event does. */
const PASSAGES_READ = 50;

export function createMessageRepository(connection: Connection): MessageRepository {
  const messages = connection.model<MessageDoc>('Message', messageSchema).collection;
  const find = async (filter: object, options: object = {}): Promise<Message[]> => {
    const docs = await messages.find(filter, options).toArray();
    return docs.map((doc) => toMessage(doc as unknown as MessageDoc));
  };

  return {
    ...createMessageFence(messages),
    ...createQueuedRows(messages),

    async insertRunRows(rows) {
      const now = new Date();
      const docs = rows.map((row) => runRowDoc(row, now));
      try {
        const answer = await messages.insertMany(docs, { ordered: false });
        return answer.insertedCount;
      } catch (error) {
        return insertedDespiteDuplicates(error, docs.length);
      }
    },

    async insertApiRows(rows) {
      if (rows.length === 0) return 0;
      const now = new Date();
      const docs = rows.map(({ id, ...row }) => ({
        _id: id as never,
        ...row,
        ...freshRow(row.dueAt, undefined, now),
        queued: true,
      }));
      // All or none: a call that answers with a fault has left nothing that is sent.
      return connection.transaction(async (session) => {
        const ids = docs.map(({ _id }) => _id);
        const known = await messages
          .find({ _id: { $in: ids } }, { session, projection: { _id: 1 } })
          .toArray();
        const there = new Set(known.map((doc) => String(doc._id)));
        const missing = docs.filter(({ _id }) => !there.has(String(_id)));
        if (missing.length > 0) await messages.insertMany(missing, { session });
        return missing.length;
      });
    },

    async noteBatch(rows, batchId) {
      const held = (row: { id: string; token: string }): object => ({
        _id: row.id,
        token: row.token,
        state: 'sending',
      });
      await messages.bulkWrite(
        rows.map((row) => ({ updateOne: { filter: held(row), update: { $set: { batchId } } } })),
        { ordered: false },
      );
      const docs = await messages
        .find({ batchId, $or: rows.map(held) }, { projection: { _id: 1 } })
        .toArray();
      return new Set(docs.map((doc) => String(doc._id)));
    },

    async leaveBatch(batchId, except) {
      const others = { batchId, state: { $in: [...OPEN_STATES] }, _id: { $nin: except as never[] } };
      await messages.updateMany(others, { $unset: { batchId: '' } });
    },

    countOpenOfBatch: (batchId) =>
      messages.countDocuments({ batchId, state: { $in: [...OPEN_STATES] } }, { hint: 'openOfBatch' }),

    insertRowsToDraw: (runId, rows) => insertRowsToDraw(connection, messages, runId, rows),

    async insertTriggerRow({ id, suppressed, qualified, ...row }) {
      try {
        const fresh = freshRow(row.dueAt, suppressed, new Date(), qualified);
        await messages.insertOne({ _id: id as never, ...row, ...fresh });
        return 'inserted';
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        return (await messages.findOne({ _id: id as never }, { projection: { _id: 1 } }))
          ? 'exists'
          : 'conflict';
      }
    },

    async byId(id) {
      return (await find({ _id: id }))[0] ?? null;
    },

    async passagesOf(profileId, campaignId, matchValue, id) {
      const ofPassage = { profileId, campaignId, 'passage.matchValue': matchValue };
      const latest = await find(ofPassage, { sort: { 'passage.openedBy.time': -1 }, limit: PASSAGES_READ });
      if (latest.length < PASSAGES_READ || latest.some((row) => row.id === id)) return latest;
      return [...latest, ...(await find({ _id: id }))];
    },

    openPassages: (profileId, campaignId) =>
      find({ profileId, campaignId, passage: { $exists: true }, state: { $in: OPEN_STATES } }),

    ofProfile: (profileId, campaignId, limit) =>
      find({ profileId, campaignId }, { sort: { createdAt: -1, _id: -1 }, limit }),

    async closePassage(id, close) {
      // What one device has taken already was sent, whatever keeps it from the others.
      const sent = { $gt: ['$sentAt', null] };
      const answer = await messages.updateOne({ _id: id as never, state: { $in: ['waiting', 'due'] } }, [
        {
          $set: {
            state: { $cond: [sent, 'sent', 'suppressed'] },
            reason: { $cond: [sent, '$$REMOVE', close.reason] },
            ...(close.detail === undefined
              ? {}
              : { detail: { $cond: [sent, '$$REMOVE', { $literal: close.detail }] } }),
            qualified: { $or: [sent, close.qualified] },
            'passage.closedBy': { $literal: close.closedBy },
            settledAt: '$$NOW',
          },
        },
      ]);
      return answer.modifiedCount === 1;
    },

    async restartPassage(id, passage, dueAt, released, filledBy) {
      const answer = await messages.updateOne(
        {
          _id: id as never,
          state: 'waiting',
          'passage.event.time': { $lte: passage.event.time },
          ...(filledBy === undefined ? {} : { 'passage.event.id': filledBy }),
        },
        {
          $set: {
            'passage.event': passage.event,
            'passage.qualifiesAt': passage.qualifiesAt,
            dueAt,
            firstDueAt: dueAt,
            ...(released ? { released } : {}),
          },
          ...(released ? {} : { $unset: { released: '' } }),
        },
      );
      return answer.modifiedCount === 1;
    },

    async nextDue(runId, { from, to }) {
      // The first entry of each partition in the index, however many rows wait in it.
      const firsts = Array.from({ length: to - from }, (_, i) => from + i).flatMap((partition) =>
        (['waiting', 'due'] as const).map((state) =>
          messages.findOne(
            // Both values named, so that the index is merged by `dueAt` and not sorted.
            { runId, held: null, partition, state, released: { $in: [null, true] } },
            { sort: { dueAt: 1 }, projection: { dueAt: 1 }, hint: 'dueOfRun' },
          ),
        ),
      );
      const [held] = await messages
        .aggregate<{ at: Date }>(
          [
            { $match: { runId, held: null, partition: { $gte: from, $lt: to }, state: 'sending' } },
            { $group: { _id: null, at: { $min: '$leaseUntil' } } },
          ],
          { hint: 'dueOfRun' },
        )
        .toArray();
      const instants = (await Promise.all(firsts)).flatMap((row) =>
        row ? [(row.dueAt as Date).getTime()] : [],
      );
      if (held) instants.push(held.at.getTime());
      return instants.length === 0 ? null : new Date(Math.min(...instants));
    },

    async hasOpenUpTo(campaignId, version) {
      const open = await messages.findOne(
        {
          campaignId,
          state: { $in: [...OPEN_STATES] },
          passage: { $exists: true },
          version: { $lte: version },
        },
        { projection: { _id: 1 }, hint: 'openOfCampaign' },
      );
      return open !== null;
    },

    async countOpen(runId, most) {
      return messages.countDocuments(
        { runId, held: null, state: { $in: [...OPEN_STATES] } },
        { limit: most, hint: 'dueOfRun' },
      );
    },

    async closeOpen(filter, reason, nowMs, limit) {
      const hint = filter.runId === undefined ? 'openOfCampaign' : 'dueOfRun';
      const rows = await find({ ...filter, state: { $in: ['waiting', 'due'] } }, { limit, hint });
      const closed: { id: string; profileId: string; trigger: boolean }[] = [];
      if (rows.length === 0) return closed;
      await messages.bulkWrite(
        rows.map((row) => ({
          updateOne: {
            filter: { _id: row.id as never, state: { $in: ['waiting', 'due'] } },
            update: [
              {
                $set: {
                  // What one device has taken already was sent.
                  state: { $cond: [{ $ifNull: ['$sentAt', false] }, 'sent', 'suppressed'] },
                  reason: { $cond: [{ $ifNull: ['$sentAt', false] }, '$$REMOVE', reason] },
                  qualified: { $lte: [{ $ifNull: ['$passage.qualifiesAt', new Date(0)] }, new Date(nowMs)] },
                  settledAt: '$$NOW',
                },
              },
            ],
          },
        })),
        { ordered: false },
      );
      for (const row of rows)
        closed.push({ id: row.id, profileId: row.profileId, trigger: row.passage !== undefined });
      return closed;
    },

    overdueTriggers: (before, limit) =>
      find(
        {
          state: { $in: OPEN_STATES },
          dueAt: { $lt: before },
          passage: { $exists: true },
          queued: null,
          $or: [{ state: { $ne: 'sending' } }, { leaseUntil: { $lt: before } }],
        },
        { sort: { dueAt: 1 }, limit, hint: 'overduePassages' },
      ),

    async addReceipt(messageId, receipt) {
      const full = `receipts.${MESSAGE_LIMITS.receipts - 1}`;
      const answer = await messages.updateOne(
        { _id: messageId as never, 'receipts.id': { $ne: receipt.id }, [full]: { $exists: false } },
        { $push: { receipts: receipt } } as object,
      );
      if (answer.modifiedCount === 1) return 'recorded';
      const row = (await find({ _id: messageId }))[0];
      if (!row) return 'unknown';
      return row.receipts.some((known) => known.id === receipt.id) ? 'repeated' : 'full';
    },

    list: (campaignId, filter, after, limit) =>
      find(
        {
          campaignId,
          ...(filter.state ? { state: filter.state } : {}),
          ...(after === null ? {} : { _id: { $gt: after } }),
        },
        { sort: { _id: 1 }, limit },
      ),

    variantStats: (campaignId, versions) => variantStats(messages, campaignId, versions),

    stats: (campaignId, kind, nowMs) => campaignStats(messages, campaignId, kind, nowMs),
  };
}

function insertedDespiteDuplicates(error: unknown, total: number): number {
  if (!(error instanceof Error) || !('writeErrors' in error)) throw error as Error;
  const list = (Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]) as {
    code: number;
  }[];
  if (list.length === 0 || list.some((one) => one.code !== 11000)) throw error;
  return total - list.length;
}
