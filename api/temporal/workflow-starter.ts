import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowIdReusePolicy,
  type WorkflowOptions,
} from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  defineSearchAttributeKey,
  TimeoutFailure,
  TypedSearchAttributes,
} from '@temporalio/common';
import { audienceKind, labelOf, type Campaign, type CampaignLabel } from '../../domain/campaign/campaign.ts';
import type { QueueWaker, TriggerSignals } from '../../domain/ports/services.ts';
import type { Run } from '../../domain/delivery/run.ts';
import type { TestSendInput } from '../../domain/delivery/test-message.ts';
import {
  SIGNAL,
  TEST_SEND,
  WORKFLOW,
  workflowIds,
  type CampaignInput,
  type QueueInput,
  type RunInput,
  type TestSendAnswer,
  type TriggerInput,
  type UserAction,
} from '../../workflows/contract.ts';

/** Starts and signals workflows by their readable ids. Starting one that runs already is harmless. */
export interface WorkflowStarter extends TriggerSignals, QueueWaker {
  startCampaign(campaign: Campaign): Promise<void>;
  stopCampaign(campaignId: string): Promise<void>;
  /** Makes a campaign look at what it is since it was edited or resumed. @returns whether its workflow was there to be told */
  tellCampaign(campaignId: string): Promise<boolean>;
  startTrigger(
    input: TriggerInput,
    about: { campaign: CampaignLabel; version: number; event: string },
  ): Promise<void>;
  signalTrigger(
    trigger: { campaignId: string; profileId: string; messageId: string },
    action: UserAction,
  ): Promise<void>;
  /** Starts the queue of a live campaign unless it runs already. */
  startQueue(campaign: CampaignLabel): Promise<void>;
  /** Starts a run that is missing, or wakes it. */
  wakeRun(run: Run, campaign: CampaignLabel): Promise<void>;
  /**
   * Sends a test and waits for how it went. One with the same id is not sent again, unless it is certain that
   * nothing of it was sent.
   * @throws NothingSentError when it is certain that nothing was sent; with any other error it is not known
   */
  testSend(input: TestSendInput, campaign: CampaignLabel): Promise<TestSendAnswer>;
}

/** It is certain that no device got anything of a test; `message` says why. */
export class NothingSentError extends Error {
  override readonly name = 'NothingSentError';
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

const SUMMARY = { live: 'Live campaign', past: 'Campaign', api: 'API-triggered campaign' } as const;

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

  /** @returns whether there was such a workflow: one that closed already, or never started, is no fault */
  async function isTold(workflowId: string, name: string, ...args: unknown[]): Promise<boolean> {
    try {
      await inTime(() => workflow.getHandle(workflowId).signal(name, ...args));
      return true;
    } catch (error) {
      if (!(error instanceof WorkflowNotFoundError)) throw error;
      return false;
    }
  }

  /** Whoever is not there any more needs not be told: the row says what became of it. */
  async function signal(workflowId: string, name: string, ...args: unknown[]): Promise<void> {
    await isTold(workflowId, name, ...args);
  }

  const attributes = ({ id, name, channel }: CampaignLabel, profileId?: string): TypedSearchAttributes =>
    new TypedSearchAttributes([
      { key: keys.campaignId, value: id },
      { key: keys.campaignName, value: name.slice(0, 200) },
      ...(channel === undefined ? [] : [{ key: keys.channel, value: channel }]),
      ...(profileId === undefined ? [] : [{ key: keys.profileId, value: profileId }]),
    ]);

  const signalTrigger: WorkflowStarter['signalTrigger'] = ({ campaignId, profileId, messageId }, action) =>
    signal(workflowIds.trigger(campaignId, profileId, messageId), SIGNAL.userAction, action);

  const queueOptions = (campaign: CampaignLabel) => ({
    workflowId: workflowIds.queue(campaign.id),
    args: [{ campaignId: campaign.id } satisfies QueueInput],
    staticSummary: `Queue of ${campaign.name}`,
    memo: { campaign: campaign.name },
    typedSearchAttributes: attributes(campaign),
  });

