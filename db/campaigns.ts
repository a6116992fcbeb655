import { Schema, type ClientSession, type Connection } from 'mongoose';
import {
  isUnderWay,
  mayBecome,
  segmentOf,
  UNDER_WAY,
  type Campaign,
  type CampaignDefinition,
} from '../domain/campaign/campaign.ts';
import type { CampaignRepository } from '../domain/ports/campaigns.ts';
import { createCampaignVersions, versionKey } from './campaign-versions.ts';
import { bumpCatalogue } from './catalogue.ts';
import { holdReferences, holdWebhook, TRANSACTION, usesOf, type Uses } from './references.ts';

interface CampaignDoc extends Omit<Campaign, 'id'> {
  _id: string;
  /** What its definition refers to. */
  uses?: Uses;
}

interface CounterDoc {
  _id: string;
  value: number;
}

const campaignSchema = new Schema<CampaignDoc>(
  {
    _id: { type: String, required: true },
    targetId: { type: Number, required: true },
    status: { type: String, required: true },
    version: { type: Number, required: true },
    definition: { type: Schema.Types.Mixed, required: true },
    createdAt: Date,
    updatedAt: Date,
    publishedAt: Date,
    versionAt: Date,
    rescheduledAt: Date,
    untold: Boolean,
    startsAt: Date,
    endsAt: Date,
    catalogueVersion: Number,
    finishedAt: Date,
    archivedAt: Date,
    winners: { type: Schema.Types.Mixed, default: undefined },
    uses: { type: { segments: [String], lists: [String] }, default: undefined },
  },
  { collection: 'campaigns', versionKey: false, minimize: false },
);
// Lists by status, the view of active campaigns, and the sweep for campaigns that are not finished.
campaignSchema.index({ status: 1, _id: 1 });
// The sweep for campaigns that are not done with.
campaignSchema.index({ finishedAt: 1, status: 1 });
// Lists by label.
campaignSchema.index({ 'definition.labels': 1, _id: 1 });
// Which campaigns use a saved segment, and which a list.
campaignSchema.index({ 'uses.segments': 1 });
campaignSchema.index({ 'uses.lists': 1 });
// Which campaigns send to a webhook target.
campaignSchema.index({ 'definition.what.webhookId': 1 }, { sparse: true });
// The integer that payloads name a campaign by.
campaignSchema.index({ targetId: 1 }, { unique: true });

const counterSchema = new Schema<CounterDoc>(
  { _id: { type: String, required: true }, value: { type: Number, required: true } },
  { collection: 'counters', versionKey: false },
);

/** Of how many contests a campaign keeps the winners: edits make more of them. */
const WINNERS_KEPT = 100;

/** How far the clocks of Temporal, which waits for an end, and of the database may be apart. */
const CLOCKS_APART_MS = 5_000;

