import { mongo, Schema, type Connection } from 'mongoose';
import type { StoredEvent } from '../domain/event.ts';
import { laneOf } from '../domain/hash.ts';
import type { RollupRepository } from '../domain/ports/audience.ts';
import type { ServerClock } from '../domain/ports/clock.ts';
import type { EventRepository } from '../domain/ports/events.ts';

interface EventDoc extends Omit<StoredEvent, 'id'> {
  _id: string;
  /** Present, and true, until the event has been dispatched. */
  pending?: true;
}

/** `_id` is profile id + event id: an event is stored once, without a second unique index. */
const eventSchema = new Schema<EventDoc>(
  {
    _id: { type: String, required: true },
    eventId: { type: String, required: true },
    profileId: { type: String, required: true },
    name: { type: String, required: true },
    properties: { type: Schema.Types.Mixed, default: {} },
    time: { type: Date, required: true },
    receivedAt: { type: Date, required: true },
    index: { type: Number, required: true },
    lane: { type: Number, required: true },
    catalogueVersion: { type: Number, required: true },
    pending: Boolean,
  },
  { collection: 'events', versionKey: false, minimize: false },
);
// A lane's pending events in the order in which they are dispatched; holds nothing else.
eventSchema.index(
  { lane: 1, time: 1, receivedAt: 1, index: 1 },
  { partialFilterExpression: { pending: true }, name: 'pending' },
);
// Has a cancelling event come since? And erasing a profile.
eventSchema.index({ profileId: 1, name: 1, time: 1 });
// Segments: who did something in a period, judged by the events' own properties.
eventSchema.index({ name: 1, time: 1, profileId: 1 });
// What was received since a publish, and retention.
eventSchema.index({ receivedAt: 1 });

const CLEAR_CHUNK = 1_000;

export function createEventRepository(
  connection: Connection,
  clock: ServerClock,
  rollup: Pick<RollupRepository, 'announce'>,
): EventRepository {
  const events = connection.model<EventDoc>('Event', eventSchema).collection;

  return {
    async insertMany(batch, catalogueVersion) {
      if (batch.length === 0) return { accepted: 0, duplicates: 0 };
      const receivedAt = clock.now();
      const docs = batch.map(({ pending, ...event }) => ({
        _id: `${event.profileId}:${event.eventId}` as never,
        ...event,
        receivedAt,
        lane: laneOf(event.profileId),
        catalogueVersion,
        ...(pending ? { pending: true } : {}),
      }));
      const stored = await rollup.announce(receivedAt);
      const duplicates = await insertUnordered(docs);
      // Not when it failed: some may be stored all the same, and the mark stays open until others close it.
      const known = new Set(duplicates);
      stored(known.size === 0 ? docs : docs.filter((_doc, i) => !known.has(i)));
      if (duplicates.length > 0) {
        // Its first call may have broken off before it was accepted, under a view that did not want it yet.
        const wanted = duplicates.filter((i) => batch[i]?.pending).map((i) => docs[i]?._id as never);
        if (wanted.length > 0) {
          await events.updateMany(
            { _id: { $in: wanted }, catalogueVersion: { $lt: catalogueVersion } },
            { $set: { pending: true } },
          );
        }
      }
      return { accepted: batch.length - duplicates.length, duplicates: duplicates.length };
    },

    async pendingOf(lane, limit) {
      const docs = await events
        .find({ pending: true, lane })
        .sort({ time: 1, receivedAt: 1, index: 1 })
        .limit(limit)
        .toArray();
      return docs.map((doc) => toEvent(doc as unknown as EventDoc));
    },

    async pendingLanes() {
      const lanes: number[] = [];
      // One step of the index a lane, however many events wait in each.
      for (let next = 0; ;) {
        const doc = await events.findOne(
          { pending: true, lane: { $gte: next } },
          { sort: { lane: 1 }, projection: { lane: 1 }, hint: 'pending' },
        );
        if (!doc) return lanes;
        lanes.push(doc.lane as number);
        next = (doc.lane as number) + 1;
      }
    },

    async clearPending(ids) {
      for (let i = 0; i < ids.length; i += CLEAR_CHUNK) {
        await events.updateMany(
          { _id: { $in: ids.slice(i, i + CLEAR_CHUNK) as never[] } },
          { $unset: { pending: '' } },
        );
      }
    },

    async *since(profileId, names, from) {
      const cursor = events.find({ profileId, name: { $in: names }, time: { $gte: from } }).sort({ time: 1 });
      for await (const doc of cursor) yield toEvent(doc as unknown as EventDoc);
    },

    async byId(id) {
      const doc = await events.findOne({ _id: id as never });
      return doc ? toEvent(doc as unknown as EventDoc) : null;
    },

    async byIds(ids) {
      const docs = await events.find({ _id: { $in: ids as never[] } }).toArray();
      return new Map(docs.map((doc) => [String(doc._id), toEvent(doc as unknown as EventDoc)]));
    },

    async latest(profileId, name, limit) {
      const docs = await events.find({ profileId, name }).sort({ time: -1 }).limit(limit).toArray();
      return docs.map((doc) => toEvent(doc as unknown as EventDoc));
    },

    async markPendingBetween(from, to, catalogueVersion, names) {
      const answer = await events.updateMany(
        {
          receivedAt: { $gte: from, $lte: to },
          catalogueVersion: { $lt: catalogueVersion },
          name: { $in: names },
        },
        { $set: { pending: true } },
      );
      return answer.modifiedCount;
    },
  };

  /** @returns the places of the documents that were there already */
  async function insertUnordered(docs: object[]): Promise<number[]> {
    try {
      await events.insertMany(docs, { ordered: false });
      return [];
    } catch (error) {
      const writeErrors = errorsOf(error);
      if (writeErrors.length === 0 || writeErrors.some((one) => one.code !== 11000)) throw error;
      // Not by a majority: what is new of it may be lost yet.
      if (error instanceof mongo.MongoBulkWriteError && error.result.getWriteConcernError() !== undefined)
        throw error;
      return writeErrors.map((one) => one.index);
    }
  }
}

function errorsOf(error: unknown): { code: number; index: number }[] {
  if (typeof error !== 'object' || error === null || !('writeErrors' in error)) return [];
  const { writeErrors } = error;
  return (Array.isArray(writeErrors) ? writeErrors : [writeErrors]) as { code: number; index: number }[];
}

function toEvent({ _id, pending: _pending, ...rest }: EventDoc): StoredEvent {
  return { ...rest, id: _id };
}
