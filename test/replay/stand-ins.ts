import type { CampaignActivities } from '../../activities/campaign-activities.ts';
import type { QueueActivities } from '../../activities/queue-activities.ts';
import type { RunActivities } from '../../activities/run-activities.ts';
import type { NextRun, ScheduleActivities } from '../../activities/schedule-activities.ts';
import type { TestActivities } from '../../activities/test-activities.ts';
import type { TriggerActivities } from '../../activities/trigger-activities.ts';

export type AllActivities = CampaignActivities &
  ScheduleActivities &
  RunActivities &
  QueueActivities &
  TriggerActivities &
  TestActivities;

/**
 * Activities with the names and answers of the real ones that do nothing: everything goes well at once.
 *
 * @param others take the place of some
 */
export function standIns(others: Partial<AllActivities> = {}): AllActivities {
  return {
    beginCampaign: () => Promise.resolve('begun'),
    rescanEvents: () => Promise.resolve(0),
    readSpan: () => Promise.resolve({ startsAtMs: 0, endsAtMs: null }),
    nextRun: oneRun(0),
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
    drainQueue: () => Promise.resolve({ kind: 'done', text: 'Nothing is queued any more.' }),
    sendTrigger: () => Promise.resolve({ kind: 'settled', outcome: 'sent', text: 'sent' }),
    retryTrigger: () => Promise.resolve({ kind: 'settled', outcome: 'sent', text: 'sent' }),
    replanTrigger: () => Promise.resolve({ waits: [] }),
    sendTest: ({ profileIds }) =>
      Promise.resolve(profileIds.map((profileId) => ({ profileId, sent: true, devices: [] }))),
    ...others,
  };
}

/** @returns a schedule with one run, which is over when it is asked for the second time */
export function oneRun(instantMs: number): () => Promise<NextRun> {
  const none = { next: { kind: 'none' as const }, endsAtMs: null, version: 1 };
  return inTurn<NextRun>({ ...none, open: [{ runId: 'r1', instantMs }] }, { ...none, open: [] });
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
