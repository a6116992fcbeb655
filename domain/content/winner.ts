import type { Campaign, CampaignDefinition } from '../campaign/campaign.ts';
import { TEXT_FIELDS } from './chosen-content.ts';
import type { WebPushContent, Winner, WinnerRule } from './content.ts';
import { hash32 } from '../hash.ts';
import { parseDuration } from '../schedule/duration.ts';
import type { Run } from '../delivery/run.ts';
import type { VariantCounts } from '../ports/messages.ts';

/** The two-sided 95 % quantile of the normal distribution. */
const Z = 1.959_963_984_540_054;

/**
 * Tells which variant has won: the one whose share of messages with at least one such receipt is surely the largest,
 * by the lower bound of its interval. So one click of one message does not win over many of many. A tie goes to the
 * one named first, and so does a campaign of which nothing was sent.
 *
 * @param counts by the variants' names
 * @returns undefined when there are no variants
 */
export function pickWinner(
  { variants = [] }: Pick<WebPushContent, 'variants'>,
  counts: ReadonlyMap<string, Pick<VariantCounts, 'sent' | 'reporting' | 'clicked' | 'viewed'>>,
  by: WinnerRule['by'],
): string | undefined {
  let best: { name: string; bound: number } | undefined;
  for (const { name } of variants) {
    const { sent = 0, reporting = 0, [by]: receipts = 0 } = counts.get(name) ?? {};
    // What went to Safari through APNs alone says when it is clicked, and never that it was viewed.
    const bound = wilsonLowerBound(receipts, by === 'clicked' ? sent : reporting);
    if (!best || bound > best.bound) best = { name, bound };
  }
  return best?.name;
}

/**
 * The lower end of the Wilson score interval (E. B. Wilson, "Probable inference, the law of succession, and
 * statistical inference", JASA 22, 1927) of a share, at 95 %.
 *
 * @returns from 0 to 1; 0 of nothing
 */
export function wilsonLowerBound(hits: number, of: number): number {
  // Of none it is 0 exactly: rounding must not break a tie.
  if (of <= 0 || hits <= 0) return 0;
  const share = Math.min(1, hits / of);
  const square = (Z * Z) / of;
  const margin = Z * Math.sqrt((share * (1 - share) + square / 4) / of);
  return (share + square / 2 - margin) / (1 + square);
}

/**
 * Names what variants compete with: the rule, and every text that one of them shows. Weights, the order of the
 * variants and everything beside the texts leave it as it is.
 *
 * @returns undefined when nothing is to win
 */
export function contestOf(definition: CampaignDefinition): string | undefined {
  if (definition.channel !== 'webPush') return undefined;
  const { what } = definition;
  const { variants, winner, languages } = what;
  if (!winner || !variants?.length) return undefined;
  const texts = Object.fromEntries(TEXT_FIELDS.map((field) => [field, what[field]]));
  const contents = Object.fromEntries(variants.map(({ name, content }) => [name, content]));
  const text = canonical({ winner, texts, languages, contents });
  return [0, 1].map((part) => hash32(`${part}:${text}`).toString(16).padStart(8, '0')).join('');
}

/** @returns the variant that has won among those of a definition; undefined while that is open, or without a rule */
export function winnerIn(
  { winners }: Pick<Campaign, 'winners'>,
  definition: CampaignDefinition,
): Winner | undefined {
  if (!winners?.length) return undefined;
  const contest = contestOf(definition);
  return winners.find((winner) => winner.contest === contest);
}

/**
 * @param startMs of the contest, as {@link triedSinceMs} says, epoch milliseconds
 * @returns the instant at which the winner is decided, epoch milliseconds
 */
export function decidedAtMs({ after }: Pick<WinnerRule, 'after'>, startMs: number): number {
  return startMs + (parseDuration(after) ?? 0);
}

/**
 * @param editedAt when an edit brought these variants; absent: the campaign was published with them
 * @param first of past behaviour the first run with these variants, null while there is none
 * @returns from when on the time until the winner counts, epoch milliseconds; null while it has not begun
 */
export function triedSinceMs(
  { definition, startsAt }: Pick<Campaign, 'definition' | 'startsAt'>,
  editedAt: Date | undefined,
  first: Pick<Run, 'instant' | 'plannedAt' | 'createdAt'> | null,
): number | null {
  if (!('past' in definition.who))
    return startsAt ? Math.max(startsAt.getTime(), editedAt?.getTime() ?? -Infinity) : null;
  if (!first) return null;
  // A run that was opened late has not tried anything before.
  return Math.max((first.plannedAt ?? first.instant).getTime(), first.createdAt.getTime());
}

/** JSON that is the same whatever the order of properties, and whether one is missing or undefined. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
