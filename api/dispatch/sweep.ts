import { labelOf, type CampaignLabel } from '../../domain/campaign/campaign.ts';
import type { CampaignRepository } from '../../domain/ports/campaigns.ts';
import type { ServerClock } from '../../domain/ports/clock.ts';
import type { LaneRepository } from '../../domain/ports/events.ts';
import type { MessageRepository } from '../../domain/ports/messages.ts';
import type { ProfileRepository } from '../../domain/ports/people.ts';
import type { RunRepository } from '../../domain/ports/runs.ts';
import type { ListRepository } from '../../domain/ports/segments.ts';
import { RUN_PARTITIONS } from '../../domain/delivery/run.ts';
import type { Log } from '../../domain/ports/services.ts';
import type { WorkflowStarter } from '../temporal/workflow-starter.ts';

export interface SweepDeps {
  campaigns: CampaignRepository;
  profiles: Pick<ProfileRepository, 'eraseLeftovers'>;
  lists: Pick<ListRepository, 'finishRemovals'>;
  runs: RunRepository;
  messages: MessageRepository;
  workflows: WorkflowStarter;
  lanes: LaneRepository;
  clock: ServerClock;
  log: Log;
  owner: string;
  /** How long something may be overdue before it is started again, in milliseconds. */
  overdueMs: number;
  everyMs: number;
}

/** The lease document of the sweep, beside those of the 64 lanes. */
const SWEEP_LANE = 1_000;
const PAGE = 1_000;

/**
 * Starts again what a lost or restored Temporal no longer has, judged by the rows: campaigns that are not
 * finished, runs and triggers with overdue messages. Starting what runs already is harmless.
 *
 * @returns how to stop it
 */
export function createSweep(deps: SweepDeps): { sweepNow(): Promise<void>; close(): Promise<void> } {
  let running: Promise<void> | null = null;

  async function sweep(): Promise<void> {
    const token = await deps.lanes.claim(SWEEP_LANE, deps.owner, Math.max(deps.everyMs, 30_000));
    if (token === null) return;
    try {
      for await (const campaign of everyOne(deps.campaigns.unfinished)) {
        await deps.workflows.startCampaign(campaign);
        if (campaign.status === 'stopped') await deps.workflows.stopCampaign(campaign.id);
        // Whoever edited or resumed it may not have reached its workflow.
        else if (campaign.untold && (await deps.workflows.tellCampaign(campaign.id)))
          await deps.campaigns.told(campaign);
      }
      const before = new Date(deps.clock.now().getTime() - deps.overdueMs);
      await deps.profiles.eraseLeftovers();
      await deps.lists.finishRemovals();
      await sweepTriggers(before);
      await sweepQueues(before);
      await sweepRuns(before);
    } finally {
      await deps.lanes.release(SWEEP_LANE, token);
    }
  }

  async function sweepTriggers(before: Date): Promise<void> {
    const labels = new Map<string, CampaignLabel>();
    for (const row of await deps.messages.overdueTriggers(before, PAGE)) {
      const campaign =
        labels.get(row.campaignId) ?? labelOf(row.campaignId, await deps.campaigns.byId(row.campaignId));
      labels.set(row.campaignId, campaign);
      deps.log.warn({ message: row.id, dueAt: row.dueAt }, 'an overdue trigger is started again');
      const input = { messageId: row.id, campaignId: row.campaignId, profileId: row.profileId, waits: [] };
      const event = row.passage?.event.name ?? '';
      await deps.workflows.startTrigger(input, { campaign, version: row.version, event });
    }
  }

  /**
   * A queue with overdue messages is woken: most likely its rate is what holds them up, but whoever queued them while
   * it waited for later ones may not have reached it.
   */
  async function sweepQueues(before: Date): Promise<void> {
    for (const campaignId of await deps.messages.queuedCampaigns()) {
      const campaign = labelOf(campaignId, await deps.campaigns.byId(campaignId));
      const next = await deps.messages.nextQueued(campaignId);
      if (next !== null && next < before) await deps.workflows.wakeQueue(campaign);
      else await deps.workflows.startQueue(campaign);
    }
  }

  async function sweepRuns(before: Date): Promise<void> {
    for await (const run of everyOne(deps.runs.unfinished)) {
      const due = await deps.messages.nextDue(run.id, { from: 0, to: RUN_PARTITIONS });
      const overdue = due === null ? run.createdAt < before : due < before;
      if (!overdue) continue;
      const campaign = await deps.campaigns.byId(run.campaignId);
      if (campaign?.status === 'paused') continue;
      await deps.workflows.wakeRun(run, labelOf(run.campaignId, campaign));
    }
  }

  function sweepNow(): Promise<void> {
    running ??= sweep()
      .catch((error: unknown) => {
        deps.log.warn({ err: error }, 'the sweep failed; it is tried again');
      })
      .finally(() => {
        running = null;
      });
    return running;
  }

  const timer = setInterval(() => void sweepNow(), deps.everyMs);
  timer.unref();
  return {
    sweepNow,
    async close() {
      clearInterval(timer);
      await running;
    },
  };
}

/** All of them, page by page. */
async function* everyOne<T extends { id: string }>(
  pageOf: (after: string | null, limit: number) => Promise<T[]>,
): AsyncGenerator<T> {
  for (let after: string | null = null; ;) {
    const page: T[] = await pageOf(after, PAGE);
    yield* page;
    if (page.length < PAGE) return;
    after = page[page.length - 1]?.id ?? null;
  }
}
