import { Schema, type Connection } from 'mongoose';
import type { CampaignDefinition } from '../domain/campaign/campaign.ts';
import type { CampaignRepository } from '../domain/ports/campaigns.ts';

/** A frozen definition. */
export interface VersionDoc {
  /** Campaign id + version. */
  _id: string;
  campaignId: string;
  version: number;
  definition: CampaignDefinition;
  /** When it was published, by the database's clock. */
  createdAt: Date;
  /** The catalogue's version that first held it. */
  catalogueVersion?: number;
  /** Which call made it, so that a repeat of the call is known. */
  editId?: string;
}

const versionSchema = new Schema<VersionDoc>(
  {
    _id: { type: String, required: true },
    campaignId: { type: String, required: true },
    version: { type: Number, required: true },
    definition: { type: Schema.Types.Mixed, required: true },
    createdAt: Date,
    catalogueVersion: Number,
    editId: String,
  },
  { collection: 'campaignVersions', versionKey: false, minimize: false },
);
// The versions of a campaign in order.
versionSchema.index({ campaignId: 1, version: 1 });

// Which versions send to a webhook target.
versionSchema.index({ 'definition.what.webhookId': 1 }, { sparse: true });

const VERSIONS_KEPT = 1_000;

/** @returns the `_id` of a version */
export function versionKey(campaignId: string, version: number): string {
  return `${campaignId}/${version}`;
}

/** @returns the collection of frozen definitions, and how they are read */
export function createCampaignVersions(connection: Connection) {
  const model = connection.model<VersionDoc>('CampaignVersion', versionSchema);
  // A version never changes, so it may be kept.
  const kept = new Map<string, CampaignDefinition>();

  const reads: Pick<CampaignRepository, 'version' | 'versions'> = {
    async version(id, version) {
      const key = versionKey(id, version);
      const known = kept.get(key);
      if (known) return known;
      const doc = await model.findById(key).lean<VersionDoc>().exec();
      if (!doc) return null;
      if (kept.size >= VERSIONS_KEPT) kept.delete(kept.keys().next().value ?? '');
      kept.set(key, doc.definition);
      return doc.definition;
    },

    async versions(campaignId, after, limit) {
      const docs = await model
        .find({ campaignId, version: { $gt: after } })
        .sort({ version: 1 })
        .limit(limit)
        .lean<VersionDoc[]>()
        .exec();
      return docs.map(({ version, createdAt, definition }) => ({
        version,
        publishedAt: createdAt,
        definition,
      }));
    },
  };
  return { collection: model.collection, ...reads };
}
