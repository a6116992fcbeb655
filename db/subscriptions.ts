import { Schema, type ClientSession, type Connection } from 'mongoose';
import type { SubscriptionRepository } from '../domain/ports/people.ts';
import { OtherVisitorError } from '../domain/site-errors.ts';
import { MAX_DEVICES, TRANSPORTS, type Subscription, type Transport } from '../domain/site.ts';
import { derivedId } from './ids.ts';

interface SubscriptionDoc extends Omit<Subscription, 'id'> {
  _id: string;
  /** Of one whose browser subscribed anew: what took its place. */
  replacedBy?: { id: string; transport: Transport };
  /** Stands for the visitor who registered it, where that is to be proved again. */
  visitor?: string;
}

/** `_id` is derived from site and endpoint, which makes the pair unique without an index of its own. */
const subscriptionSchema = new Schema<SubscriptionDoc>(
  {
    _id: { type: String, required: true },
    siteId: { type: String, required: true },
    profileId: { type: String, required: true },
    transport: { type: String, enum: TRANSPORTS, required: true },
    endpoint: { type: String, required: true },
    keys: { p256dh: String, auth: String },
    vapidPublicKey: String,
    status: { type: String, enum: ['active', 'optedOut', 'expired'], required: true },
    browserType: String,
    platformName: String,
    language: String,
    country: String,
    timezone: String,
    topics: [String],
    customAttributes: { type: Schema.Types.Mixed, default: {} },
    createdAt: Date,
    syncedAt: Date,
    replacedBy: { type: { id: String, transport: String }, _id: false },
    visitor: String,
  },
  { collection: 'subscriptions', versionKey: false, minimize: false },
);
// The addresses of a page of profiles on a site or on any, and all of one profile.
subscriptionSchema.index({ profileId: 1, siteId: 1, status: 1 });
// Listing a site's subscriptions.
subscriptionSchema.index({ siteId: 1, _id: 1 });
// Counting a site's subscriptions by transport and key, and those that moved over.
subscriptionSchema.index({ siteId: 1, status: 1, transport: 1, vapidPublicKey: 1 });

