import type { CampaignSetup, Requalify } from '../campaign/campaign.ts';
import { parseDuration } from '../schedule/duration.ts';
import { fractionOf } from '../hash.ts';
import type { LimitPeriod } from '../ports/limits.ts';
import type { AccountSettings } from '../campaign/settings.ts';
import { localParts, localToInstant } from '../schedule/time-zone.ts';

const DAY_MS = 24 * 3_600_000;

/** The periods whose slots a message takes, and how long they are the ones that count. */
export interface Periods {
  periods: LimitPeriod[];
  /** The end of the first of them to end, epoch milliseconds; `Infinity` without periods. */
  endsAtMs: number;
}

/**
 * Which periods of the account's limits an instant lies in: the calendar day and the ISO week of the zone.
 *
 * @param zone IANA name of the profile's time zone
 */
export function periodsAt(
  limits: { perDay?: number | undefined; perWeek?: number | undefined } | undefined,
  atMs: number,
  zone: string,
): Periods {
  const { perDay, perWeek } = limits ?? {};
  const periods: LimitPeriod[] = [];
  let endsAtMs = Infinity;
  if (perDay === undefined && perWeek === undefined) return { periods, endsAtMs };
  const { year, month, day, weekday } = localParts(atMs, zone);
  const midnightIn = (days: number): number =>
    localToInstant({ year, month, day: day + days, hour: 0, minute: 0 }, zone);
  if (perWeek !== undefined) {
    periods.push({ key: weekKey(year, month, day, weekday), limit: perWeek });
    endsAtMs = midnightIn(8 - weekday);
  }
  if (perDay !== undefined) {
    periods.unshift({ key: `day ${dateText(Date.UTC(year, month - 1, day))}`, limit: perDay });
    endsAtMs = midnightIn(1);
  }
  return { periods, endsAtMs };
}

/** The week of ISO 8601, which begins on Monday and belongs to the year that its Thursday is in. */
function weekKey(year: number, month: number, day: number, weekday: number): string {
  const thursday = new Date(Date.UTC(year, month - 1, day + 4 - weekday));
  const ofYear = thursday.getUTCFullYear();
  const days = (thursday.getTime() - Date.UTC(ofYear, 0, 1)) / DAY_MS;
  return `week ${ofYear}-W${String(Math.floor(days / 7) + 1).padStart(2, '0')}`;
}

function dateText(utcMs: number): string {
  return new Date(utcMs).toISOString().slice(0, 10);
}

/**
 * Whether a profile is one of a control group. The answer is the same each time; with a greater share those who
 * were in it stay.
 *
 * @returns whose group it is in, the account's first; null when it is in none
 */
export function controlGroupOf(
  ids: { profileId: string; campaignId: string },
  account: AccountSettings['controlGroup'],
  campaign: CampaignSetup['controlGroup'],
): 'account' | 'campaign' | null {
  if (isAmong(`control:account:${ids.profileId}`, account)) return 'account';
  if (isAmong(`control:${ids.campaignId}:${ids.profileId}`, campaign)) return 'campaign';
  return null;
}

function isAmong(text: string, share: { percent: number } | undefined): boolean {
  return share !== undefined && fractionOf(text) < share.percent / 100;
}

/**
 * Since when a turn of another message keeps a message from its campaign that would be sent at an instant.
 *
 * @returns `always` when none does; else the instant, null for ever
 */
export function turnsCountSince(requalify: Requalify | undefined, atMs: number): Date | null | 'always' {
  switch (requalify?.mode) {
    case undefined:
    case 'everyTime':
      return 'always';
    case 'once':
      return null;
    case 'interval': {
      const ms = parseDuration(requalify.interval);
      if (ms === null) throw new RangeError(`not a duration: ${requalify.interval}`);
      // A whole interval later it may come again.
      return new Date(atMs - ms + 1);
    }
  }
}
