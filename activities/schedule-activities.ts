import { isCampaignOver, type Campaign } from '../domain/campaign/campaign.ts';
import type { CampaignRepository, SettingsRepository } from '../domain/ports/campaigns.ts';
import type { RunRepository } from '../domain/ports/runs.ts';
import type { Clock } from '../domain/ports/services.ts';
import { dueRuns } from '../domain/schedule/due-runs.ts';
import { PROFILE_ZONE, scheduleZone } from '../domain/schedule/schedule.ts';

/** What a past-behaviour campaign does next. */
export interface NextRun {
  /** When the campaign ends, as it stands now; epoch milliseconds. */
  endsAtMs: number | null;
  /** By which version. */
  version: number;
  /** Runs that are not over: each must have its workflow. */
  open: { runId: string; instantMs: number }[];
  next:
    | { kind: 'wait'; untilMs: number; text: string }
    /** Nothing begins before it is resumed. */
    | { kind: 'paused' }
    /** There are no more occurrences; what is open is seen through. */
    | { kind: 'none' };
}

export interface ScheduleActivityDeps {
  campaigns: Pick<CampaignRepository, 'byId'>;
  runs: Pick<RunRepository, 'openDue' | 'latest' | 'openOf'>;
  settings: Pick<SettingsRepository, 'read'>;
  clock: Pick<Clock, 'nowMs'>;
}

export type ScheduleActivities = ReturnType<typeof createScheduleActivities>;

/** The activities by which `campaign` follows its schedule. All that they decide by is in the database. */
export function createScheduleActivities(deps: ScheduleActivityDeps) {
  const mustFind = async (campaignId: string): Promise<Campaign> => {
    const campaign = await deps.campaigns.byId(campaignId);
    if (campaign === null) throw new Error(`no campaign ${campaignId}`);
    return campaign;
  };

  return {
    /** @returns when the campaign starts and ends, as it stands now */
    async readSpan(campaignId: string): Promise<{ startsAtMs: number; endsAtMs: number | null }> {
      const { startsAt, endsAt } = await mustFind(campaignId);
      if (startsAt === undefined) throw new Error(`campaign ${campaignId} was not published`);
      return { startsAtMs: startsAt.getTime(), endsAtMs: endsAt?.getTime() ?? null };
    },

    /**
     * Opens the run of the occurrence that is due, if one is. Of several that are due at once, since the campaign was
     * paused or nobody was there, only the latest has a run; the others are recorded as missed. Repeating it opens
     * nothing twice.
     */
    async nextRun(campaignId: string): Promise<NextRun> {
      const campaign = await mustFind(campaignId);
      const endsAtMs = campaign.endsAt?.getTime() ?? null;
      const answer = async (next: NextRun['next']): Promise<NextRun> => {
        const open = await deps.runs.openOf(campaignId);
        return {
          endsAtMs,
          version: campaign.version,
          open: open.map((run) => ({ runId: run.id, instantMs: run.instant.getTime() })),
          next,
        };
      };
      if (isCampaignOver(campaign.status)) return answer({ kind: 'none' });

      const { timezone: accountZone } = await deps.settings.read();
      const latest = await deps.runs.latest(campaignId);
      const { due, upcoming } = dueRuns(campaign, latest, { accountZone, nowMs: deps.clock.nowMs() });
      if (campaign.status === 'paused' && due.length > 0) return answer({ kind: 'paused' });
      await deps.runs.openDue(campaign, due);
      if (upcoming === null) return answer({ kind: 'none' });
      const zone = scheduleZone({ when: campaign.definition.when, accountZone });
      const whose = zone === PROFILE_ZONE ? "in each user's own time zone" : `(${zone})`;
      return answer({
        kind: 'wait',
        untilMs: upcoming.plannedAt.getTime(),
        text: `next run at ${upcoming.local.replace('T', ' ')} ${whose}`,
      });
    },
  };
}
