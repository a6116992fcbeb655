import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { NextRun } from '../../activities/schedule-activities.ts';
import type { TestSendInput } from '../../domain/delivery/test-message.ts';
import type { Wait } from '../../domain/delivery/trigger-plan.ts';
import {
  SIGNAL,
  type WORKFLOW,
  workflowIds,
  type CampaignInput,
  type QueueInput,
  type RunInput,
  type TriggerInput,
  type UserAction,
} from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { inTurn, type AllActivities } from './stand-ins.ts';

/** A life of a workflow that is captured and replayed. */
export interface Scenario {
  workflow: keyof typeof WORKFLOW;
  name: string;
  /** `short`: the server suggests to continue as new after ten events; `skipping`: its clock skips. */
  server: 'ordinary' | 'short' | 'skipping';
  activities?: Partial<AllActivities>;
  workflowId: string;
  input(nowMs: number): CampaignInput | RunInput | QueueInput | TriggerInput | TestSendInput;
  /** What happens to it until it ends. */
  play?(handle: WorkflowHandle): Promise<void>;
  /** Workflows it starts, captured beside it. */
  children?: { workflow: keyof typeof WORKFLOW; name: string; workflowId: string }[];
}

const SECOND = 1_000;
const DAY = 86_400_000;
const wait = (kind: Wait['kind'], untilMs: number): Wait => ({ kind, untilMs, summary: `waits: ${kind}` });
const passage = (...waits: Wait[]): TriggerInput => ({
  messageId: 'm1',
  campaignId: 'c1',
  profileId: 'p1',
  waits,
});
const trigger = (name: string, rest: Omit<Scenario, 'workflow' | 'name' | 'workflowId'>): Scenario => ({
  workflow: 'liveTrigger',
  name,
  workflowId: workflowIds.trigger('c1', 'p1', `m-${name}`),
  ...rest,
});
const aRun: RunInput = { campaignId: 'c1', name: 'Newsletter', runId: 'r1', instantMs: 0 };
const run = (name: string, rest: Omit<Scenario, 'workflow' | 'name' | 'workflowId' | 'input'>): Scenario => ({
  workflow: 'run',
  name,
  workflowId: `run/c1/${name}`,
  input: () => aRun,
  ...rest,
});
const campaign = (name: string, rest: Omit<Scenario, 'workflow' | 'name' | 'workflowId'>): Scenario => ({
  workflow: 'campaign',
  name,
  workflowId: workflowIds.campaign(name),
  ...rest,
});
const aCampaign = (kind: 'live' | 'past', startsAtMs: number, endsAtMs: number | null): CampaignInput => ({
  campaignId: 'c1',
  name: 'Newsletter',
  kind,
  startsAtMs,
  endsAtMs,
});
const queue = (
  name: string,
  rest: Omit<Scenario, 'workflow' | 'name' | 'workflowId' | 'input'>,
): Scenario => ({
  workflow: 'queue',
  name,
  workflowId: workflowIds.queue(name),
  input: () => ({ campaignId: 'c1' }),
  ...rest,
});
type QueueAnswer = Awaited<ReturnType<AllActivities['drainQueue']>>;
const queued = (count: number): { text: string } => ({
  text: `${count} queued messages leave at 60 a minute.`,
});
const waitsForRate = (count: number) => (): QueueAnswer => ({
  kind: 'wait',
  untilMs: Date.now() + SECOND,
  ...queued(count),
});
const emptied: QueueAnswer = { kind: 'done', text: 'Nothing is queued any more.' };
const act = (action: UserAction) => (handle: WorkflowHandle) => handle.signal(SIGNAL.userAction, action);
const restart = (...waits: Wait[]) => act({ kind: 'restart', waits, text: 'restarted by Added To Cart' });
const close = act({ kind: 'close', outcome: 'inactionMet', text: 'closed by Charged: inactionMet' });

