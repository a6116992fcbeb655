import type { Campaign } from '../../domain/campaign/campaign.ts';
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
import { drainWebhook } from './drain-webhook.ts';

/** So that some messages go together, and not each by itself as its token comes in. */
const GATHER_MS = 300;

/**
 * Sends what is due, page by page and under the campaign's rates, for up to 20 s. What waited for the end of quiet
 * hours comes after what did not.
 */
export async function drainDue(
  deps: DeliveryDeps,
  source: DrainSource,
  signal: AbortSignal,
): Promise<DrainAnswer> {
  const { clock } = deps;
  const endMs = clock.monotonicMs() + CALL_FOR_MS;
  let isBehind = false;
  while (!signal.aborted) {
    const campaign = await deps.campaigns.byId(source.campaignId);
    if (campaign?.definition.channel === 'webhook') return drainWebhook(deps, source, signal);
    const sent = await sendNext(deps, source, campaign, signal);
    if (sent?.kind === 'page') {
      const { gate, claimed } = sent.page;
      isBehind = claimed === sent.asked;
      const closed = gate === null ? null : await gateAnswer(deps, source, gate);
      if (closed) return closed;
      if (clock.monotonicMs() > endMs) break;
      continue;
    }
    const nowMs = clock.nowMs();
    // While it is behind something is due, most likely: for a short wait it is not worth asking.
    const isShort = isBehind && sent !== null && sent.nextAtMs - nowMs < NAP_MS;
    const next = isShort ? new Date(0) : await source.nextDue();
    if (next === null) return { kind: 'done' };
    if (next.getTime() > nowMs || sent === null) return waitFor(next, nowMs);
    const untilMs = Math.max(sent.nextAtMs, nowMs + GATHER_MS);
    if (clock.monotonicMs() + untilMs - nowMs > endMs) return { kind: 'wait', untilMs, byRate: true };
    // Nothing leaves for a while: what became of the campaign is asked for now and then.
    await delay(Math.min(untilMs - nowMs, NAP_MS), signal);
    const closed = await gateAnswer(deps, source, await deps.campaigns.byId(source.campaignId));
    if (closed) return closed;
  }
  return { kind: 'more' };
}

/** @returns null when nothing could be claimed */
async function sendNext(
  deps: DeliveryDeps,
  source: DrainSource,
  campaign: Campaign | null,
  signal: AbortSignal,
): Promise<Paced | null> {
  const settings = await deps.settings.read();
  for (const released of [false, true]) {
    const buckets = campaign ? bucketsOf(campaign, settings, released) : [];
    const options = { whenPaused: source.whenPaused, signal };
    const sent = await deliverPaced(deps, { ...source.rows, released }, buckets, options);
    if (sent.kind === 'throttled' || sent.page.claimed > 0) return sent;
  }
  return null;
}
