import type { Campaign } from '../../domain/campaign/campaign.ts';
import { dueRuns } from '../../domain/schedule/due-runs.ts';
import type { ApiDeps } from '../deps.ts';

/** @returns the runs of a past-behaviour campaign that are due and were not opened yet, and the one after them */
export async function runsDue(
  deps: Pick<ApiDeps, 'runs' | 'settings'>,
  campaign: Campaign,
  nowMs: number,
): Promise<ReturnType<typeof dueRuns>> {
  const [latest, { timezone: accountZone }] = await Promise.all([
    deps.runs.latest(campaign.id),
    deps.settings.read(),
  ]);
  return dueRuns(campaign, latest, { accountZone, nowMs });
}