const NONE: NextRun['next'] = { kind: 'none' };
const nextRunAt = (untilMs: number): NextRun['next'] => ({
  kind: 'wait',
  untilMs,
  text: 'next run at 09:00',
});
/** The span of a campaign that starts and ends so long after it is asked first. */
function spanFrom(startsIn: number, endsIn: number): AllActivities['readSpan'] {
  let now: number | undefined;
  return () => {
    now ??= Date.now();
    return Promise.resolve({ startsAtMs: now + startsIn, endsAtMs: now + endsIn });
  };
}

/** A campaign that ends so long after it is asked first; its run is over when it is asked after that. */
function endingIn(ms: number, instantMs: number): () => Promise<NextRun> {
  let endsAtMs: number | undefined;
  let ended = 0;
  return () => {
    endsAtMs ??= Date.now() + ms;
    if (Date.now() >= endsAtMs) ended += 1;
    const open = ended > 1 ? [] : [{ runId: 'r1', instantMs }];
    return Promise.resolve({ open, next: NONE, endsAtMs, version: 1 });
  };
}

/** Waits until the history has so many events of a kind. */
async function until(handle: WorkflowHandle, attributes: string, count = 1): Promise<void> {
  await waitFor(`${count} ${attributes}`, async () => {
    const { events } = await handle.fetchHistory();
    const found = (events ?? []).filter((event) => Boolean(event[attributes as keyof typeof event]));
    return found.length >= count;
  });
}
const TIMER = 'timerStartedEventAttributes';

