import { expect } from 'chai';

import { endOfQuietHours } from '../../domain/schedule/quiet-hours.ts';
import { SIGNAL, WORKFLOW } from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { createRunRows, RUN } from './fixtures/run-rows.ts';
import { DAY, expectAt, HOUR, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';
import { offsetMs } from './fixtures/transitions.ts';

const ID = 'run/c/now';

describe('a run', function () {
  this.timeout(180_000);

  it('sends each row when the quiet hours of its zone end, and is completed after the last', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      // 23:30 UTC: quiet hours in UTC and Tokyo (8:30), not in Los Angeles (15:30 or 16:30).
      const begin = Math.ceil((await time.nowMs()) / DAY) * DAY + 23 * HOUR + 30 * MINUTE;
      await time.sleepUntil(begin);
      const zones = ['America/Los_Angeles', 'Asia/Tokyo', 'UTC', 'Atlantic/Reykjavik', 'Africa/Lagos'];
      const quiet = { from: '21:00', to: '09:00', action: 'delay' as const };
      for (const [i, zone] of zones.entries()) {
        run.rows.push({ id: zone, partition: i * 13, dueAtMs: endOfQuietHours(begin, quiet, zone) });
      }
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      expect(await handle.result()).to.equal('completed');
      const sentAt = Object.fromEntries(run.rows.map((row) => [row.id, row.sentAtMs]));
      const nextMidnight = begin + 30 * MINUTE;
      expectAt(sentAt['America/Los_Angeles'], begin);
      expectAt(sentAt['Asia/Tokyo'], nextMidnight + 9 * HOUR - offsetMs('Asia/Tokyo', begin));
      expectAt(sentAt['Africa/Lagos'], nextMidnight + 8 * HOUR);
      expectAt(sentAt.UTC, nextMidnight + 9 * HOUR);
      expectAt(sentAt['Atlantic/Reykjavik'], nextMidnight + 9 * HOUR);
      expect(run.calls.at(-1)).to.deep.include({ name: 'finishRun', detail: false });
    });
  });

  it('materialises page after page, each from where the last ended, before it drains', async () => {
    const run = createRunRows(3);
    await withTimeSkipping(run.activities, async (time) => {
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      expect(await handle.result()).to.equal('completed');
      const [one, two, three, four] = run.calls;
      expect([one?.detail, two?.detail, three?.detail]).to.deep.equal([null, '1', '2']);
      expect(four?.name).to.equal('beginDrain');
    });
  });

  it('whose campaign is found over by a page neither draws nor drains, and ends as stopped', async () => {
    const run = createRunRows(3);
    run.overAtMaterialising = true;
    run.draws = [[]];
    await withTimeSkipping(run.activities, async (time) => {
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      expect(await handle.result()).to.equal('stopped');
      expect(run.calls.map(({ name }) => name)).to.deep.equal(['materialise', 'finishRun']);
    });
  });

  it('that is paused sends nothing until it is woken, and then all that fell due meanwhile', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const begin = await time.nowMs();
      run.gate = 'paused';
      for (let i = 0; i < 4; i += 1)
        run.rows.push({ id: `${i}`, partition: i * 16, dueAtMs: begin + i * HOUR });
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      await time.sleepUntil(begin + 2.5 * HOUR);
      expect(run.rows.every((row) => row.sentAtMs === undefined)).to.equal(true);
      const drains = run.calls.filter((call) => call.name === 'drain').length;
      expect(drains, 'each part asked once').to.equal(2);
      run.gate = 'open';
      await handle.signal(SIGNAL.wake);
      expect(await handle.result()).to.equal('completed');
      for (const row of run.rows.slice(0, 3)) expectAt(row.sentAtMs, begin + 2.5 * HOUR);
      expectAt(run.rows[3]?.sentAtMs, begin + 3 * HOUR);
    });
  });

  it('that is woken while it finds itself paused looks again', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      run.gate = 'paused';
      run.rows.push({ id: 'a', partition: 0, dueAtMs: 0 });
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      // The drain has read the gate; it is opened and the run told before the answer has arrived.
      run.afterDrain = async () => {
        if (run.gate === 'open') return;
        run.gate = 'open';
        await handle.signal(SIGNAL.wake);
        await waitFor('the signal to be seen', async () => {
          const events = (await handle.fetchHistory()).events ?? [];
          const signalled = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes);
          const seen = events.findLastIndex((event) => event.workflowTaskCompletedEventAttributes);
          return signalled !== -1 && seen > signalled;
        });
      };
      expect(await handle.result()).to.equal('completed');
      expect(run.rows[0]?.sentAtMs).to.be.a('number');
    });
  });

  it('that is stopped while it waits for quiet hours ends at once and closes what is left', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const begin = await time.nowMs();
      run.rows.push(
        { id: 'now', partition: 0, dueAtMs: begin },
        { id: 'later', partition: 40, dueAtMs: begin + DAY },
      );
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      await time.sleepUntil(begin + HOUR);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expect(run.rows.map((row) => row.sentAtMs !== undefined)).to.deep.equal([true, false]);
      const last = run.calls.at(-1);
      expect(last).to.deep.include({ name: 'finishRun', detail: true });
      expectAt(last?.atMs, begin + HOUR, 'the end');
    });
  });

  it('with a targeting cap draws again once what was drawn is settled, until there is nothing left to draw', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const begin = await time.nowMs();
      run.draws = [
        [
          { id: 'a', partition: 1, dueAtMs: begin },
          { id: 'b', partition: 2, dueAtMs: begin + 9 * HOUR },
        ],
        [{ id: 'c', partition: 3, dueAtMs: begin }],
      ];
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      expect(await handle.result()).to.equal('completed');
      const sentAt = Object.fromEntries(run.rows.map((row) => [row.id, row.sentAtMs]));
      expectAt(sentAt.a, begin);
      expectAt(sentAt.b, begin + 9 * HOUR);
      expectAt(sentAt.c, begin + 9 * HOUR);
      const steps = run.calls.map((call) => call.name).filter((name) => name !== 'drain');
      expect(steps).to.deep.equal(['materialise', 'draw', 'draw', 'draw', 'finishRun']);
      expect(run.calls.at(-1)).to.deep.include({ detail: false });
    });
  });

  it('with a targeting cap draws nobody any more when it is stopped', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const begin = await time.nowMs();
      run.draws = [
        [{ id: 'a', partition: 1, dueAtMs: begin + DAY }],
        [{ id: 'b', partition: 2, dueAtMs: begin }],
      ];
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      await time.sleepUntil(begin + HOUR);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expect(run.calls.filter((call) => call.name === 'draw')).to.have.length(1);
      expect(run.calls.at(-1)).to.deep.include({ name: 'finishRun', detail: true });
    });
  });

  it('that is stopped before its first step drains nothing', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const handle = await time.workflow.signalWithStart(WORKFLOW.run, {
        workflowId: ID,
        taskQueue: time.taskQueue,
        workflowRunTimeout: '30 days',
        args: [RUN],
        signal: SIGNAL.stop,
      });
      expect(await handle.result()).to.equal('stopped');
      expect(run.calls.map((call) => call.name)).to.deep.equal(['finishRun']);
    });
  });

  it('whose campaign is found stopped or over by one part ends in all of them', async () => {
    const run = createRunRows();
    await withTimeSkipping(run.activities, async (time) => {
      const begin = await time.nowMs();
      run.rows.push(
        { id: 'soon', partition: 0, dueAtMs: begin + HOUR },
        { id: 'late', partition: 40, dueAtMs: begin + 9 * HOUR },
      );
      const handle = await time.start(WORKFLOW.run, ID, RUN);
      await time.sleepUntil(begin + MINUTE);
      run.gate = 'closed';
      expect(await handle.result()).to.equal('stopped');
      expectAt(run.calls.at(-1)?.atMs, begin + HOUR, 'the end');
    });
  });
});
