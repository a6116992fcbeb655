import { Schema, type Collection, type Connection } from 'mongoose';
import type { LimitPeriod, LimitRepository } from '../domain/ports/limits.ts';
import { isDuplicateKey } from './connection.ts';

/** Which messages hold a slot of a period; `at` is when the last of them took it. */
interface Slots {
  key: string;
  ids: string[];
  at: Date;
}

interface LimitDoc {
  _id: string;
  profileId: string;
  slots: Slots[];
  expiresAt: Date;
}

interface Turn {
  messageId: string;
  at: Date;
}

interface TurnDoc {
  _id: string;
  profileId: string;
  turns: Turn[];
}

/** `_id` is profile id / channel. */
const limitSchema = new Schema<LimitDoc>(
  {
    _id: { type: String, required: true },
    profileId: { type: String, required: true },
    slots: [Schema.Types.Mixed],
    expiresAt: Date,
  },
  { collection: 'limits', versionKey: false },
);
// Erasing a profile.
limitSchema.index({ profileId: 1 });
// Documents of which every period is long over go by themselves.
limitSchema.index({ expiresAt: 1 }, { expireAfterSeconds: 0 });

/** `_id` is profile id / campaign id. */
const turnSchema = new Schema<TurnDoc>(
  {
    _id: { type: String, required: true },
    profileId: { type: String, required: true },
    turns: [Schema.Types.Mixed],
  },
  { collection: 'turns', versionKey: false },
);
// Erasing a profile.
turnSchema.index({ profileId: 1 });

const DAY_MS = 24 * 3_600_000;
/** A week, a day for changes of the time zone, and one to spare: no slot of it counts any more. */
const PERIOD_OVER_MS = 9 * DAY_MS;
const TURNS_KEPT = 5;
/** How often two that come at once may get into each other's way. */
const ROUNDS = 10;

/**
 * Limits as sets of message ids. Taking is one atomic update, so that any number may come at once, and taking
 * again is harmless. What a message holds that was closed without being sent counts as given back, also when
 * whoever closed it was ended before it could say so.
 */
export function createLimitRepository(connection: Connection): LimitRepository {
  const limits = connection.model<LimitDoc>('Limit', limitSchema).collection;
  const turns = connection.model<TurnDoc>('Turn', turnSchema).collection;
  const messages = connection.collection('messages') as unknown as Collection;

  /** @returns those of the messages that were closed without having been sent */
  async function closedUnsent(ids: string[], states: string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const closed = { _id: { $in: ids as never[] }, state: { $in: states }, sentAt: { $exists: false } };
    const docs = await messages.find(closed, { projection: { _id: 1 } }).toArray();
    return new Set(docs.map((doc) => String(doc._id)));
  }
  const holdNoSlot = (ids: string[]): Promise<Set<string>> =>
    closedUnsent(ids, ['suppressed', 'failed', 'control']);
  const holdNoTurn = (ids: string[]): Promise<Set<string>> => closedUnsent(ids, ['suppressed', 'failed']);

  /** @returns those of the messages that their profile got, or would have */
  async function gotThrough(ids: string[]): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const got = {
      _id: { $in: ids as never[] },
      $or: [{ sentAt: { $exists: true } }, { controlAt: { $exists: true } }],
    };
    const docs = await messages.find(got, { projection: { _id: 1 } }).toArray();
    return new Set(docs.map((doc) => String(doc._id)));
  }

  return {
    async take(owner, messageId, periods) {
      if (periods.length === 0) return 'granted';
      for (let round = 1; ; round += 1) {
        const doc = await upsert<LimitDoc>(limits, limitId(owner), takeUpdate(owner, messageId, periods));
        const holders = (key: string): string[] => doc.slots.find((entry) => entry.key === key)?.ids ?? [];
        const full = periods.find(
          ({ key, limit }) => !holders(key).includes(messageId) && holders(key).length >= limit,
        );
        if (!full) return 'granted';
        const idle = round < ROUNDS ? await holdNoSlot(holders(full.key)) : new Set<string>();
        if (idle.size === 0) return { full: full.key };
        await dropSlots(limits, limitId(owner), [...idle]);
      }
    },

    async giveBack(owner, messageId) {
      await dropSlots(limits, limitId(owner), [messageId]);
    },

    async takeTurn(turn, since) {
      for (let round = 1; ; round += 1) {
        const doc = await upsert<TurnDoc>(turns, turnId(turn), turnUpdate(turn, since));
        const others = doc.turns.filter((other) => other.messageId !== turn.messageId);
        const taken = others.filter(({ at }) => since === null || at >= since);
        if (taken.length === 0) return 'granted';
        const ids = taken.map((other) => other.messageId);
        const idle = round < ROUNDS ? await holdNoTurn(ids) : new Set<string>();
        if (idle.size === 0) return { takenAt: latest(taken) };
        await dropTurns(turns, turnId(turn), [...idle]);
      }
    },

    async giveTurnBack(turn) {
      await dropTurns(turns, turnId(turn), [turn.messageId]);
    },

    async of(profileId, campaignId) {
      const [owned, ofCampaign] = await Promise.all([
        limits.find({ profileId }).toArray() as unknown as Promise<LimitDoc[]>,
        turns.findOne({
          _id: turnId({ profileId, campaignId }) as never,
        }) as unknown as Promise<TurnDoc | null>,
      ]);
      const slots = owned.flatMap((doc) => doc.slots);
      const taken = ofCampaign?.turns ?? [];
      const turnIds = taken.map(({ messageId }) => messageId);
      const [noSlot, noTurn, got] = await Promise.all([
        holdNoSlot(slots.flatMap(({ ids }) => ids)),
        holdNoTurn(turnIds),
        gotThrough(turnIds),
      ]);
      const through = taken.filter(({ messageId }) => got.has(messageId));
      const standing = taken.filter(({ messageId }) => !noTurn.has(messageId));
      return {
        slots: slots.flatMap(({ key, ids }) => {
          const messageIds = ids.filter((id) => !noSlot.has(id));
          return messageIds.length > 0 ? [{ key, messageIds }] : [];
        }),
        turnAt: standing.length > 0 ? latest(standing) : null,
        gotAt: through.length > 0 ? latest(through) : null,
      };
    },
  };
}

