import { Schema, type Connection } from 'mongoose';
import type { CustomList, ListRepository } from '../domain/ports/segments.ts';
import { TRANSACTION, usersOf } from './references.ts';

interface ListDoc extends Omit<CustomList, 'id'> {
  _id: string;
  /** Grows whenever a reference to it is written. */
  held?: number;
}

/** `_id` is list id + profile id, so that nobody is in a list twice. */
interface MemberDoc {
  _id: string;
  listId: string;
  profileId: string;
}

const listSchema = new Schema<ListDoc>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    size: { type: Number, required: true },
    held: Number,
    createdAt: Date,
    updatedAt: Date,
  },
  { collection: 'lists', versionKey: false },
);

const memberSchema = new Schema<MemberDoc>(
  {
    _id: { type: String, required: true },
    listId: { type: String, required: true },
    profileId: { type: String, required: true },
  },
  { collection: 'listMembers', versionKey: false },
);
// Which of some profiles are in a list; and the lists of a profile that is erased.
memberSchema.index({ profileId: 1, listId: 1 });
// Everybody in a list: for segments over the whole population, and to empty a list that was deleted.
memberSchema.index({ listId: 1, profileId: 1 });

/** Lists that were deleted, until the last of their members is gone. */
const removalSchema = new Schema<{ _id: string }>(
  { _id: { type: String, required: true } },
  { collection: 'listRemovals', versionKey: false },
);

const REMOVED_AT_ONCE = 5_000;

export function createListRepository(connection: Connection): ListRepository {
  const lists = connection.model<ListDoc>('List', listSchema).collection;
  const members = connection.model<MemberDoc>('ListMember', memberSchema).collection;
  const removals = connection.model<{ _id: string }>('ListRemoval', removalSchema).collection;

  async function byId(id: string): Promise<CustomList | null> {
    const doc = await lists.findOne({ _id: id as never });
    return doc ? toList(doc as unknown as ListDoc) : null;
  }

  /** Also called for the list that was deleted just now. */
  async function finishRemovals(): Promise<void> {
    for (const { _id: listId } of await removals.find({}).toArray()) {
      for (;;) {
        const some = await members
          .find({ listId: String(listId) }, { projection: { _id: 1 } })
          .limit(REMOVED_AT_ONCE)
          .toArray();
        if (some.length === 0) break;
        await members.deleteMany({ _id: { $in: some.map(({ _id }) => _id) } });
      }
      await removals.deleteOne({ _id: listId });
    }
  }

  return {
    byId,
    finishRemovals,

    async create({ id, name }) {
      const now = new Date();
      await lists.updateOne(
        { _id: id as never },
        { $setOnInsert: { name, size: 0, createdAt: now, updatedAt: now } },
        { upsert: true },
      );
      return (await byId(id)) ?? { id, name, size: 0, createdAt: now, updatedAt: now };
    },

    async list(after, limit) {
      const docs = await lists
        .find(after === null ? {} : { _id: { $gt: after as never } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray();
      return docs.map((doc) => toList(doc as unknown as ListDoc));
    },

    async names(ids) {
      const docs = await lists.find({ _id: { $in: ids as never[] } }, { projection: { name: 1 } }).toArray();
      return new Map(docs.map((doc) => [String(doc._id), String(doc.name)]));
    },

    async add(listId, profileIds) {
      const keys = [...new Set(profileIds)].map((profileId) => ({ _id: `${listId}${profileId}`, profileId }));
      return connection.transaction(async (session) => {
        // First of all: who adds to the same list, or deletes it, at the same time comes after or before.
        const { matchedCount } = await lists.updateOne(
          { _id: listId as never },
          { $currentDate: { updatedAt: true } },
          { session },
        );
        if (matchedCount === 0) return null;
        const there = await members
          .find({ _id: { $in: keys.map(({ _id }) => _id) as never[] } }, { projection: { _id: 1 }, session })
          .toArray();
        const known = new Set(there.map(({ _id }) => String(_id)));
        const fresh = keys.filter(({ _id }) => !known.has(_id));
        if (fresh.length === 0) return 0;
        await members.insertMany(
          fresh.map(({ _id, profileId }) => ({ _id: _id as never, listId, profileId })),
          { session },
        );
        await lists.updateOne({ _id: listId as never }, { $inc: { size: fresh.length } }, { session });
        return fresh.length;
      }, TRANSACTION);
    },

    async profilesByIdentity(identities) {
      const docs = await connection
        .collection('identities')
        .find({ _id: { $in: identities as never[] } })
        .toArray();
      return new Map(docs.map((doc) => [String(doc._id), doc.profileId as string]));
    },

    async profilesByEmail(emails) {
      const found = new Map<string, string[]>();
      const docs = connection
        .collection('profiles')
        .find({ email: { $in: emails } }, { projection: { email: 1 } });
      for await (const { _id, email } of docs) {
        const ids = found.get(email as string) ?? [];
        ids.push(String(_id));
        found.set(email as string, ids);
      }
      return found;
    },

    async delete(id) {
      const outcome = await connection.transaction(async (session) => {
        const users = await usersOf(connection, session, 'lists', id);
        if (users.length > 0) return users;
        const { deletedCount } = await lists.deleteOne({ _id: id as never }, { session });
        if (deletedCount === 0) return null;
        await removals.insertOne({ _id: id as never }, { session });
        return 'deleted' as const;
      }, TRANSACTION);
      if (outcome === 'deleted') await finishRemovals();
      return outcome;
    },
  };
}

/**
 * Takes a profile that is erased out of every list. To be called once it can be added to none any more.
 */
export async function leaveLists(connection: Connection, profileId: string): Promise<void> {
  await connection.transaction(async (session) => {
    const held = await connection.collection('listMembers').find({ profileId }, { session }).toArray();
    if (held.length === 0) return;
    await connection.collection('listMembers').deleteMany({ profileId }, { session });
    await connection
      .collection('lists')
      .updateMany(
        { _id: { $in: held.map(({ listId }) => listId as never) } },
        { $inc: { size: -1 } },
        { session },
      );
  }, TRANSACTION);
}

function toList({ _id, held: _held, ...rest }: ListDoc): CustomList {
  return { ...rest, id: _id };
}
