import { expect } from 'chai';
import type { CampaignSchedule, Recurrence } from '../../../domain/campaign/campaign.ts';
import { scheduleFaults } from '../../../domain/schedule/schedule-faults.ts';

const nowMs = Date.parse('2027-06-01T12:00:30Z');
const PAST = { past: { all: [] } };

/** Of a past-behaviour campaign, as `pointer: detail`. */
function refused(when: Partial<CampaignSchedule>, accountZone = 'UTC'): string[] {
  const timing = { who: PAST, when: { start: 'now', ...when } };
  return scheduleFaults(timing, { nowMs, accountZone }).map(({ pointer, detail }) => `${pointer}: ${detail}`);
}

const every = (rest: Partial<Recurrence>): Partial<CampaignSchedule> => ({
  schedule: { every: { frequency: 'daily', at: ['09:00'], ...rest } },
});
const rrule = (text: string): Partial<CampaignSchedule> => ({ schedule: { rrule: text, at: ['09:00'] } });
const list = (...at: string[]): Partial<CampaignSchedule> => ({ schedule: { at } });

describe('a schedule that can be published', () => {
  const GOOD: [string, Partial<CampaignSchedule>][] = [
    ['now', {}],
    ['a start within the last minute', { start: '2027-06-01T11:59:31Z' }],
    ['this very minute', list('2027-06-01T12:00')],
    [
      'a last place on earth that is still to come to it',
      { ...list('2027-06-01T00:30'), timezone: 'profile' },
    ],
    ['every form of a month', every({ frequency: 'monthly', on: [1, -31, { weekday: 'mon', nth: -5 }] })],
    ['a rule', rrule('RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29')],
    ['until the day of the first', every({ until: '2027-06-02' })],
    ['a local cut-off after every time', { ...every({ at: ['09:00', '20:00'] }), cutOff: '20:01' }],
    [
      "a cut-off before quiet hours end that are not everybody's at the set time",
      {
        ...list('2027-06-02T22:00'),
        timezone: 'Europe/Berlin',
        cutOff: '11h',
        dnd: { from: '21:00', to: '09:00', action: 'delay' },
      },
    ],
    [
      'a cut-off after quiet hours',
      {
        ...list('2027-06-02T22:00'),
        timezone: 'profile',
        cutOff: '12h',
        dnd: { from: '21:00', to: '09:00', action: 'delay' },
      },
    ],
    [
      'a cut-off within quiet hours that discard',
      {
        ...list('2027-06-02T22:00'),
        timezone: 'profile',
        cutOff: '1h',
        dnd: { from: '21:00', to: '09:00', action: 'discard' },
      },
    ],
    ['a local cut-off without a schedule', { cutOff: '12:01' }],
    ['a time zone without a schedule', { timezone: 'Asia/Tokyo', cutOff: '22:00' }],
    ['a throughput', { throughput: { perMinute: 1_000_000 } }],
  ];
  for (const [title, when] of GOOD) it(`has ${title}`, () => expect(refused(when)).to.deep.equal([]));
});

