import { createHash } from 'node:crypto';
import { Schema, type Connection } from 'mongoose';
import type { PromotedProperty, PromotedPropertyRepository } from '../../domain/ports/audience.ts';

interface PromotedDoc extends PromotedProperty {
  _id: string;
}

const promotedSchema = new Schema<PromotedDoc>(
  {
    _id: { type: String, required: true },
    event: { type: String, required: true },
    property: { type: String, required: true },
  },
  { collection: 'promotedProperties', versionKey: false },
);

/** A collection has room for 64 indexes, and each costs a little with every event. */
export const MOST_PROMOTED = 20;

/** Properties of events with an index of their own: a partial one, which only events of that name are in. */
export function createPromotedPropertyRepository(connection: Connection): PromotedPropertyRepository {
  const promoted = connection.model<PromotedDoc>('PromotedProperty', promotedSchema).collection;
  const events = connection.collection('events');

  return {
    async list() {
      const docs = await promoted.find({}).sort({ event: 1, property: 1 }).toArray();
      return docs.map((doc) => ({ event: doc.event as string, property: doc.property as string }));
    },

    async promote({ event, property }) {
      const name = indexName({ event, property });
      const known = await promoted.findOne({ _id: name as never });
      if (known === null && (await promoted.countDocuments({})) >= MOST_PROMOTED) return 'full';
      await promoted.updateOne(
        { _id: name as never },
        { $setOnInsert: { event, property } },
        { upsert: true },
      );
      await events.createIndex(
        { [`properties.${property}`]: 1, time: 1, profileId: 1 },
        { partialFilterExpression: { name: event }, name },
      );
      return 'promoted';
    },

    async demote(which) {
      const name = indexName(which);
      const { deletedCount } = await promoted.deleteOne({ _id: name as never });
      const indexes = await events.indexes();
      if (indexes.some((index) => index.name === name)) await events.dropIndex(name);
      return deletedCount === 1;
    },
  };
}

function indexName({ event, property }: PromotedProperty): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([event, property]))
    .digest('hex');
  return `promoted:${hash.slice(0, 16)}`;
}
