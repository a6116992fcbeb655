import { isCampaignOver } from '../domain/campaign/campaign.ts';
import { STRADDLE_MS } from '../domain/event.ts';
import { concerningNames } from '../domain/audience/live-audience.ts';
import type { CampaignRepository } from '../domain/ports/campaigns.ts';
import type { EventRepository } from '../domain/ports/events.ts';
import type { MessageRepository } from '../domain/ports/messages.ts';
import type { Clock, Log, TriggerSignals } from '../domain/ports/services.ts';
import { forEachLimit } from './delivery/for-each-limit.ts';
import { failIfAborted, withHeartbeat } from './heartbeat.ts';

export interface CampaignActivityDeps {
  campaigns: CampaignRepository;
  events: EventRepository;
  messages: MessageRepository;
  triggers: TriggerSignals;
  clock: Clock;
  log: Log;
}

const CLOSE_PAGE = 500;
const SIGNALS_AT_ONCE = 10;

export type CampaignActivities = ReturnType<typeof createCampaignActivities>;

/** The activities of `campaign`: its beginning and its end. */
export function createCampaignActivities(deps: CampaignActivityDeps) {
  return {
    /**
     * Marks a scheduled campaign as running. Repeating it is harmless.
     * @returns `stopped` when it was stopped while its workflow could not be told
     */
    async beginCampaign(campaignId: string): Promise<'begun' | 'stopped'> {
      await deps.campaigns.changeStatus(campaignId, ['scheduled'], 'running');
      const campaign = await deps.campaigns.byId(campaignId);
      return campaign?.status === 'stopped' ? 'stopped' : 'begun';
    },

    /**
     * Marks for dispatch what was received since the publish by instances whose view did not hold the campaign
     * yet. @returns how many events
     */
    async rescanEvents(campaignId: string): Promise<number> {
      const campaign = await deps.campaigns.byId(campaignId);
      if (
        !campaign?.publishedAt ||
        campaign.catalogueVersion === undefined ||
        !('live' in campaign.definition.who)
      )
        return 0;
      // Its workflow is started anew, long after the publish; and edits have seen to what came around them.
      const isLate = deps.clock.nowMs() - campaign.publishedAt.getTime() > 2 * STRADDLE_MS;
      if (campaign.version > 1 && isLate) return 0;
      const names = concerningNames(campaign.definition.who.live);
      const { publishedAt, catalogueVersion, startsAt } = campaign;
      // Nothing that came before a later start opens anything.
      if (startsAt !== undefined && startsAt > publishedAt) return 0;
      const until = new Date(publishedAt.getTime() + STRADDLE_MS);
      return withHeartbeat(() => deps.events.markPendingBetween(publishedAt, until, catalogueVersion, names));
    },

    /**
     * Marks a campaign as completed (a stopped one is marked already), closes its rows that are still open and
     * wakes their triggers.
     *
     * @param input.version of the schedule that has nothing more to do; null: it is over at its end alone
     * @returns how many rows were closed; `goesOn` when it was edited meanwhile, and is not over
     */
    async finishCampaign(input: {
      campaignId: string;
      outcome: 'completed' | 'stopped';
      version: number | null;
    }): Promise<number | 'goesOn'> {
      if (input.outcome === 'completed') await deps.campaigns.complete(input.campaignId, input.version);
      const campaign = await deps.campaigns.byId(input.campaignId);
      if (campaign && !isCampaignOver(campaign.status)) return 'goesOn';
      const reason = campaign?.status === 'stopped' ? 'stopped' : 'ended';
      const closedRows = await withHeartbeat(async (signal) => {
        let count = 0;
        for (;;) {
          failIfAborted(signal);
          const closed = await deps.messages.closeOpen(
            { campaignId: input.campaignId },
            reason,
            deps.clock.nowMs(),
            CLOSE_PAGE,
          );
          if (closed.length === 0) break;
          count += closed.length;
          await forEachLimit(
            closed.filter((row) => row.trigger),
            SIGNALS_AT_ONCE,
            async (row) => {
              const trigger = { campaignId: input.campaignId, profileId: row.profileId, messageId: row.id };
              await deps.triggers.close(trigger, reason, `suppressed: ${reason}`);
            },
          );
        }
        return count;
      });
      await deps.campaigns.finish(input.campaignId);
      return closedRows;
    },
  };
}
