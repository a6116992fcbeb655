import { expect } from 'chai';
import type { CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import { createScheduleWorld } from '../../workflow/fixtures/schedule-world.ts';

const START = Date.parse('2027-03-01T08:00:00Z');
const DAILY: CampaignSchedule = {
  start: 'now',
  timezone: 'Europe/Berlin',
  schedule: { every: { frequency: 'daily', at: ['09:30'] } },
};

/** A campaign asked at one instant after the other. */
function scene(when: CampaignSchedule, endsAt?: string) {
  const world = createScheduleWorld(when, START, endsAt === undefined ? null : Date.parse(endsAt));
  const ask = (iso: string) => {
    const nowMs = Date.parse(iso);
    return world.activities(() => Promise.resolve(nowMs)).nextRun('c');
  };
  const runs = () => world.runs.map(({ local, status }) => `${local ?? ''} ${status}`);
  return { world, ask, runs };
}

describe('what a scheduled campaign does next', () => {
  it('waits for its first occurrence and says whose time that is', async () => {
    const { ask, runs } = scene(DAILY);
    expect(await ask('2027-03-01T08:00:00Z')).to.deep.equal({
      endsAtMs: null,
      version: 1,
      open: [],
      next: {
        kind: 'wait',
        untilMs: Date.parse('2027-03-01T08:30:00Z'),
        text: 'next run at 2027-03-01 09:30 (Europe/Berlin)',
      },
    });
    expect(runs()).to.deep.equal([]);
  });

  it('opens the run that is due once, however often it is asked', async () => {
    const { ask, runs, world } = scene(DAILY);
    const first = await ask('2027-03-01T08:30:00Z');
    expect(await ask('2027-03-01T08:30:05Z')).to.deep.equal(first);
    expect(runs()).to.deep.equal(['2027-03-01T09:30 materialising']);
    expect(first.open).to.deep.equal([
      { runId: world.runs[0]?.id, instantMs: Date.parse('2027-03-01T08:30:00Z') },
    ]);
    world.finish(world.runs[0]?.id ?? '');
    expect((await ask('2027-03-01T09:00:00Z')).open).to.deep.equal([]);
  });

  it('goes by the local time over a change of the clock', async () => {
    const { ask } = scene({ ...DAILY, schedule: { every: { frequency: 'daily', at: ['02:30'] } } });
    const { next } = await ask('2027-03-28T00:00:00Z');
    // 02:30 does not exist on that day: the first instant after the gap.
    expect(next).to.include({ kind: 'wait', untilMs: Date.parse('2027-03-28T01:00:00Z') });
  });

  it('runs the latest of what was missed, and records the others', async () => {
    const { ask, runs } = scene(DAILY);
    await ask('2027-03-01T08:30:00Z');
    await ask('2027-03-04T12:00:00Z');
    expect(runs()).to.deep.equal([
      '2027-03-01T09:30 materialising',
      '2027-03-02T09:30 missed',
      '2027-03-03T09:30 missed',
      '2027-03-04T09:30 materialising',
    ]);
  });

  it('opens nothing while it is paused', async () => {
    const { ask, runs, world } = scene(DAILY);
    world.campaign.status = 'paused';
    expect((await ask('2027-03-01T08:29:00Z')).next.kind).to.equal('wait');
    expect((await ask('2027-03-03T08:31:00Z')).next.kind).to.equal('paused');
    expect(runs()).to.deep.equal([]);
    world.campaign.status = 'running';
    await ask('2027-03-03T08:32:00Z');
    expect(runs()).to.deep.equal([
      '2027-03-01T09:30 missed',
      '2027-03-02T09:30 missed',
      '2027-03-03T09:30 materialising',
    ]);
  });

  it('has nothing next after its last occurrence or its end, or when it was stopped', async () => {
    const twice = scene({ ...DAILY, schedule: { every: { frequency: 'daily', at: ['09:30'], count: 2 } } });
    expect((await twice.ask('2027-03-01T08:30:00Z')).next.kind).to.equal('wait');
    expect((await twice.ask('2027-03-02T08:30:00Z')).next).to.deep.equal({ kind: 'none' });
    const ending = scene(DAILY, '2027-03-02T08:30:00Z');
    expect((await ending.ask('2027-03-01T08:30:00Z')).next).to.deep.equal({ kind: 'none' });
    const stopped = scene(DAILY);
    stopped.world.campaign.status = 'stopped';
    expect((await stopped.ask('2027-03-01T08:30:00Z')).next).to.deep.equal({ kind: 'none' });
    expect(stopped.runs()).to.deep.equal([]);
  });

  it('has no run at a time that an edit set when it was past already', async () => {
    const { ask, runs, world } = scene({
      ...DAILY,
      schedule: { every: { frequency: 'daily', at: ['18:00'] } },
    });
    world.campaign.definition = { ...world.campaign.definition, when: DAILY };
    world.campaign.rescheduledAt = new Date('2027-03-01T14:00:00Z');
    expect((await ask('2027-03-01T14:00:01Z')).next).to.include({
      kind: 'wait',
      untilMs: Date.parse('2027-03-02T08:30:00Z'),
    });
    expect(runs()).to.deep.equal([]);
  });

  it("begins with the first place on earth where the times are each user's own", async () => {
    const { ask, world } = scene({ ...DAILY, timezone: 'profile', schedule: { at: ['2027-03-01T09:30'] } });
    // It is 09:30 in many places already when the campaign starts: the run is planned for the start.
    await ask('2027-03-01T08:00:00Z');
    expect(world.runs).to.have.length(1);
    expect(world.runs[0]).to.deep.include({
      instant: new Date('2027-02-28T19:30:00Z'),
      plannedAt: new Date('2027-03-01T08:00:00Z'),
      local: '2027-03-01T09:30',
    });
  });
});
