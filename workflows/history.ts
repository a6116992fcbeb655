import { workflowInfo } from '@temporalio/workflow';

/** Far below the 10,240 events from which on a server warns; one that suggests nothing is not waited for. */
const LONG = 4_000;

/** @returns whether the history is long enough to continue as new */
export function mustContinue(): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength > LONG;
}