export function createSubscriptionRepository(connection: Connection): SubscriptionRepository {
  const model = connection.model<SubscriptionDoc>('Subscription', subscriptionSchema);
  const profiles = connection.collection('profiles');

  async function byId(id: string): Promise<Subscription | null> {
    const doc = await model.findById(id).lean<SubscriptionDoc>().exec();
    return doc ? toSubscription(doc) : null;
  }

  /** @param may looks at the one there is before it is changed, and throws what speaks against it */
  async function setStatus(
    id: string,
    status: Subscription['status'],
    may: (doc: Partial<SubscriptionDoc>) => void = () => undefined,
  ): Promise<Subscription | null> {
    await connection.transaction(async (session) => {
      const doc = await model.collection.findOneAndUpdate(
        { _id: id as never },
        [{ $set: { status, syncedAt: '$$NOW' } }],
        { session },
      );
      if (!doc) return;
      // What is thrown takes the change back with the transaction.
      may(doc as unknown as SubscriptionDoc);
      await noteReach([doc.profileId as string], session);
    });
    return byId(id);
  }

  /** Expires what a profile has on a site beyond the most it may have: those synced longest ago, but not `kept`. */
  async function expireBeyondMost(kept: SubscriptionDoc, session: ClientSession): Promise<void> {
    const { profileId, siteId, _id } = kept;
    const beyond = await model.collection
      .find(
        { profileId, siteId, status: 'active', _id: { $ne: _id as never } },
        { session, projection: { _id: 1 } },
      )
      .sort({ syncedAt: -1, _id: 1 })
      .skip(MAX_DEVICES - 1)
      .toArray();
    if (beyond.length === 0) return;
    const filter = { _id: { $in: beyond.map((doc) => doc._id) } };
    await model.collection.updateMany(filter, [{ $set: { status: 'expired', syncedAt: '$$NOW' } }], {
      session,
    });
  }

  /**
   * Writes down on which sites profiles can be reached, in the transaction that changed their subscriptions.
   * The version makes two such transactions about one profile conflict, so that neither goes by what the other
   * has just changed.
   */
  async function noteReach(profileIds: string[], session: ClientSession): Promise<void> {
    const ids = [...new Set(profileIds)];
    const active = await model.collection
      .find(
        { profileId: { $in: ids }, status: 'active' },
        { session, projection: { profileId: 1, siteId: 1 } },
      )
      .toArray();
    const sites = new Map<string, Set<string>>(ids.map((id) => [id, new Set<string>()]));
    for (const doc of active) sites.get(doc.profileId as string)?.add(doc.siteId as string);
    await profiles.bulkWrite(
      ids.map((id) => ({
        updateOne: {
          filter: { _id: id as never },
          update: { $set: { pushSites: [...sites.get(id)!].sort() }, $inc: { reachVersion: 1 } },
        },
      })),
      { session },
    );
  }

  return {
    byId,
    setStatus: (id, status) => setStatus(id, status),

    byEndpoint: (siteId, endpoint) => byId(derivedId(siteId, endpoint)),

    async replace(id, replacedBy) {
      await connection.transaction(async (session) => {
        const doc = await model.collection.findOneAndUpdate(
          { _id: id as never, status: 'active' },
          [
            {
              $set: {
                status: 'expired',
                syncedAt: '$$NOW',
                replacedBy: { $literal: { id: replacedBy.id, transport: replacedBy.transport } },
              },
            },
          ],
          { session },
        );
        if (doc) await noteReach([doc.profileId as string], session);
      });
    },

    async upsert(subscription, owner, vapidPublicKey) {
      const _id = derivedId(subscription.siteId, subscription.endpoint);
      const fields: Record<string, unknown> = {
        status: 'active',
        syncedAt: '$$NOW',
        createdAt: { $ifNull: ['$createdAt', '$$NOW'] },
      };
      for (const [key, value] of Object.entries(subscription)) {
        if (value !== undefined) fields[key] = { $literal: value };
      }
      if (owner === 'keep') fields.profileId = { $ifNull: ['$profileId', fields.profileId] };
      if (vapidPublicKey !== undefined && subscription.transport === 'vapid') {
        // One that was there before keys were noted was made under the site's first: nothing is noted now either.
        fields.vapidPublicKey ??= {
          $ifNull: [
            '$vapidPublicKey',
            { $cond: [{ $gt: ['$createdAt', null] }, '$$REMOVE', { $literal: vapidPublicKey }] },
          ],
        };
      }
      fields.replacedBy = '$$REMOVE';
      fields.topics ??= { $ifNull: ['$topics', []] };
      fields.customAttributes ??= { $ifNull: ['$customAttributes', {}] };
      const which = { _id: _id as never };
      return connection.transaction(async (session) => {
        const projection = { profileId: 1, status: 1, visitor: 1 };
        const before = await model.collection.findOne(which, { session, projection });
        const known = before?.status === 'active' ? (before.visitor as string | undefined) : undefined;
        if (subscription.visitor !== undefined && known !== undefined && known !== subscription.visitor) {
          throw new OtherVisitorError();
        }
        const after = (await model.collection.findOneAndUpdate(which, [{ $set: fields }], {
          upsert: true,
          returnDocument: 'after',
          session,
        })) as unknown as SubscriptionDoc;
        await expireBeyondMost(after, session);
        const owners = [after.profileId, ...(before ? [before.profileId as string] : [])];
        await noteReach(owners, session);
        return { subscription: toSubscription(after), created: before === null };
      });
    },

    async list(filter, after, limit) {
      const docs = await model
        .find({ ...filter, ...(after === null ? {} : { _id: { $gt: after } }) })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<SubscriptionDoc[]>()
        .exec();
      return docs.map(toSubscription);
    },

    async activeOf(siteId, profileIds) {
      const docs = await model
        .find({
          profileId: { $in: profileIds },
          ...(siteId === undefined ? {} : { siteId }),
          status: 'active',
        })
        .sort({ createdAt: 1, _id: 1 })
        .lean<SubscriptionDoc[]>()
        .exec();
      const byProfile = new Map<string, Subscription[]>();
      for (const doc of docs) {
        const list = byProfile.get(doc.profileId);
        if (list) list.push(toSubscription(doc));
        else byProfile.set(doc.profileId, [toSubscription(doc)]);
      }
      return byProfile;
    },

    async latestZones(profileIds) {
      const docs = await model
        .find({ profileId: { $in: profileIds }, status: 'active', timezone: { $exists: true } })
        .select({ profileId: 1, timezone: 1, syncedAt: 1 })
        .lean<Pick<SubscriptionDoc, '_id' | 'profileId' | 'timezone' | 'syncedAt'>[]>()
        .exec();
      // The id settles a tie: every campaign is to find the same one.
      docs.sort((a, b) => a.syncedAt.getTime() - b.syncedAt.getTime() || (a._id < b._id ? -1 : 1));
      return new Map(docs.flatMap(({ profileId, timezone }) => (timezone ? [[profileId, timezone]] : [])));
    },

    async expire(ids) {
      return connection.transaction(async (session) => {
        const filter = { _id: { $in: ids as never[] }, status: 'active' };
        const docs = await model.collection.find(filter, { session, projection: { profileId: 1 } }).toArray();
        if (docs.length === 0) return 0;
        const set = [{ $set: { status: 'expired', syncedAt: '$$NOW' } }];
        const answer = await model.collection.updateMany(filter, set, { session });
        await noteReach(
          docs.map((doc) => doc.profileId as string),
          session,
        );
        return answer.modifiedCount;
      });
    },

    async countByTransport(siteId) {
      const [active, movedToVapid] = await Promise.all([
        model.collection
          .aggregate<{ _id: { transport: Transport; key: string }; count: number }>([
            { $match: { siteId, status: 'active' } },
            {
              $group: {
                _id: { transport: '$transport', key: { $ifNull: ['$vapidPublicKey', ''] } },
                count: { $sum: 1 },
              },
            },
          ])
          .toArray(),
        model.collection.countDocuments({
          siteId,
          status: 'expired',
          transport: 'fcmLegacy',
          'replacedBy.transport': 'vapid',
        }),
      ]);
      const transports: Record<Transport, number> = { vapid: 0, fcmLegacy: 0, apns: 0 };
      const vapidKeys: Record<string, number> = {};
      for (const { _id: group, count } of active) {
        transports[group.transport] += count;
        if (group.transport === 'vapid') vapidKeys[group.key] = (vapidKeys[group.key] ?? 0) + count;
      }
      return { transports, vapidKeys, movedToVapid };
    },

    async isOfVisitor(siteId, endpoint, visitor) {
      const found = await model.collection.findOne({ _id: derivedId(siteId, endpoint) as never, visitor });
      return found !== null;
    },

    async optOut(siteId, endpoint, visitor) {
      await setStatus(derivedId(siteId, endpoint), 'optedOut', (doc) => {
        if (doc.visitor !== undefined && doc.visitor !== visitor) throw new OtherVisitorError();
      });
    },
  };
}

function toSubscription({
  _id,
  replacedBy: _replacedBy,
  visitor: _visitor,
  ...rest
}: SubscriptionDoc): Subscription {
  return { ...rest, id: _id };
}
