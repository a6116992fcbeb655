import { Schema, type ClientSession, type Connection } from 'mongoose';
import type { SavedSegment, SegmentRepository } from '../domain/ports/segments.ts';
import { checkUsers, holdReferences, TRANSACTION, usersOf, usesOf, type Uses } from './references.ts';

interface SavedSegmentDoc extends Omit<SavedSegment, 'id'> {
  _id: string;
  uses: Uses;
  /** Grows whenever a reference to it is written. */
  held?: number;
}

const savedSegmentSchema = new Schema<SavedSegmentDoc>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    segment: { type: Schema.Types.Mixed, required: true },
    uses: { segments: [String], lists: [String] },
    held: Number,
    createdAt: Date,
    updatedAt: Date,
  },
  { collection: 'savedSegments', versionKey: false, minimize: false },
);
// Which saved segments refer to a segment, and which to a list.
savedSegmentSchema.index({ 'uses.segments': 1 });
savedSegmentSchema.index({ 'uses.lists': 1 });

/** One save at a time: what each saw of the references among segments stays true until it is done. */
const TURN = 'savedSegments';

export function createSegmentRepository(connection: Connection): SegmentRepository {
  const segments = connection.model<SavedSegmentDoc>('SavedSegment', savedSegmentSchema).collection;

  async function byId(id: string, session?: ClientSession): Promise<SavedSegment | null> {
    const doc = await segments.findOne({ _id: id as never }, session ? { session } : {});
    return doc ? toSaved(doc as unknown as SavedSegmentDoc) : null;
  }

  async function takeTurn(session: ClientSession): Promise<void> {
    await connection
      .collection('counters')
      .updateOne({ _id: TURN as never }, { $inc: { value: 1 } }, { upsert: true, session });
  }

  return {
    byId: (id) => byId(id),

    async create(segment) {
      return connection.transaction(async (session) => {
        await takeTurn(session);
        const known = await byId(segment.id, session);
        if (known) return known;
        await holdReferences(connection, session, segment);
        const now = new Date();
        const { id, ...fields } = segment;
        await segments.insertOne(
          { _id: id as never, ...fields, uses: usesOf(segment.segment), createdAt: now, updatedAt: now },
          { session },
        );
        return { ...segment, createdAt: now, updatedAt: now };
      }, TRANSACTION);
    },

    async list(after, limit) {
      const docs = await segments
        .find(after === null ? {} : { _id: { $gt: after as never } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return docs.map((doc) => toSaved(doc as unknown as SavedSegmentDoc));
    },

    async names(ids) {
      const docs = await segments
        .find({ _id: { $in: ids as never[] } }, { projection: { name: 1 } })
        .toArray();
      return new Map(docs.map((doc) => [String(doc._id), String(doc.name)]));
    },

    async replace(segment) {
      return connection.transaction(async (session) => {
        await takeTurn(session);
        const known = await byId(segment.id, session);
        if (!known) return null;
        await holdReferences(connection, session, segment);
        await checkUsers(connection, session, segment);
        const changed = { name: segment.name, segment: segment.segment, updatedAt: new Date() };
        await segments.updateOne(
          { _id: segment.id as never },
          { $set: { ...changed, uses: usesOf(segment.segment) } },
          { session },
        );
        return { ...known, ...changed };
      }, TRANSACTION);
    },

    async delete(id) {
      return connection.transaction(async (session) => {
        const users = await usersOf(connection, session, 'segments', id);
        if (users.length > 0) return users;
        const { deletedCount } = await segments.deleteOne({ _id: id as never }, { session });
        return deletedCount === 1 ? ('deleted' as const) : null;
      }, TRANSACTION);
    },
  };
}

function toSaved({ _id, uses: _uses, held: _held, ...rest }: SavedSegmentDoc): SavedSegment {
  return { ...rest, id: _id };
}
