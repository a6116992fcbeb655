import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  getExternalWorkflowHandle,
  ParentClosePolicy,
  setCurrentDetails,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { sentence } from '../domain/sentence.ts';
import type { NextRun } from '../activities/schedule-activities.ts';
import { SIGNAL, WORKFLOW, workflowIds, type CampaignInput, type RunInput } from './contract.ts';
import { mustContinue } from './history.ts';
import { scheduleActivities } from './policies.ts';
import type { run } from './run.ts';
import { atLeast, instantText, waitUntil } from './wait.ts';

/** What was told to a campaign since it began. */
export interface Told {
  stopped: boolean;
  /** Grows with everything after which the campaign is to be read anew: an edit, a pause, a resume. */
  changes: number;
  /** Of the schedule that was looked at last; null for none. */
  version: number | null;
}

/** How often it looks again whether a run that it did not start itself is over. */
const LOOK_AGAIN_MS = 60_000;

/**
 * Starts the runs of a past-behaviour campaign when they are due, and sees them through. The sweep may have started a
 * run already and an operator may have terminated one: what is open is looked at again each time.
 *
 * @returns `continue` when the history has grown long; `over` when all runs are, also because of the end or a stop
 */
export async function followSchedule(input: CampaignInput, told: Told): Promise<'over' | 'continue'> {
  /** Runs of which this execution learns when they are over. */
  const watched = new Set<string>();
  const toldToStop = new Set<string>();
  let settled = 0;

  for (;;) {
    const seen = { ...told, settled };
    const { open, next, endsAtMs, version } = await scheduleActivities.nextRun(input.campaignId);
    told.version = version;
    for (const one of open) if (!watched.has(one.runId)) await start(one);
    const isEnded = endsAtMs !== null && endsAtMs <= Date.now();
    const isLast = told.stopped || isEnded || next.kind === 'none';
    if (told.stopped || isEnded) for (const one of open) await tellToStop(one);
    if (isLast && open.length === 0) return 'over';

    const [untilMs, text] = whatFor(next, isLast, open);
    setCurrentDetails(sentence(text));
    const end = isEnded || told.stopped ? null : endsAtMs;
    await waitUntil(earlier(untilMs, end), text, () => {
      if (told.stopped !== seen.stopped || told.changes !== seen.changes) return true;
      return isLast && settled !== seen.settled;
    });
    if (mustContinue() && !told.stopped) return 'continue';
  }

  function whatFor(next: NextRun['next'], isLast: boolean, open: NextRun['open']): [number | null, string] {
    const all = open.every(({ runId }) => watched.has(runId));
    if (isLast)
      return [all ? null : Date.now() + LOOK_AGAIN_MS, `waits for ${countOf(open.length)} to be over`];
    if (next.kind === 'wait') {
      return [atLeast(next.untilMs), `${next.text}, ${instantText(next.untilMs)}`];
    }
    return [null, 'paused'];
  }

  async function start({ runId, instantMs }: NextRun['open'][number]): Promise<void> {
    const runInput: RunInput = { campaignId: input.campaignId, name: input.name, runId, instantMs };
    try {
      const child = await startChild<typeof run>(WORKFLOW.run, {
        workflowId: workflowIds.run(input.campaignId, instantMs),
        args: [runInput],
        parentClosePolicy: ParentClosePolicy.ABANDON,
        staticSummary: `Run of ${input.name}`,
        searchAttributes: workflowInfo().searchAttributes,
      });
      watched.add(runId);
      const over = (): void => {
        watched.delete(runId);
        settled += 1;
      };
      child.result().then(over, over);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }

  /** It may be closing just now: then there is nobody to tell any more. */
  async function tellToStop({ runId, instantMs }: NextRun['open'][number]): Promise<void> {
    if (toldToStop.has(runId)) return;
    toldToStop.add(runId);
    const handle = getExternalWorkflowHandle(workflowIds.run(input.campaignId, instantMs));
    await handle.signal(SIGNAL.stop).catch(() => undefined);
  }
}

function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

function countOf(runs: number): string {
  return runs === 1 ? 'its run' : `${runs} runs`;
}
