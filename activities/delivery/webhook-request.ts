import type { Attempt } from '../../domain/delivery/message.ts';
import type { WebhookRequest } from '../../domain/ports/channels.ts';
import type { WebhookProfile } from '../../domain/content/webhook-payload.ts';
import {
  MAX_WEBHOOK_TIMEOUT_MS,
  type WebhookAttempt,
  type WebhookTarget,
} from '../../domain/delivery/webhook.ts';
import { delay } from '../delay.ts';
import type { DeliveryDeps } from './deps.ts';

/** What one message adds to a request. */
export type WebhookPart = { profile: WebhookProfile } | { body: string };

/** One message that travels to a webhook. */
export interface WebhookItem {
  row: { id: string; token: string; tries: number };
  part: WebhookPart;
  /** The last look at the message's own fence, gate and cut-off. */
  mayBegin: () => boolean;
}

/** What became of one try of one message. */
export interface Sent {
  /** Of the sends that were begun. */
  attempts: Attempt[];
  /** Nothing was begun, and is not to be before then, epoch milliseconds. */
  notBeforeMs?: number | undefined;
  /** What travelled together is judged alike, so that it is tried again together. */
  judged?: { nowMs: number; fraction: number } | undefined;
}

export type WebhookDeps = Pick<
  DeliveryDeps,
  | 'webhook'
  | 'webhooks'
  | 'gate'
  | 'webhookSlots'
  | 'throughput'
  | 'messages'
  | 'clock'
  | 'random'
  | 'log'
  | 'limits'
>;

const SLOT_AGAIN_MS = 40;
/** A slot is somebody's a little longer than the request may take. */
const SLOT_SPARE_MS = 10_000;

/** Makes one request of what may still leave, under the target's limits, and logs it. */
export async function sendTogether(
  deps: WebhookDeps,
  about: {
    campaignId: string;
    target: WebhookTarget;
    request: (parts: WebhookPart[], id: string) => WebhookRequest;
    batchId: string | undefined;
  },
  items: WebhookItem[],
): Promise<Map<WebhookItem, Sent>> {
  const { target } = about;
  const answers = new Map<WebhookItem, Sent>(items.map((item) => [item, { attempts: [] }]));
  const mayAny = async (): Promise<boolean> => {
    // They may have waited for each other, or for the target, longer than the gate is known for.
    await deps.gate.refresh(about.campaignId);
    return items.some((item) => item.mayBegin());
  };
  if (!(await mayAny())) return answers;

  const bucket = { name: `webhook/${target.id}`, perMinute: target.limits.perMinute ?? 0 };
  const grant = bucket.perMinute > 0 ? await deps.throughput.take(bucket, 1) : null;
  if (grant?.granted === 0) {
    const notBeforeMs = grant.nextAt.getTime();
    for (const item of items) answers.set(item, { attempts: [], notBeforeMs });
    return answers;
  }
  let begun = 0;
  const holder = deps.random.token();
  try {
    const leaseMs = MAX_WEBHOOK_TIMEOUT_MS + SLOT_SPARE_MS;
    while (!(await deps.webhookSlots.take(target.id, target.limits.concurrency, holder, leaseMs))) {
      await delay(SLOT_AGAIN_MS * (1 + deps.random.fraction()));
      if (!(await mayAny())) return answers;
    }
    try {
      begun = await sendHolding(deps, about, items, answers);
    } finally {
      await deps.webhookSlots.giveBack(target.id, holder);
    }
  } finally {
    if (grant) await deps.throughput.settle(bucket, grant.grant, begun);
  }
  return answers;
}

/** @returns how many requests were begun: one or none */
async function sendHolding(
  deps: WebhookDeps,
  about: Parameters<typeof sendTogether>[1],
  items: WebhookItem[],
  answers: Map<WebhookItem, Sent>,
): Promise<number> {
  const { campaignId, target } = about;
  const allowed = items.filter((item) => item.mayBegin());
  if (allowed.length === 0) return 0;
  // Written first: whoever takes them over after a crash sends them together again, under the same name.
  const batchId = about.batchId ?? deps.random.token();
  const held = await deps.messages.noteBatch(
    allowed.map(({ row }) => row),
    batchId,
  );
  const travelling = allowed.filter(({ row }) => held.has(row.id));
  if (travelling.length === 0) return 0;
  const at = new Date(deps.clock.nowMs());
  const startedMs = deps.clock.monotonicMs();
  const request = about.request(
    travelling.map(({ part }) => part),
    batchId,
  );
  const mayBegin = (): boolean => travelling.every((item) => item.mayBegin());
  const { outcome, answer, detail } = await deps.webhook.send(request, mayBegin);
  if (outcome.kind === 'notBegun') return 0;

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
    answer,
    detail,
  });
  return 1;
}

async function log(deps: WebhookDeps, attempt: Omit<WebhookAttempt, 'id'>): Promise<void> {
  try {
    await deps.webhooks.addAttempt({ ...attempt, id: deps.random.token() });
  } catch (error) {
    // What was sent was sent: the messages themselves say so.
    deps.log.warn({ err: error, batch: attempt.batchId }, 'a request to a webhook could not be logged');
  }
}
