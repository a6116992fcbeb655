import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowOptions,
} from '@temporalio/client';
import { defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import type { Campaign } from '../../domain/campaign.ts';
import type { TriggerSignals } from '../../domain/ports/services.ts';
import type { Run } from '../../domain/ports/repositories.ts';
import type { TestSendInput } from '../../domain/test-message.ts';
import {
  SIGNAL,
  TEST_SEND,
  WORKFLOW,
  workflowIds,
  type CampaignInput,
  type RunInput,
  type TestSendAnswer,
  type TriggerInput,
  type UserAction,
} from '../../workflows/contract.ts';

/** Starts and signals workflows by their readable ids. Starting one that runs already is harmless. */
export interface WorkflowStarter extends TriggerSignals {
  startCampaign(campaign: Campaign): Promise<void>;
  stopCampaign(campaignId: string): Promise<void>;
  startTrigger(
    input: TriggerInput,
    about: { campaignName: string; version: number; event: string },
  ): Promise<void>;
  signalTrigger(
    trigger: { campaignId: string; profileId: string; messageId: string },
    action: UserAction,
  ): Promise<void>;
  /** Starts a run that is missing, or wakes it. */
  wakeRun(run: Run, campaignName: string): Promise<void>;
  /**
   * Sends a test and waits for how it went. One with the same id is not sent again, unless nothing of it was sent.
   * @throws WorkflowFailedError when nothing was sent
   */
  testSend(input: TestSendInput, campaignName: string): Promise<TestSendAnswer>;
}

const keys = {
  campaignId: defineSearchAttributeKey('CampaignId', 'KEYWORD'),
  profileId: defineSearchAttributeKey('ProfileId', 'KEYWORD'),
  campaignName: defineSearchAttributeKey('CampaignName', 'KEYWORD'),
  channel: defineSearchAttributeKey('Channel', 'KEYWORD'),
};

/**
 * After which a call is given up, so that nobody who waits for an answer waits out the client's own retries.
 * Shorter than a dispatcher may hold a lane without renewing it.
 */
const CALL_MS = 5_000;

/** @param taskQueue the queue that workers poll */
export function createWorkflowStarter(client: Client, taskQueue: string): WorkflowStarter {
  const { workflow } = client;
  const inTime = <T>(call: () => Promise<T>): Promise<T> => client.withDeadline(Date.now() + CALL_MS, call);

  async function start(
    type: string,
    options: Omit<WorkflowOptions, 'taskQueue'> & { args: unknown[] },
  ): Promise<void> {
    try {
      const once = { workflowIdReusePolicy: 'ALLOW_DUPLICATE', workflowIdConflictPolicy: 'FAIL' };
      await inTime(() => workflow.start(type, { ...options, ...once, taskQueue } as never));
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }

  async function signal(workflowId: string, name: string, ...args: unknown[]): Promise<void> {
    try {
      await inTime(() => workflow.getHandle(workflowId).signal(name, ...args));
    } catch (error) {
      // Closed already, or never started: the row says what became of it.
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }

  const attributes = (campaignId: string, campaignName: string, profileId?: string): TypedSearchAttributes =>
    new TypedSearchAttributes([
      { key: keys.campaignId, value: campaignId },
      { key: keys.campaignName, value: campaignName.slice(0, 200) },
      { key: keys.channel, value: 'webPush' },
      ...(profileId === undefined ? [] : [{ key: keys.profileId, value: profileId }]),
    ]);

  const signalTrigger: WorkflowStarter['signalTrigger'] = ({ campaignId, profileId, messageId }, action) =>
    signal(workflowIds.trigger(campaignId, profileId, messageId), SIGNAL.userAction, action);

  return {
    signalTrigger,

    async startCampaign(campaign) {
      if (!campaign.startsAt) throw new Error(`campaign ${campaign.id} was not published`);
      const { name } = campaign.definition;
      const input: CampaignInput = {
        campaignId: campaign.id,
        name,
        kind: 'live' in campaign.definition.who ? 'live' : 'past',
        startsAtMs: campaign.startsAt.getTime(),
        endsAtMs: campaign.endsAt?.getTime() ?? null,
      };
      await start(WORKFLOW.campaign, {
        workflowId: workflowIds.campaign(campaign.id),
        args: [input],
        staticSummary: `${input.kind === 'live' ? 'Live campaign' : 'Campaign'} ${name}, version ${campaign.version}`,
        memo: { campaign: name, version: campaign.version },
        typedSearchAttributes: attributes(campaign.id, name),
      });
    },

    async stopCampaign(campaignId) {
      await signal(workflowIds.campaign(campaignId), SIGNAL.stop);
    },

    async startTrigger(input, about) {
      await start(WORKFLOW.liveTrigger, {
        workflowId: workflowIds.trigger(input.campaignId, input.profileId, input.messageId),
        args: [input],
        staticSummary: `${about.campaignName}: opened by ${about.event}`,
        memo: { campaign: about.campaignName, version: about.version, event: about.event },
        typedSearchAttributes: attributes(input.campaignId, about.campaignName, input.profileId),
      });
    },

    async close(trigger, outcome, text) {
      await signalTrigger(trigger, { kind: 'close', outcome, text });
    },

    async wakeRun(run, campaignName) {
      const input: RunInput = {
        campaignId: run.campaignId,
        name: campaignName,
        runId: run.id,
        instantMs: run.instant.getTime(),
      };
      const options = {
        workflowId: workflowIds.run(run.campaignId, run.instant.getTime()),
        taskQueue,
        args: [input],
        signal: SIGNAL.wake,
        signalArgs: [],
        // One that completed is over; one that was lost or broke off is started again.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const,
        staticSummary: `Run of ${campaignName}`,
        typedSearchAttributes: attributes(run.campaignId, campaignName),
      };
      try {
        await inTime(() => workflow.signalWithStart(WORKFLOW.run, options));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    async testSend(input, campaignName) {
      const workflowId = workflowIds.test(input.campaignId, input.testId);
      const options = {
        workflowId,
        taskQueue,
        args: [input],
        // A test that failed sent nothing; one that completed answers its repeat.
        workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY' as const,
        workflowIdConflictPolicy: 'USE_EXISTING' as const,
        workflowExecutionTimeout: TEST_SEND.executionMs,
        staticSummary: `Test of ${campaignName}`,
        memo: { campaign: campaignName },
        typedSearchAttributes: attributes(input.campaignId, campaignName),
      };
      try {
        await inTime(() => workflow.start(WORKFLOW.testSend, options));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
      const ended = (): Promise<unknown> => workflow.getHandle(workflowId).result();
      return (await client.withDeadline(Date.now() + TEST_SEND.waitMs, ended)) as TestSendAnswer;
    },
  };
}
