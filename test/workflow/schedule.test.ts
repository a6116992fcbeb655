import { expect } from 'chai';

import { SIGNAL, WORKFLOW, workflowIds } from '../../workflows/contract.ts';
import { createRunRows, RUN } from './fixtures/run-rows.ts';
import {
  CAMPAIGN_ID,
  expectDaily,
  historyLengths,
  inputOf,
  MOST_EVENTS,
  scheduleScene,
} from './fixtures/schedule-scene.ts';
import { createScheduleWorld, type ScheduleWorld } from './fixtures/schedule-world.ts';
import { DAY, expectAt, HOUR, MINUTE, withTimeSkipping } from './fixtures/time-skipping.ts';

describe('a campaign with a schedule', function () {
  this.timeout(600_000);

  it('that recurs daily has its run on each day once, and continues as new before its history grows long', () =>
    expectDaily(200));

  it('begins its next run while the last one still goes on, and is over when all are', async () => {
    let world: ScheduleWorld | undefined;
    const { begun, activities } = scheduleScene(() => world!, 30 * HOUR);
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const at = [1, 2, 3].map((day) => new Date(Math.floor(now / MINUTE) * MINUTE + day * DAY));
      const local = at.map((instant) => instant.toISOString().slice(0, 16));
      world = createScheduleWorld({ start: 'now', timezone: 'UTC', schedule: { at: local } }, now);
      const handle = await time.start(WORKFLOW.campaign, CAMPAIGN_ID, inputOf(now));
      expect(await handle.result()).to.equal('completed');
      at.forEach((instant, i) => expectAt(begun[i]?.atMs, instant.getTime(), `run ${i + 1}`));
      const { closeTime } = await handle.describe();
      expectAt(closeTime?.getTime(), at[2]!.getTime() + 30 * HOUR, 'the end');
    });
  });

  it('that was paused over two occurrences runs the later of them when it is resumed', async () => {
    let world: ScheduleWorld | undefined;
    const { begun, activities } = scheduleScene(() => world!);
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const at = [1, 2, 3].map((day) => new Date(Math.floor(now / MINUTE) * MINUTE + day * DAY));
      const local = at.map((instant) => instant.toISOString().slice(0, 16));
      world = createScheduleWorld({ start: 'now', timezone: 'UTC', schedule: { at: local } }, now);
      world.campaign.status = 'paused';
      const handle = await time.start(WORKFLOW.campaign, CAMPAIGN_ID, inputOf(now));
      await time.sleepUntil(at[1]!.getTime() + HOUR);
      expect(begun).to.deep.equal([]);
      world.campaign.status = 'running';
      await handle.signal(SIGNAL.changed);
      expect(await handle.result()).to.equal('completed');
      expect(world.runs.map(({ status }) => status)).to.deep.equal(['missed', 'completed', 'completed']);
      expectAt(begun[0]?.atMs, at[1]!.getTime() + HOUR, 'the late run');
      expectAt(begun[1]?.atMs, at[2]!.getTime(), 'the last run');
      expect(begun).to.have.length(2);
    });
  });

  it('whose schedule is edited while it waits follows the new one', async () => {
    let world: ScheduleWorld | undefined;
    const { begun, activities } = scheduleScene(() => world!);
    await withTimeSkipping(activities, async (time) => {
      const now = await time.nowMs();
      const minute = Math.floor(now / MINUTE) * MINUTE;
      const at = (hours: number): string => new Date(minute + hours * HOUR).toISOString().slice(0, 16);
      world = createScheduleWorld({ start: 'now', timezone: 'UTC', schedule: { at: [at(48)] } }, now);
      const handle = await time.start(WORKFLOW.campaign, CAMPAIGN_ID, inputOf(now));
      await time.sleepUntil(minute + 6 * HOUR);
      world.campaign.definition = {
        ...world.campaign.definition,
        when: { start: 'now', timezone: 'UTC', schedule: { at: [at(3), at(12)] } },
      };
      world.campaign.rescheduledAt = new Date(minute + 6 * HOUR);
      await handle.signal(SIGNAL.changed);
      expect(await handle.result()).to.equal('completed');
      expect(begun).to.have.length(1);
      expectAt(begun[0]?.atMs, minute + 12 * HOUR, 'the run');
    });
  });
});

describe('a run to 100,000 profiles', function () {
  this.timeout(600_000);

  it('keeps every history short, a page a step and over days of quiet hours', async () => {
    const PAGE = 256;
    const count = 100_000;
    const run = createRunRows(50);
    await withTimeSkipping(
      (nowMs) => {
        const activities = run.activities(nowMs);
        return {
          ...activities,
          beginDrain: () =>
            Promise.resolve(Array.from({ length: 16 }, (_, i) => ({ from: i * 4, to: (i + 1) * 4 }))),
          async drain({ from, to }) {
            const now = await nowMs();
            const open = run.rows.filter(
              (row) => row.partition >= from && row.partition < to && row.sentAtMs === undefined,
            );
            const due = open.filter((row) => row.dueAtMs <= now).slice(0, PAGE);
            for (const row of due) row.sentAtMs = now;
            if (due.length > 0) return { kind: 'more' };
            if (open.length === 0) return { kind: 'done' };
            return {
              kind: 'wait',
              untilMs: open.reduce((least, row) => Math.min(least, row.dueAtMs), Infinity),
            };
          },
        };
      },
      async (time) => {
        const now = await time.nowMs();
        // Their quiet hours end in 24 time zones, over a day.
        for (let i = 0; i < count; i += 1)
          run.rows.push({ id: `p${i}`, partition: i % 64, dueAtMs: now + (i % 24) * HOUR });
        const handle = await time.start(WORKFLOW.run, workflowIds.run('c', now), { ...RUN, instantMs: now });
        expect(await handle.result()).to.equal('completed');
        expect(run.rows.filter((row) => row.sentAtMs === undefined)).to.have.length(0);
        const late = run.rows.filter((row) => (row.sentAtMs ?? 0) - row.dueAtMs > 10 * MINUTE);
        expect(late, 'sent late').to.have.length(0);
        const lengths = await historyLengths(time, handle);
        expect(Math.max(...lengths)).to.be.below(MOST_EVENTS);
      },
    );
  });
});
