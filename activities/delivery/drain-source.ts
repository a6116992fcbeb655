import { gateOf, type Campaign, type Gate } from '../../domain/campaign/campaign.ts';
import type { ClaimQuery } from '../../domain/ports/messages.ts';
import type { WhenPaused } from './settlements.ts';
import type { DeliveryDeps } from './deps.ts';

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
export const NAP_MS = 1_000;

/** @returns to wait for what is due next; what is due by the clock and was not claimed is held by somebody else */
export function waitFor(next: Date, nowMs: number): DrainAnswer {
  return { kind: 'wait', untilMs: Math.max(next.getTime(), nowMs + HELD_MS) };
}

/**
 * @param found what a page found of the gate, or the campaign as it was read
 * @returns how a drain ends that keeps what it has, when the gate is closed; null when it goes on
 */
export async function gateAnswer(
  deps: Pick<DeliveryDeps, 'campaigns' | 'clock'>,
  source: DrainSource,
  found: Exclude<Gate, 'open'> | Campaign | null,
): Promise<DrainAnswer | null> {
  if (source.whenPaused !== 'keep') return null;
  const gate =
    typeof found === 'string' ? found : found === null ? 'stopped' : gateOf(found, deps.clock.nowMs());
  if (gate === 'stopped' || gate === 'ended') return { kind: 'closed' };
  if (gate !== 'paused') return null;
  if (typeof found !== 'string') return { kind: 'paused' };
  // Whoever resumes a campaign writes that first and wakes the run second. A read that began before the write may be
  // what stopped the page, and the wake may have come already: only a read of our own tells.
  const now = await deps.campaigns.byId(source.campaignId);
  return now?.status === 'paused' ? { kind: 'paused' } : null;
}