describe('a schedule is refused', () => {
  const night = { from: '21:00', to: '09:00', action: 'delay' } as const;
  const CASES: [string, Partial<CampaignSchedule>, string[]][] = [
    ['that starts in the past', { start: '2027-06-01T11:59:29Z' }, ['/when/start: lies in the past']],
    ['that ends in the past', { end: '2027-06-01T12:00:30Z' }, ['/when/end: lies in the past']],
    [
      'that ends before it starts',
      { start: '2027-07-02T00:00:00Z', end: '2027-07-01T00:00:00Z' },
      ['/when/end: is not after the start'],
    ],
    [
      'with dates in the past, each at its place',
      list('2027-05-31T09:00', '2027-07-01T09:00', '2027-06-01T11:59'),
      ['/when/schedule/at/0: lies in the past', '/when/schedule/at/2: lies in the past'],
    ],
    [
      "with a date that is past in everybody's time zone",
      { ...list('2027-05-31T23:59', '2027-06-01T00:00'), timezone: 'profile' },
      ['/when/schedule/at/0: lies in the past'],
    ],
    [
      'with dates before the start or not before the end',
      {
        ...list('2027-06-09T09:00', '2027-06-20T09:00'),
        start: '2027-06-10T00:00:00Z',
        end: '2027-06-20T09:00:00Z',
      },
      ['/when/schedule/at/0: lies before the start', '/when/schedule/at/1: does not lie before the end'],
    ],
    [
      'with dates that no calendar has, or that stand there twice',
      list('2027-02-29T09:00', '2027-07-01T09:00', '2027-07-01T09:00'),
      [
        '/when/schedule/at/0: must be a local time of the calendar such as 2027-12-01T09:00',
        '/when/schedule/at/2: stands there twice',
      ],
    ],
    ['without dates', list(), ['/when/schedule/at: must not be empty']],
    [
      'with times of day that are none, or twice',
      every({ at: ['09:00', '24:00', '09:00'] }),
      [
        '/when/schedule/every/at/1: must be a local time such as 09:00',
        '/when/schedule/every/at/2: stands there twice',
      ],
    ],
    [
      'with numbers out of range',
      every({ interval: 0, count: 1.5, until: '2027-13-01' }),
      [
        '/when/schedule/every/interval: must be a whole number from 1 to 1000',
        '/when/schedule/every/count: must be a whole number from 1 to 10000',
        '/when/schedule/every/until: must be a date of the calendar such as 2027-12-31',
      ],
    ],
    [
      'daily, on certain days',
      every({ on: ['mon'] }),
      ['/when/schedule/every/on: is for weekly and monthly recurrences'],
    ],
    [
      'weekly, on days of the month',
      every({ frequency: 'weekly', on: ['mon', 3, { weekday: 'mon', nth: 1 }] }),
      [1, 2].map(
        (i) => `/when/schedule/every/on/${i}: must be a weekday such as mon: weeks have no days of the month`,
      ),
    ],
    [
      'monthly, on days that are none',
      every({ frequency: 'monthly', on: ['tue', 0, 32, { weekday: 'mon', nth: 6 }, 1.5] }),
      [
        '/when/schedule/every/on/0: says not which of the month: { "weekday": "tue", "nth": 1 }',
        '/when/schedule/every/on/1: must be a whole number from 1 to 31 or from -1 to -31',
        '/when/schedule/every/on/2: must be a whole number from 1 to 31 or from -1 to -31',
        '/when/schedule/every/on/3: must be a whole number from 1 to 5 or from -1 to -5',
        '/when/schedule/every/on/4: must be a whole number from 1 to 31 or from -1 to -31',
      ],
    ],
    [
      'on the same day twice',
      every({ frequency: 'weekly', on: ['mon', 'thu', 'mon'] }),
      ['/when/schedule/every/on/2: stands there twice'],
    ],
    [
      'on the same day of the month twice',
      every({
        frequency: 'monthly',
        on: [1, -1, { weekday: 'mon', nth: 1 }, 1, { nth: 1, weekday: 'mon' }, { weekday: 'mon', nth: 2 }],
      }),
      ['/when/schedule/every/on/3: stands there twice', '/when/schedule/every/on/4: stands there twice'],
    ],
    ['on no days', every({ frequency: 'weekly', on: [] }), ['/when/schedule/every/on: must not be empty']],
    [
      'that ends before it first occurs',
      every({ frequency: 'weekly', on: ['mon'], until: '2027-06-06' }),
      ['/when/schedule/every/until: lies before the first occurrence, 2027-06-07T09:00'],
    ],
    [
      'until a date in the past',
      every({ until: '2027-05-01' }),
      ['/when/schedule/every/until: lies before the first occurrence, 2027-06-02T09:00'],
    ],
    [
      'whose rule ends before it first occurs',
      rrule('FREQ=DAILY;UNTIL=20270601'),
      ['/when/schedule/rrule: UNTIL lies before the first occurrence, 2027-06-02T09:00'],
    ],
    [
      'that never occurs before the end',
      { ...every({ frequency: 'monthly', on: [31] }), end: '2027-07-31T09:00:00Z' },
      ['/when/schedule/every: does not occur before the end; first at 2027-07-31T09:00'],
    ],
    [
      'whose only time before the end went by between the start and now',
      { ...every({ at: ['11:59'] }), start: '2027-06-01T11:59:31Z', end: '2027-06-01T13:00:00Z' },
      ['/when/schedule/every: does not occur before the end; first at 2027-06-02T11:59'],
    ],
    [
      'that never occurs at all',
      rrule('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30'),
      ['/when/schedule/rrule: never occurs'],
    ],
    [
      'that never occurs in words',
      { ...every({ frequency: 'monthly', interval: 12, on: [30] }), start: '2028-02-01T00:00:00Z' },
      ['/when/schedule/every: never occurs'],
    ],
    [
      'whose rule is none',
      rrule('FREQ=HOURLY;BYHOUR=9'),
      [
        '/when/schedule/rrule: FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY',
        '/when/schedule/rrule: BYHOUR is not taken: the times of day are those of "at"',
      ],
    ],
    [
      'in an unknown time zone',
      { ...list('2027-07-01T09:00'), timezone: 'Mars/Olympus' },
      ['/when/timezone: must be an IANA time zone such as Europe/Berlin, or profile'],
    ],
    [
      "in each user's own time without a time",
      { timezone: 'profile' },
      ['/when/timezone: needs a schedule: without one the run begins at the start, everywhere at once'],
    ],
    [
      'that says what becomes of the past in one time zone',
      { ...list('2027-07-01T09:00'), ifPast: 'drop' },
      ['/when/ifPast: is only for timezone profile'],
    ],
    [
      'with quiet hours around the clock',
      { dnd: { from: '09:00', to: '09:00', action: 'delay' } },
      ['/when/dnd: must not begin and end at the same time'],
    ],
    [
      'whose cut-off is none',
      { cutOff: '25:00' },
      ['/when/cutOff: must be a duration such as 6h or a local time such as 21:00'],
    ],
    [
      'whose cut-off leaves no time',
      { cutOff: '0h' },
      ['/when/cutOff: must be longer than nothing, such as 6h'],
    ],
    [
      'whose cut-off comes before a send',
      { ...every({ at: ['09:00', '21:00'] }), cutOff: '21:00' },
      ['/when/cutOff: is not after the set time 21:00; for one after midnight, give a duration'],
    ],
    [
      'whose cut-off is over at the start',
      { cutOff: '12:00' },
      ['/when/cutOff: is not after the set time 12:00; for one after midnight, give a duration'],
    ],
    [
      'whose cut-off comes before quiet hours end',
      { ...list('2027-07-01T22:00'), timezone: 'profile', cutOff: '11h', dnd: night },
      ['/when/cutOff: comes before quiet hours end, so nothing set for 22:00 could ever leave'],
    ],
    [
      'whose cut-off comes before quiet hours of the morning end',
      {
        ...rrule('FREQ=DAILY'),
        timezone: 'profile',
        cutOff: '09:30',
        dnd: { from: '08:00', to: '10:00', action: 'delay' },
      },
      ['/when/cutOff: comes before quiet hours end, so nothing set for 09:00 could ever leave'],
    ],
    ['with a delay', { delay: '1h' }, ['/when/delay: is for live campaigns']],
    [
      'with a throughput that is none',
      { throughput: { perMinute: 0.5 } },
      ['/when/throughput/perMinute: must be a whole number from 1 to 1000000'],
    ],
    [
      'with everything that is wrong at once',
      {
        start: '2027-05-01T00:00:00Z',
        timezone: 'Mars/Olympus',
        ifPast: 'drop',
        cutOff: '1',
        delay: '1h',
        ...list(),
      },
      [
        '/when/timezone: must be an IANA time zone such as Europe/Berlin, or profile',
        '/when/delay: is for live campaigns',
        '/when/ifPast: is only for timezone profile',
        '/when/schedule/at: must not be empty',
        '/when/cutOff: must be a duration such as 6h or a local time such as 21:00',
        '/when/start: lies in the past',
      ],
    ],
  ];
  for (const [title, when, expected] of CASES) {
    it(title, () => expect(refused(when)).to.deep.equal(expected));
  }

  it("by the account's time zone, where it names none", () => {
    expect(refused(list('2027-06-01T14:00'), 'Europe/Berlin')).to.deep.equal([]);
    expect(refused(list('2027-06-01T14:00'), 'Asia/Tokyo')).to.deep.equal([
      '/when/schedule/at/0: lies in the past',
    ]);
    expect(refused({ cutOff: '14:00' }, 'Europe/Berlin')).to.deep.equal([
      '/when/cutOff: is not after the set time 14:00; for one after midnight, give a duration',
    ]);
  });
});
