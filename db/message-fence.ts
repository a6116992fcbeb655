import type { Collection } from 'mongoose';
import { OPEN_STATES } from '../domain/delivery/message.ts';
import type { ClaimQuery, MessageRepository, MessageResult } from '../domain/ports/messages.ts';
import { toMessage, type MessageDoc } from './message-schema.ts';

/** A trigger's timer runs by Temporal's clock; it may wake this much before the row is due by ours. */
export const CLOCK_SLACK_MS = 250;
/** Later than anything is due. */
const FAR_MS = 8_640_000_000_000_000;

/**
 * Who may send a row: taking rows under a token and a lease by the database's clock, and recording what became
 * of them only while the token still holds.
 */
export function createMessageFence(messages: Collection): Pick<MessageRepository, 'claim' | 'record'> {
  return {
    async claim(query, token, nowMs, leaseMs) {
      const ids = await claimable(query, nowMs);
      if (ids.length === 0) return [];
      // A batch goes together again, also when some of it falls due a little later.
      const dueByMs = 'messageId' in query ? nowMs + CLOCK_SLACK_MS : 'batchId' in query ? FAR_MS : nowMs;
      await messages.updateMany({ _id: { $in: ids as never[] }, ...mayTake(dueByMs) }, [
        {
          $set: {
            state: 'sending',
            token,
            leaseUntil: { $add: ['$$NOW', leaseMs] },
            claims: { $add: [{ $ifNull: ['$claims', 0] }, 1] },
          },
        },
      ]);
      const docs = await messages.find({ _id: { $in: ids as never[] }, token, state: 'sending' }).toArray();
      return docs.map((doc) => toMessage(doc as unknown as MessageDoc));
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
  };

  async function claimable(query: ClaimQuery, nowMs: number): Promise<string[]> {
    if ('messageId' in query) return [query.messageId];
    if ('batchId' in query) {
      const open = { batchId: query.batchId, state: { $in: OPEN_STATES } };
      const docs = await messages.find(open, { projection: { _id: 1 }, hint: 'openOfBatch' }).toArray();
      return docs.map((doc) => String(doc._id));
    }
    const released = query.released === undefined ? {} : { released: query.released ? true : null };
    const [rows, hint] =
      'runId' in query
        ? [
            {
              runId: query.runId,
              partition: { $gte: query.partitions.from, $lt: query.partitions.to },
            },
            'dueOfRun',
          ]
        : [{ campaignId: query.queueOf, queued: true }, 'queue'];
    const docs = await messages
      .find({ ...rows, ...released, ...mayTake(nowMs) }, { projection: { _id: 1 }, limit: query.limit, hint })
      .toArray();
    return docs.map((doc) => String(doc._id));
  }
}

/** Due and drawn, and free or with somebody whose lease has run out by the database's clock. */
function mayTake(nowMs: number): object {
  return {
    state: { $in: OPEN_STATES },
    dueAt: { $lte: new Date(nowMs) },
    held: null,
    $or: [{ state: { $ne: 'sending' } }, { $expr: { $lt: ['$leaseUntil', '$$NOW'] } }],
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
    case 'control':
      Object.assign(set, {
        state: 'control',
        controlAt: settlement.controlAt,
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
      if (settlement.released) {
        set.released = true;
        // Its time to live counts from when it falls due first.
        if (settlement.isFirst) set.firstDueAt = settlement.dueAt;
      }
      break;
  }
  if (result.variant !== undefined) set.variant = result.variant;
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
