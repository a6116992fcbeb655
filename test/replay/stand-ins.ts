import type { CampaignActivities } from '../../activities/campaign-activities.ts';
import type { RunActivities } from '../../activities/run-activities.ts';
import type { TestActivities } from '../../activities/test-activities.ts';
import type { TriggerActivities } from '../../activities/trigger-activities.ts';

export type AllActivities = CampaignActivities & RunActivities & TriggerActivities & TestActivities;

/**
 * Activities with the names and answers of the real ones that do nothing: everything goes well at once.
 *
 * @param others take the place of some
 */
export function standIns(others: Partial<AllActivities> = {}): AllActivities {
  return {
    beginCampaign: () => Promise.resolve('begun'),
    rescanEvents: () => Promise.resolve(0),
    openRun: () => Promise.resolve({ runId: 'r1', finished: false }),
    finishCampaign: () => Promise.resolve(0),
    materialise: () => Promise.resolve({ after: null }),
    draw: () => Promise.resolve({ kind: 'over' }),
    beginDrain: () => Promise.resolve([{ from: 0, to: 64 }]),
    drain: () => Promise.resolve({ kind: 'done' }),
    finishRun: ({ stopped }) =>
      Promise.resolve(
        stopped
          ? { status: 'stopped', text: 'Stopped: 3 messages were not sent.' }
          : { status: 'completed', text: 'Completed: every message is settled.' },
      ),
    sendTrigger: () => Promise.resolve({ kind: 'settled', outcome: 'sent', text: 'sent' }),
    retryTrigger: () => Promise.resolve({ kind: 'settled', outcome: 'sent', text: 'sent' }),
    replanTrigger: () => Promise.resolve({ waits: [] }),
    sendTest: ({ profileIds }) =>
      Promise.resolve(profileIds.map((profileId) => ({ profileId, sent: true, devices: [] }))),
    ...others,
  };
}

/** @returns an activity that gives one answer after the other, then the last again and again */
export function inTurn<T>(...answers: (T | (() => T))[]): () => Promise<T> {
  let next = 0;
  return async () => {
    const answer = answers[Math.min(next, answers.length - 1)] as T | (() => T);
    next += 1;
    return Promise.resolve(typeof answer === 'function' ? (answer as () => T)() : answer);
  };
}