export const scenarios: Scenario[] = [
  trigger('window-and-send', {
    server: 'ordinary',
    input: (now) => passage(wait('window', now + SECOND)),
  }),
  trigger('cancelled', {
    server: 'ordinary',
    input: (now) => passage(wait('window', now + 60 * SECOND)),
    async play(handle) {
      await until(handle, TIMER);
      await close(handle);
    },
  }),
  trigger('restarted', {
    server: 'ordinary',
    input: (now) => passage(wait('window', now + 60 * SECOND)),
    async play(handle) {
      await until(handle, TIMER);
      await restart(wait('window', Date.now() + 60 * SECOND))(handle);
      await until(handle, TIMER, 2);
      await restart(wait('window', Date.now() + SECOND))(handle);
    },
  }),
  trigger('quiet-hours', {
    server: 'ordinary',
    input: (now) =>
      passage(
        wait('window', now + SECOND),
        wait('delay', now + 2 * SECOND),
        wait('quietHours', now + 3 * SECOND),
      ),
  }),
  trigger('delay-of-days', {
    server: 'skipping',
    activities: {
      replanTrigger: inTurn(() => ({ waits: [wait('quietHours', Date.now() + 30 * DAY)] }), { waits: [] }),
    },
    input: (now) => passage(wait('window', now + SECOND), wait('delay', now + 3 * DAY)),
  }),
  trigger('retried', {
    server: 'ordinary',
    activities: {
      sendTrigger: () => Promise.resolve({ kind: 'retry' }),
      retryTrigger: inTurn<Awaited<ReturnType<AllActivities['retryTrigger']>>>(
        () => {
          throw ApplicationFailure.create({ message: 'later', type: 'DueLater', nextRetryDelay: 200 });
        },
        { kind: 'settled', outcome: 'sent', text: 'sent' },
      ),
    },
    input: (now) => passage(wait('window', now + SECOND)),
  }),
  trigger('cancelled-between-tries', {
    server: 'ordinary',
    activities: {
      sendTrigger: () => Promise.resolve({ kind: 'retry' }),
      retryTrigger: () => {
        throw ApplicationFailure.create({ message: 'later', type: 'DueLater', nextRetryDelay: '1 hour' });
      },
    },
    input: () => passage(),
    async play(handle) {
      await until(handle, 'activityTaskScheduledEventAttributes');
      await close(handle);
    },
  }),
  trigger('failing-local-activity', {
    server: 'ordinary',
    activities: {
      sendTrigger: () => {
        throw new Error('the database is away');
      },
    },
    input: () => passage(),
  }),
  trigger('continued-as-new', {
    server: 'short',
    input: (now) => passage(wait('window', now + 60 * SECOND)),
    async play(handle) {
      await until(handle, TIMER);
      await restart(wait('window', Date.now() + 60 * SECOND))(handle);
      await until(handle, TIMER, 2);
      const now = Date.now();
      await restart(wait('window', now + SECOND), wait('delay', now + 2 * SECOND))(handle);
    },
  }),

  run('drained-over-quiet-hours', {
    server: 'ordinary',
    activities: {
      materialise: inTurn<{ after: string | null }>({ after: 'p2000' }, { after: null }),
      beginDrain: () =>
        Promise.resolve([
          { from: 0, to: 32 },
          { from: 32, to: 64 },
        ]),
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>(
        { kind: 'more' },
        () => ({ kind: 'wait', untilMs: Date.now() + SECOND }),
        () => ({ kind: 'wait', untilMs: Date.now() + SECOND }),
        { kind: 'done' },
      ),
    },
  }),
  run('paused-and-woken', {
    server: 'ordinary',
    activities: {
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>({ kind: 'paused' }, { kind: 'done' }),
    },
    async play(handle) {
      await until(handle, 'activityTaskCompletedEventAttributes', 3);
      await handle.signal(SIGNAL.wake);
    },
  }),
  run('stopped', {
    server: 'ordinary',
    activities: { drain: () => Promise.resolve({ kind: 'wait', untilMs: Date.now() + DAY }) },
    async play(handle) {
      await until(handle, TIMER);
      await handle.signal(SIGNAL.stop);
    },
  }),
  run('continued-as-new', {
    server: 'short',
    activities: {
      materialise: inTurn<{ after: string | null }>({ after: 'p2000' }, { after: 'p4000' }, { after: null }),
      beginDrain: () =>
        Promise.resolve([
          { from: 0, to: 32 },
          { from: 32, to: 64 },
        ]),
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>(
        { kind: 'more' },
        { kind: 'more' },
        () => ({ kind: 'wait', untilMs: Date.now() + SECOND }),
        { kind: 'more' },
        { kind: 'more' },
        { kind: 'done' },
      ),
    },
  }),

  queue('emptied-at-its-rate', {
    server: 'ordinary',
    activities: {
      drainQueue: inTurn<QueueAnswer>(
        waitsForRate(3),
        { kind: 'more', ...queued(2) },
        waitsForRate(1),
        emptied,
      ),
    },
  }),
  queue('woken-while-it-waits', {
    server: 'ordinary',
    activities: {
      drainQueue: inTurn<QueueAnswer>(
        () => ({ kind: 'wait', untilMs: Date.now() + DAY, ...queued(1) }),
        emptied,
      ),
    },
    async play(handle) {
      await until(handle, TIMER);
      await handle.signal(SIGNAL.wake);
    },
  }),
  queue('continued-as-new', {
    server: 'short',
    activities: {
      drainQueue: inTurn<QueueAnswer>(
        { kind: 'more', ...queued(4) },
        waitsForRate(3),
        { kind: 'more', ...queued(2) },
        waitsForRate(1),
        emptied,
      ),
    },
  }),

  {
    workflow: 'testSend',
    name: 'sent',
    server: 'ordinary',
    workflowId: workflowIds.test('c1', 't1'),
    input: () => ({ campaignId: 'c1', testId: 't1', profileIds: ['p1', 'p2'] }),
  },
  {
    workflow: 'testSend',
    name: 'broken-off',
    server: 'ordinary',
    // Its worker answers no more before the try is given up.
    activities: { sendTest: () => new Promise((resolve) => setTimeout(resolve, 13 * SECOND, [])) },
    workflowId: workflowIds.test('c1', 't2'),
    input: () => ({ campaignId: 'c1', testId: 't2', profileIds: ['p1'] }),
  },
  run('drawn-for-its-cap', {
    server: 'ordinary',
    activities: {
      materialise: inTurn<{ after: string | null; capped?: true }>(
        { after: 'p2000', capped: true },
        { after: null, capped: true },
      ),
      draw: inTurn<Awaited<ReturnType<AllActivities['draw']>>>(
        {
          kind: 'drain',
          groups: [
            { from: 0, to: 32 },
            { from: 32, to: 64 },
          ],
        },
        { kind: 'drain', groups: [{ from: 0, to: 64 }] },
        { kind: 'over' },
      ),
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>(
        { kind: 'more' },
        () => ({ kind: 'wait', untilMs: Date.now() + SECOND }),
        { kind: 'done' },
      ),
    },
  }),
  run('drawn-and-continued-as-new', {
    server: 'short',
    activities: {
      materialise: () => Promise.resolve({ after: null, capped: true }),
      draw: inTurn<Awaited<ReturnType<AllActivities['draw']>>>(
        {
          kind: 'drain',
          groups: [
            { from: 0, to: 32 },
            { from: 32, to: 64 },
          ],
        },
        { kind: 'drain', groups: [{ from: 0, to: 64 }] },
        { kind: 'over' },
      ),
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>(
        { kind: 'more' },
        { kind: 'more' },
        { kind: 'done' },
      ),
    },
  }),

  campaign('live-started-later-and-ended', {
    server: 'ordinary',
    activities: { readSpan: spanFrom(SECOND, 3 * SECOND) },
    input: (now) => aCampaign('live', now + SECOND, now + 3 * SECOND),
  }),
  campaign('live-stopped', {
    server: 'ordinary',
    input: (now) => aCampaign('live', now, null),
    async play(handle) {
      await until(handle, 'activityTaskCompletedEventAttributes', 2);
      await handle.signal(SIGNAL.stop);
    },
  }),
  campaign('live-continued-as-new', {
    server: 'short',
    activities: { readSpan: spanFrom(0, 3 * SECOND) },
    input: (now) => aCampaign('live', now, now + 3 * SECOND),
  }),
  campaign('past-with-its-run', {
    server: 'ordinary',
    input: () => aCampaign('past', 0, null),
    children: [{ workflow: 'run', name: 'of-a-campaign', workflowId: workflowIds.run('c1', 0) }],
  }),
  campaign('past-recurring-and-edited', {
    server: 'ordinary',
    activities: {
      nextRun: inTurn<NextRun>(
        () => ({ open: [], next: nextRunAt(Date.now() + DAY), endsAtMs: null, version: 1 }),
        () => ({ open: [], next: nextRunAt(Date.now() + SECOND), endsAtMs: null, version: 1 }),
        { open: [{ runId: 'r1', instantMs: 3 }], next: NONE, endsAtMs: null, version: 1 },
        { open: [], next: NONE, endsAtMs: null, version: 1 },
      ),
    },
    input: () => aCampaign('past', 3, null),
    async play(handle) {
      await until(handle, TIMER);
      await handle.signal(SIGNAL.changed);
    },
  }),
  campaign('past-ended-before-its-run', {
    server: 'ordinary',
    activities: {
      drain: () => Promise.resolve({ kind: 'wait', untilMs: Date.now() + DAY }),
      nextRun: endingIn(2 * SECOND, 1),
    },
    input: (now) => aCampaign('past', 1, now + 2 * SECOND),
  }),
  campaign('past-whose-run-was-terminated', {
    server: 'ordinary',
    activities: {
      drain: inTurn<Awaited<ReturnType<AllActivities['drain']>>>(
        () => ({ kind: 'wait', untilMs: Date.now() + DAY }),
        { kind: 'done' },
      ),
      nextRun: inTurn<NextRun>(
        ...[1, 2].map(() => ({
          open: [{ runId: 'r1', instantMs: 2 }],
          next: NONE,
          endsAtMs: null,
          version: 1,
        })),
        { open: [], next: NONE, endsAtMs: null, version: 1 },
      ),
    },
    input: () => aCampaign('past', 2, null),
    async play(handle) {
      const child = handle.client.getHandle(workflowIds.run('c1', 2));
      await until(child, TIMER);
      await child.terminate('by an operator');
    },
  }),
];
