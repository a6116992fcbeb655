import { defineSearchAttributeKey } from '@temporalio/common';
import {
  continueAsNew,
  defineSignal,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Wait } from '../domain/trigger-plan.ts';
import { SIGNAL, type TriggerInput, type UserAction } from './contract.ts';
import { triggerLocalActivities, triggerRetries } from './policies.ts';
import { waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');
const DAY_MS = 24 * 3_600_000;

/** One profile's passage through a live campaign: waits by its plan, unless the user acts, then sends. */
export async function liveTrigger(input: TriggerInput): Promise<string> {
  let waits = input.waits;
  let closed: { outcome: string; text: string } | null = null;
  let restarts = 0;
  setHandler(defineSignal<[UserAction]>(SIGNAL.userAction), (action) => {
    if (action.kind === 'close') closed = action;
    else {
      waits = action.waits;
      restarts += 1;
    }
  });
  const closing = (): { outcome: string; text: string } | null => closed;

  for (;;) {
    await passWaits();
    const close = closing();
    if (close) return end(close.outcome, close.text);
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof liveTrigger>({ ...input, waits });

    setCurrentDetails('Sending.');
    let answer = await triggerLocalActivities.sendTrigger({ messageId: input.messageId });
    if (answer.kind === 'retry') answer = await triggerRetries.retryTrigger({ messageId: input.messageId });
    if (answer.kind === 'settled') return end(answer.outcome, answer.text);
    waits = [answer.wait];
  }

  /** Waits for each stage in turn, and from the start again whenever the user restarted the plan. */
  async function passWaits(): Promise<void> {
    let seen: number;
    do {
      seen = restarts;
      if (workflowInfo().continueAsNewSuggested) return;
      const mayStop = (): boolean => closed !== null || restarts !== seen;
      let rest: Wait[] = waits;
      while (rest.length > 0 && !mayStop()) {
        const [next, ...after] = rest as [Wait, ...Wait[]];
        const longWait = next.untilMs - Date.now() > DAY_MS;
        setCurrentDetails(next.summary);
        const woken = await waitUntil(next.untilMs, next.summary, mayStop);
        rest = after;
        // Time-zone rules and the profile's own zone may have changed since: compute the rest again.
        if (longWait && !woken)
          rest = (await triggerLocalActivities.replanTrigger({ messageId: input.messageId })).waits;
      }
    } while (closed === null && restarts !== seen);
  }
}

/** Leaves the outcome where an operator looks for it. */
function end(outcome: string, text: string): string {
  setCurrentDetails(text);
  upsertSearchAttributes([{ key: outcomeKey, value: outcome }]);
  return outcome;
}
