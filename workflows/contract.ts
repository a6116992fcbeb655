/**
 * What the rest of the system knows of the workflows: their names, ids, inputs, signals and what they answer.
 * Pure: it is imported by the API and by the sandbox alike.
 */
import type { TestSendResult } from '../domain/delivery/test-message.ts';
import type { Wait } from '../domain/delivery/trigger-plan.ts';

export const TASK_QUEUE = 'beckon';

/** @returns the task queue of what calls webhooks, which may be slow: it takes no slot of what pushes and waits */
export function webhookTaskQueue(taskQueue: string): string {
  return `${taskQueue}-webhooks`;
}

/** The types by which workflows are started. */
export const WORKFLOW = {
  campaign: 'campaign',
  run: 'run',
  liveTrigger: 'liveTrigger',
  queue: 'queue',
  testSend: 'testSend',
} as const;

/** Signals by name. */
export const SIGNAL = { stop: 'stop', wake: 'wake', changed: 'changed', userAction: 'userAction' } as const;

/** Search attributes, all keywords; registered on every server before the worker starts. */
export const SEARCH_ATTRIBUTES = ['CampaignId', 'ProfileId', 'CampaignName', 'Channel', 'Outcome'] as const;

export const workflowIds = {
  campaign: (campaignId: string): string => `campaign/${campaignId}`,
  run: (campaignId: string, instantMs: number): string =>
    `run/${campaignId}/${new Date(instantMs).toISOString()}`,
  trigger: (campaignId: string, profileId: string, messageId: string): string =>
    `trigger/${campaignId}/${profileId}/${messageId}`,
  queue: (campaignId: string): string => `queue/${campaignId}`,
  test: (campaignId: string, testId: string): string => `test/${campaignId}/${testId}`,
};

export interface CampaignInput {
  campaignId: string;
  name: string;
  kind: 'live' | 'past' | 'api';
  startsAtMs: number;
  endsAtMs: number | null;
  /** Set when it continues as new. */
  begun?: boolean;
}

export interface RunInput {
  campaignId: string;
  name: string;
  runId: string;
  instantMs: number;
  /** Set when it continues as new: materialising after this profile, drawing for the targeting cap, or draining. */
  phase?:
    | { kind: 'materialise'; after: string | null }
    | { kind: 'draw' }
    | { kind: 'drain'; groups: PartitionRange[]; capped?: true };
}

/** Partitions from (inclusive) to (exclusive) of the 64 that rows of a run fall into. */
export interface PartitionRange {
  from: number;
  to: number;
}

export interface QueueInput {
  campaignId: string;
}

export interface TriggerInput {
  messageId: string;
  campaignId: string;
  profileId: string;
  /** What it waits for, in order, with the texts that an operator reads. */
  waits: Wait[];
}

/** What the user did while the trigger waited. The row has been changed already; this is so that it wakes. */
export type UserAction =
  { kind: 'close'; outcome: string; text: string } | { kind: 'restart'; waits: Wait[]; text: string };

/** The times of a test send, in milliseconds, cut so that whoever waits 30 s for it mostly learns how it ended. */
export const TEST_SEND = {
  /** A worker that comes later than this after the start sends nothing. */
  beginWithinMs: 8_000,
  scheduleToStartMs: 5_000,
  startToCloseMs: 12_000,
  /** How long the API waits for the answer. */
  waitMs: 30_000,
} as const;

export type TestSendAnswer =
  | { kind: 'done'; results: TestSendResult[] }
  /** The worker vanished while it sent. */
  | { kind: 'brokenOff' };
