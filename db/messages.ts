import { Schema, type Connection } from 'mongoose';
import { OPEN_STATES, MESSAGE_LIMITS, type Message } from '../domain/message.ts';
import type { ClaimQuery, MessageRepository, MessageResult } from '../domain/ports/repositories.ts';
import { isDuplicateKey } from './connection.ts';
import { campaignStats } from './message-stats.ts';

export interface MessageDoc extends Omit<Message, 'id'> {
  _id: string;
}

/** `_id` of a run's row is run id + profile id, so that repeating a page inserts nothing twice. */
const messageSchema = new Schema<MessageDoc>(
  {
    _id: { type: String, required: true },
    campaignId: { type: String, required: true },
    version: { type: Number, required: true },
    siteId: { type: String, required: true },
    profileId: { type: String, required: true },
    runId: String,
    partition: Number,
    passage: Schema.Types.Mixed,
    state: { type: String, required: true },
    dueAt: { type: Date, required: true },
    firstDueAt: { type: Date, required: true },
    tries: { type: Number, required: true },
    devices: [Schema.Types.Mixed],
    attempts: [Schema.Types.Mixed],
    receipts: [Schema.Types.Mixed],
    reason: String,
    detail: String,
    qualified: Boolean,
    sentAt: Date,
    settledAt: Date,
    createdAt: Date,
    token: String,
    leaseUntil: Date,
  },
  { collection: 'messages', versionKey: false, minimize: false },
);
const open = { state: { $in: [...OPEN_STATES] } };
// What a run's partitions have to send, and when next; rows leave it when they are settled.
messageSchema.index(
  { runId: 1, partition: 1, state: 1, dueAt: 1 },
  { partialFilterExpression: { ...open, runId: { $exists: true } }, name: 'drain' },
);
// One open passage per campaign, profile and matchOn value.
messageSchema.index(
  { campaignId: 1, profileId: 1, 'passage.matchValue': 1 },
  {
    unique: true,
    partialFilterExpression: { state: 'waiting', passage: { $exists: true } },
    name: 'onePassage',
  },
);
// A profile's passages through a campaign, open and settled; erasing a profile.
messageSchema.index({ profileId: 1, campaignId: 1 });
// Lists and statistics of a campaign.
messageSchema.index({ campaignId: 1, _id: 1 });
// Closing what is open at a campaign's end; rows leave it when they are settled.
messageSchema.index({ campaignId: 1 }, { partialFilterExpression: open, name: 'openOfCampaign' });
// The sweep: what is overdue.
messageSchema.index({ dueAt: 1 }, { partialFilterExpression: open, name: 'overdue' });

/** How many of a profile's latest passages decide what another opening event does. */
const PASSAGES_READ = 50;
/** A trigger's timer runs by Temporal's clock; it may wake this much before the row is due by ours. */
const CLOCK_SLACK_MS = 250;

