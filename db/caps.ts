import { Schema, type ClientSession, type Connection } from 'mongoose';
import { drawSize } from '../domain/audience/cap.ts';
import type { CapRepository } from '../domain/ports/limits.ts';
import { UNSENT_STATES } from './message-schema.ts';

/** One document a campaign: how many slots are taken, and up to which rank the latest draw went. */
interface CapDoc {
  _id: string;
  taken: number;
  draw?: Draw;
  /** Grows whenever rows go away, so that a draw that is counting them conflicts. */
  erased?: number;
}

interface Draw {
  runId: string;
  rank: number;
  rowId: string;
}

const capSchema = new Schema<CapDoc>(
  {
    _id: { type: String, required: true },
    taken: { type: Number, required: true },
    draw: Schema.Types.Mixed,
    erased: Number,
  },
  { collection: 'targetingCaps', versionKey: false },
);

const FREED_A_TAKE = 100;

/**
 * Whoever takes or gives back slots changes the campaign's document and the rows in one transaction, so that at
 * any instant `taken` is at least the number of marked rows. Draws are admitted afterwards, however large they
 * are, and none begins before the one before is admitted: `admit` is safe to repeat and to come late.
 */
export function createCapRepository(connection: Connection): CapRepository {
  const caps = connection.model<CapDoc>('TargetingCap', capSchema).collection;
  const messages = connection.collection('messages');
  const runs = connection.collection('runs');
  const lastTake = new Map<string, Promise<unknown>>();

  /** Outside of the transactions: two upserts of one document in two of them would fail one. */
  async function ensure(campaignId: string): Promise<void> {
    await caps.updateOne({ _id: campaignId as never }, { $setOnInsert: { taken: 0 } }, { upsert: true });
  }

  /** The held row with so many before it in the draw. */
  async function heldRow(runId: string, place: number, session: ClientSession) {
    const [row] = await messages
      .find(
        { runId, held: true, state: 'waiting' },
        {
          session,
          hint: 'held',
          sort: { rank: 1, _id: 1 },
          skip: place,
          limit: 1,
          projection: { rank: 1 },
        },
      )
      .toArray();
    return row;
  }

  async function countHeld(runId: string, most: number, session: ClientSession): Promise<number> {
    const filter = { runId, held: true, state: 'waiting' };
    return messages.countDocuments(filter, { session, hint: 'held', limit: most });
  }

  async function reclaim(campaignId: string, most: number): Promise<number> {
    const freed = { campaignId, capSlot: true, state: { $in: [...UNSENT_STATES] } };
    const options = { hint: 'freedSlots', projection: { _id: 1 }, limit: most };
    const rows = await messages.find(freed, options).toArray();
    if (rows.length === 0) return 0;
    return connection.transaction(async (session) => {
      const answer = await messages.updateMany(
        { _id: { $in: rows.map((row) => row._id) }, ...freed },
        { $unset: { capSlot: '' } },
        { session },
      );
      await caps.updateOne(
        { _id: campaignId as never },
        { $inc: { taken: -answer.modifiedCount } },
        { session },
      );
      return answer.modifiedCount;
    });
  }

  /** @returns `lost` when the row is not being sent under the token any more */
  async function takeOnce(
    row: { id: string; campaignId: string; token: string },
    limit: number,
  ): Promise<'taken' | 'full' | 'lost'> {
    const mine = { _id: row.id as never, token: row.token, state: 'sending' };
    // The row after the count: where its own slot is what made it full, it shows it.
    const cap = (await caps.findOne({ _id: row.campaignId as never })) as unknown as CapDoc | null;
    const known = await messages.findOne(mine, { projection: { capSlot: 1 } });
    if (known === null) return 'lost';
    if (known.capSlot === true) return 'taken';
    if (cap === null) await ensure(row.campaignId);
    else if (cap.taken >= limit) return 'full';
    return connection.transaction(async (session) => {
      const marked = await messages.updateOne(mine, { $set: { capSlot: true } }, { session });
      if (marked.matchedCount === 0) return 'lost';
      if (marked.modifiedCount === 0) return 'taken';
      const counted = await caps.updateOne(
        { _id: row.campaignId as never, taken: { $lt: limit } },
        { $inc: { taken: 1 } },
        { session },
      );
      if (counted.modifiedCount === 1) return 'taken';
      await messages.updateOne(mine, { $unset: { capSlot: '' } }, { session });
      return 'full';
    });
  }

  return {
    reclaim,

    async draw({ campaignId, runId }, cap) {
      await ensure(campaignId);
      return connection.transaction(async (session) => {
        const run = await runs.findOne({ _id: runId as never }, { session, projection: { aborted: 1 } });
        if (run?.aborted !== undefined) return 'aborted';
        const { taken, draw } = (await caps.findOne(
          { _id: campaignId as never },
          { session },
        )) as unknown as CapDoc;
        if (draw && (await messages.findOne(drawnRows(draw), { session, hint: 'held' }))) return 'unfinished';
        const slots = Math.max(cap.limit - taken, 0);
        const count = drawSize(cap, taken, await countHeld(runId, slots + 1, session));
        if (count === 0) return 0;
        if (count === 'abort') {
          await runs.updateOne({ _id: runId as never }, { $set: { aborted: 'targetingCap' } }, { session });
          return 'aborted';
        }
        const last = await heldRow(runId, count - 1, session);
        if (!last) throw new Error(`run ${runId} has no held row in place ${count}`);
        await caps.updateOne(
          { _id: campaignId as never },
          {
            $inc: { taken: count },
            $set: { draw: { runId, rank: last.rank as number, rowId: String(last._id) } },
          },
          { session },
        );
        return count;
      });
    },

    async admit(campaignId, most) {
      const doc = (await caps.findOne({ _id: campaignId as never })) as unknown as CapDoc | null;
      if (!doc?.draw) return 0;
      const drawn = drawnRows(doc.draw);
      const rows = await messages
        .find(drawn, { hint: 'held', projection: { _id: 1 }, limit: most })
        .toArray();
      if (rows.length === 0) return 0;
      // Who is drawn later than the others is due when drawn: the time to live counts from there.
      const due = { $max: ['$dueAt', '$$NOW'] };
      const answer = await messages.updateMany({ _id: { $in: rows.map((row) => row._id) }, ...drawn }, [
        { $set: { held: '$$REMOVE', capSlot: true, dueAt: due, firstDueAt: due } },
      ]);
      // Another one admitted them meanwhile: there may be more.
      return Math.max(answer.modifiedCount, 1);
    },

    async suppress(runId, which, detail, most) {
      const held = { runId, held: true, state: 'waiting' };
      const withoutSlot = { runId, state: { $in: ['waiting', 'due'] }, capSlot: null };
      const [filter, hint] = which === 'held' ? [held, 'held'] : [withoutSlot, 'dueOfRun'];
      const rows = await messages.find(filter, { hint, projection: { _id: 1 }, limit: most }).toArray();
      if (rows.length === 0) return 0;
      const set = { state: 'suppressed', reason: 'targetingCap', detail, qualified: true };
      await messages.updateMany(
        { _id: { $in: rows.map((row) => row._id) }, ...filter },
        { $set: set, $currentDate: { settledAt: true } },
      );
      return rows.length;
    },

    async take(row, limit) {
      // One after the other: transactions side by side on one document only make each other start again.
      const turn = (lastTake.get(row.campaignId) ?? Promise.resolve()).then(async () => {
        // That nothing is to be given back may mean that another has done it just now: it looks once more.
        for (let freed = 1; ; freed = await reclaim(row.campaignId, FREED_A_TAKE)) {
          const answer = await takeOnce(row, limit);
          if (answer !== 'full') return answer === 'taken';
          if (freed === 0) return false;
        }
      });
      const settled = turn.catch(() => undefined);
      lastTake.set(row.campaignId, settled);
      void settled.then(() => {
        if (lastTake.get(row.campaignId) === settled) lastTake.delete(row.campaignId);
      });
      return turn;
    },
  };
}

