import { createHash } from 'node:crypto';
import type { Campaign } from '../domain/campaign.ts';
import type {
  CampaignRepository,
  Run,
  RunRepository,
  SettingsRepository,
} from '../domain/ports/repositories.ts';
import type { Clock } from '../domain/ports/services.ts';
import { nextOccurrence, PROFILE_ZONE, scheduleZone, type Occurrence } from '../domain/schedule.ts';

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
  campaigns: Pick<CampaignRepository, 'byId' | 'version'>;
  runs: Pick<RunRepository, 'open' | 'miss' | 'latest' | 'openOf'>;
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
      if (campaign.status === 'stopped' || campaign.status === 'completed') return answer({ kind: 'none' });

      const { timezone: accountZone } = await deps.settings.read();
      const startsAtMs = campaign.startsAt?.getTime() ?? 0;
      const { when } = campaign.definition;
      const context = { when, startsAtMs, endsAtMs, accountZone };
      const nowMs = deps.clock.nowMs();
      const beginning = ({ firstMs }: Occurrence): number => Math.max(firstMs, startsAtMs);
      const isDue = (one: Occurrence): boolean => beginning(one) <= nowMs;
      let upcoming = nextOccurrence(context, latestOf(await deps.runs.latest(campaignId), campaign));
      while (upcoming !== null && isDue(upcoming)) {
        if (campaign.status === 'paused') return answer({ kind: 'paused' });
        const due = runOf(campaign, upcoming, beginning(upcoming));
        upcoming = nextOccurrence(context, upcoming);
        if (upcoming !== null && isDue(upcoming)) await deps.runs.miss(due);
        else await deps.runs.open(due);
      }
      if (upcoming === null) return answer({ kind: 'none' });
      const zone = scheduleZone(context);
      const whose = zone === PROFILE_ZONE ? "in each user's own time zone" : `(${zone})`;
      return answer({
        kind: 'wait',
        untilMs: beginning(upcoming),
        text: `next run at ${upcoming.local.replace('T', ' ')} ${whose}`,
      });
    },
  };
}

/**
 * What the next occurrence comes after: the latest run, and the moment from which the schedule counts, since one
 * that is changed at noon has no run at nine of the same day.
 */
function latestOf(latest: Run | null, campaign: Campaign): Pick<Occurrence, 'local' | 'firstMs'> | null {
  const editedMs = campaign.rescheduledAt?.getTime() ?? -Infinity;
  const firstMs = Math.max(latest?.instant.getTime() ?? -Infinity, editedMs);
  return firstMs === -Infinity ? null : { local: latest?.local ?? '', firstMs };
}

function runOf(campaign: Campaign, { firstMs, local }: Occurrence, plannedMs: number) {
  return {
    id: runIdOf(campaign.id, firstMs),
    campaignId: campaign.id,
    version: campaign.version,
    instant: new Date(firstMs),
    plannedAt: new Date(plannedMs),
    local,
  };
}

/** @returns a 24-character id, the same for the same campaign and instant */
export function runIdOf(campaignId: string, instantMs: number): string {
  return createHash('sha256').update(`${campaignId}/${instantMs}`).digest('hex').slice(0, 24);
}
