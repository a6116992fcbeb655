import { expect } from 'chai';

import { SIGNAL, WORKFLOW, workflowIds } from '../../workflows/contract.ts';
import { createCampaignLog } from './fixtures/campaign-log.ts';
import { createRunRows, RUN } from './fixtures/run-rows.ts';
import {
  DAY,
  expectAt,
  HOUR,
  MINUTE,
  withTimeSkipping,
  type AllActivities,
} from './fixtures/time-skipping.ts';

const ID = workflowIds.campaign('c');

describe('a campaign', function () {
  this.timeout(180_000);

  /** Its activities and those of its run. */
  function scene() {
    const log = createCampaignLog();
    const run = createRunRows();
    const activities = (nowMs: () => Promise<number>): Partial<AllActivities> => {
      const ofRun = run.activities(nowMs);
      return {
        ...log.activities(nowMs),
        ...ofRun,
        async finishRun(input) {
          const answer = await ofRun.finishRun(input);
          log.runFinished = true;
          return answer;
        },
      };
    };
    return { log, run, activities };
  }

  it('that is live begins at its start, looks again at events that came before, and finishes at its end', async () => {
    const { log, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const input = log.input('live', now + 3 * HOUR, now + 9 * DAY);
      const handle = await time.start(WORKFLOW.campaign, ID, input);
      expect(await handle.result()).to.equal('completed');
      expect(log.calls.map((call) => call.name)).to.deep.equal([
        'beginCampaign',
        'rescanEvents',
        'finishCampaign',
      ]);
      expectAt(log.at('beginCampaign'), now + 3 * HOUR, 'the start');
      expectAt(log.at('rescanEvents'), now + 3 * HOUR, 'the rescan');
      expectAt(log.at('finishCampaign'), now + 9 * DAY, 'the end');
      expect(log.calls.at(-1)?.detail).to.equal('completed');
    });
  });

  it('that is API-triggered begins and ends as a live one, and looks for no events', async () => {
    const { log, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('api', now + HOUR, now + DAY));
      expect(await handle.result()).to.equal('completed');
      expect(log.calls.map((call) => call.name)).to.deep.equal(['beginCampaign', 'finishCampaign']);
      expectAt(log.at('finishCampaign'), now + DAY, 'the end');
    });
  });

  it('that was edited before its first look begins when its row says', async () => {
    const { log, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const input = log.input('live', now + 7 * DAY, null);
      log.input('live', now + HOUR, now + DAY);
      const handle = await time.start(WORKFLOW.campaign, ID, input);
      expect(await handle.result()).to.equal('completed');
      expectAt(log.at('beginCampaign'), now + HOUR, 'the start');
      expectAt(log.at('finishCampaign'), now + DAY, 'the end');
    });
  });

  it('that somebody stops by its workflow alone, while its row says that it runs, goes on', async () => {
    const { log, activities } = scene();
    log.edits = 1;
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('live', now, null));
      await time.sleepUntil(now + HOUR);
      await handle.signal(SIGNAL.stop);
      await time.sleepUntil(now + 3 * HOUR);
      expect(log.calls.filter(({ name }) => name === 'finishCampaign')).to.have.length(1);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expect(log.calls.filter(({ name }) => name === 'finishCampaign')).to.have.length(2);
    });
  });

  it('that is live goes on when its end is moved in the moment in which it comes', async () => {
    const { log, activities } = scene();
    log.edits = 1;
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('live', now, now + DAY));
      expect(await handle.result()).to.equal('completed');
      const finishes = log.calls.filter(({ name }) => name === 'finishCampaign');
      expect(finishes).to.have.length(2);
      expectAt(finishes[0]?.atMs, now + DAY, 'the first end');
      expectAt(finishes[1]?.atMs, now + 6 * DAY, 'the end it was moved to');
    });
  });

  it('that is live without an end goes on until it is stopped', async () => {
    const { log, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('live', now, null));
      await time.sleepUntil(now + 100 * DAY);
      expect(log.at('finishCampaign')).to.equal(undefined);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expectAt(log.at('finishCampaign'), now + 100 * DAY, 'the end');
      expect(log.calls.at(-1)?.detail).to.equal('stopped');
    });
  });

  it('that is stopped before its start never begins', async () => {
    const { log, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('past', now + DAY, null));
      await time.sleepUntil(now + HOUR);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expect(log.calls.map((call) => call.name)).to.deep.equal(['finishCampaign']);
      expectAt(log.at('finishCampaign'), now + HOUR, 'the end');
    });
  });

  it('whose row says that it was stopped, though nobody could tell it, ends as stopped', async () => {
    const { log, activities } = scene();
    log.begins = 'stopped';
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('live', now + HOUR, null));
      expect(await handle.result()).to.equal('stopped');
      expect(log.calls.map((call) => call.name)).to.deep.equal(['beginCampaign', 'finishCampaign']);
    });
  });

  it('of past behaviour opens its run at the set time and is completed with it', async () => {
    const { log, run, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const at = now + 2 * DAY;
      run.rows.push(
        { id: 'a', partition: 1, dueAtMs: at },
        { id: 'b', partition: 60, dueAtMs: at + 11 * HOUR },
      );
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('past', at, null));
      expect(await handle.result()).to.equal('completed');
      expectAt(log.at('nextRun'), at, 'the run');
      expect(log.at('rescanEvents')).to.equal(undefined);
      expectAt(run.rows[0]?.sentAtMs, at);
      expectAt(run.rows[1]?.sentAtMs, at + 11 * HOUR);
      expectAt(log.at('finishCampaign'), at + 11 * HOUR, 'the end');
    });
  });

  it('of past behaviour that is stopped stops its run', async () => {
    const { log, run, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      run.rows.push({ id: 'a', partition: 1, dueAtMs: now + DAY });
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('past', now, null));
      await time.sleepUntil(now + HOUR);
      await handle.signal(SIGNAL.stop);
      expect(await handle.result()).to.equal('stopped');
      expect(run.calls.at(-1)).to.deep.include({ name: 'finishRun', detail: true });
      expectAt(log.at('finishCampaign'), now + HOUR, 'the end');
      expect(run.rows[0]?.sentAtMs).to.equal(undefined);
    });
  });

  it('of past behaviour ends its run at its own end, also when that is paused or waits for later', async () => {
    const { log, run, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      run.gate = 'paused';
      run.rows.push({ id: 'a', partition: 1, dueAtMs: now });
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('past', now, now + 2 * DAY));
      expect(await handle.result()).to.equal('completed');
      expect(run.calls.at(-1)).to.deep.include({ name: 'finishRun', detail: true });
      expectAt(log.at('finishCampaign'), now + 2 * DAY, 'the end');
      expect(log.calls.at(-1)?.detail).to.equal('completed');
    });
  });

  it('of past behaviour waits for a run that somebody else has started', async () => {
    const { log, run, activities } = scene();
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      run.rows.push({ id: 'a', partition: 1, dueAtMs: now + 30 * MINUTE });
      const other = await time.start(WORKFLOW.run, workflowIds.run('c', now), { ...RUN, instantMs: now });
      const handle = await time.start(WORKFLOW.campaign, ID, log.input('past', now, null));
      await time.sleepUntil(now + 10 * MINUTE);
      expect((await handle.describe()).status.name).to.equal('RUNNING');
      expect(await other.result()).to.equal('completed');
      expect(await handle.result()).to.equal('completed');
      const { closeTime } = await handle.describe();
      expect((closeTime?.getTime() ?? 0) - now).to.be.within(30 * MINUTE, 32 * MINUTE);
      expect(run.calls.filter((call) => call.name === 'materialise')).to.have.length(1);
    });
  });
});
