import type { Campaign, WebhookDefinition } from '../../domain/campaign/campaign.ts';
import { bucketsOf } from '../../domain/delivery/throughput.ts';
import { delay } from '../delay.ts';
import { deliverPaced, type Paced } from './deliver-paced.ts';
import type { DeliveryDeps } from './deps.ts';
import {
  CALL_FOR_MS,
  gateAnswer,
  NAP_MS,
  waitFor,
  type DrainAnswer,
  type DrainSource,
} from './drain-source.ts';
import { takeCapacity, type Capacity } from './webhook-capacity.ts';
import { batchSizeOf, batchWaitOf } from './webhook-message.ts';

/** A request is closed when its profiles have so many bytes, also when there are fewer than its size. */
const REQUEST_BYTES = 4 * 1_048_576;
/** How many rows are under way at once, whatever the target takes. */
const MOST_ROWS = 2_000;
/** How often somebody who found the target busy asks again. */
const ASK_AGAIN_MS = 100;
/** A queue that is empty waits a little for more, so that it need not be started for each message. */
const LINGER_MS = 1_000;
/** Under a rate of its own a campaign gathers for a request no longer than this. */
const GATHER_MS = 2_000;

/**
 * Sends what is due of a webhook campaign, a request at a time and as many side by side as the target takes, for up
 * to 20 s. What a request needs of the target is taken before its messages are.
 */
export async function drainWebhook(
  deps: DeliveryDeps,
  source: DrainSource,
  signal: AbortSignal,
): Promise<DrainAnswer> {
  const { clock } = deps;
  const endMs = clock.monotonicMs() + CALL_FOR_MS;
  const isQueue = 'queueOf' in source.rows;
  const running = new Set<Promise<void>>();
  const ended: { answer?: DrainAnswer; failure?: unknown; failed?: true } = {};
  let emptySinceMs: number | null = null;

  const isOver = (): boolean =>
    signal.aborted || ended.answer !== undefined || ended.failed === true || clock.monotonicMs() > endMs;
  /** Waits for a request that is under way to end, or for so long. */
  const someEnd = async (ms: number): Promise<void> => {
    const ending = new AbortController();
    const waited = delay(ms, AbortSignal.any([signal, ending.signal]));
    await Promise.race([waited, ...running]);
    ending.abort();
  };

  async function next(): Promise<DrainAnswer | null> {
    const campaign = await deps.campaigns.byId(source.campaignId);
    const definition = campaign?.definition;
    if (!campaign || definition?.channel !== 'webhook') return { kind: 'done' };
    const capacity = await capacityFor(deps, definition, running.size);
    if (capacity.kind === 'busy') {
      await someEnd(ASK_AGAIN_MS);
      return null;
    }
    if (capacity.kind === 'rate') return waitForRate(capacity.nextAtMs);

    const { claimed, done } = sendRequest(deps, source, { campaign, definition }, signal);
    const work = done
      .then(async (sent) => {
        await capacity.giveBack(sent?.kind === 'page' && sent.page.begun > 0);
        if (sent?.kind !== 'page' || sent.page.gate === null) return;
        const answer = await gateAnswer(deps, source, sent.page.gate);
        if (answer !== null) ended.answer ??= answer;
      })
      .catch(async (error: unknown) => {
        ended.failed = true;
        ended.failure = error;
        // Whether it was begun is not known.
        await capacity.giveBack(true);
      });
    running.add(work);
    void work.finally(() => running.delete(work));
    const found = await claimed;
    if (found.kind === 'rows') {
      emptySinceMs = null;
      return null;
    }
    await work;
    if (found.kind === 'throttled') return waitForRate(found.nextAtMs);
    return whenEmpty();
  }

  async function waitForRate(nextAtMs: number): Promise<DrainAnswer | null> {
    const ms = Math.max(nextAtMs - clock.nowMs(), 1);
    if (running.size === 0 && clock.monotonicMs() + ms > endMs)
      return { kind: 'wait', untilMs: clock.nowMs() + ms, byRate: true };
    await someEnd(Math.min(ms, NAP_MS));
    if (source.whenPaused !== 'keep') return null;
    const campaign = await deps.campaigns.byId(source.campaignId);
    return gateAnswer(deps, source, campaign);
  }

  /** Nothing could be claimed. */
  async function whenEmpty(): Promise<DrainAnswer | null> {
    if (running.size > 0) {
      await someEnd(ASK_AGAIN_MS);
      return null;
    }
    const due = await source.nextDue();
    const nowMs = clock.nowMs();
    if (due === null) {
      emptySinceMs ??= clock.monotonicMs();
      if (!isQueue || clock.monotonicMs() - emptySinceMs > LINGER_MS) return { kind: 'done' };
      await someEnd(ASK_AGAIN_MS);
      return null;
    }
    return waitFor(due, nowMs);
  }

  while (!isOver()) {
    const answer = await next().catch((error: unknown) => {
      ended.failed = true;
      ended.failure = error;
      return null;
    });
    if (answer !== null) ended.answer ??= answer;
  }
  await Promise.all(running);
  if (ended.failed) throw ended.failure;
  return ended.answer ?? { kind: 'more' };
}

/** @param underWay how many requests this call has under way */
async function capacityFor(
  deps: DeliveryDeps,
  definition: WebhookDefinition,
  underWay: number,
): Promise<Capacity> {
  if (underWay > 0 && (underWay + 1) * batchSizeOf(definition) > MOST_ROWS) return { kind: 'busy' };
  const target = await deps.webhooks.byId(definition.what.webhookId);
  // What goes nowhere needs nothing of the target.
  if (!target || target.disabled) return { kind: 'free', giveBack: () => Promise.resolve() };
  return takeCapacity(deps, target);
}

type Found = { kind: 'rows' } | { kind: 'none' } | { kind: 'throttled'; nextAtMs: number };

/** Begins one request. `claimed` tells when it takes no more rows, or that there are none: then the next may begin. */
function sendRequest(
  deps: DeliveryDeps,
  source: DrainSource,
  { campaign, definition }: { campaign: Campaign; definition: WebhookDefinition },
  signal: AbortSignal,
): { claimed: Promise<Found>; done: Promise<Paced | null> } {
  let tell!: (found: Found) => void;
  const claimed = new Promise<Found>((resolve) => {
    tell = resolve;
  });
  const size = batchSizeOf(definition);
  // What a run wrote down is there already; what falls due by itself may be followed by more.
  const maxWaitMs = 'queueOf' in source.rows ? batchWaitOf(definition) : 0;
  const request = { size, bytes: REQUEST_BYTES, maxWaitMs };
  const onFilled = (): void => {
    tell({ kind: 'rows' });
  };
  async function send(): Promise<Paced | null> {
    const settings = await deps.settings.read();
    for (const released of [false, true]) {
      const buckets = bucketsOf(campaign, settings, released);
      const options = { whenPaused: source.whenPaused, signal, request, onFilled };
      // A run is not held up by it; what falls due by itself leaves as soon as it may.
      const gatherMs = 'queueOf' in source.rows ? 0 : GATHER_MS;
      const rows = { ...source.rows, limit: size, released };
      const sent = await deliverPaced(deps, rows, buckets, { ...options, gatherMs });
      if (sent.kind === 'throttled') {
        tell({ kind: 'throttled', nextAtMs: sent.nextAtMs });
        return sent;
      }
      if (sent.page.claimed > 0) return sent;
    }
    return null;
  }
  const done = send().finally(() => {
    tell({ kind: 'none' });
  });
  return { claimed, done };
}
