import { Schema, type Connection } from 'mongoose';
import { derivedId } from './ids.ts';
import type { Run } from '../domain/delivery/run.ts';
import type { RunRepository } from '../domain/ports/runs.ts';
import { isRunOver, OPEN_RUN_STATUSES, RUN_OVER_STATUSES } from '../domain/delivery/run.ts';

interface RunDoc extends Omit<Run, 'id'> {
  _id: string;
  /** Pages that were inserted while its rows could not be drawn yet. */
  pages?: number;
  /** The figures counted last, for those who ask how far it has come. */
  counts?: unknown;
}

const runSchema = new Schema<RunDoc>(
  {
    _id: { type: String, required: true },
    campaignId: { type: String, required: true },
    version: { type: Number, required: true },
    instant: { type: Date, required: true },
    status: { type: String, required: true },
    createdAt: Date,
    finishedAt: Date,
    plannedAt: Date,
    local: String,
    aborted: String,
    pages: Number,
    drainingAt: Date,
    counts: Schema.Types.Mixed,
  },
  { collection: 'runs', versionKey: false },
);
// A campaign's runs, the latest of them, after which the next occurrence comes, and the first one.
runSchema.index({ campaignId: 1, instant: -1 });
// The sweep for runs that are not finished.
runSchema.index({ status: 1 });

const MOST_OPEN = 1_000;

export function createRunRepository(connection: Connection): RunRepository {
  const model = connection.model<RunDoc>('Run', runSchema);

  async function byId(id: string): Promise<Run | null> {
    const doc = await model.findById(id).lean<RunDoc>().exec();
    return doc ? toRun(doc) : null;
  }

  return {
    byId,

    async openDue({ id: campaignId, version }, due) {
      if (due.length === 0) return;
      const createdAt = new Date();
      const writes = due.map(({ local, instant, plannedAt }, i) => {
        const isMissed = i < due.length - 1;
        const state = isMissed ? { status: 'missed', finishedAt: createdAt } : { status: 'materialising' };
        const run = { campaignId, version, local, instant, plannedAt, createdAt, ...state };
        const _id = derivedId(campaignId, instant.toISOString()) as never;
        return { updateOne: { filter: { _id }, update: { $setOnInsert: run }, upsert: true } };
      });
      await model.collection.bulkWrite(writes);
    },

    async latest(campaignId) {
      const doc = await model.findOne({ campaignId }).sort({ instant: -1 }).lean<RunDoc>().exec();
      return doc ? toRun(doc) : null;
    },

    async first(campaignId, version) {
      const query = { campaignId, status: { $ne: 'missed' as const }, version: { $gte: version } };
      const doc = await model.findOne(query).sort({ instant: 1 }).lean<RunDoc>().exec();
      return doc ? toRun(doc) : null;
    },

    async openOf(campaignId) {
      const docs = await model
        .find({ campaignId, status: { $in: [...OPEN_RUN_STATUSES] } })
        .limit(MOST_OPEN)
        .lean<RunDoc[]>()
        .exec();
      return docs.map(toRun);
    },

    async setStatus(id, status) {
      const final = isRunOver(status);
      await model.collection.updateOne({ _id: id as never, status: { $nin: [...RUN_OVER_STATUSES] } }, [
        {
          $set: {
            status,
            ...(status === 'draining' ? { drainingAt: { $ifNull: ['$drainingAt', '$$NOW'] } } : {}),
            ...(final ? { finishedAt: '$$NOW' } : {}),
          },
        },
      ]);
    },

    async list(campaignId, after, limit) {
      const last = after === null ? null : await byId(after);
      if (after !== null && last?.campaignId !== campaignId) return [];
      const docs = await model
        .find({ campaignId, ...(last ? { instant: { $lt: last.instant } } : {}) })
        .sort({ instant: -1 })
        .limit(limit)
        .lean<RunDoc[]>()
        .exec();
      return docs.map(toRun);
    },

    async unfinished(after, limit) {
      const docs = await model
        .find({
          status: { $in: [...OPEN_RUN_STATUSES] },
          ...(after === null ? {} : { _id: { $gt: after } }),
        })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<RunDoc[]>()
        .exec();
      return docs.map(toRun);
    },
  };
}

function toRun({ _id, pages: _pages, counts: _counts, ...rest }: RunDoc): Run {
  return { ...rest, id: _id };
}
