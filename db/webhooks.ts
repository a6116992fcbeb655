import { Schema, type Connection } from 'mongoose';
import type { WebhookRepository } from '../domain/ports/webhooks.ts';
import type { WebhookAttempt, WebhookTarget } from '../domain/delivery/webhook.ts';
import { TRANSACTION, webhookUsersOf } from './references.ts';
import type { Vault } from './vault.ts';
import { createWebhookSecrets, type SealedParts } from './webhook-secrets.ts';

interface WebhookDoc extends Omit<WebhookTarget, 'id' | 'headers' | 'signingSecrets'>, SealedParts {
  _id: string;
  /** Which rotation made the newest secret, so that a repeat of it is known. */
  rotation?: string;
  /** Grows whenever a reference to it is written. */
  held?: number;
}

interface AttemptDoc extends Omit<WebhookAttempt, 'id'> {
  _id: string;
}

const webhookSchema = new Schema<WebhookDoc>(
  {
    _id: { type: String, required: true },
    name: { type: String, required: true },
    method: { type: String, required: true },
    url: { type: String, required: true },
    query: [{ name: String, value: String, _id: false }],
    headers: [{ name: String, value: String, sealed: String, _id: false }],
    contentType: { type: String, required: true },
    signing: [String],
    previousSecretUntil: Date,
    rotation: String,
    disabled: { type: Boolean, required: true },
    limits: { type: Schema.Types.Mixed, required: true },
    retries: { type: Schema.Types.Mixed, required: true },
    held: Number,
    createdAt: Date,
    updatedAt: Date,
  },
  { collection: 'webhooks', versionKey: false },
);

const attemptSchema = new Schema<AttemptDoc>(
  {
    _id: { type: String, required: true },
    webhookId: { type: String, required: true },
    campaignId: { type: String, required: true },
    batchId: { type: String, required: true },
    at: { type: Date, required: true },
    durationMs: Number,
    messages: Number,
    try: Number,
    outcome: Schema.Types.Mixed,
    answer: Schema.Types.Mixed,
    detail: String,
  },
  { collection: 'webhookAttempts', versionKey: false, minimize: false },
);
// The log of a target, the latest first; and that of one campaign, or of one batch, on it.
attemptSchema.index({ webhookId: 1, at: -1, _id: -1 });
attemptSchema.index({ webhookId: 1, campaignId: 1, at: -1, _id: -1 });
attemptSchema.index({ webhookId: 1, batchId: 1, at: -1, _id: -1 });
// What is older than 30 days goes by itself.
attemptSchema.index({ at: 1 }, { expireAfterSeconds: 30 * 86_400 });

/** Webhook targets, their secrets sealed by the vault, and the log of the requests to them. */
export function createWebhookRepository(connection: Connection, vault: Vault): WebhookRepository {
  const model = connection.model<WebhookDoc>('Webhook', webhookSchema);
  const webhooks = model.collection;
  const attempts = connection.model<AttemptDoc>('WebhookAttempt', attemptSchema).collection;
  const secrets = createWebhookSecrets(vault);

  function toTarget({ _id, headers, signing, rotation: _r, held: _h, ...rest }: WebhookDoc): WebhookTarget {
    const { previousSecretUntil, ...fields } = rest;
    const isOver = previousSecretUntil === undefined || previousSecretUntil.getTime() <= Date.now();
    return {
      ...fields,
      id: _id,
      ...secrets.open(_id, { headers, signing: isOver ? signing.slice(0, 1) : signing }),
      ...(isOver ? {} : { previousSecretUntil }),
    };
  }

  async function find(filter: object, limit = 0): Promise<WebhookTarget[]> {
    const docs = await model.find(filter).sort({ _id: 1 }).limit(limit).lean<WebhookDoc[]>().exec();
    return docs.map(toTarget);
  }

  return {
    async create(target) {
      const { id, headers: _headers, signingSecrets, ...fields } = target;
      const signing = signingSecrets.map((secret) => secrets.sealSigning(id, secret));
      const doc = { ...fields, headers: secrets.sealHeaders(target), signing };
      // A repeat of a call that broke off: nobody was told the secret of the one that is there.
      await webhooks.replaceOne({ _id: id as never }, doc, { upsert: true, ignoreUndefined: true });
    },

    async byId(id) {
      const [found] = await find({ _id: id });
      return found ?? null;
    },

    async exists(id) {
      return (await webhooks.countDocuments({ _id: id as never }, { limit: 1 })) > 0;
    },

    async byIds(ids) {
      const found = await find({ _id: { $in: ids } });
      return new Map(found.map((target) => [target.id, target]));
    },

    list: (after, limit) => find(after === null ? {} : { _id: { $gt: after } }, limit),

    async replace(target) {
      const { id, name, method, url, query, contentType, disabled, limits, retries } = target;
      const headers = secrets.sealHeaders(target);
      const fields = { name, method, url, query, headers, contentType, disabled, limits, retries };
      const doc = await webhooks.findOneAndUpdate(
        { _id: id as never },
        [{ $set: { ...literals(fields), updatedAt: '$$NOW' } }],
        { returnDocument: 'after', ignoreUndefined: true },
      );
      return doc ? toTarget(doc as unknown as WebhookDoc) : null;
    },

    async rotateSecret(id, { rotation, secret, previousForMs }) {
      const isRepeat = { $eq: ['$rotation', { $literal: rotation }] };
      const before = { $cond: [isRepeat, { $slice: ['$signing', 1, 1] }, { $slice: ['$signing', 1] }] };
      const doc = await webhooks.findOneAndUpdate(
        { _id: id as never },
        [
          {
            $set: {
              signing: { $concatArrays: [[{ $literal: secrets.sealSigning(id, secret) }], before] },
              previousSecretUntil: { $add: ['$$NOW', previousForMs] },
              rotation: { $literal: rotation },
              updatedAt: '$$NOW',
            },
          },
        ],
        { returnDocument: 'after' },
      );
      return doc ? toTarget(doc as unknown as WebhookDoc) : null;
    },

    async delete(id) {
      return connection.transaction(async (session) => {
        const users = await webhookUsersOf(connection, session, id);
        if (users.length > 0) return users;
        const { deletedCount } = await webhooks.deleteOne({ _id: id as never }, { session });
        await connection.collection('webhookSlots').deleteOne({ _id: id as never }, { session });
        return deletedCount === 1 ? ('deleted' as const) : null;
      }, TRANSACTION);
    },

    async addAttempt({ id, ...fields }) {
      // Once: what was logged stays as it is.
      await attempts.updateOne(
        { _id: id as never },
        { $setOnInsert: fields },
        { upsert: true, ignoreUndefined: true },
      );
    },

    async attempts(webhookId, { campaignId, batchId }, after, limit) {
      const of = { webhookId, ...(campaignId ? { campaignId } : {}), ...(batchId ? { batchId } : {}) };
      const last = after === null ? null : await attempts.findOne({ _id: after as never, webhookId });
      if (after !== null && last === null) return null;
      const at = last?.at as Date | undefined;
      const before =
        at === undefined ? {} : { $or: [{ at: { $lt: at } }, { at, _id: { $lt: after as never } }] };
      const docs = await attempts
        .find({ ...of, ...before })
        .sort({ at: -1, _id: -1 })
        .limit(limit)
        .toArray();
      return docs.map((doc) => {
        const { _id, ...rest } = doc as unknown as AttemptDoc;
        return { ...rest, id: _id };
      });
    },
  };
}

/** Values of users as values, whatever they begin with. */
function literals(fields: Record<string, unknown>): Record<string, { $literal: unknown }> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, { $literal: value }]));
}
