/** Every timeout and retry policy of the workflows' activities, in one place. */
import { defineSearchAttributeKey } from '@temporalio/common';
import { proxyActivities, proxyLocalActivities, workflowInfo } from '@temporalio/workflow';
import type { CampaignActivities } from '../activities/campaign-activities.ts';
import type { QueueActivities } from '../activities/queue-activities.ts';
import type { RunActivities } from '../activities/run-activities.ts';
import type { ScheduleActivities } from '../activities/schedule-activities.ts';
import type { TestActivities } from '../activities/test-activities.ts';
import type { TriggerActivities } from '../activities/trigger-activities.ts';
import { TEST_SEND, webhookTaskQueue } from './contract.ts';

const channelKey = defineSearchAttributeKey('Channel', 'KEYWORD');

/** The options of what drains rows of this workflow's campaign: webhooks have workers' slots of their own. */
function drains(): { taskQueue?: string } {
  const { taskQueue, typedSearchAttributes } = workflowInfo();
  return typedSearchAttributes.get(channelKey) === 'webhook'
    ? { taskQueue: webhookTaskQueue(taskQueue) }
    : {};
}

/** Short writes that must happen in the end: retried until they do. */
export const campaignActivities = proxyActivities<CampaignActivities>({
  startToCloseTimeout: '2 minutes',
  heartbeatTimeout: '20 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

/** What a campaign does next, by its schedule; the same as above. */
export const scheduleActivities = proxyActivities<ScheduleActivities>({
  startToCloseTimeout: '2 minutes',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '1 minute' },
});

/**
 * Pages of a run. A heartbeat tells a dead worker from a slow one within seconds; rows it had claimed are
 * taken over when their own lease has run out.
 */
const PAGES = {
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '6 seconds',
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
} as const;
export const runActivities = proxyActivities<Omit<RunActivities, 'drain'>>(PAGES);

/** Call it inside of a workflow. */
export function runDrains(): Pick<RunActivities, 'drain'> {
  return proxyActivities<Pick<RunActivities, 'drain'>>({ ...PAGES, ...drains() });
}

/** The queue of a campaign; the same as above. */
export function queueDrains(): QueueActivities {
  return proxyActivities<QueueActivities>({ ...PAGES, ...drains() });
}

/**
 * The end of an ordinary passage: one history event. Longer trouble goes on in a regular activity, whose tries
 * leave nothing in the history.
 */
export const triggerLocalActivities = proxyLocalActivities<
  Pick<TriggerActivities, 'sendTrigger' | 'replanTrigger'>
>({
  startToCloseTimeout: '25 seconds',
  localRetryThreshold: '10 seconds',
  retry: { initialInterval: '500 milliseconds', backoffCoefficient: 2, maximumAttempts: 4 },
});

/** Tries again until the row is settled; each failure says itself when the next try is due. */
export const triggerRetries = proxyActivities<Pick<TriggerActivities, 'retryTrigger' | 'replanTrigger'>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', backoffCoefficient: 2, maximumInterval: '15 minutes' },
});

/** One try: a second one would send twice, and somebody waits for the answer. */
export const testActivities = proxyActivities<TestActivities>({
  scheduleToStartTimeout: TEST_SEND.scheduleToStartMs,
  startToCloseTimeout: TEST_SEND.startToCloseMs,
  retry: { maximumAttempts: 1 },
});
