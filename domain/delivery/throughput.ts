import type { CampaignSchedule } from '../campaign/campaign.ts';
import { quietHoursOf, RELEASE_PER_MINUTE, type QuietHours } from '../schedule/quiet-hours.ts';

/**
 * How a rate is kept by a bucket of tokens: whoever sends takes tokens first, and says afterwards how many of its
 * messages left; the others go back. In any window of a minute leave at most what was in the bucket or in
 * somebody's hand when it began, which is `most`, and what came in meanwhile: together less than
 * `perMinute + 1`, however long after the taking they leave.
 */
export interface Pace {
  /** What the bucket holds, so that no more than a second's worth leaves at once. */
  burst: number;
  /** In the bucket and in hand together: while so many are out, none comes in. */
  most: number;
  /** What comes in, tokens a millisecond. */
  perMs: number;
}

const MINUTE_MS = 60_000;
/** How long whoever took tokens may hold them before it counts as if all had left; it may have died. */
export const GRANT_MS = 30_000;

/** @param perMinute at least 1 */
export function paceOf(perMinute: number): Pace {
  const burst = Math.max(1, Math.ceil(perMinute / 60));
  // Two seconds' worth may be under way beside it, or slow push services would slow the campaign.
  const most = burst + Math.floor(perMinute / 30);
  return { burst, most, perMs: (perMinute - most + 1) / MINUTE_MS };
}

/** After which somebody who found nothing looks again when it is not known when tokens in hand come back. */
const LOOK_AGAIN_MS = 200;

/**
 * @param level what is in the bucket
 * @param held what is in somebody's hand
 * @returns after how long the next token can be taken, in milliseconds
 */
export function nextTokenMs(pace: Pace, level: number, held: number): number {
  if (level >= 1) return 0;
  const ms = Math.ceil((1 - level) / pace.perMs);
  return pace.most - held < 1 ? Math.max(ms, LOOK_AGAIN_MS) : ms;
}

/** A bucket that tokens are taken from before messages leave. */
export interface Bucket {
  name: string;
  perMinute: number;
}

/**
 * @param released whether it is about messages that waited for the end of quiet hours
 * @returns the buckets under whose rates messages of a campaign leave, the slowest first; none when nothing is set
 */
export function bucketsOf(
  campaign: { id: string; definition: { when: CampaignSchedule } },
  account: { dnd?: QuietHours | undefined },
  released: boolean,
): Bucket[] {
  const { when } = campaign.definition;
  const buckets: Bucket[] = [];
  if (when.throughput) buckets.push({ name: campaign.id, perMinute: when.throughput.perMinute });
  if (released) {
    buckets.push({
      name: when.dnd ? `release/${campaign.id}` : 'release/account',
      perMinute: quietHoursOf(when, account)?.releasePerMinute ?? RELEASE_PER_MINUTE,
    });
  }
  return buckets.sort((a, b) => a.perMinute - b.perMinute);
}

/** @returns what an operator reads about a message that may not leave yet */
export function usedUpText(bucket: Bucket): string {
  return bucket.name.startsWith('release/')
    ? `the rate after quiet hours, ${bucket.perMinute} a minute, is used up`
    : `the campaign's throughput of ${bucket.perMinute} a minute is used up`;
}

/** What one range of partitions sends a minute without trouble. */
const PER_MINUTE_AND_GROUP = 600;

/** @returns how many ranges of partitions are worth draining side by side */
export function groupsFor(wanted: number, throughput: { perMinute: number } | undefined): number {
  return throughput ? Math.min(wanted, Math.ceil(throughput.perMinute / PER_MINUTE_AND_GROUP)) : wanted;
}
