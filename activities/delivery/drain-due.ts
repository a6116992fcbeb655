import { gateOf, type Campaign } from '../../domain/campaign/campaign.ts';
import type { ClaimQuery } from '../../domain/ports/messages.ts';
import { bucketsOf } from '../../domain/delivery/throughput.ts';
import { delay } from '../delay.ts';
import type { WhenPaused } from './deliver-page.ts';
import { deliverPaced, type Paced } from './deliver-paced.ts';
import type { DeliveryDeps } from './deps.ts';
import { batchSizeOf } from './webhook-message.ts';

export type DrainAnswer =
  | { kind: 'done' }
  | { kind: 'more' }
  | { kind: 'paused' }
  | { kind: 'closed' }
  /** `byRate`: something is due, and its rate holds it up. */
  | { kind: 'wait'; untilMs: number; byRate?: true };

/** Rows of one campaign that are sent as they fall due. */
export interface DrainSource {
  campaignId: string;
  /** Claims some of them. */
  rows: Extract<ClaimQuery, { limit: number }>;
  nextDue(): Promise<Date | null>;
  /** `keep`: it stands still when paused, and leaves what a stopped campaign has to others. */
  whenPaused: WhenPaused;
}

/** How long one call goes on before it lets the workflow see where it stands. */
export const CALL_FOR_MS = 20_000;
/** Somebody whose lease is about to end holds what is due. */
const HELD_MS = 200;
/** So that some messages go together, and not each by itself as its token comes in. */
const GATHER_MS = 300;
const NAP_MS = 1_000;

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
  const keeps = source.whenPaused === 'keep';
  let isBehind = false;
  while (!signal.aborted) {
    const campaign = await deps.campaigns.byId(source.campaignId);
    const sent = await sendNext(deps, source, campaign, signal);
    if (sent?.kind === 'page') {
      const { gate, claimed } = sent.page;
      isBehind = claimed === sent.asked;
      if (keeps && gate === 'paused' && (await isPaused(deps, source.campaignId))) return { kind: 'paused' };
      if (keeps && (gate === 'stopped' || gate === 'ended')) return { kind: 'closed' };
      if (clock.monotonicMs() > endMs) break;
      continue;
    }
    const nowMs = clock.nowMs();
    // While it is behind something is due, most likely: for a short wait it is not worth asking.
    const isShort = isBehind && sent !== null && sent.nextAtMs - nowMs < NAP_MS;
    const next = isShort ? new Date(0) : await source.nextDue();
    if (next === null) return { kind: 'done' };
    if (next.getTime() > nowMs || sent === null) {
      // Due by the clock and yet not claimed: another holder's lease is about to end.
      return { kind: 'wait', untilMs: Math.max(next.getTime(), nowMs + HELD_MS) };
    }
    const untilMs = Math.max(sent.nextAtMs, nowMs + GATHER_MS);
    if (clock.monotonicMs() + untilMs - nowMs > endMs) return { kind: 'wait', untilMs, byRate: true };
    // Nothing leaves for a while: what became of the campaign is asked for now and then.
    await delay(Math.min(untilMs - nowMs, NAP_MS), signal);
    if (keeps) {
      const now = await deps.campaigns.byId(source.campaignId);
      const gate = now ? gateOf(now, clock.nowMs()) : 'stopped';
      if (gate === 'paused') return { kind: 'paused' };
      if (gate === 'stopped' || gate === 'ended') return { kind: 'closed' };
    }
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
    const rows = { ...source.rows, limit: pageLimit(campaign, source.rows.limit), released };
    const sent = await deliverPaced(deps, rows, buckets, options);
    if (sent.kind === 'throttled' || sent.page.claimed > 0) return sent;
  }
  return null;
}

/** @returns how many rows make a page: of webhooks as many as fill their batches */
function pageLimit(campaign: Campaign | null, limit: number): number {
  const definition = campaign?.definition;
  if (definition?.channel !== 'webhook') return limit;
  const size = batchSizeOf(definition);
  return Math.ceil(limit / size) * size;
}

/**
 * Whoever resumes a campaign writes that first and wakes the run second. A read that began before the write
 * may be what stopped the page, and the wake may have come already: only a read of our own tells.
 */
async function isPaused(deps: DeliveryDeps, campaignId: string): Promise<boolean> {
  return (await deps.campaigns.byId(campaignId))?.status === 'paused';
}
