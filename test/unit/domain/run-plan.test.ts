import { expect } from 'chai';
import type { CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import type { QuietHours } from '../../../domain/schedule/quiet-hours.ts';
import { planRunRow } from '../../../domain/delivery/run-plan.ts';

const at = (text: string): number => Date.parse(text);
const NIGHT: QuietHours = { from: '21:00', to: '09:00', action: 'delay' };

/** A run set for 09:00 of the day after tomorrow of the test's now, in Berlin or by each user's own clock. */
function plan(
  when: Partial<CampaignSchedule>,
  given: {
    zone?: string;
    dnd?: QuietHours;
    nowMs?: number;
    instant?: string;
    plannedAt?: string;
    local?: string;
    nextLocal?: string;
  } = {},
) {
  const instant = given.instant ?? '2027-06-03T07:00:00Z';
  const { zone = 'Europe/Berlin', dnd, nowMs = at(instant), plannedAt = instant } = given;
  const run = {
    instant: new Date(instant),
    plannedAt: new Date(plannedAt),
    local: given.local ?? '2027-06-03T09:00',
  };
  const full: CampaignSchedule = { start: 'now', timezone: 'Europe/Berlin', ...when };
  const { nextLocal } = given;
  const row = planRunRow({ when: full, dnd, run, zone, accountZone: 'UTC', nowMs, nextLocal });
  const { dueAt, cutOffAt, ...rest } = row;
  return {
    due: dueAt.toISOString(),
    ...(cutOffAt ? { cutOff: cutOffAt.toISOString() } : {}),
    ...rest,
  };
}

/** The run of the same local time in each user's own zone: it begins with Kiritimati. */
const OWN = { instant: '2027-06-02T19:00:00Z' };

describe('the plan of a message of a run', () => {
  it('is the set instant, or now when that is past', () => {
    expect(plan({})).to.deep.equal({ due: '2027-06-03T07:00:00.000Z' });
    const late = at('2027-06-03T07:20:00Z');
    expect(plan({}, { nowMs: late })).to.deep.equal({ due: '2027-06-03T07:20:00.000Z' });
  });

  it("is the set time in each user's own zone", () => {
    const own = { timezone: 'profile' };
    expect(plan(own, { ...OWN, zone: 'Pacific/Kiritimati' }).due).to.equal('2027-06-02T19:00:00.000Z');
    expect(plan(own, { ...OWN, zone: 'Asia/Kathmandu' }).due).to.equal('2027-06-03T03:15:00.000Z');
    expect(plan(own, { ...OWN, zone: 'America/Los_Angeles' }).due).to.equal('2027-06-03T16:00:00.000Z');
  });

  it('does not take anybody for past because the run began late', () => {
    const nowMs = at('2027-06-02T19:40:00Z');
    const given = { ...OWN, zone: 'Pacific/Kiritimati', nowMs };
    expect(plan({ timezone: 'profile' }, given)).to.deep.equal({ due: '2027-06-02T19:40:00.000Z' });
  });

  it('drops who is past when the run was to begin, or takes the next day', () => {
    const given = { ...OWN, plannedAt: '2027-06-03T10:00:00Z', nowMs: at('2027-06-03T10:00:01Z') };
    expect(plan({ timezone: 'profile' }, given)).to.deep.equal({
      due: '2027-06-03T10:00:01.000Z',
      suppressed: 'localTimePast',
      detail: '2027-06-03 09:00 was past in Europe/Berlin when the run was to begin',
    });
    expect(plan({ timezone: 'profile', ifPast: 'nextDay' }, given)).to.deep.equal({
      due: '2027-06-04T07:00:00.000Z',
    });
  });

  it('takes no day that has a run of its own, so that nobody gets it twice', () => {
    const given = { ...OWN, plannedAt: '2027-06-03T10:00:00Z', nowMs: at('2027-06-03T10:00:00Z') };
    const when = { timezone: 'profile', ifPast: 'nextDay' } as const;
    expect(plan(when, { ...given, nextLocal: '2027-06-04T09:00' })).to.include({
      suppressed: 'localTimePast',
      detail:
        '2027-06-03 09:00 was past in Europe/Berlin when the run was to begin, and the run of 2027-06-04 09:00 comes next',
    });
    expect(plan(when, { ...given, nextLocal: '2027-06-05T09:00' }).suppressed).to.equal(undefined);
  });

  it('waits for the end of quiet hours in the zone of the profile, and is released under their rate', () => {
    expect(plan({}, { zone: 'America/New_York', dnd: NIGHT })).to.deep.equal({
      due: '2027-06-03T13:00:00.000Z',
      released: true,
    });
    expect(plan({}, { dnd: NIGHT })).to.deep.equal({ due: '2027-06-03T07:00:00.000Z' });
    expect(plan({}, { zone: 'America/New_York', dnd: { ...NIGHT, action: 'discard' } })).to.deep.equal({
      due: '2027-06-03T07:00:00.000Z',
      suppressed: 'dnd',
      detail: 'quiet hours 21:00 to 09:00 (America/New_York)',
    });
  });

  it('carries its cut-off, so long after the set time or at a local time of its day', () => {
    expect(plan({ cutOff: '6h' })).to.deep.equal({
      due: '2027-06-03T07:00:00.000Z',
      cutOff: '2027-06-03T13:00:00.000Z',
    });
    expect(plan({ cutOff: '21:00' }).cutOff).to.equal('2027-06-03T19:00:00.000Z');
    const own = { timezone: 'profile', cutOff: '21:00' };
    expect(plan(own, { ...OWN, zone: 'Asia/Kathmandu' }).cutOff).to.equal('2027-06-03T15:15:00.000Z');
    const nextDay = { ...OWN, plannedAt: '2027-06-03T10:00:00Z', nowMs: at('2027-06-03T10:00:00Z') };
    expect(plan({ ...own, ifPast: 'nextDay' }, nextDay).cutOff).to.equal('2027-06-04T19:00:00.000Z');
  });

  it('is cut off at once when it cannot leave before', () => {
    const night = plan({ cutOff: '2h' }, { zone: 'America/New_York', dnd: NIGHT });
    expect(night).to.include({ suppressed: 'cutOff', cutOff: '2027-06-03T09:00:00.000Z' });
    expect(night.detail).to.equal(
      'due at 2027-06-03 09:00:00, and cut off at 2027-06-03 05:00:00 (America/New_York)',
    );
    const late = plan({ cutOff: '2h' }, { nowMs: at('2027-06-03T09:00:00Z') });
    expect(late.suppressed).to.equal('cutOff');
    const justInTime = plan({ cutOff: '2h' }, { nowMs: at('2027-06-03T08:59:59Z') });
    expect(justInTime.suppressed).to.equal(undefined);
  });
});
