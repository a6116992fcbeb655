import { expect } from 'chai';
import type { CampaignSchedule, DateProperty, LiveAudience } from '../../../domain/campaign/campaign.ts';
import { scheduleFaults, scheduleShapeFaults } from '../../../domain/schedule/schedule-faults.ts';

const nowMs = Date.parse('2027-06-01T12:00:30Z');

function refusedLive(live: Partial<LiveAudience>, when: Partial<CampaignSchedule> = {}): string[] {
  const timing = { who: { live: { event: 'Booked', ...live } }, when: { start: 'now', ...when } };
  const faults = scheduleFaults(timing, { nowMs, accountZone: 'UTC' });
  expect(faults).to.deep.equal(scheduleShapeFaults(timing));
  return faults.map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

describe('a live campaign is refused', () => {
  it('with what is for past behaviour', () => {
    const when: Partial<CampaignSchedule> = {
      schedule: { at: ['2027-07-01T09:00'] },
      timezone: 'profile',
      ifPast: 'drop',
      cutOff: '6h',
    };
    expect(refusedLive({}, when)).to.deep.equal(
      ['schedule', 'timezone', 'ifPast', 'cutOff'].map((name) => `/when/${name}: is for past behaviour`),
    );
  });

  const reminder = (rest: Partial<DateProperty>): Partial<LiveAudience> => ({
    dateProperty: { property: 'departure', ...rest },
  });

  it('not with a reminder of any form', () => {
    const FORMS: Partial<DateProperty>[] = [
      {},
      { at: '09:00' },
      { offset: '-2d', at: '09:00' },
      { offset: '+90m' },
    ];
    for (const form of FORMS) expect(refusedLive(reminder(form)), JSON.stringify(form)).to.deep.equal([]);
    expect(
      refusedLive(
        { ...reminder({}), onRepeat: 'ignore' },
        { dnd: { from: '21:00', to: '09:00', action: 'delay' } },
      ),
    ).to.be.empty;
  });

  it('with a reminder beside what else would say when', () => {
    const live = { ...reminder({}), inaction: { event: 'Paid', within: '1h' }, onRepeat: 'restart' as const };
    expect(refusedLive(live, { delay: '1h' })).to.deep.equal([
      '/who/live/inaction: cannot stand with dateProperty',
      '/who/live/onRepeat: cannot be restart with dateProperty: a later event moves the date as it is',
      '/when/delay: cannot stand with dateProperty, whose offset says how much earlier or later',
    ]);
  });

  it('with a reminder that is none', () => {
    expect(refusedLive(reminder({ offset: '-3h', at: '09:00' }))).to.deep.equal([
      '/who/live/dateProperty/offset: in hours, minutes or seconds cannot be combined with at',
    ]);
    expect(refusedLive(reminder({ property: '$departure', offset: '2 days', at: '9' }))).to.deep.equal([
      '/who/live/dateProperty/property: property must not start with "$"',
      '/who/live/dateProperty/at: must be a local time such as 09:00',
      '/who/live/dateProperty/offset: must be a duration such as -2d, 1w or -3h',
    ]);
  });
});
