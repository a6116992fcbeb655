import { expect } from 'chai';
import type { CampaignSchedule, RunSchedule } from '../../../domain/campaign/campaign.ts';
import {
  cutOffAt,
  nextOccurrence,
  occurrences,
  scheduleZone,
  type Occurrence,
  type ScheduleContext,
} from '../../../domain/schedule/schedule.ts';
import { localToInstant } from '../../../domain/schedule/time-zone.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);

function contextOf(
  schedule: RunSchedule | undefined,
  timezone: string | undefined,
  start: string,
  rest: { end?: string; accountZone?: string } = {},
): ScheduleContext {
  return {
    when: { start, schedule, timezone },
    startsAtMs: at(start),
    endsAtMs: rest.end === undefined ? null : at(rest.end),
    accountZone: rest.accountZone ?? 'UTC',
  };
}

function take(context: ScheduleContext, most: number): Occurrence[] {
  const found: Occurrence[] = [];
  for (const occurrence of occurrences(context)) {
    if (found.length >= most) break;
    found.push(occurrence);
  }
  return found;
}

const locals = (context: ScheduleContext, most: number): string[] =>
  take(context, most).map((one) => one.local);

describe('the occurrences of a schedule', () => {
  it('are one, at the start to the millisecond, without a schedule', () => {
    const context = contextOf(undefined, undefined, '2027-03-28T01:30:15.250Z', {
      accountZone: 'Europe/Berlin',
    });
    const startMs = context.startsAtMs;
    const only = { local: '2027-03-28T03:30', firstMs: startMs, lastMs: startMs };
    expect(take(context, 5)).to.deep.equal([only]);
    expect(nextOccurrence(context, null)).to.deep.equal(only);
    expect(nextOccurrence(context, only)).to.equal(null);
  });

  it('are in the zone of the schedule, else in that of the account', () => {
    const accountZone = 'Asia/Tokyo';
    const when: CampaignSchedule = { start: 'now' };
    expect(scheduleZone({ when, accountZone })).to.equal('Asia/Tokyo');
    expect(scheduleZone({ when: { ...when, timezone: 'Europe/Paris' }, accountZone })).to.equal(
      'Europe/Paris',
    );
    expect(scheduleZone({ when: { ...when, timezone: 'profile' }, accountZone })).to.equal('profile');
  });

  it('of a list come in order and once each, whatever the list does', () => {
    const context = contextOf(
      { at: ['2027-05-02T09:00', '2027-05-01T09:00', '2027-05-02T09:00'] },
      'UTC',
      '2027-01-01T00:00Z',
    );
    expect(locals(context, 9)).to.deep.equal(['2027-05-01T09:00', '2027-05-02T09:00']);
  });

  it("in each user's own time span 26 hours, and begin before the day does in UTC", () => {
    const context = contextOf({ at: ['2027-05-01T09:00'] }, 'profile', '2027-01-01T00:00Z');
    expect(take(context, 2)).to.deep.equal([
      { local: '2027-05-01T09:00', firstMs: at('2027-04-30T19:00Z'), lastMs: at('2027-05-01T21:00Z') },
    ]);
  });

  it("in each user's own time go on until the last place is past them, and not once the end comes first", () => {
    const schedule = { at: ['2027-05-01T09:00'] };
    expect(locals(contextOf(schedule, 'profile', '2027-05-01T21:00:59Z'), 2)).to.have.length(1);
    expect(locals(contextOf(schedule, 'profile', '2027-05-01T21:01Z'), 2)).to.have.length(0);
    const end = (text: string): string[] =>
      locals(contextOf(schedule, 'profile', '2027-04-01T00:00Z', { end: text }), 2);
    expect(end('2027-04-30T19:00Z')).to.have.length(0);
    expect(end('2027-04-30T19:01Z')).to.have.length(1);
  });

  it("in each user's own time count their days from the start's date in the account's zone", () => {
    const schedule: RunSchedule = { every: { frequency: 'daily', interval: 2, at: ['09:00'] } };
    const start = '2027-05-01T23:00Z';
    const from = (accountZone: string): string[] =>
      locals(contextOf(schedule, 'profile', start, { accountZone }), 2);
    expect(from('UTC')).to.deep.equal(['2027-05-03T09:00', '2027-05-05T09:00']);
    expect(from('Asia/Tokyo')).to.deep.equal(['2027-05-02T09:00', '2027-05-04T09:00']);
  });

  it('of a month may be days and weekdays side by side', () => {
    const schedule: RunSchedule = {
      every: { frequency: 'monthly', on: [15, { weekday: 'mon', nth: 1 }], at: ['09:00'] },
    };
    const found = locals(contextOf(schedule, 'UTC', '2027-05-01T00:00Z'), 4);
    expect(found).to.deep.equal([
      '2027-05-03T09:00',
      '2027-05-15T09:00',
      '2027-06-07T09:00',
      '2027-06-15T09:00',
    ]);
  });

  it('of a rule until an instant end with it, in the zone of the schedule', () => {
    const schedule = { rrule: 'FREQ=DAILY;UNTIL=20270503T070000Z', at: ['09:00'] };
    const berlin = contextOf(schedule, 'Europe/Berlin', '2027-05-01T00:00Z');
    expect(locals(berlin, 9)).to.deep.equal(['2027-05-01T09:00', '2027-05-02T09:00', '2027-05-03T09:00']);
    expect(locals(contextOf(schedule, 'Europe/London', '2027-05-01T00:00Z'), 9)).to.have.length(2);
  });

  it('of a count end with it, also when they are asked for one by one', () => {
    const every = { frequency: 'daily' as const, interval: 5, at: ['09:00', '10:00'], count: 3 };
    const context = contextOf({ every }, 'UTC', '2027-05-01T09:30Z');
    const found: string[] = [];
    let last: Occurrence | null = null;
    while ((last = nextOccurrence(context, last)) !== null) found.push(last.local);
    expect(found).to.deep.equal(['2027-05-01T10:00', '2027-05-06T09:00', '2027-05-06T10:00']);
  });

  it('after any instant are found, also one of another schedule', () => {
    const daily = contextOf({ every: { frequency: 'daily', at: ['09:00'] } }, 'UTC', '2027-05-01T00:00Z');
    const next = (text: string): string | undefined =>
      nextOccurrence(daily, { local: 'of another', firstMs: at(text) })?.local;
    expect(next('2027-06-01T08:59Z')).to.equal('2027-06-01T09:00');
    expect(next('2027-06-01T09:00Z')).to.equal('2027-06-02T09:00');
    expect(next('2020-06-01T09:00Z')).to.equal('2027-05-01T09:00');
  });

  it('of a campaign that has run for years are found without stepping through them', () => {
    const context = contextOf(
      { every: { frequency: 'daily', interval: 3, at: ['09:00'] } },
      'Europe/Berlin',
      '1990-01-01T00:00Z',
    );
    const found = nextOccurrence(context, { local: '', firstMs: at('2027-01-01T00:00Z') });
    // 1 January 1990 and 2 January 2027 are 13,515 days apart, 4,505 times three.
    expect(found?.local).to.equal('2027-01-02T09:00');
  });
});

describe('a cut-off', () => {
  const setMs = at('2027-03-28T00:00Z');
  const input = { dueLocal: '2027-03-28T01:00', setMs, zone: 'Europe/Berlin' };

  it('is none when none is set', () => {
    expect(cutOffAt({ ...input, cutOff: undefined })).to.equal(null);
  });

  it('as a duration counts from the set instant, a day being 24 hours', () => {
    expect(cutOffAt({ ...input, cutOff: '1d' })).to.equal(setMs + 24 * HOUR);
  });

  it('as a local time is of the day of the set time, and in a gap the end of it', () => {
    expect(cutOffAt({ ...input, cutOff: '21:00' })).to.equal(at('2027-03-28T19:00Z'));
    expect(cutOffAt({ ...input, cutOff: '02:30' })).to.equal(at('2027-03-28T01:00Z'));
    const expected = localToInstant({ year: 2027, month: 3, day: 28, hour: 0, minute: 30 }, 'Europe/Berlin');
    expect(cutOffAt({ ...input, cutOff: '00:30' })).to.equal(expected);
  });
});