export function createMessageRepository(connection: Connection): MessageRepository {
  const messages = connection.model<MessageDoc>('Message', messageSchema).collection;
  const find = async (filter: object, options: object = {}): Promise<Message[]> => {
    const docs = await messages.find(filter, options).toArray();
    return docs.map((doc) => toMessage(doc as unknown as MessageDoc));
  };

  return {
    async insertRunRows(rows) {
      const now = new Date();
      const docs = rows.map(({ suppressed, ...row }) => ({
        _id: `${row.runId}${row.profileId}` as never,
        ...row,
        ...freshRow(row.dueAt, suppressed, now),
      }));
      try {
        const answer = await messages.insertMany(docs, { ordered: false });
        return answer.insertedCount;
      } catch (error) {
        return insertedDespiteDuplicates(error, docs.length);
      }
    },

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

    async closePassage(id, close) {
      const answer = await messages.updateOne({ _id: id as never, state: { $in: ['waiting', 'due'] } }, [
        {
          $set: {
            state: 'suppressed',
            reason: close.reason,
            qualified: close.qualified,
            'passage.closedBy': { $literal: close.closedBy },
            settledAt: '$$NOW',
          },
        },
      ]);
      return answer.modifiedCount === 1;
    },

    async restartPassage(id, passage, dueAt) {
      const answer = await messages.updateOne(
        { _id: id as never, state: 'waiting', 'passage.event.time': { $lte: passage.event.time } },
        {
          $set: {
            'passage.event': passage.event,
            'passage.qualifiesAt': passage.qualifiesAt,
            dueAt,
            firstDueAt: dueAt,
          },
        },
      );
      return answer.modifiedCount === 1;
    },

    async claim(query, token, nowMs, leaseMs) {
      const ids = await claimable(query, nowMs);
      if (ids.length === 0) return [];
      const dueByMs = 'messageId' in query ? nowMs + CLOCK_SLACK_MS : nowMs;
      await messages.updateMany({ _id: { $in: ids as never[] }, ...mayTake(dueByMs) }, [
        { $set: { state: 'sending', token, leaseUntil: { $add: ['$$NOW', leaseMs] } } },
      ]);
      return find({ _id: { $in: ids }, token, state: 'sending' });
    },

    async record(results) {
      if (results.length === 0) return [];
      const answer = await messages.bulkWrite(results.map(recordOperation), { ordered: false });
      if (answer.matchedCount === results.length) return [];
      // Which ones were lost: those that do not carry the mark of this write.
      const ids = results.map((result) => result.messageId);
      const held = await messages
        .find({ _id: { $in: ids as never[] } }, { projection: { recordedBy: 1 } })
        .toArray();
      const marks = new Map(held.map((doc) => [String(doc._id), doc.recordedBy as string | undefined]));
      return results
        .filter((result) => marks.get(result.messageId) !== result.token)
        .map((result) => result.messageId);
    },

    async nextDue(runId, { from, to }) {
      // The first entry of each partition in the index, however many rows wait in it.
      const firsts = Array.from({ length: to - from }, (_, i) => from + i).flatMap((partition) =>
        (['waiting', 'due'] as const).map((state) =>
          messages.findOne(
            { runId, partition, state },
            { sort: { dueAt: 1 }, projection: { dueAt: 1 }, hint: 'drain' },
          ),
        ),
      );
      const [held] = await messages
        .aggregate<{ at: Date }>(
          [
            { $match: { runId, partition: { $gte: from, $lt: to }, state: 'sending' } },
            { $group: { _id: null, at: { $min: '$leaseUntil' } } },
          ],
          { hint: 'drain' },
        )
        .toArray();
      const instants = (await Promise.all(firsts)).flatMap((row) =>
        row ? [(row.dueAt as Date).getTime()] : [],
      );
      if (held) instants.push(held.at.getTime());
      return instants.length === 0 ? null : new Date(Math.min(...instants));
    },

    async countOpen(runId, most) {
      return messages.countDocuments(
        { runId, state: { $in: [...OPEN_STATES] } },
        { limit: most, hint: 'drain' },
      );
    },

    async closeOpen(filter, reason, nowMs, limit) {
      const hint = filter.runId === undefined ? 'openOfCampaign' : 'drain';
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
          $or: [{ state: { $ne: 'sending' } }, { leaseUntil: { $lt: before } }],
        },
        { sort: { dueAt: 1 }, limit },
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

    stats: (campaignId, kind, nowMs) => campaignStats(messages, campaignId, kind, nowMs),
  };

  async function claimable(query: ClaimQuery, nowMs: number): Promise<string[]> {
    if ('messageId' in query) return [query.messageId];
    const docs = await messages
      .find(
        {
          runId: query.runId,
          partition: { $gte: query.partitions.from, $lt: query.partitions.to },
          ...mayTake(nowMs),
        },
        { projection: { _id: 1 }, limit: query.limit, hint: 'drain' },
      )
      .toArray();
    return docs.map((doc) => String(doc._id));
  }
}

/** Due and free, or held by somebody whose lease has run out by the database's clock. */
function mayTake(nowMs: number): object {
  return {
    state: { $in: OPEN_STATES },
    dueAt: { $lte: new Date(nowMs) },
    $or: [{ state: { $ne: 'sending' } }, { $expr: { $lt: ['$leaseUntil', '$$NOW'] } }],
  };
}

function freshRow(dueAt: Date, suppressed: string | undefined, now: Date, qualified = true): object {
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

/** One row's result, written only while the token holds the row. */
function recordOperation(result: MessageResult): { updateOne: { filter: object; update: object } } {
  const { settlement } = result;
  const set: Record<string, unknown> = { devices: result.devices, recordedBy: result.token };
  const unset: Record<string, ''> = { token: '', leaseUntil: '' };
  switch (settlement.kind) {
    case 'sent':
      Object.assign(set, { state: 'sent', sentAt: settlement.sentAt, qualified: true });
      break;
    case 'failed':
      Object.assign(set, {
        state: 'failed',
        reason: settlement.reason,
        detail: settlement.detail,
        qualified: true,
      });
      break;
    case 'suppressed':
      Object.assign(set, {
        state: 'suppressed',
        reason: settlement.reason,
        detail: settlement.detail,
        qualified: settlement.qualified,
      });
      if (settlement.closedBy) set['passage.closedBy'] = settlement.closedBy;
      break;
    case 'again':
      Object.assign(set, { state: 'due', dueAt: settlement.dueAt });
      if (settlement.sentAt) set.sentAt = settlement.sentAt;
      break;
  }
  for (const key of Object.keys(set)) if (set[key] === undefined) delete set[key];
  const update: Record<string, unknown> = { $set: set, $unset: unset };
  if (settlement.kind === 'again') {
    if (settlement.tried) update.$inc = { tries: 1 };
  } else {
    update.$currentDate = { settledAt: true };
    if (result.attempts.length > 0) update.$inc = { tries: 1 };
  }
  if (result.attempts.length > 0) update.$push = { attempts: { $each: result.attempts } };
  return { updateOne: { filter: { _id: result.messageId, token: result.token, state: 'sending' }, update } };
}

function insertedDespiteDuplicates(error: unknown, total: number): number {
  if (!(error instanceof Error) || !('writeErrors' in error)) throw error as Error;
  const list = (Array.isArray(error.writeErrors) ? error.writeErrors : [error.writeErrors]) as {
    code: number;
  }[];
  if (list.length === 0 || list.some((one) => one.code !== 11000)) throw error;
  return total - list.length;
}

function toMessage({ _id, ...rest }: MessageDoc): Message {
  return { ...rest, id: _id };
}
