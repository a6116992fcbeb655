import type { Campaign } from '../campaign/campaign.ts';
import type { WebPushContent, WinnerRule } from './content.ts';
import { parseDuration } from '../schedule/duration.ts';
import type { Run } from '../delivery/run.ts';
import type { VariantCounts } from '../ports/messages.ts';

/**
 * Tells which variant has won: the one with the largest share of sent messages that have at least one such receipt.
 * A tie goes to the one named first, and so does a campaign of which nothing was sent.
 *
 * @param counts by the variants' names
 * @returns undefined when there are no variants
 */
export function pickWinner(
  { variants = [] }: Pick<WebPushContent, 'variants'>,
  counts: ReadonlyMap<string, Pick<VariantCounts, 'sent' | 'clicked' | 'viewed'>>,
  by: WinnerRule['by'],
): string | undefined {
  let best: { name: string; share: number } | undefined;
  for (const { name } of variants) {
    const { sent = 0, [by]: receipts = 0 } = counts.get(name) ?? {};
    const share = sent === 0 ? 0 : receipts / sent;
    if (!best || share > best.share) best = { name, share };
  }
  return best?.name;
}

/**
 * @param startMs of the campaign, or of past behaviour of its first run, epoch milliseconds
 * @returns the instant at which the winner is decided, epoch milliseconds
 */
export function decidedAtMs({ after }: Pick<WinnerRule, 'after'>, startMs: number): number {
  return startMs + (parseDuration(after) ?? 0);
}

/**
 * @param first of past behaviour its first run, null while there is none
 * @returns from when on the time until the winner counts, epoch milliseconds; null while it has not begun
 */
export function triedSinceMs(
  { definition, startsAt }: Pick<Campaign, 'definition' | 'startsAt'>,
  first: Pick<Run, 'instant' | 'plannedAt' | 'createdAt'> | null,
): number | null {
  if (!('past' in definition.who)) return startsAt?.getTime() ?? null;
  if (!first) return null;
  // A run that was opened late has not tried anything before.
  return Math.max((first.plannedAt ?? first.instant).getTime(), first.createdAt.getTime());
}
