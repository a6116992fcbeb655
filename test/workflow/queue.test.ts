import { expect } from 'chai';

import type { QueueAnswer } from '../../activities/queue-activities.ts';
import { SIGNAL, WORKFLOW } from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { DAY, expectAt, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';

const ID = 'queue/c';
const INPUT = { campaignId: 'c' };

/** Messages that leave one a minute. */
function createQueue() {
  const queue = {
    rows: [] as { dueAtMs: number; sentAtMs?: number }[],
    calls: 0,
    /** Called when it has been decided what to answer. */
    afterDrain: (): Promise<void> => Promise.resolve(),
    activities: (nowMs: () => Promise<number>) => ({
      async drainQueue(campaignId: string): Promise<QueueAnswer> {
        expect(campaignId).to.equal('c');
        queue.calls += 1;
        const answer = drain(await nowMs());
        await queue.afterDrain();
        return answer;
      },
    }),
  };
  function drain(now: number): QueueAnswer {
    const open = queue.rows.filter((row) => row.sentAtMs === undefined);
    const text = `${open.length} queued messages leave at 1 a minute.`;
    const lastMs = Math.max(...queue.rows.map((row) => row.sentAtMs ?? -Infinity));
    const untilMs = Math.max(Math.min(...open.map((row) => row.dueAtMs)), lastMs + MINUTE);
    const next = open.find((row) => row.dueAtMs <= now);
    if (open.length === 0) return { kind: 'done', text: 'Nothing is queued any more.' };
    if (next === undefined || untilMs > now) return { kind: 'wait', untilMs, text };
    next.sentAtMs = now;
    return { kind: 'more', text };
  }
  return queue;
}

describe('the queue of a live campaign', function () {
  this.timeout(120_000);

  it('sends as its rate lets it, and ends when nothing is queued any more', async () => {
    const queue = createQueue();
    await withTimeSkipping(queue.activities, async (time) => {
      const begin = await time.nowMs();
      queue.rows = Array.from({ length: 5 }, () => ({ dueAtMs: begin }));
      const handle = await time.start(WORKFLOW.queue, ID, INPUT);
      expect(await handle.result()).to.equal('emptied');
      for (const [i, row] of queue.rows.entries()) expectAt(row.sentAtMs, begin + i * MINUTE);
      const details = await handle.query('__temporal_workflow_metadata');
      expect(details).to.have.property('currentDetails', 'Nothing is queued any more.');
    });
  });

  it('waits for a message that is due later, and looks again at once when it is woken', async () => {
    const queue = createQueue();
    await withTimeSkipping(queue.activities, async (time) => {
      const begin = await time.nowMs();
      queue.rows = [{ dueAtMs: begin + DAY }];
      const handle = await time.start(WORKFLOW.queue, ID, INPUT);
      await time.sleepUntil(begin + 10 * MINUTE);
      expect(queue.calls).to.equal(1);
      const details = await handle.query('__temporal_workflow_metadata');
      expect(details).to.have.property('currentDetails', '1 queued messages leave at 1 a minute.');
      queue.rows.push({ dueAtMs: begin });
      await handle.signal(SIGNAL.wake);
      expect(await handle.result()).to.equal('emptied');
      expectAt(queue.rows[1]?.sentAtMs, begin + 10 * MINUTE);
      expectAt(queue.rows[0]?.sentAtMs, begin + DAY);
    });
  });

  it('that is woken while it finds itself empty looks again before it ends', async () => {
    const queue = createQueue();
    await withTimeSkipping(queue.activities, async (time) => {
      const begin = await time.nowMs();
      const handle = await time.start(WORKFLOW.queue, ID, INPUT);
      queue.afterDrain = async () => {
        if (queue.calls > 1) return;
        queue.rows.push({ dueAtMs: begin });
        const running = time.workflow.getHandle(ID);
        await running.signal(SIGNAL.wake);
        await waitFor('the signal to be seen', async () => {
          const events = (await running.fetchHistory()).events ?? [];
          const signalled = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes);
          const seen = events.findLastIndex((event) => event.workflowTaskCompletedEventAttributes);
          return signalled !== -1 && seen > signalled;
        });
      };
      expect(await handle.result()).to.equal('emptied');
      expect(queue.rows[0]?.sentAtMs).to.be.a('number');
    });
  });
});
