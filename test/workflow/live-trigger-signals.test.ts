import { expect } from 'chai';

import { SIGNAL, WORKFLOW } from '../../workflows/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { createPassages, type OpenPassage } from './fixtures/passage.ts';
import { DAY, expectAt, HOUR, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';

const live = { inaction: { event: 'Charged', within: '1h' }, onRepeat: 'restart' as const };

describe('what the user does while a live trigger is open', function () {
  this.timeout(180_000);

  it('ends it in the window, in the delay and in the quiet hours alike, each at its instant', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      // Quiet hours from two hours ahead for six: window 1 h, delay 2 h, quiet hours the rest.
      const hourOf = (ms: number): string => new Date(ms).toISOString().slice(11, 13);
      const begin = await time.nowMs();
      const dnd = {
        from: `${hourOf(begin + 2 * HOUR)}:00`,
        to: `${hourOf(begin + 8 * HOUR)}:00`,
        action: 'delay' as const,
      };
      const given = { live, when: { delay: '2h', dnd } };
      const stages = [
        { kind: 'window', afterMs: 30 * MINUTE },
        { kind: 'delay', afterMs: 2 * HOUR },
        { kind: 'quietHours', afterMs: 4 * HOUR },
      ];
      const open: OpenPassage[] = [];
      for (const _ of stages) open.push(await passages.open(time, given));
      const untouched = await passages.open(time, given);
      expect(untouched.waits.map(({ kind }) => kind)).to.deep.equal(stages.map(({ kind }) => kind));
      for (const [i, { kind, afterMs }] of stages.entries()) {
        const passage = open[i]!;
        await time.sleepUntil(passage.row.eventAtMs + afterMs);
        await passage.close('inactionMet');
        expect(await passage.handle.result(), kind).to.equal('inactionMet');
        const { closeTime } = await passage.handle.describe();
        expectAt(closeTime?.getTime(), passage.row.eventAtMs + afterMs, `the end in ${kind}`);
        expect(passage.row.sentAtMs).to.equal(undefined);
      }
      expect(await untouched.handle.result()).to.equal('sent');
      expectAt(untouched.row.sentAtMs, untouched.waits.at(-1)?.untilMs ?? 0);
    });
  });

  it('starts the whole plan again when it does so during the delay', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle, restart } = await passages.open(time, { live, when: { delay: '2h' } });
      await time.sleepUntil(row.eventAtMs + 2 * HOUR);
      const dueAtMs = await restart();
      await handle.result();
      expect(dueAtMs).to.equal(row.eventAtMs + 3 * HOUR);
      expectAt(row.sentAtMs, dueAtMs);
    });
  });

  it('counts when it comes before the workflow has taken its first step', async () => {
    await withTimeSkipping(createPassages().activities, async (time) => {
      const begin = await time.nowMs();
      const waits = [{ kind: 'window' as const, untilMs: begin + DAY, summary: 'waits' }];
      const handle = await time.workflow.signalWithStart(WORKFLOW.liveTrigger, {
        workflowId: 'trigger/c/p/early',
        taskQueue: time.taskQueue,
        workflowRunTimeout: '30 days',
        args: [{ messageId: 'never read', campaignId: 'c', profileId: 'p', waits }],
        signal: SIGNAL.userAction,
        signalArgs: [{ kind: 'close', outcome: 'cancelled', text: 'closed at once' }],
      });
      expect(await handle.result()).to.equal('cancelled');
      expectAt((await handle.describe()).closeTime?.getTime(), begin, 'the end');
    });
  });

  it('counts when it is much at once: the close wins over every restart, and of restarts the last', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const closed = await passages.open(time, { live });
      const restarted = await passages.open(time, { live });
      await time.sleepUntil(closed.row.eventAtMs + 10 * MINUTE);
      await Promise.all([closed.restart(), closed.close('cancelled'), closed.restart(), closed.restart()]);
      const dueAtMs: number[] = [];
      for (let i = 0; i < 5; i += 1) dueAtMs.push(await restarted.restart());
      expect(await closed.handle.result()).to.equal('cancelled');
      expect(await restarted.handle.result()).to.equal('sent');
      expectAt(restarted.row.sentAtMs, dueAtMs.at(-1) ?? 0);
      expect(closed.row.sentAtMs).to.equal(undefined);
    });
  });

  it('ends it at once when it waits for the next of its tries', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle, close } = await passages.open(time, { live });
      const hanging = neverSettled(row);
      await time.sleepUntil(row.eventAtMs + HOUR);
      await hanging.began;
      try {
        await close('stopped');
        await waitFor('the end', async () => (await handle.describe()).status.name !== 'RUNNING');
      } finally {
        hanging.release();
      }
      expect(await handle.result()).to.equal('stopped');
      expect(row.sentAtMs).to.equal(undefined);
    });
  });

  it('starts its plan again when it waits for the next of its tries', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle, restart } = await passages.open(time, { live });
      const hanging = neverSettled(row);
      await time.sleepUntil(row.eventAtMs + HOUR);
      await hanging.began;
      let dueAtMs: number;
      try {
        dueAtMs = await restart();
        await waitFor('the new window', async () => {
          const { events } = await handle.fetchHistory();
          return events?.filter((event) => event.timerStartedEventAttributes).length === 2;
        });
      } finally {
        hanging.release();
      }
      expect(await handle.result()).to.equal('sent');
      expectAt(row.sentAtMs, dueAtMs);
    });
  });

  it('counts when it comes while a send is under way that is then postponed', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle, restart } = await passages.open(time, { live });
      let restartedTo = 0;
      row.answers.push(async (nowMs) => {
        restartedTo = await restart();
        // Once its task has taken most of its ten seconds the workflow is told of signals.
        await waitFor('the signal to be seen', async () => {
          const events = (await handle.fetchHistory()).events ?? [];
          const signalled = events.findIndex((event) => event.workflowExecutionSignaledEventAttributes);
          const seen = events.findLastIndex((event) => event.workflowTaskStartedEventAttributes);
          return signalled !== -1 && seen > signalled;
        });
        return {
          kind: 'postponed',
          wait: { kind: 'postponed', untilMs: nowMs + MINUTE, summary: 'once more' },
        };
      });
      expect(await handle.result()).to.equal('sent');
      expectAt(row.sentAtMs, restartedTo);
      expect(row.tries, 'the one that was postponed, and the send').to.equal(2);
    });
  });

  it('leaves a postponed send to its new instant when nothing happens', async () => {
    const passages = createPassages();
    await withTimeSkipping(passages.activities, async (time) => {
      const { row, handle } = await passages.open(time, { live });
      row.answers.push((nowMs) => ({
        kind: 'postponed',
        wait: { kind: 'postponed', untilMs: nowMs + 9 * HOUR, summary: 'once more' },
      }));
      expect(await handle.result()).to.equal('sent');
      expectAt(row.sentAtMs, row.eventAtMs + 10 * HOUR);
    });
  });
});

/** The first send asks for a retry, whose activity then does not come back. */
function neverSettled(row: OpenPassage['row']): { began: Promise<void>; release(): void } {
  let begin = (): void => {};
  let release = (): void => {};
  const began = new Promise<void>((resolve) => (begin = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  row.answers.push(() => ({ kind: 'retry' }));
  row.answers.push(async () => {
    begin();
    await released;
    return { kind: 'settled', outcome: 'sent', text: 'of an activity that nobody waits for' };
  });
  return { began, release: () => release() };
}
