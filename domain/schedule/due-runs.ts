import type { Campaign } from '../campaign/campaign.ts';
import type { Run } from '../delivery/run.ts';
import { floorToMinute, MOST_APART_MS, occurrences, type Occurrence } from './schedule.ts';

/** One run of a schedule. */
export interface PlannedRun {
  /** `YYYY-MM-DDTHH:mm`. */
  local: string;
  /** When the first place on earth comes to it: what tells one run from another. */
  instant: Date;
  /** When it is to begin: not before the campaign, nor before its times were set. */
  plannedAt: Date;
}

/**
 * The runs of a past-behaviour campaign that are due and had none yet, and the one after them.
 *
 * @param campaign one that is published
 * @param latest the run with the latest instant; null when there is none
 * @param options.accountZone the account's IANA zone
 * @param options.nowMs epoch milliseconds
 */
export function dueRuns(
  campaign: Pick<Campaign, 'definition' | 'startsAt' | 'endsAt' | 'rescheduledAt'>,
  latest: Pick<Run, 'instant'> | null,
  options: { accountZone: string; nowMs: number },
): { due: PlannedRun[]; upcoming: PlannedRun | null } {
  const startsAtMs = campaign.startsAt?.getTime() ?? 0;
  const rescheduledMs = campaign.rescheduledAt?.getTime() ?? -Infinity;
  const context = {
    when: campaign.definition.when,
    startsAtMs,
    endsAtMs: campaign.endsAt?.getTime() ?? null,
    accountZone: options.accountZone,
  };
  const planned = ({ local, firstMs }: Occurrence): PlannedRun => ({
    local,
    instant: new Date(firstMs),
    plannedAt: new Date(Math.max(firstMs, startsAtMs, rescheduledMs)),
  });
  const due: PlannedRun[] = [];
  const afterMs = Math.max(latest?.instant.getTime() ?? -Infinity, rescheduledMs - MOST_APART_MS);
  for (const occurrence of occurrences(context, afterMs)) {
    // Times that an edit set are judged like those of a campaign that is published then: what is over is over.
    if (occurrence.lastMs < floorToMinute(rescheduledMs)) continue;
    const run = planned(occurrence);
    if (run.plannedAt.getTime() > options.nowMs) return { due, upcoming: run };
    due.push(run);
  }
  return { due, upcoming: null };
}
