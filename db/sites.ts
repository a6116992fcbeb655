import { Schema, type Connection } from 'mongoose';
import type { SiteRepository } from '../domain/ports/people.ts';
import { WebsitePushIdTakenError } from '../domain/site-errors.ts';
import type { Site, VapidKeys } from '../domain/site.ts';
import { isDuplicateKey } from './connection.ts';
import { createSiteSecrets } from './site-secrets.ts';
import { createVault, type Vault } from './vault.ts';

interface SiteDoc extends Omit<Site, 'id'> {
  _id: string;
}

const keyPair = {
  publicKey: { type: String, required: true },
  privateKey: { type: String, required: true },
  /** Which rotation made it current. */
  rotation: String,
};

const siteSchema = new Schema<SiteDoc>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    origins: [String],
    timezone: String,
    vapid: keyPair,
    earlierVapid: { type: [{ ...keyPair, retiredAt: Date, _id: false }], default: undefined },
    firstVapidPublicKey: String,
    fcmLegacy: { type: { senderId: String, serverKey: String }, _id: false },
    safari: Schema.Types.Mixed,
    defaultIcon: String,
    receiptKey: { type: String, required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: 'sites', versionKey: false },
);
// Which site a call of Safari is about. Each website push id belongs to one site.
siteSchema.index({ 'safari.websitePushId': 1 }, { unique: true, sparse: true });

/** @param vault seals the secrets of sites; by default none can be kept */
export function createSiteRepository(
  connection: Connection,
  vault: Vault = createVault(null),
): SiteRepository {
  const model = connection.model<SiteDoc>('Site', siteSchema);
  const sites = model.collection;
  const secrets = createSiteSecrets(vault);
  const toSite = ({ _id, ...rest }: SiteDoc): Site => secrets.openSite({ ...rest, id: _id });

  async function byId(id: string | undefined): Promise<Site | null> {
    if (id === undefined) return null;
    const doc = await model.findById(id).lean<SiteDoc>().exec();
    return doc ? toSite(doc) : null;
  }

  return {
    byId,

    async create({ id, vapid, fcmLegacy, safari, ...rest }) {
      const sealed = {
        ...rest,
        vapid: secrets.sealVapid(id, vapid),
        ...(fcmLegacy ? { fcmLegacy: secrets.sealFcm(id, fcmLegacy) } : {}),
        ...(safari ? { safari: secrets.sealSafari(id, safari) } : {}),
      };
      await orPushIdTaken(sites.insertOne({ _id: id as never, ...sealed }, { ignoreUndefined: true }));
    },

    async byWebsitePushId(websitePushId) {
      const doc = await model.findOne({ 'safari.websitePushId': websitePushId }).lean<SiteDoc>().exec();
      return doc ? toSite(doc) : null;
    },

    async list(after, limit) {
      const docs = await model
        .find(after === null ? {} : { _id: { $gt: after } })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<SiteDoc[]>()
        .exec();
      return docs.map(toSite);
    },

    async change(id, patch) {
      const set: Record<string, unknown> = {};
      const unset: Record<string, true> = {};
      for (const [name, value] of Object.entries(patch)) {
        if (value === null) unset[name] = true;
        else if (value !== undefined) set[name] = value;
      }
      if (patch.fcmLegacy) set.fcmLegacy = secrets.sealFcm(id, patch.fcmLegacy);
      if (patch.safari) set.safari = secrets.sealSafari(id, patch.safari);
      const update = {
        ...(Object.keys(set).length > 0 ? { $set: set } : {}),
        ...(Object.keys(unset).length > 0 ? { $unset: unset } : {}),
      };
      if (Object.keys(update).length > 0) {
        await orPushIdTaken(sites.updateOne({ _id: id as never }, update, { ignoreUndefined: true }));
      }
      return byId(id);
    },

    async rotateVapid(id, keys, rotation) {
      for (;;) {
        const doc = await model.findById(id).lean<SiteDoc>().exec();
        if (!doc) return null;
        const pairs = [doc.vapid, ...(doc.earlierVapid ?? [])] as (VapidKeys & { rotation?: string })[];
        if (pairs.some((pair) => pair.rotation === rotation)) return toSite(doc);
        if (doc.vapid.publicKey === keys.publicKey) return toSite(doc);
        const others = (doc.earlierVapid ?? []).filter(({ publicKey }) => publicKey !== keys.publicKey);
        const set = {
          vapid: {
            ...secrets.sealVapid(id, { publicKey: keys.publicKey, privateKey: keys.privateKey }),
            rotation,
          },
          // Whatever was written in the clear is sealed on this occasion, if it can be.
          earlierVapid: [{ ...doc.vapid, retiredAt: new Date() }, ...others].map((pair) =>
            secrets.sealVapid(id, pair),
          ),
          firstVapidPublicKey: doc.firstVapidPublicKey ?? doc.vapid.publicKey,
        };
        // Only from the pair that was read: two rotations at once keep both pairs.
        const before = { _id: id as never, 'vapid.publicKey': doc.vapid.publicKey };
        const { matchedCount } = await sites.updateOne(before, { $set: set });
        if (matchedCount === 1) return byId(id);
      }
    },

    async removeVapid(id, publicKey) {
      const doc = await model.findById(id).lean<SiteDoc>().exec();
      if (!doc) return null;
      // Whose key is not noted was made under the first one, and must not be taken for one of another.
      const set = { firstVapidPublicKey: doc.firstVapidPublicKey ?? doc.vapid.publicKey };
      const pull = { earlierVapid: { publicKey } };
      await sites.updateOne({ _id: id as never }, { $set: set, $pull: pull } as never);
      return byId(id);
    },
  };
}

/** Another site may take the id between the look at it and the write. */
async function orPushIdTaken<T>(write: Promise<T>): Promise<T> {
  try {
    return await write;
  } catch (error) {
    const { keyPattern } = error as { keyPattern?: object };
    if (isDuplicateKey(error) && keyPattern && 'safari.websitePushId' in keyPattern) {
      throw new WebsitePushIdTakenError();
    }
    throw error;
  }
}