/** @returns a filter: rows that a draw has counted, and that are not admitted yet */
function drawnRows({ runId, rank, rowId }: Draw): object {
  return {
    runId,
    held: true,
    state: 'waiting',
    rank: { $lte: rank },
    $or: [{ rank: { $lt: rank } }, { rank, _id: { $lte: rowId } }],
  };
}

/**
 * Deletes what a profile that is erased has of campaigns with a targeting cap, and in the same transaction gives
 * back the slots of what was not sent. What is being sent keeps its slot: the push may have gone out.
 */
export async function eraseCapped(connection: Connection, profileId: string): Promise<void> {
  const caps = connection.collection('targetingCaps');
  const messages = connection.collection('messages');
  const capped = { profileId, $or: [{ capSlot: true }, { held: true }] };
  const rows = await messages.find(capped, { projection: { campaignId: 1 } }).toArray();
  for (const campaignId of new Set(rows.map((row) => row.campaignId as string))) {
    await connection.transaction(async (session) => {
      const mine = { profileId, campaignId };
      const doc = (await caps.findOne({ _id: campaignId as never }, { session })) as unknown as CapDoc | null;
      const counted: object[] = [{ capSlot: true, sentAt: null, state: { $nin: ['sent', 'sending'] } }];
      if (doc?.draw) counted.push(drawnRows(doc.draw));
      const free = await messages.countDocuments({ ...mine, $or: counted }, { session });
      await messages.deleteMany(mine, { session });
      await caps.updateOne({ _id: campaignId as never }, { $inc: { taken: -free, erased: 1 } }, { session });
    });
  }
}
