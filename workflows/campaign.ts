import { defineSearchAttributeKey, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  CancellationScope,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  sleep,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { SIGNAL, WORKFLOW, workflowIds, type CampaignInput, type RunInput } from './contract.ts';
import { campaignActivities as activities } from './policies.ts';
import type { run } from './run.ts';
import { instantText, waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');
const LOOK_AGAIN_MS = 60_000;

/** The life of a campaign: waits for its start, does its work, waits for its end, closes what is left open. */
export async function campaign(input: CampaignInput): Promise<'completed' | 'stopped'> {
  let stopped = false;
  setHandler(defineSignal(SIGNAL.stop), () => {
    stopped = true;
  });
  const isStopped = (): boolean => stopped;

  if (!input.begun) {
    setCurrentDetails(`Starts at ${instantText(input.startsAtMs)}.`);
    await waitUntil(input.startsAtMs, `starts at ${instantText(input.startsAtMs)}`, isStopped);
    if (!stopped && (await activities.beginCampaign(input.campaignId)) === 'stopped') stopped = true;
  }

  if (!stopped && input.kind === 'past') {
    await runOnce(input, isStopped);
  } else if (!stopped) {
    if (!input.begun) await activities.rescanEvents(input.campaignId);
    const end = input.endsAtMs === null ? 'it is stopped' : instantText(input.endsAtMs);
    setCurrentDetails(`Live: each qualifying event opens a trigger until ${end}.`);
    await waitUntil(
      input.endsAtMs,
      `live until ${end}`,
      () => stopped || workflowInfo().continueAsNewSuggested,
    );
    if (!stopped && workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof campaign>({ ...input, begun: true });
    }
  }

  const outcome = stopped ? 'stopped' : 'completed';
  const closed = await activities.finishCampaign({ campaignId: input.campaignId, outcome });
  setCurrentDetails(
    `${outcome === 'stopped' ? 'Stopped' : 'Completed'}; ${closed} open messages were closed.`,
  );
  upsertSearchAttributes([{ key: outcomeKey, value: outcome }]);
  return outcome;
}

/**
 * Sees the one run of a past-behaviour campaign through, and finishes it at the campaign's end or stop. The
 * sweep may have started the run already and an operator may have terminated it: both are looked at again.
 */
async function runOnce(input: CampaignInput, isStopped: () => boolean): Promise<void> {
  const workflowId = workflowIds.run(input.campaignId, input.startsAtMs);
  for (;;) {
    const run = await activities.openRun({ campaignId: input.campaignId, instantMs: input.startsAtMs });
    if (run.finished) return;
    if (workflowInfo().continueAsNewSuggested && !isStopped())
      await continueAsNew<typeof campaign>({ ...input, begun: true });
    setCurrentDetails(`Running: ${workflowId}`);
    const child = await startRun(input, run.runId, workflowId);
    let over = false;
    const finished = CancellationScope.nonCancellable(async () => {
      const done = child !== null && (await child.result().then(isDone, isNotDone));
      if (!done) await sleep(LOOK_AGAIN_MS, { summary: 'looks again whether its run is finished' });
      over = true;
      return done;
    });
    const summary = input.endsAtMs === null ? '' : `ends at ${instantText(input.endsAtMs)}`;
    await waitUntil(input.endsAtMs, summary, () => over || isStopped());
    // It may be closing just now: then there is nobody to tell any more.
    if (!over) await getExternalWorkflowHandle(workflowId).signal(SIGNAL.stop).catch(isNotDone);
    if (await finished) return;
  }
}

/** @returns null when the run is there already */
async function startRun(
  input: CampaignInput,
  runId: string,
  workflowId: string,
): Promise<ChildWorkflowHandle<typeof run> | null> {
  const { campaignId, name, startsAtMs: instantMs } = input;
  const runInput: RunInput = { campaignId, name, runId, instantMs };
  try {
    return await startChild<typeof run>(WORKFLOW.run, {
      workflowId,
      args: [runInput],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      staticSummary: `Run of ${name}`,
      searchAttributes: workflowInfo().searchAttributes,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
    throw error;
  }
}

const isDone = (): boolean => true;
const isNotDone = (): boolean => false;
