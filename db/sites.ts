import { Schema, type Connection } from 'mongoose';
import type { SiteRepository } from '../domain/ports/repositories.ts';
import type { Site } from '../domain/site.ts';

interface SiteDoc extends Omit<Site, 'id'> {
  _id: string;
}

const siteSchema = new Schema<SiteDoc>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    origins: [String],
    timezone: String,
    vapid: { publicKey: { type: String, required: true }, privateKey: { type: String, required: true } },
    receiptKey: { type: String, required: true },
    createdAt: { type: Date, required: true },
  },
  { collection: 'sites', versionKey: false },
);

export function createSiteRepository(connection: Connection): SiteRepository {
  const model = connection.model<SiteDoc>('Site', siteSchema);
  return {
    async create({ id, ...rest }) {
      await model.collection.insertOne({ _id: id as never, ...rest }, { ignoreUndefined: true });
    },
    async byId(id) {
      const doc = await model.findById(id).lean<SiteDoc>().exec();
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
  };
}

function toSite({ _id, ...rest }: SiteDoc): Site {
  return { ...rest, id: _id };
}