function limitId(owner: { profileId: string; channel: string }): string {
  return `${owner.profileId}/${owner.channel}`;
}

function turnId(turn: { profileId: string; campaignId: string }): string {
  return `${turn.profileId}/${turn.campaignId}`;
}

function latest(turns: Turn[]): Date {
  return new Date(Math.max(...turns.map(({ at }) => at.getTime())));
}

/** @returns the document as the update left it */
async function upsert<T>(collection: Collection, id: string, update: object[]): Promise<T> {
  for (let round = 1; ; round += 1) {
    try {
      const doc = await collection.findOneAndUpdate({ _id: id as never }, update, {
        upsert: true,
        returnDocument: 'after',
      });
      return doc as T;
    } catch (error) {
      // Another inserted it in the same moment: now it is there to be updated.
      if (!isDuplicateKey(error) || round >= ROUNDS) throw error;
    }
  }
}

/** Takes a slot in every period or in none; leaves out what is over, and what it held in other periods. */
function takeUpdate(owner: { profileId: string }, messageId: string, periods: LimitPeriod[]): object[] {
  const id = { $literal: messageId };
  const keys = periods.map(({ key }) => key);
  const idsOf = (key: string): object => ({
    $reduce: {
      input: { $filter: { input: '$slots', as: 'entry', cond: { $eq: ['$$entry.key', { $literal: key }] } } },
      initialValue: [],
      in: { $concatArrays: ['$$value', '$$this.ids'] },
    },
  });
  const granted = {
    $and: periods.map(({ key, limit }) => ({
      $or: [{ $in: [id, idsOf(key)] }, { $lt: [{ $size: idsOf(key) }, { $literal: limit }] }],
    })),
  };
  const others = {
    $filter: { input: '$slots', as: 'entry', cond: { $not: { $in: ['$$entry.key', { $literal: keys }] } } },
  };
  const taken = keys.map((key) => ({
    key: { $literal: key },
    ids: { $setUnion: [idsOf(key), [id]] },
    at: '$$NOW',
  }));
  const current = {
    $filter: {
      input: { $ifNull: ['$slots', []] },
      as: 'entry',
      cond: { $gt: ['$$entry.at', { $subtract: ['$$NOW', PERIOD_OVER_MS] }] },
    },
  };
  return [
    { $set: { profileId: { $literal: owner.profileId }, slots: current } },
    {
      $set: {
        slots: { $cond: [granted, { $concatArrays: [without(others, [messageId]), taken] }, '$slots'] },
        expiresAt: { $add: ['$$NOW', PERIOD_OVER_MS] },
      },
    },
  ];
}

async function dropSlots(limits: Collection, id: string, messageIds: string[]): Promise<void> {
  await limits.updateOne({ _id: id as never, 'slots.ids': { $in: messageIds } }, [
    { $set: { slots: without('$slots', messageIds) } },
  ]);
}

/** @returns an expression: the entries without these messages, and without entries that nobody is left in */
function without(slots: unknown, messageIds: string[]): object {
  const left = {
    key: '$$slot.key',
    ids: { $setDifference: ['$$slot.ids', { $literal: messageIds }] },
    at: '$$slot.at',
  };
  return {
    $filter: {
      input: { $map: { input: slots, as: 'slot', in: left } },
      as: 'entry',
      cond: { $gt: [{ $size: '$$entry.ids' }, 0] },
    },
  };
}

/** Takes the turn unless another's stands; taking it again moves it to the later instant. */
function turnUpdate(turn: { profileId: string; messageId: string; at: Date }, since: Date | null): object[] {
  const isMine = { $eq: ['$$turn.messageId', { $literal: turn.messageId }] };
  const stands = since === null ? true : { $gte: ['$$turn.at', since] };
  const inTheWay = {
    $filter: { input: '$turns', as: 'turn', cond: { $and: [{ $not: isMine }, stands] } },
  };
  const mine = {
    messageId: { $literal: turn.messageId },
    at: {
      $max: [
        turn.at,
        {
          $max: {
            $map: {
              input: { $filter: { input: '$turns', as: 'turn', cond: isMine } },
              as: 'turn',
              in: '$$turn.at',
            },
          },
        },
      ],
    },
  };
  const others = { $filter: { input: '$turns', as: 'turn', cond: { $not: isMine } } };
  return [
    { $set: { profileId: { $literal: turn.profileId }, turns: { $ifNull: ['$turns', []] } } },
    {
      $set: {
        turns: {
          $cond: [
            { $eq: [{ $size: inTheWay }, 0] },
            { $slice: [{ $concatArrays: [others, [mine]] }, -TURNS_KEPT] },
            '$turns',
          ],
        },
      },
    },
  ];
}

async function dropTurns(turns: Collection, id: string, messageIds: string[]): Promise<void> {
  await turns.updateOne({ _id: id as never }, {
    $pull: { turns: { messageId: { $in: messageIds } } },
  } as object);
}
