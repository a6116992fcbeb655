import { Schema } from 'mongoose';
import { OPEN_STATES, type Message } from '../domain/delivery/message.ts';

export interface MessageDoc extends Omit<Message, 'id'> {
  _id: string;
}

/** `_id` of a run's row is run id + profile id, so that repeating a page inserts nothing twice. */
export const messageSchema = new Schema<MessageDoc>(
  {
    _id: { type: String, required: true },
    campaignId: { type: String, required: true },
    version: { type: Number, required: true },
    siteId: String,
    profileId: { type: String, required: true },
    runId: String,
    partition: Number,
    passage: Schema.Types.Mixed,
    request: Schema.Types.Mixed,
    variant: String,
    batchId: String,
    state: { type: String, required: true },
    dueAt: { type: Date, required: true },
    firstDueAt: { type: Date, required: true },
    tries: { type: Number, required: true },
    devices: [Schema.Types.Mixed],
    attempts: [Schema.Types.Mixed],
    receipts: [Schema.Types.Mixed],
    cutOffAt: Date,
    released: Boolean,
    queued: Boolean,
    rank: Number,
    held: Boolean,
    capSlot: Boolean,
    reason: String,
    detail: String,
    qualified: Boolean,
    sentAt: Date,
    controlAt: Date,
    claims: Number,
    settledAt: Date,
    createdAt: Date,
    token: String,
    leaseUntil: Date,
  },
  { collection: 'messages', versionKey: false, minimize: false },
);
/** How rows end that were not sent: what they held of a limit is free again. */
export const UNSENT_STATES = ['failed', 'suppressed', 'control'] as const;
const open = { state: { $in: [...OPEN_STATES] } };
// What a run's partitions have to send, and when next, apart from rows that are not drawn yet, those that waited for
// the end of quiet hours apart from the others; closing what a run leaves. Rows leave it when they are settled.
messageSchema.index(
  { runId: 1, held: 1, partition: 1, state: 1, released: 1, dueAt: 1 },
  { partialFilterExpression: { ...open, runId: { $exists: true } }, name: 'dueOfRun' },
);
// How many of a run were settled, how, and how many of them lately.
messageSchema.index(
  { runId: 1, settledAt: 1, state: 1 },
  {
    partialFilterExpression: { runId: { $exists: true }, settledAt: { $exists: true } },
    name: 'settledOfRun',
  },
);
// What a live campaign's queue has to send, and when next; which campaigns have one. Rows leave it when settled.
messageSchema.index(
  { campaignId: 1, state: 1, released: 1, dueAt: 1 },
  { partialFilterExpression: { ...open, queued: true }, name: 'queue' },
);
// The draw of a run with a targeting cap: rows that are not drawn yet, by rank.
messageSchema.index(
  { runId: 1, rank: 1, _id: 1 },
  { partialFilterExpression: { held: true, state: 'waiting' }, name: 'held' },
);
// Giving back the slots of a campaign's targeting cap.
messageSchema.index(
  { campaignId: 1 },
  { partialFilterExpression: { capSlot: true, state: { $in: [...UNSENT_STATES] } }, name: 'freedSlots' },
);
// One open passage per campaign, profile and matchOn value.
messageSchema.index(
  { campaignId: 1, profileId: 1, 'passage.matchValue': 1 },
  {
    unique: true,
    partialFilterExpression: { state: 'waiting', passage: { $exists: true } },
    name: 'onePassage',
  },
);
// A profile's passages through a campaign, open and settled; erasing a profile.
messageSchema.index({ profileId: 1, campaignId: 1 });
// Lists and statistics of a campaign.
messageSchema.index({ campaignId: 1, _id: 1 });
// Closing what is open at a campaign's end; rows leave it when they are settled.
messageSchema.index({ campaignId: 1 }, { partialFilterExpression: open, name: 'openOfCampaign' });
// What of a webhook's batch is open, to go together again.
messageSchema.index(
  { batchId: 1 },
  { partialFilterExpression: { ...open, batchId: { $exists: true } }, name: 'openOfBatch' },
);
// The sweep: which triggers are overdue, apart from those that wait in a queue.
messageSchema.index(
  { queued: 1, dueAt: 1 },
  { partialFilterExpression: { ...open, passage: { $exists: true } }, name: 'overduePassages' },
);

/** @returns the message as the domain knows it */
export function toMessage({ _id, ...rest }: MessageDoc): Message {
  return { ...rest, id: _id };
}
