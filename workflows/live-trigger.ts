import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { TriggerAnswer } from '../activities/trigger-activities.ts';
import type { Wait } from '../domain/delivery/trigger-plan.ts';
import { SIGNAL, type TriggerInput, type UserAction } from './contract.ts';
import { mustContinue } from './history.ts';
import { triggerLocalActivities, triggerRetries } from './policies.ts';
import { waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');
const DAY_MS = 24 * 3_600_000;

/** One profile's passage through a live campaign: waits by its plan, unless the user acts, then sends. */
export async function liveTrigger(input: TriggerInput): Promise<string> {
  const { messageId } = input;
  /** What is left to wait for. */
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
  /** @returns a condition that holds as soon as the user acts after this moment, or has closed it before */
  const actedSince = (): (() => boolean) => {
    const seen = restarts;
    return () => closed !== null || restarts !== seen;
  };

  for (;;) {
    await passWaits();
    const close = closing();
    if (close) return end(close.outcome, close.text);
    if (mustContinue()) await continueAsNew<typeof liveTrigger>({ ...input, waits });

    setCurrentDetails('Sending.');
    const acted = actedSince();
    let answer = await send();
    if (answer.kind === 'retry') answer = await retryUnless(acted);
    if (answer.kind === 'settled') return end(answer.outcome, answer.text);
    // Whoever restarted it while it was being sent has changed the row: that plan counts.
    if (answer.kind === 'postponed' && !acted()) waits = [answer.wait];
  }

  /** Waits for each stage in turn, and from the start again whenever the user restarted the plan. */
  async function passWaits(): Promise<void> {
    while (closed === null && waits.length > 0 && !mustContinue()) {
      const [next, ...after] = waits as [Wait, ...Wait[]];
      const acted = actedSince();
      const isLong = next.untilMs - Date.now() > DAY_MS;
      setCurrentDetails(next.summary);
      if (await waitUntil(next.untilMs, next.summary, acted)) continue;
      waits = after;
      if (!isLong) continue;
      // Time-zone rules and the profile's own zone may have changed since: compute the rest again.
      const plan = await replan();
      if (!acted()) waits = plan.waits;
    }
  }

  /** A local activity that keeps failing would fill the history: trouble goes on in a regular one. */
  async function send(): Promise<TriggerAnswer> {
    try {
      return await triggerLocalActivities.sendTrigger({ messageId });
    } catch (error) {
      if (isCancellation(error)) throw error;
      return { kind: 'retry' };
    }
  }

  async function replan(): Promise<{ waits: Wait[] }> {
    try {
      return await triggerLocalActivities.replanTrigger({ messageId });
    } catch (error) {
      if (isCancellation(error)) throw error;
      return triggerRetries.replanTrigger({ messageId });
    }
  }

  /** The next try may be hours away; once the user acts, the row says that it is not to be made. */
  async function retryUnless(acted: () => boolean): Promise<TriggerAnswer> {
    const trying = new CancellationScope();
    const answer = trying.run(() => triggerRetries.retryTrigger({ messageId }));
    const first = await Promise.race([answer, condition(acted).then(() => null)]);
    if (first !== null) return first;
    trying.cancel();
    await answer.catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
    return { kind: 'retry' };
  }
}

/** Leaves the outcome where an operator looks for it. */
function end(outcome: string, text: string): string {
  setCurrentDetails(text);
  upsertSearchAttributes([{ key: outcomeKey, value: outcome }]);
  return outcome;
}
