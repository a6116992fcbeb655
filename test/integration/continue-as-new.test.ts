import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { expect } from 'chai';

import type { Wait } from '../../domain/delivery/trigger-plan.ts';
import { SIGNAL, WORKFLOW, type CampaignInput, type RunInput } from '../../workflows/contract.ts';
import { bundleWorkflows } from '../../worker.ts';
import { startDevServer } from '../replay/dev-server.ts';
import { inTurn, standIns, type AllActivities } from '../replay/stand-ins.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR = 3_600_000;

describe('a workflow whose history has grown long', function () {
  this.timeout(90_000);
  let server: TestWorkflowEnvironment;
  let workflowBundle: Awaited<ReturnType<typeof bundleWorkflows>>;
  let taskQueues = 0;

  before(async () => {
    // Every history of ten events is long here.
    server = await startDevServer({ continueAsNewAt: 10 });
    workflowBundle = await bundleWorkflows();
  });
  after(() => server?.teardown());

  /**
   * @param input asked for when the worker is there, so that no instant in it has passed
   * @param body gets the run id of the first run as well
   */
  async function play(
    workflow: keyof typeof WORKFLOW,
    input: () => unknown,
    activities: Partial<AllActivities>,
    body: (handle: WorkflowHandle, first: string) => Promise<void>,
  ): Promise<void> {
    taskQueues += 1;
    const taskQueue = `queue-${taskQueues}`;
    const worker = await Worker.create({
      connection: server.nativeConnection,
      taskQueue,
      workflowBundle,
      activities: standIns(activities),
    });
    const { workflow: client } = server.client;
    await worker.runUntil(async () => {
      const started = await client.start(WORKFLOW[workflow], {
        workflowId: `long/${taskQueues}`,
        taskQueue,
        args: [input()],
      });
      // Whichever run of the chain is open.
      await body(client.getHandle(started.workflowId), started.firstExecutionRunId);
    });
  }

  const runIdOf = async (handle: WorkflowHandle): Promise<string> => (await handle.describe()).runId;
  const wait = (kind: Wait['kind'], untilMs: number): Wait => ({ kind, untilMs, summary: kind });
  const passage = (...waits: Wait[]) => ({ messageId: 'm', campaignId: 'c', profileId: 'p', waits });
  const restart = (handle: WorkflowHandle, ...waits: Wait[]): Promise<void> =>
    handle.signal(SIGNAL.userAction, { kind: 'restart', waits, text: 'again' });
  const close = (handle: WorkflowHandle): Promise<void> =>
    handle.signal(SIGNAL.userAction, { kind: 'close', outcome: 'inactionMet', text: 'bought' });

  /** Waits until so many timers were started. */
  const timers = (handle: WorkflowHandle, count: number): Promise<boolean> =>
    waitFor(`${count} timers`, async () => {
      const { events } = await handle.fetchHistory();
      return events?.filter((event) => event.timerStartedEventAttributes).length === count;
    });

  /** Restarts a trigger until it has continued as new, its last plan being to wait an hour and then two. */
  async function restartUntilNew(handle: WorkflowHandle, first: string): Promise<Wait[]> {
    for (;;) {
      const now = Date.now();
      const waits = [wait('window', now + HOUR), wait('delay', now + 2 * HOUR)];
      await restart(handle, ...waits);
      const isNew = await waitFor('the restart to be seen', async () => {
        if ((await runIdOf(handle)) !== first) return 'yes';
        const events = (await handle.fetchHistory()).events ?? [];
        const seen = events.findLastIndex((event) => event.timerStartedEventAttributes);
        const signalled = events.findLastIndex((event) => event.workflowExecutionSignaledEventAttributes);
        return seen > signalled && 'no';
      });
      if (isNew === 'yes') return waits;
    }
  }

  it('as a live trigger goes on with the plan that it was restarted with last', async () => {
    const plan = () => passage(wait('window', Date.now() + 9 * HOUR));
    await play('liveTrigger', plan, {}, async (handle, first) => {
      const waits = await restartUntilNew(handle, first);
      const started = await waitFor('its timer', async () => {
        const { events } = await handle.fetchHistory();
        return events?.find((event) => event.timerStartedEventAttributes) && events;
      });
      const timer = started.find((event) => event.timerStartedEventAttributes)?.timerStartedEventAttributes;
      const ms = Number(timer?.startToFireTimeout?.seconds) * 1_000;
      expect(ms).to.be.within(HOUR - 60_000, HOUR);
      expect(waits).to.have.length(2);
      await close(handle);
      expect(await handle.result()).to.equal('inactionMet');
    });
  });

  it('as a live trigger does not wait again for what it has waited for', async () => {
    let replans = 0;
    const plan = () => {
      const now = Date.now();
      return passage(
        wait('window', now + 1_000),
        wait('delay', now + 2_000),
        wait('quietHours', now + 3_000),
      );
    };
    const activities: Partial<AllActivities> = {
      replanTrigger: () => {
        replans += 1;
        return Promise.resolve({ waits: [] });
      },
    };
    await play('liveTrigger', plan, activities, async (handle, first) => {
      expect(await handle.result()).to.equal('sent');
      expect(await runIdOf(handle), 'it continued as new').to.not.equal(first);
      const input = (await handle.fetchHistory()).events?.[0]?.workflowExecutionStartedEventAttributes?.input;
      const passed = JSON.parse(Buffer.from(input?.payloads?.[0]?.data ?? []).toString()) as {
        waits: Wait[];
      };
      expect(passed.waits.length).to.be.below(3);
      expect(replans).to.equal(0);
    });
  });

  it('as a live trigger loses no signal that comes just then', async () => {
    const plan = () => passage(wait('window', Date.now() + HOUR));
    let continued = 0;
    // From together with the restart by which it continues as new until long after it.
    for (const afterMs of [0, 8, 12, 14, 16, 18, 20, 22, 24, 32, 500]) {
      await play('liveTrigger', plan, {}, async (handle, first) => {
        const waits = [wait('window', Date.now() + HOUR)];
        await timers(handle, 1);
        await restart(handle, ...waits);
        await timers(handle, 2);
        const again = restart(handle, ...waits);
        await delay(afterMs);
        await close(handle);
        await again;
        expect(await handle.result()).to.equal('inactionMet');
        if ((await runIdOf(handle)) !== first) continued += 1;
      });
    }
    expect(continued, 'times that it continued as new').to.be.above(0);
  });

  it('as a queue goes on until it is empty, and loses no wake that comes just then', async () => {
    const aQueue = () => ({ campaignId: 'c' });
    for (let round = 0; round < 2; round += 1) {
      let open = 6;
      let calls = 0;
      const drainQueue: AllActivities['drainQueue'] = () => {
        calls += 1;
        if (open === 0) return Promise.resolve({ kind: 'done', text: 'Nothing is queued any more.' });
        open -= 1;
        const text = `${open} queued messages leave at 60 a minute.`;
        return Promise.resolve(
          open % 2 === 0 ? { kind: 'more', text } : { kind: 'wait', untilMs: Date.now() + 100, text },
        );
      };
      await play('queue', aQueue, { drainQueue }, async (handle, first) => {
        // Somebody queues a message and then wakes the queue, while its history is cut again and again.
        let accepted = 0;
        for (let i = 0; i < 8; i += 1) {
          open += 1;
          await handle.signal(SIGNAL.wake).then(
            () => (accepted += 1),
            () => (open -= 1),
          );
        }
        expect(await handle.result()).to.equal('emptied');
        expect(open, 'messages that are left').to.equal(0);
        expect(calls).to.be.above(6 + accepted);
        expect(await runIdOf(handle), 'it continued as new').to.not.equal(first);
      });
    }
  });

  const aRun = (): RunInput => ({ campaignId: 'c', name: 'Newsletter', runId: 'r', instantMs: 0 });

  it('as a run goes on materialising where it stood, and drains each part to its end', async () => {
    const asked: (string | null)[] = [];
    const drained: number[] = [];
    const left = new Map([
      [0, 5],
      [32, 3],
    ]);
    const activities: Partial<AllActivities> = {
      materialise: ({ after }) => {
        asked.push(after);
        return Promise.resolve({ after: asked.length < 5 ? `p${asked.length}` : null });
      },
      beginDrain: () =>
        Promise.resolve([
          { from: 0, to: 32 },
          { from: 32, to: 64 },
        ]),
      drain: ({ from }) => {
        drained.push(from);
        const pages = left.get(from) ?? 0;
        left.set(from, pages - 1);
        return Promise.resolve(pages === 0 ? { kind: 'done' } : { kind: 'more' });
      },
    };
    await play('run', aRun, activities, async (handle, first) => {
      expect(await handle.result()).to.equal('completed');
      expect(await runIdOf(handle), 'it continued as new').to.not.equal(first);
      expect(asked).to.deep.equal([null, 'p1', 'p2', 'p3', 'p4']);
      expect(drained.filter((from) => from === 0)).to.have.length(6);
      expect(drained.filter((from) => from === 32)).to.have.length(4);
    });
  });

  it('as a run obeys a stop that comes while it writes down its last page', async () => {
    let drains = 0;
    let handleOf: WorkflowHandle | undefined;
    const activities: Partial<AllActivities> = {
      materialise: async ({ after }) => {
        if (after === null) return { after: 'p1' };
        const handle = await waitFor('the handle', () => handleOf);
        await handle.signal(SIGNAL.stop);
        await waitFor('the stop to be seen', async () => {
          const events = (await handle.fetchHistory()).events ?? [];
          const signalled = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes);
          const seen = events.findLastIndex((event) => event.workflowTaskCompletedEventAttributes);
          return signalled !== -1 && seen > signalled;
        });
        return { after: null };
      },
      drain: () => {
        drains += 1;
        return Promise.resolve({ kind: 'done' });
      },
    };
    await play('run', aRun, activities, async (handle) => {
      handleOf = handle;
      expect(await handle.result()).to.equal('stopped');
      expect(drains).to.equal(0);
    });
  });

  it('as a run that waits in one part lets it drain on when another part makes it continue', async () => {
    let pages = 0;
    let waited = 0;
    const activities: Partial<AllActivities> = {
      beginDrain: () =>
        Promise.resolve([
          { from: 0, to: 32 },
          { from: 32, to: 64 },
        ]),
      drain: ({ from }) => {
        if (from === 32) {
          waited += 1;
          return Promise.resolve(
            waited < 4 ? { kind: 'wait', untilMs: Date.now() + HOUR } : { kind: 'done' },
          );
        }
        pages += 1;
        return Promise.resolve(pages < 12 ? { kind: 'more' } : { kind: 'done' });
      },
    };
    await play('run', aRun, activities, async (handle) => {
      await waitFor('the first part to be drained', () => pages === 12);
      await waitFor('the second to wait', () => waited >= 2);
      while (waited < 4) {
        const before = waited;
        await handle.signal(SIGNAL.wake);
        await waitFor('a look', () => waited > before);
      }
      expect(await handle.result()).to.equal('completed');
    });
  });

  it('as a live campaign begins once and ends once', async () => {
    const begun = inTurn<'begun'>('begun');
    let begins = 0;
    let rescans = 0;
    let finishes = 0;
    let startsAtMs = 0;
    const span = () => ({ startsAtMs, endsAtMs: startsAtMs + 2_000 });
    const activities: Partial<AllActivities> = {
      readSpan: () => Promise.resolve(span()),
      beginCampaign: () => {
        begins += 1;
        return begun();
      },
      rescanEvents: () => {
        rescans += 1;
        return Promise.resolve(0);
      },
      finishCampaign: () => {
        finishes += 1;
        return Promise.resolve(0);
      },
    };
    const input = (): CampaignInput => {
      startsAtMs = Date.now();
      return { campaignId: 'c', name: 'Cart', kind: 'live', ...span() };
    };
    await play('campaign', input, activities, async (handle, first) => {
      expect(await handle.result()).to.equal('completed');
      expect(await runIdOf(handle), 'it continued as new').to.not.equal(first);
      expect([begins, rescans, finishes]).to.deep.equal([1, 1, 1]);
    });
  });
});
