import type { Collection } from 'mongoose';
import { CLOCK_SLACK_MS } from './message-fence.ts';
import { OPEN_STATES } from '../domain/delivery/message.ts';
import type { MessageRepository } from '../domain/ports/messages.ts';

const openInQueue = { queued: true, state: { $in: [...OPEN_STATES] } };
const hint = 'queue';

/** What a live campaign's queue sends: rows of triggers that found the campaign's rate used up. */
export function createQueuedRows(
  messages: Collection,
): Pick<MessageRepository, 'queue' | 'nextQueued' | 'countQueued' | 'queuedCampaigns'> {
  return {
    async queue(id, nowMs) {
      const answer = await messages.updateOne(
        {
          _id: id as never,
          state: { $in: ['waiting', 'due'] },
          dueAt: { $lte: new Date(nowMs + CLOCK_SLACK_MS) },
        },
        { $set: { queued: true } },
      );
      return answer.matchedCount === 1;
    },

    async nextQueued(campaignId) {
      const firsts = (['waiting', 'due'] as const).flatMap((state) =>
        [null, true].map(async (released) => {
          const row = await messages.findOne(
            { campaignId, queued: true, state, released },
            { sort: { dueAt: 1 }, projection: { dueAt: 1 }, hint },
          );
          return row ? [(row.dueAt as Date).getTime()] : [];
        }),
      );
      const held = messages
        .find({ campaignId, queued: true, state: 'sending' }, { projection: { leaseUntil: 1 }, hint })
        .toArray();
      const instants = (await Promise.all(firsts)).flat();
      for (const row of await held) instants.push((row.leaseUntil as Date).getTime());
      return instants.length === 0 ? null : new Date(Math.min(...instants));
    },

    countQueued: (campaignId, most) =>
      messages.countDocuments({ campaignId, ...openInQueue }, { limit: most, hint }),

    async queuedCampaigns() {
      const found: string[] = [];
      for (;;) {
        // From one campaign's entries in the index to the next one's, however many rows each has.
        const after = found.length === 0 ? {} : { campaignId: { $gt: found.at(-1) } };
        const options = { sort: { campaignId: 1 as const }, projection: { campaignId: 1 }, hint };
        const row = await messages.findOne({ ...after, ...openInQueue }, options);
        if (!row) return found;
        found.push(row.campaignId as string);
      }
    },
  };
}
