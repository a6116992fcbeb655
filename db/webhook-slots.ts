import { Schema, type Connection } from 'mongoose';
import type { WebhookSlotRepository } from '../domain/ports/webhooks.ts';
import { isDuplicateKey } from './connection.ts';

interface Slot {
  holder: string;
  until: Date;
}

/** `_id` is the target's. */
interface SlotsDoc {
  _id: string;
  slots: Slot[];
}

const slotsSchema = new Schema<SlotsDoc>(
  { _id: { type: String, required: true }, slots: [Schema.Types.Mixed] },
  { collection: 'webhookSlots', versionKey: false },
);

/** How often two that come at once may both try to make the document. */
const ROUNDS = 5;

/** Who has a request to a target under way: leases by the database's clock, all of a target in one document. */
export function createWebhookSlotRepository(connection: Connection): WebhookSlotRepository {
  const targets = connection.model<SlotsDoc>('WebhookSlots', slotsSchema).collection;

  async function take(
    webhookId: string,
    concurrency: number,
    holder: string,
    leaseMs: number,
  ): Promise<boolean> {
    const running = { $gt: ['$$slot.until', '$$NOW'] };
    const mine = { $eq: ['$$slot.holder', { $literal: holder }] };
    const those = (cond: object): object => ({
      $filter: { input: { $ifNull: ['$slots', []] }, as: 'slot', cond },
    });
    const others = those({ $and: [running, { $not: [mine] }] });
    // Whoever has one keeps it, also when there are fewer now.
    const has = { $gt: [{ $size: those({ $and: [running, mine] }) }, 0] };
    const isFree = { $lt: [{ $size: others }, concurrency] };
    const own = [{ holder: { $literal: holder }, until: { $add: ['$$NOW', leaseMs] } }];
    const doc = await targets.findOneAndUpdate(
      { _id: webhookId as never },
      [
        {
          $set: {
            slots: { $concatArrays: [others, { $cond: [{ $or: [has, isFree] }, own, []] }] },
          },
        },
      ],
      { upsert: true, returnDocument: 'after' },
    );
    return (doc as unknown as SlotsDoc).slots.some((slot) => slot.holder === holder);
  }

  return {
    async take(webhookId, concurrency, holder, leaseMs) {
      for (let round = 1; ; round += 1) {
        try {
          return await take(webhookId, concurrency, holder, leaseMs);
        } catch (error) {
          if (!isDuplicateKey(error) || round === ROUNDS) throw error;
        }
      }
    },

    async giveBack(webhookId, holder) {
      await targets.updateOne({ _id: webhookId as never }, { $pull: { slots: { holder } } } as never);
    },
  };
}
