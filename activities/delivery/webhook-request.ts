import type { Attempt } from '../../domain/delivery/message.ts';
import type { WebhookRequest } from '../../domain/ports/channels.ts';
import type { WebhookProfile } from '../../domain/content/webhook-payload.ts';
import { type WebhookAttempt, type WebhookTarget } from '../../domain/delivery/webhook.ts';
import type { DeliveryDeps } from './deps.ts';

/** What one message adds to a request. */
export type WebhookPart = { profile: WebhookProfile } | { body: string };

/** One message that travels to a webhook. */
export interface WebhookItem {
  row: { id: string; token: string; tries: number };
  part: WebhookPart;
  bytes: number;
  /** The last look at the message's own fence, gate and cut-off. */
  mayBegin: () => boolean;
}

/** What became of one try of one message. */
export interface Sent {
  /** Of the sends that were begun. */
  attempts: Attempt[];
  /** What travelled together is judged alike, so that it is tried again together. */
  judged?: { nowMs: number; fraction: number } | undefined;
}

export type WebhookDeps = Pick<
  DeliveryDeps,
  'webhook' | 'webhooks' | 'messages' | 'clock' | 'random' | 'log' | 'limits'
>;

/**
 * Makes one request of what may still leave, and logs it. Whoever calls it holds what the target's limits ask for.
 *
 * @returns what became of each item
 */
export async function sendTogether(
  deps: WebhookDeps,
  about: {
    campaignId: string;
    target: WebhookTarget;
    request: (parts: WebhookPart[], id: string) => WebhookRequest;
    /** Of messages that travelled together before. */
    batchId: string | undefined;
  },
  items: WebhookItem[],
): Promise<Map<WebhookItem, Sent>> {
  const { campaignId, target } = about;
  const answers = new Map<WebhookItem, Sent>();
  const allowed = items.filter((item) => item.mayBegin());
  if (allowed.length === 0) return answers;
  const batchId = about.batchId ?? deps.random.token();
  // Whoever knows the request by its name has seen all of it: what does not travel with it now travels under another.
  if (about.batchId !== undefined)
    await deps.messages.leaveBatch(
      batchId,
      allowed.map(({ row }) => row.id),
    );
  // Written first: whoever takes them over after a crash sends them together again, under the same name.
  const held = await deps.messages.noteBatch(
    allowed.map(({ row }) => row),
    batchId,
  );
  const travelling = allowed.filter(({ row }) => held.has(row.id));
  if (travelling.length === 0) return answers;
  const at = new Date(deps.clock.nowMs());
  const startedMs = deps.clock.monotonicMs();
  const request = about.request(
    travelling.map(({ part }) => part),
    batchId,
  );
  const mayBegin = (): boolean => travelling.every((item) => item.mayBegin());
  const { outcome, answer, detail } = await deps.webhook.send(request, mayBegin);
  if (outcome.kind === 'notBegun') return answers;

  const durationMs = Math.round(deps.clock.monotonicMs() - startedMs);
  const said = outcome.kind === 'rejected' && detail !== undefined ? { ...outcome, detail } : outcome;
  const judged = { nowMs: deps.clock.nowMs(), fraction: deps.random.fraction() };
  for (const item of travelling) {
    const attempt: Attempt = { subscriptionId: target.id, at, durationMs, outcome: said, batchId };
    answers.set(item, { attempts: [attempt], judged });
  }
  await log(deps, {
    webhookId: target.id,
    campaignId,
    batchId,
    at,
    durationMs,
    messages: travelling.length,
    try: Math.max(...travelling.map(({ row }) => row.tries)) + 1,
    outcome,
    ...withoutSecrets(target, { answer, detail }),
  });
  return answers;
}

/** A target may send back what it was sent: what is secret of it is not kept. */
export function withoutSecrets(
  { headers, signingSecrets }: WebhookTarget,
  { answer, detail }: Pick<WebhookAttempt, 'answer' | 'detail'>,
): Pick<WebhookAttempt, 'answer' | 'detail'> {
  const hidden = [
    ...headers.filter(({ secret }) => secret).flatMap(({ value }) => [value, ...value.split(' ')]),
    ...signingSecrets.flatMap((secret) => [secret, secret.replace(/^whsec_/, '')]),
  ].filter((value) => value.length >= LEAST_SECRET);
  const clean = (text: string): string =>
    hidden.reduce((rest, value) => rest.replaceAll(value, '[secret]'), text);
  return {
    answer: answer && { ...answer, body: clean(answer.body) },
    detail: detail === undefined ? undefined : clean(detail),
  };
}

/** Shorter words, such as `Bearer`, tell nothing. */
const LEAST_SECRET = 8;

async function log(deps: WebhookDeps, attempt: Omit<WebhookAttempt, 'id'>): Promise<void> {
  try {
    await deps.webhooks.addAttempt({ ...attempt, id: deps.random.token() });
  } catch (error) {
    // What was sent was sent: the messages themselves say so.
    deps.log.warn({ err: error, batch: attempt.batchId }, 'a request to a webhook could not be logged');
  }
}
