import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setCurrentDetails,
  setHandler,
  startChild,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { SIGNAL, WORKFLOW, workflowIds, type CampaignInput, type RunInput } from './contract.ts';
import { campaignActivities as activities } from './policies.ts';
import { instantText, waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');

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

/** Starts the one run of a past-behaviour campaign and waits until it is done. */
async function runOnce(input: CampaignInput, isStopped: () => boolean): Promise<void> {
  const run = await activities.openRun({ campaignId: input.campaignId, instantMs: input.startsAtMs });
  const runInput: RunInput = {
    campaignId: input.campaignId,
    name: input.name,
    runId: run.runId,
    instantMs: input.startsAtMs,
  };
  const workflowId = workflowIds.run(input.campaignId, input.startsAtMs);
  setCurrentDetails(`Running: ${workflowId}`);
  const child = await startChild(WORKFLOW.run, {
    workflowId,
    args: [runInput],
    parentClosePolicy: ParentClosePolicy.ABANDON,
    staticSummary: `Run of ${input.name}`,
    searchAttributes: workflowInfo().searchAttributes,
  });
  let done = false;
  const result = CancellationScope.nonCancellable(async () => {
    await child.result();
    done = true;
  });
  await condition(() => done || isStopped());
  if (!done) await getExternalWorkflowHandle(workflowId).signal(SIGNAL.stop);
  await result;
}
