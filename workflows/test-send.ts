import {
  ActivityFailure,
  ApplicationFailure,
  setCurrentDetails,
  TimeoutFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { TestSendInput } from '../domain/delivery/test-message.ts';
import { TEST_SEND, type TestSendAnswer } from './contract.ts';
import { testActivities } from './policies.ts';

/**
 * Sends a campaign's message to test profiles, once: somebody waits for the answer. It fails only when nothing was
 * sent, so that the same test may be asked for again; a try that broke off half-way is an answer.
 */
export async function testSend(input: TestSendInput): Promise<TestSendAnswer> {
  if (Date.now() - workflowInfo().startTime.getTime() > TEST_SEND.beginWithinMs) {
    setCurrentDetails('Not sent: no worker took the test in time.');
    throw ApplicationFailure.nonRetryable('no worker took it in time', 'NothingSent');
  }
  setCurrentDetails(`Sending to ${input.profileIds.length} test profiles.`);
  try {
    const results = await testActivities.sendTest(input);
    const sent = results.filter((result) => result.sent).length;
    setCurrentDetails(`Sent to ${sent} of ${results.length} test profiles.`);
    return { kind: 'done', results };
  } catch (error) {
    if (!mayHaveSent(error)) throw error;
    setCurrentDetails('Broke off: some devices may have got it.');
    return { kind: 'brokenOff' };
  }
}

/** Once a worker took it, only its own word says that nothing was sent: one that vanished may have. */
function mayHaveSent(error: unknown): boolean {
  if (!(error instanceof ActivityFailure)) return false;
  const { cause } = error;
  if (cause instanceof TimeoutFailure) return cause.timeoutType !== 'SCHEDULE_TO_START';
  return !(cause instanceof ApplicationFailure && cause.type === 'NothingSent');
}
