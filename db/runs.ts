import { Schema, type Connection } from 'mongoose';
import type { Run, RunRepository } from '../domain/ports/repositories.ts';
import { isRunOver } from '../domain/run.ts';

interface RunDoc extends Omit<Run, 'id'> {
  _id: string;
  /** Pages that were inserted while its rows could not be drawn yet. */
  pages?: number;
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
    aborted: String,
    pages: Number,
  },
  { collection: 'runs', versionKey: false },
);
// A campaign's runs.
runSchema.index({ campaignId: 1, _id: 1 });
// The sweep for runs that are not finished.
runSchema.index({ status: 1 });

export function createRunRepository(connection: Connection): RunRepository {
  const model = connection.model<RunDoc>('Run', runSchema);

  async function byId(id: string): Promise<Run | null> {
    const doc = await model.findById(id).lean<RunDoc>().exec();
    return doc ? toRun(doc) : null;
  }

  return {
    byId,

    async open({ id, ...rest }) {
      await model.collection.updateOne(
        { _id: id as never },
        { $setOnInsert: { ...rest, status: 'materialising', createdAt: new Date() } },
        { upsert: true },
      );
      return (await byId(id))!;
    },

    async setStatus(id, status) {
      const final = isRunOver(status);
      await model.collection.updateOne({ _id: id as never, status: { $nin: ['completed', 'stopped'] } }, [
        { $set: { status, ...(final ? { finishedAt: '$$NOW' } : {}) } },
      ]);
    },

    async list(campaignId, after, limit) {
      const docs = await model
        .find({ campaignId, ...(after === null ? {} : { _id: { $gt: after } }) })
        .sort({ _id: 1 })
        .limit(limit)
        .lean<RunDoc[]>()
        .exec();
      return docs.map(toRun);
    },

    async unfinished(limit) {
      const docs = await model
        .find({ status: { $in: ['materialising', 'draining'] } })
        .limit(limit)
        .lean<RunDoc[]>()
        .exec();
      return docs.map(toRun);
    },
  };
}

function toRun({ _id, pages: _pages, ...rest }: RunDoc): Run {
  return { ...rest, id: _id };
}