  return {
    signalTrigger,

    async startQueue(campaign) {
      await start(WORKFLOW.queue, queueOptions(campaign));
    },

    async wakeQueue(campaign) {
      const options = {
        ...queueOptions(campaign),
        taskQueue,
        signal: SIGNAL.wake,
        signalArgs: [],
        workflowIdReusePolicy: 'ALLOW_DUPLICATE' as const,
      };
      await inTime(() => workflow.signalWithStart(WORKFLOW.queue, options));
    },

    async startCampaign(campaign) {
      if (!campaign.startsAt) throw new Error(`campaign ${campaign.id} was not published`);
      const { name } = campaign.definition;
      const input: CampaignInput = {
        campaignId: campaign.id,
        name,
        kind: audienceKind(campaign.definition),
        startsAtMs: campaign.startsAt.getTime(),
        endsAtMs: campaign.endsAt?.getTime() ?? null,
      };
      await start(WORKFLOW.campaign, {
        workflowId: workflowIds.campaign(campaign.id),
        args: [input],
        staticSummary: `${SUMMARY[input.kind]} ${name}, version ${campaign.version}`,
        memo: { campaign: name, version: campaign.version },
        typedSearchAttributes: attributes(labelOf(campaign.id, campaign)),
      });
    },

    async stopCampaign(campaignId) {
      await signal(workflowIds.campaign(campaignId), SIGNAL.stop);
    },

    tellCampaign: (campaignId) => isTold(workflowIds.campaign(campaignId), SIGNAL.changed),

    async startTrigger(input, about) {
      await start(WORKFLOW.liveTrigger, {
        workflowId: workflowIds.trigger(input.campaignId, input.profileId, input.messageId),
        args: [input],
        staticSummary: `${about.campaign.name}: opened by ${about.event}`,
        memo: { campaign: about.campaign.name, version: about.version, event: about.event },
        typedSearchAttributes: attributes(about.campaign, input.profileId),
      });
    },

    async close(trigger, outcome, text) {
      await signalTrigger(trigger, { kind: 'close', outcome, text });
    },

    async wakeRun(run, campaign) {
      const input: RunInput = {
        campaignId: run.campaignId,
        name: campaign.name,
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
        staticSummary: `Run of ${campaign.name}`,
        typedSearchAttributes: attributes(campaign),
      };
      try {
        await inTime(() => workflow.signalWithStart(WORKFLOW.run, options));
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    async testSend(input, campaign) {
      const workflowId = workflowIds.test(input.campaignId, input.testId);
      const options = {
        workflowId,
        taskQueue,
        args: [input],
        staticSummary: `Test of ${campaign.name}`,
        memo: { campaign: campaign.name },
        typedSearchAttributes: attributes(campaign),
      };
      const begin = async (workflowIdReusePolicy: WorkflowIdReusePolicy): Promise<boolean> => {
        try {
          await inTime(() => workflow.start(WORKFLOW.testSend, { ...options, workflowIdReusePolicy }));
          return true;
        } catch (error) {
          if (error instanceof WorkflowExecutionAlreadyStartedError) return false;
          throw error;
        }
      };
      const untilMs = Date.now() + TEST_SEND.waitMs;
      const end = async (): Promise<TestSendAnswer> => {
        try {
          const ended = (): Promise<unknown> => workflow.getHandle(workflowId).result();
          return (await client.withDeadline(untilMs, ended)) as TestSendAnswer;
        } catch (error) {
          const why = whyNothingSent(error);
          throw why === null ? error : new NothingSentError(why, { cause: error });
        }
      };
      // A try before this one may have sent, also one that was terminated: only how it ended says that it did not.
      const isFirst = await begin('REJECT_DUPLICATE');
      try {
        return await end();
      } catch (error) {
        if (isFirst || !(error instanceof NothingSentError)) throw error;
      }
      await begin('ALLOW_DUPLICATE_FAILED_ONLY');
      return end();
    },
  };
}

/** @returns why it is certain that nothing was sent, when the end of a test says so, and null when it does not */
function whyNothingSent(error: unknown): string | null {
  if (!(error instanceof WorkflowFailedError)) return null;
  const cause = error.cause instanceof ActivityFailure ? error.cause.cause : error.cause;
  if (cause instanceof ApplicationFailure && cause.type === 'NothingSent') return cause.message;
  // Of the activity: the server gave it up before any worker took it.
  const wasNotTaken = cause instanceof TimeoutFailure && cause.timeoutType === 'SCHEDULE_TO_START';
  return wasNotTaken ? 'no worker took it in time' : null;
}