export function createCampaignRepository(connection: Connection): CampaignRepository {
  const model = connection.model<CampaignDoc>('Campaign', campaignSchema);
  const campaigns = model.collection;
  const versions = createCampaignVersions(connection);
  const counters = connection.model<CounterDoc>('Counter', counterSchema).collection;

  async function byId(id: string, session?: ClientSession): Promise<Campaign | null> {
    const doc = await model
      .findById(id)
      .session(session ?? null)
      .lean<CampaignDoc>()
      .exec();
    return doc ? toCampaign(doc) : null;
  }

  async function hold(definition: CampaignDefinition, session: ClientSession): Promise<void> {
    const segment = segmentOf(definition);
    if (segment) await holdReferences(connection, session, { name: definition.name, segment });
    if (definition.channel === 'webhook') await holdWebhook(connection, session, definition.what.webhookId);
  }

  /** Keeps the definition that a campaign has now as its version. */
  async function freeze(
    campaign: Campaign,
    at: Date,
    session: ClientSession,
    editId?: string,
  ): Promise<void> {
    const { id, version, definition, catalogueVersion } = campaign;
    const _id = versionKey(id, version) as never;
    const fields = { campaignId: id, version, definition, createdAt: at, catalogueVersion, editId };
    await versions.collection.insertOne({ _id, ...fields }, { session });
  }

  return {
    byId: (id) => byId(id),

    async create(id, definition) {
      const known = await byId(id);
      if (known) return known;
      const counter = await counters.findOneAndUpdate(
        { _id: 'targetId' as never },
        { $inc: { value: 1 } },
        { upsert: true, returnDocument: 'after' },
      );
      return connection.transaction(async (session) => {
        await hold(definition, session);
        const now = new Date();
        const fields = { targetId: counter?.value as number, status: 'draft', version: 0, definition };
        // Only ever an insert: what this id stands for already is left as it is.
        await campaigns.updateOne(
          { _id: id as never },
          {
            $setOnInsert: { ...fields, uses: usesOf(segmentOf(definition)), createdAt: now, updatedAt: now },
          },
          { upsert: true, session },
        );
        return (await byId(id, session))!;
      }, TRANSACTION);
    },

    async list(filter, after, limit) {
      const docs = await model
        .find({
          ...(filter.status ? { status: filter.status } : {}),
          ...(filter.label ? { 'definition.labels': filter.label } : {}),
          ...(filter.channel ? { 'definition.channel': filter.channel } : {}),
          ...(filter.archived === undefined ? {} : { archivedAt: { $exists: filter.archived } }),
          ...(after === null ? {} : { _id: { $gt: after } }),
        })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<CampaignDoc[]>()
        .exec();
      return docs.map(toCampaign);
    },

    async replaceDraft(id, definition) {
      return connection.transaction(async (session) => {
        const uses = usesOf(segmentOf(definition));
        const doc = await campaigns.findOneAndUpdate(
          { _id: id as never, status: 'draft' },
          [{ $set: { definition: { $literal: definition }, uses, updatedAt: '$$NOW' } }],
          { returnDocument: 'after', session },
        );
        if (!doc) return null;
        await hold(definition, session);
        return toCampaign(doc as unknown as CampaignDoc);
      }, TRANSACTION);
    },

    async deleteDraft(id) {
      const answer = await campaigns.deleteOne({ _id: id as never, status: 'draft' });
      return answer.deletedCount === 1;
    },

    async setArchived(id, archived) {
      const set = archived
        ? { archivedAt: { $ifNull: ['$archivedAt', '$$NOW'] } }
        : { archivedAt: '$$REMOVE' };
      const doc = await campaigns.findOneAndUpdate(
        { _id: id as never, status: { $in: ['draft', 'completed', 'stopped'] } },
        // A publish that judged it before it was put away finds it changed.
        [{ $set: { ...set, updatedAt: '$$NOW' } }],
        { returnDocument: 'after' },
      );
      return doc ? toCampaign(doc as unknown as CampaignDoc) : null;
    },

    async publish(id, plan) {
      return connection.transaction(async (session) => {
        const draft = await byId(id, session);
        if (draft?.status !== 'draft' || draft.updatedAt.getTime() !== plan.judged.getTime()) return null;
        await hold(draft.definition, session);
        const version = draft.version + 1;
        const catalogueVersion = await bumpCatalogue(connection, session);
        const isNow = plan.startsAt === 'now';
        await campaigns.updateOne(
          { _id: id as never },
          [
            {
              $set: {
                status: isNow ? 'running' : 'scheduled',
                version,
                catalogueVersion,
                publishedAt: '$$NOW',
                updatedAt: '$$NOW',
                startsAt: isNow ? '$$NOW' : plan.startsAt,
                ...(plan.endsAt ? { endsAt: plan.endsAt } : {}),
              },
            },
          ],
          { session },
        );
        const published = (await byId(id, session))!;
        await freeze(published, published.publishedAt!, session);
        return published;
      });
    },

    async edit(id, { editId, judged, definition, startsAt, endsAt, rescheduled }) {
      return connection.transaction(async (session) => {
        const doc = await model.findById(id).session(session).lean<CampaignDoc>().exec();
        if (!doc || !isUnderWay(doc.status)) return null;
        const last = await versions.collection.findOne(
          { _id: versionKey(id, doc.version) as never },
          { session, projection: { editId: 1 } },
        );
        if (last?.editId === editId) return toCampaign(doc);
        if (doc.updatedAt.getTime() !== judged.getTime()) return null;
        await hold(definition, session);
        const catalogueVersion = await bumpCatalogue(connection, session);
        const isNow = startsAt === 'now';
        await campaigns.updateOne(
          { _id: id as never },
          [
            {
              $set: {
                definition: { $literal: definition },
                version: doc.version + 1,
                // Whoever is inside is still judged by what its own version refers to.
                uses: union(doc.uses, usesOf(segmentOf(definition))),
                catalogueVersion,
                untold: true,
                versionAt: '$$NOW',
                updatedAt: '$$NOW',
                endsAt: endsAt ?? '$$REMOVE',
                ...(startsAt === undefined ? {} : { startsAt: isNow ? '$$NOW' : startsAt }),
                ...(isNow && doc.status === 'scheduled' ? { status: 'running' } : {}),
                ...(rescheduled ? { rescheduledAt: '$$NOW' } : {}),
              },
            },
          ],
          { session },
        );
        const edited = (await byId(id, session))!;
        await freeze(edited, edited.versionAt!, session, editId);
        return edited;
      }, TRANSACTION);
    },

    async told({ id, updatedAt }) {
      await campaigns.updateOne({ _id: id as never, updatedAt }, { $unset: { untold: '' } });
    },

    async changeStatus(id, from, to) {
      const isResumed = from.includes('paused') && (to === 'running' || to === 'scheduled');
      return connection.transaction(async (session) => {
        const answer = await campaigns.updateOne(
          { _id: id as never, status: { $in: from.filter((status) => mayBecome(status, to)) } },
          [{ $set: { status: to, updatedAt: '$$NOW', ...(isResumed ? { untold: true } : {}) } }],
          { session },
        );
        if (answer.modifiedCount === 0) return null;
        await bumpCatalogue(connection, session);
        return byId(id, session);
      });
    },

    version: versions.version,
    versions: versions.versions,

    async complete(id, version) {
      const by = { $add: ['$$NOW', CLOCKS_APART_MS] };
      const hasEnded = { endsAt: { $exists: true }, $expr: { $lte: ['$endsAt', by] } };
      const isOver = [hasEnded, ...(version === null ? [] : [{ version }])];
      return connection.transaction(async (session) => {
        const answer = await campaigns.updateOne(
          { _id: id as never, status: { $in: [...UNDER_WAY] }, $or: isOver },
          [{ $set: { status: 'completed', updatedAt: '$$NOW' } }],
          { session },
        );
        if (answer.modifiedCount === 1) await bumpCatalogue(connection, session);
        return answer.modifiedCount === 1;
      });
    },

    async setWinner(id, contest, variant) {
      const known = { $ifNull: ['$winners', []] };
      const added = { contest: { $literal: contest }, variant: { $literal: variant }, at: '$$NOW' };
      const latest = { $slice: [{ $concatArrays: [known, [added]] }, -WINNERS_KEPT] };
      const isDecided = { $in: [{ $literal: contest }, { $ifNull: ['$winners.contest', []] }] };
      const doc = await campaigns.findOneAndUpdate(
        { _id: id as never },
        [{ $set: { winners: { $cond: [isDecided, known, latest] } } }],
        { returnDocument: 'after' },
      );
      const winners = (doc as unknown as CampaignDoc | null)?.winners;
      return winners?.find((winner) => winner.contest === contest)?.variant ?? variant;
    },

    async finish(id) {
      await campaigns.updateOne({ _id: id as never, finishedAt: { $exists: false } }, [
        { $set: { finishedAt: '$$NOW' } },
      ]);
    },

    async unfinished(after, limit) {
      const docs = await model
        .find({
          status: { $ne: 'draft' },
          finishedAt: { $exists: false },
          ...(after === null ? {} : { _id: { $gt: after } }),
        })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<CampaignDoc[]>()
        .exec();
      return docs.map(toCampaign);
    },
  };
}

function union(a: Uses | undefined, b: Uses): Uses {
  return {
    segments: [...new Set([...(a?.segments ?? []), ...b.segments])],
    lists: [...new Set([...(a?.lists ?? []), ...b.lists])],
  };
}

function toCampaign({ _id, uses: _uses, ...rest }: CampaignDoc): Campaign {
  return { ...rest, id: _id };
}
