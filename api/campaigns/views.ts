import type { Campaign } from '../../domain/campaign/campaign.ts';
import { winnerIn } from '../../domain/content/winner.ts';
import type { PlannedRun } from '../../domain/schedule/due-runs.ts';
import type { Message } from '../../domain/delivery/message.ts';
import type { Run } from '../../domain/delivery/run.ts';
import type { RunProgress } from '../../domain/delivery/run-progress.ts';
import { workflowIds } from '../../workflows/contract.ts';

/** @returns a campaign as the API shows it: the definition as posted, and where it stands */
export function campaignView(campaign: Campaign): object {
  const { definition, catalogueVersion: _seen, untold: _untold, ...others } = campaign;
  const { rescheduledAt: _moved, winners: _won, ...rest } = others;
  const winner = winnerView(campaign);
  const workflowId = campaign.status === 'draft' ? {} : { workflowId: workflowIds.campaign(campaign.id) };
  return { ...rest, ...(winner ? { winner } : {}), ...workflowId, ...definition };
}

/** @returns the variant that alone is sent of the current version, and since when */
export function winnerView(
  campaign: Pick<Campaign, 'winners' | 'definition'>,
): { variant: string; at: Date } | undefined {
  const winner = winnerIn(campaign, campaign.definition);
  return winner && { variant: winner.variant, at: winner.at };
}

/** @returns a campaign with the run that is to come, if there is one */
export function campaignViewWithNext(campaign: Campaign, next: PlannedRun | null): object {
  if (!next) return campaignView(campaign);
  return { ...campaignView(campaign), nextRunAt: next.plannedAt, nextRunLocal: next.local };
}

/** @returns a message without the fence's own fields */
export function messageView(message: Message): object {
  const { profileId, passage, request, attempts, devices, receipts } = message;
  return {
    id: message.id,
    objectId: profileId,
    runId: message.runId,
    state: message.state,
    reason: message.reason,
    detail: message.detail,
    qualified: message.qualified,
    version: message.version,
    dueAt: message.dueAt,
    cutOffAt: message.cutOffAt,
    released: message.released,
    queued: message.queued,
    sentAt: message.sentAt,
    controlAt: message.controlAt,
    settledAt: message.settledAt,
    createdAt: message.createdAt,
    tries: message.tries,
    variant: message.variant,
    batchId: message.batchId,
    devices,
    attempts,
    receipts,
    ...(request
      ? {
          request: { sendId: request.sendId, transactional: request.transactional === true },
          workflowId: workflowIds.queue(message.campaignId),
        }
      : {}),
    ...(passage
      ? {
          trigger: {
            matchValue: passage.matchValue,
            openedBy: {
              eventId: passage.openedBy.eventId,
              name: passage.openedBy.name,
              time: passage.openedBy.time,
            },
            event: { eventId: passage.event.eventId, name: passage.event.name, time: passage.event.time },
            closedBy: passage.closedBy && {
              eventId: passage.closedBy.eventId,
              name: passage.closedBy.name,
              time: passage.closedBy.time,
            },
            qualifiesAt: passage.qualifiesAt,
          },
          workflowId: workflowIds.trigger(message.campaignId, profileId, message.id),
        }
      : {}),
  };
}

/** @returns a run with how far it has come and the id of its workflow */
export function runView(run: Run, progress: RunProgress): object {
  return { ...run, progress, workflowId: workflowIds.run(run.campaignId, run.instant.getTime()) };
}
