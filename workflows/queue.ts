import { defineSearchAttributeKey } from '@temporalio/common';
import {
  continueAsNew,
  defineSignal,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { SIGNAL, type QueueInput } from './contract.ts';
import { mustContinue } from './history.ts';
import { queueDrains } from './policies.ts';
import { atLeast, instantText, waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');

/**
 * Sends the messages of a live campaign that found its rate used up, or those of an API-triggered one, until there are
 * none. Whoever queues one when the queue has ended, is about to, or waits for later ones, starts or wakes it.
 */
export async function queue(input: QueueInput): Promise<'emptied'> {
  const { drainQueue } = queueDrains();
  let wakes = 0;
  setHandler(defineSignal(SIGNAL.wake), () => {
    wakes += 1;
  });
  for (;;) {
    if (mustContinue()) await continueAsNew<typeof queue>(input);
    const seen = wakes;
    const awake = (): boolean => wakes !== seen;
    const answer = await drainQueue(input.campaignId);
    setCurrentDetails(answer.text);
    if (answer.kind === 'wait')
      await waitUntil(
        atLeast(answer.untilMs),
        `next queued messages at ${instantText(answer.untilMs)}`,
        awake,
      );
    if (answer.kind === 'done' && !awake()) break;
  }
  upsertSearchAttributes([{ key: outcomeKey, value: 'emptied' }]);
  return 'emptied';
}
