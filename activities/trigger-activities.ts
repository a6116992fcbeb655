import { ApplicationFailure, Context } from '@temporalio/activity';
import { ApplicationFailureCategory } from '@temporalio/common';
import { labelOf, type Campaign } from '../domain/campaign/campaign.ts';
import { isOpen, type Message } from '../domain/delivery/message.ts';
import { quietHoursOf } from '../domain/schedule/quiet-hours.ts';
import { reminderDate } from '../domain/schedule/reminder-plan.ts';
import { endsQuietHours, planTrigger, type Wait } from '../domain/delivery/trigger-plan.ts';
import { bucketsOf, usedUpText, type Bucket } from '../domain/delivery/throughput.ts';
import { zoneOf } from '../domain/schedule/zone-of.ts';
import { deliverPaced } from './delivery/deliver-paced.ts';
import type { DeliveryDeps } from './delivery/deps.ts';

/** How a trigger's end went. `retry` goes on in a regular activity, `postponed` waits once more. */
export type TriggerAnswer =
  { kind: 'settled'; outcome: string; text: string } | { kind: 'postponed'; wait: Wait } | { kind: 'retry' };

export type TriggerActivities = ReturnType<typeof createTriggerActivities>;

/** The activities of `liveTrigger`: everything about one message row. */
export function createTriggerActivities(deps: DeliveryDeps) {
  async function attempt(messageId: string): Promise<TriggerAnswer | { kind: 'busy'; untilMs: number }> {
    const row = await deps.messages.byId(messageId);
    const campaign = row && isOpen(row.state) ? await deps.campaigns.byId(row.campaignId) : null;
    // Webhooks may be slow, and their messages travel together: a trigger waits for neither.
    if (campaign?.definition.channel === 'webhook' && (await leaveToQueue(messageId, campaign)))
      return { kind: 'settled', outcome: 'queued', text: 'the queue of the campaign sends it, with others' };
    const sent = await deliverPaced(deps, { messageId }, await bucketsFor(row, campaign), {
      whenPaused: 'drop',
      signal: Context.current().cancellationSignal,
    });
    if (sent.kind === 'throttled') {
      if (campaign !== null && (await leaveToQueue(messageId, campaign))) {
        return { kind: 'settled', outcome: 'queued', text: `${usedUpText(sent.by)}; its queue sends it` };
      }
      return stateOf(messageId);
    }
    const { page } = sent;
    const settlement = page.lost.includes(messageId) ? undefined : page.settlements.get(messageId);
    if (
      settlement?.kind === 'again' &&
      !settlement.tried &&
      settlement.dueAt.getTime() > deps.clock.nowMs()
    ) {
      const untilMs = settlement.dueAt.getTime();
      return {
        kind: 'postponed',
        wait: { kind: 'postponed', untilMs, summary: 'waits once more before sending' },
      };
    }
    // Sent, refused, taken over by somebody else, or not due: the row says which.
    return stateOf(messageId);
  }

  /** The rates that a row which is due leaves under. */
  async function bucketsFor(row: Message | null, campaign: Campaign | null): Promise<Bucket[]> {
    if (row === null || campaign === null) return [];
    return bucketsOf(campaign, await deps.settings.read(), row.released === true);
  }

  /** The row first; then somebody is told, unless the queue is awake. @returns false when it is not due any more */
  async function leaveToQueue(messageId: string, campaign: Campaign): Promise<boolean> {
    if (!(await deps.messages.queue(messageId, deps.clock.nowMs()))) return false;
    if (!(await deps.throughput.wake(campaign.id))) return true;
    try {
      await deps.queues.wakeQueue(labelOf(campaign.id, campaign));
    } catch (error) {
      await deps.throughput.sleep(campaign.id);
      throw error;
    }
    return true;
  }

  async function stateOf(messageId: string): Promise<TriggerAnswer | { kind: 'busy'; untilMs: number }> {
    const row = await deps.messages.byId(messageId);
    if (row === null)
      return { kind: 'settled', outcome: 'erased', text: 'The message is not there any more.' };
    if (!isOpen(row.state)) return settledAnswer(row);
    const untilMs = row.state === 'sending' ? (row.leaseUntil ?? row.dueAt).getTime() : row.dueAt.getTime();
    return { kind: 'busy', untilMs };
  }

  return {
    /**
     * Claims the row, looks once more whether it should still go, renders and sends.
     * Idempotent: a row that is settled already answers with what became of it.
     */
    async sendTrigger(input: { messageId: string }): Promise<TriggerAnswer> {
      const answer = await attempt(input.messageId);
      return answer.kind === 'busy' ? { kind: 'retry' } : answer;
    },

    /** The same, but each failure says when the next try is due, so that Temporal waits and retries. */
    async retryTrigger(input: { messageId: string }): Promise<Exclude<TriggerAnswer, { kind: 'retry' }>> {
      const row = await deps.messages.byId(input.messageId);
      const notBeforeMs = row && isOpen(row.state) && row.state !== 'sending' ? row.dueAt.getTime() : 0;
      const answer =
        notBeforeMs > deps.clock.nowMs()
          ? { kind: 'busy' as const, untilMs: notBeforeMs }
          : await attempt(input.messageId);
      if (answer.kind === 'busy') {
        throw ApplicationFailure.create({
          message: `due again at ${new Date(answer.untilMs).toISOString()}`,
          type: 'DueLater',
          // Waiting is what it is for: no warning in the worker's log, no failure in its metrics.
          category: ApplicationFailureCategory.BENIGN,
          nextRetryDelay: Math.max(answer.untilMs - deps.clock.nowMs(), 200),
        });
      }
      if (answer.kind === 'retry')
        throw ApplicationFailure.create({ message: 'not settled yet', type: 'DueLater' });
      return answer;
    },

    /** Computes what is left to wait for with the time-zone rules and the profile as they are now. */
    async replanTrigger(input: { messageId: string }): Promise<{ waits: Wait[] }> {
      const row = await deps.messages.byId(input.messageId);
      if (!row?.passage || !isOpen(row.state)) return { waits: [] };
      const [definition, event, profiles, active, site, settings] = await Promise.all([
        deps.campaigns.version(row.campaignId, row.version),
        deps.events.byId(row.passage.event.id),
        deps.profiles.byIds([row.profileId]),
        deps.subscriptions.activeOf(row.siteId, [row.profileId]),
        deps.sites.byId(row.siteId),
        deps.settings.read(),
      ]);
      if (!definition || !('live' in definition.who) || !event) return { waits: [] };
      const addresses = active.get(row.profileId) ?? [];
      const zone = zoneOf(profiles.get(row.profileId), addresses, site ?? undefined, settings.timezone);
      const nowMs = deps.clock.nowMs();
      if (reminderDate(definition.who.live, event, zone)?.kind === 'none') return { waits: [] };
      const when = { ...definition.when, dnd: quietHoursOf(definition.when, settings) };
      const plan = planTrigger({ live: definition.who.live, when, event, zone, nowMs });
      // The row is the truth: it must be due when the workflow comes, and its time to live counts from then.
      if (plan.dueAtMs !== row.dueAt.getTime()) {
        const { event: filledBy, qualifiesAt } = row.passage;
        const dueAt = new Date(plan.dueAtMs);
        const passage = { event: filledBy, qualifiesAt };
        await deps.messages.restartPassage(row.id, passage, dueAt, endsQuietHours(plan), filledBy.id);
      }
      return { waits: plan.waits.filter((wait) => wait.untilMs > nowMs) };
    },
  };
}

function settledAnswer(row: Message): TriggerAnswer {
  const reason = row.reason === undefined ? '' : `: ${row.reason}`;
  const detail = row.detail === undefined ? '' : ` (${row.detail})`;
  const outcome = row.state === 'sent' ? 'sent' : (row.reason ?? row.state);
  return { kind: 'settled', outcome, text: `${row.state}${reason}${detail}` };
}
