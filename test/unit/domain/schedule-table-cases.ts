import type { RunSchedule } from '../../../domain/campaign/campaign.ts';

/*
 * The instants below are literals that were worked out without the code that they test: from the rules of RFC 5545 by another
 * implementation, and from the published changes of clocks by walking through the minutes of UTC to the first at which
 * the clock has come to the local time. They rest on these changes (all UTC):
 *
 * Europe (Berlin, London, Lisbon)  2027-03-28 01:00 forward, 2027-10-31 01:00 back, 1 h
 * New York                         2027-03-14 07:00 forward, 2027-11-07 06:00 back, 1 h
 * Los Angeles                      2027-03-14 10:00 forward, 2027-11-07 09:00 back, 1 h
 * St John's (-3:30, -2:30)         2027-03-14 05:30 forward, 2027-11-07 04:30 back, 1 h
 * Havana                           2027-03-14 05:00 forward at midnight, 1 h
 * Santiago                         2027-09-05 04:00 forward at midnight, 1 h
 * Lord Howe (+10:30, +11)          2027-04-03 15:00 back, 2027-10-02 15:30 forward, half an hour
 * Sydney                           2027-10-02 16:00 forward, 1 h
 * Auckland and Chatham (+45 min)   2027-04-03 14:00 back, 2027-09-25 14:00 forward, 1 h
 * Apia                             +13 without changes since 2021; 2011-12-30 was left out at 2011-12-30 10:00
 * Kathmandu +5:45, Kolkata +5:30, Tehran +3:30, São Paulo -3, Phoenix -7, Kiritimati +14, Pago Pago -11: no changes
 */

export interface FixedCase {
  title: string;
  zone: string;
  /** The zone is the account's, and the schedule names none. */
  ofAccount?: boolean;
  /** When the campaign begins to act, and where intervals count from. */
  start: string;
  end?: string;
  schedule: RunSchedule;
  /** Instants, one after the other. */
  expected: string;
  /** Others follow; else these are all. */
  more?: boolean;
}

/** A profile in `zone` of a run that is set to `local` in each user's own time zone. */
export interface OwnTimeCase {
  title: string;
  local: string;
  zone: string;
  start: string;
  ifPast?: 'drop' | 'nextDay';
  expected: string;
  cutOff?: string;
  expectedCutOff?: string;
}

// A table, a line each.
// prettier-ignore
export const FIXED_CASES: FixedCase[] = [
  { title: 'Berlin, a time that the clock skips', zone: 'Europe/Berlin', start: '2027-03-01T00:00+01:00', schedule: { at: ['2027-03-28T02:30'] }, expected: '2027-03-28T01:00Z' },
  { title: 'Berlin, the edges of the gap: two skipped times and the first after it are one', zone: 'Europe/Berlin', start: '2027-03-01T00:00+01:00', schedule: { at: ['2027-03-28T01:59', '2027-03-28T02:00', '2027-03-28T02:59', '2027-03-28T03:00', '2027-03-28T03:01'] }, expected: '2027-03-28T00:59Z 2027-03-28T01:00Z 2027-03-28T01:01Z' },
  { title: 'Berlin, a time that the clock shows twice: the first', zone: 'Europe/Berlin', start: '2027-10-01T00:00+02:00', schedule: { at: ['2027-10-31T02:30'] }, expected: '2027-10-31T00:30Z' },
  { title: 'Berlin, the edges of the repeated hour', zone: 'Europe/Berlin', start: '2027-10-01T00:00+02:00', schedule: { at: ['2027-10-31T01:59', '2027-10-31T02:00', '2027-10-31T02:59', '2027-10-31T03:00'] }, expected: '2027-10-30T23:59Z 2027-10-31T00:00Z 2027-10-31T00:59Z 2027-10-31T02:00Z' },
  { title: 'London, a time that the clock skips', zone: 'Europe/London', start: '2027-03-01T00:00Z', schedule: { at: ['2027-03-28T01:15'] }, expected: '2027-03-28T01:00Z' },
  { title: 'London, a time that the clock shows twice', zone: 'Europe/London', start: '2027-10-01T00:00Z', schedule: { at: ['2027-10-31T01:15'] }, expected: '2027-10-31T00:15Z' },
  { title: 'London, midnight on both sides of the autumn change', zone: 'Europe/London', start: '2027-10-01T00:00Z', schedule: { at: ['2027-10-31T00:00', '2027-11-01T00:00'] }, expected: '2027-10-30T23:00Z 2027-11-01T00:00Z' },
  { title: 'Lisbon, an hour behind Berlin and changed at the same instant', zone: 'Europe/Lisbon', start: '2027-03-01T00:00Z', schedule: { at: ['2027-03-28T01:30', '2027-03-28T02:30'] }, expected: '2027-03-28T01:00Z 2027-03-28T01:30Z' },
  { title: 'New York, a time that the clock skips', zone: 'America/New_York', start: '2027-03-01T00:00-05:00', schedule: { at: ['2027-03-14T02:30'] }, expected: '2027-03-14T07:00Z' },
  { title: 'New York, a time that the clock shows twice', zone: 'America/New_York', start: '2027-11-01T00:00-04:00', schedule: { at: ['2027-11-07T01:30'] }, expected: '2027-11-07T05:30Z' },
  { title: 'Los Angeles, on both sides of the gap', zone: 'America/Los_Angeles', start: '2027-03-01T00:00-08:00', schedule: { at: ['2027-03-14T01:59', '2027-03-14T02:01', '2027-03-14T03:00'] }, expected: '2027-03-14T09:59Z 2027-03-14T10:00Z' },
  { title: 'Los Angeles, the first of the repeated hour and what follows the second', zone: 'America/Los_Angeles', start: '2027-11-01T00:00-07:00', schedule: { at: ['2027-11-07T01:00', '2027-11-07T02:00'] }, expected: '2027-11-07T08:00Z 2027-11-07T10:00Z' },
  { title: "St John's, half an hour off the hour, in the gap", zone: 'America/St_Johns', start: '2027-03-01T00:00-03:30', schedule: { at: ['2027-03-14T02:15', '2027-03-14T03:15'] }, expected: '2027-03-14T05:30Z 2027-03-14T05:45Z' },
  { title: "St John's, twice", zone: 'America/St_Johns', start: '2027-11-01T00:00-02:30', schedule: { at: ['2027-11-07T01:45'] }, expected: '2027-11-07T04:15Z' },
  { title: 'Lord Howe, whose clock skips half an hour only', zone: 'Australia/Lord_Howe', start: '2027-09-01T00:00Z', schedule: { at: ['2027-10-03T01:59', '2027-10-03T02:15', '2027-10-03T02:30'] }, expected: '2027-10-02T15:29Z 2027-10-02T15:30Z' },
  { title: 'Lord Howe, whose clock shows half an hour twice', zone: 'Australia/Lord_Howe', start: '2027-03-01T00:00Z', schedule: { at: ['2027-04-04T01:29', '2027-04-04T01:45', '2027-04-04T02:00'] }, expected: '2027-04-03T14:29Z 2027-04-03T14:45Z 2027-04-03T15:30Z' },
  { title: 'Sydney, spring in October', zone: 'Australia/Sydney', start: '2027-09-01T00:00Z', schedule: { at: ['2027-10-03T02:30'] }, expected: '2027-10-02T16:00Z' },
  { title: 'Auckland, a skipped time', zone: 'Pacific/Auckland', start: '2027-09-01T00:00Z', schedule: { at: ['2027-09-26T02:30'] }, expected: '2027-09-25T14:00Z' },
  { title: 'Auckland, a time shown twice', zone: 'Pacific/Auckland', start: '2027-03-01T00:00Z', schedule: { at: ['2027-04-04T02:30'] }, expected: '2027-04-03T13:30Z' },
  { title: 'Chatham, three quarters of an hour ahead of it: a skipped time', zone: 'Pacific/Chatham', start: '2027-09-01T00:00Z', schedule: { at: ['2027-09-26T02:45', '2027-09-26T03:15', '2027-09-26T03:45'] }, expected: '2027-09-25T14:00Z' },
  { title: 'Chatham, a time shown twice', zone: 'Pacific/Chatham', start: '2027-03-01T00:00Z', schedule: { at: ['2027-04-04T03:00'] }, expected: '2027-04-03T13:15Z' },
  { title: 'Apia, which has kept UTC+13 since 2021', zone: 'Pacific/Apia', start: '2027-01-01T00:00Z', schedule: { at: ['2027-01-15T09:00', '2027-04-04T09:00', '2027-09-26T09:00'] }, expected: '2027-01-14T20:00Z 2027-04-03T20:00Z 2027-09-25T20:00Z' },
  { title: 'Apia in 2011: the date that it left out at the date line', zone: 'Pacific/Apia', start: '2011-12-01T00:00Z', schedule: { at: ['2011-12-29T12:00', '2011-12-30T12:00', '2011-12-31T00:00', '2011-12-31T12:00'] }, expected: '2011-12-29T22:00Z 2011-12-30T10:00Z 2011-12-30T22:00Z' },
  { title: 'Kiritimati, the first to see a day', zone: 'Pacific/Kiritimati', start: '2026-12-01T00:00Z', schedule: { at: ['2027-01-01T00:00'] }, expected: '2026-12-31T10:00Z' },
  { title: 'Pago Pago, among the last', zone: 'Pacific/Pago_Pago', start: '2026-12-01T00:00Z', schedule: { at: ['2027-01-01T00:00'] }, expected: '2027-01-01T11:00Z' },
  { title: 'Kathmandu, UTC+5:45 all year', zone: 'Asia/Kathmandu', start: '2027-01-01T00:00Z', schedule: { at: ['2027-01-01T09:00', '2027-07-01T09:00'] }, expected: '2027-01-01T03:15Z 2027-07-01T03:15Z' },
  { title: 'Kolkata, UTC+5:30 all year', zone: 'Asia/Kolkata', start: '2027-01-01T00:00Z', schedule: { at: ['2027-03-28T02:30'] }, expected: '2027-03-27T21:00Z' },
  { title: 'Tehran, without daylight saving since 2022', zone: 'Asia/Tehran', start: '2027-01-01T00:00Z', schedule: { at: ['2027-03-22T00:30'] }, expected: '2027-03-21T21:00Z' },
  { title: 'São Paulo, without daylight saving since 2019', zone: 'America/Sao_Paulo', start: '2027-01-01T00:00Z', schedule: { at: ['2027-11-07T00:30'] }, expected: '2027-11-07T03:30Z' },
  { title: 'Phoenix, which has none beside Denver', zone: 'America/Phoenix', start: '2027-01-01T00:00Z', schedule: { at: ['2027-03-14T02:30'] }, expected: '2027-03-14T09:30Z' },
  { title: 'Santiago, whose gap is at midnight', zone: 'America/Santiago', start: '2027-08-01T00:00Z', schedule: { at: ['2027-09-04T23:59', '2027-09-05T00:30', '2027-09-05T01:00'] }, expected: '2027-09-05T03:59Z 2027-09-05T04:00Z' },
  { title: 'Havana, whose gap is at midnight', zone: 'America/Havana', start: '2027-03-01T00:00Z', schedule: { at: ['2027-03-14T00:00', '2027-03-14T00:30'] }, expected: '2027-03-14T05:00Z' },
  { title: 'UTC, through which no change goes', zone: 'UTC', start: '2027-03-01T00:00Z', schedule: { at: ['2027-03-28T02:30'] }, expected: '2027-03-28T02:30Z' },
  { title: 'Berlin, daily at nine over the spring change', zone: 'Europe/Berlin', start: '2027-03-27T00:00+01:00', schedule: { every: { frequency: 'daily', at: ['09:00'] } }, expected: '2027-03-27T08:00Z 2027-03-28T07:00Z 2027-03-29T07:00Z', more: true },
  { title: 'Berlin, daily at nine over the autumn change', zone: 'Europe/Berlin', start: '2027-10-30T00:00+02:00', schedule: { every: { frequency: 'daily', at: ['09:00'] } }, expected: '2027-10-30T07:00Z 2027-10-31T08:00Z 2027-11-01T08:00Z', more: true },
  { title: 'Berlin, daily at 02:30 over the gap: once each date', zone: 'Europe/Berlin', start: '2027-03-27T00:00+01:00', schedule: { every: { frequency: 'daily', at: ['02:30'] } }, expected: '2027-03-27T01:30Z 2027-03-28T01:00Z 2027-03-29T00:30Z', more: true },
  { title: 'Berlin, daily at 02:30 over the repeated hour: once each date', zone: 'Europe/Berlin', start: '2027-10-30T00:00+02:00', schedule: { every: { frequency: 'daily', at: ['02:30'] } }, expected: '2027-10-30T00:30Z 2027-10-31T00:30Z 2027-11-01T01:30Z', more: true },
  { title: 'New York, daily at 02:30 over the gap', zone: 'America/New_York', start: '2027-03-13T00:00-05:00', schedule: { every: { frequency: 'daily', at: ['02:30'] } }, expected: '2027-03-13T07:30Z 2027-03-14T07:00Z 2027-03-15T06:30Z', more: true },
  { title: 'New York, daily at 01:30 over the repeated hour', zone: 'America/New_York', start: '2027-11-06T00:00-04:00', schedule: { every: { frequency: 'daily', at: ['01:30'] } }, expected: '2027-11-06T05:30Z 2027-11-07T05:30Z 2027-11-08T06:30Z', more: true },
  { title: 'Berlin, every third day over the spring change', zone: 'Europe/Berlin', start: '2027-03-25T12:00+01:00', schedule: { every: { frequency: 'daily', at: ['08:15'], interval: 3 } }, expected: '2027-03-28T06:15Z 2027-03-31T06:15Z 2027-04-03T06:15Z 2027-04-06T06:15Z', more: true },
  { title: 'Lord Howe, daily at 02:15 over its half hour', zone: 'Australia/Lord_Howe', start: '2027-10-02T00:00+10:30', schedule: { every: { frequency: 'daily', at: ['02:15'] } }, expected: '2027-10-01T15:45Z 2027-10-02T15:30Z 2027-10-03T15:15Z', more: true },
  { title: 'Kathmandu, daily at a quarter to six', zone: 'Asia/Kathmandu', start: '2027-02-27T00:00+05:45', schedule: { every: { frequency: 'daily', at: ['05:45'] } }, expected: '2027-02-27T00:00Z 2027-02-28T00:00Z 2027-03-01T00:00Z', more: true },
  { title: "Apia, daily over what would be New Zealand's change", zone: 'Pacific/Apia', start: '2027-09-25T00:00+13:00', schedule: { every: { frequency: 'daily', at: ['02:30'] } }, expected: '2027-09-24T13:30Z 2027-09-25T13:30Z 2027-09-26T13:30Z', more: true },
  { title: 'Berlin, three times a day of which two lie in the gap: they are one', zone: 'Europe/Berlin', start: '2027-03-28T00:00+01:00', schedule: { every: { frequency: 'daily', at: ['02:45', '02:15', '12:00'] } }, expected: '2027-03-28T01:00Z 2027-03-28T10:00Z 2027-03-29T00:15Z 2027-03-29T00:45Z', more: true },
  { title: 'Berlin, twice in the repeated hour: each once, the first time', zone: 'Europe/Berlin', start: '2027-10-31T00:00+02:00', schedule: { every: { frequency: 'daily', at: ['02:15', '02:45', '03:15'] } }, expected: '2027-10-31T00:15Z 2027-10-31T00:45Z 2027-10-31T02:15Z 2027-11-01T01:15Z', more: true },
  { title: 'the start is within the day: what is over of it is left out', zone: 'Europe/Berlin', start: '2027-06-01T12:00+02:00', schedule: { every: { frequency: 'daily', at: ['09:00', '15:00'] } }, expected: '2027-06-01T13:00Z 2027-06-02T07:00Z 2027-06-02T13:00Z', more: true },
  { title: 'the start is this very minute, and it counts', zone: 'Europe/Berlin', start: '2027-06-01T09:00:40+02:00', schedule: { every: { frequency: 'daily', at: ['09:00'] } }, expected: '2027-06-01T07:00Z 2027-06-02T07:00Z', more: true },
  { title: 'an end at the instant of an occurrence leaves it out', zone: 'Europe/Berlin', start: '2027-06-01T00:00+02:00', end: '2027-06-03T09:00+02:00', schedule: { every: { frequency: 'daily', at: ['09:00'] } }, expected: '2027-06-01T07:00Z 2027-06-02T07:00Z' },
  { title: 'a count is of those from the start on', zone: 'Europe/Berlin', start: '2027-06-01T12:00+02:00', schedule: { every: { frequency: 'daily', at: ['09:00', '15:00'], count: 3 } }, expected: '2027-06-01T13:00Z 2027-06-02T07:00Z 2027-06-02T13:00Z' },
  { title: 'a count over the gap takes two skipped times for one', zone: 'Europe/Berlin', start: '2027-03-28T00:00+01:00', schedule: { every: { frequency: 'daily', at: ['02:10', '02:20', '09:00'], count: 4 } }, expected: '2027-03-28T01:00Z 2027-03-28T07:00Z 2027-03-29T00:10Z 2027-03-29T00:20Z' },
  { title: 'until a date, which it includes', zone: 'Europe/Berlin', start: '2027-10-30T00:00+02:00', schedule: { every: { frequency: 'daily', at: ['09:00'], until: '2027-11-01' } }, expected: '2027-10-30T07:00Z 2027-10-31T08:00Z 2027-11-01T08:00Z' },
  { title: 'Berlin, Monday and Thursday over the spring change', zone: 'Europe/Berlin', start: '2027-03-24T00:00+01:00', schedule: { every: { frequency: 'weekly', on: ['mon', 'thu'], at: ['09:00'] } }, expected: '2027-03-25T08:00Z 2027-03-29T07:00Z 2027-04-01T07:00Z 2027-04-05T07:00Z', more: true },
  { title: 'New York, Monday and Thursday over the autumn change', zone: 'America/New_York', start: '2027-11-02T00:00-04:00', schedule: { every: { frequency: 'weekly', on: ['mon', 'thu'], at: ['09:00'] } }, expected: '2027-11-04T13:00Z 2027-11-08T14:00Z 2027-11-11T14:00Z 2027-11-15T14:00Z', more: true },
  { title: 'Berlin, every second week, whose Sunday belongs to the week before', zone: 'Europe/Berlin', start: '2027-03-17T00:00+01:00', schedule: { every: { frequency: 'weekly', on: ['mon', 'sun'], at: ['10:00'], interval: 2 } }, expected: '2027-03-21T09:00Z 2027-03-29T08:00Z 2027-04-04T08:00Z 2027-04-12T08:00Z', more: true },
  { title: 'London, every second week over the autumn change', zone: 'Europe/London', start: '2027-10-18T00:00+01:00', schedule: { every: { frequency: 'weekly', on: ['mon'], at: ['09:00'], interval: 2 } }, expected: '2027-10-18T08:00Z 2027-11-01T09:00Z 2027-11-15T09:00Z', more: true },
  { title: 'weekly without a weekday: that of the start in the zone, not in UTC', zone: 'Asia/Tokyo', start: '2027-05-03T20:00Z', schedule: { every: { frequency: 'weekly', at: ['08:00'] } }, expected: '2027-05-03T23:00Z 2027-05-10T23:00Z', more: true },
  { title: 'Berlin, Sundays at 02:30, of which one is skipped', zone: 'Europe/Berlin', start: '2027-03-21T00:00+01:00', schedule: { every: { frequency: 'weekly', on: ['sun'], at: ['02:30'] } }, expected: '2027-03-21T01:30Z 2027-03-28T01:00Z 2027-04-04T00:30Z', more: true },
  { title: 'weekly four times, from the middle of a week', zone: 'America/Los_Angeles', start: '2027-03-10T00:00-08:00', schedule: { every: { frequency: 'weekly', on: ['tue', 'fri'], at: ['18:00'], count: 4 } }, expected: '2027-03-13T02:00Z 2027-03-17T01:00Z 2027-03-20T01:00Z 2027-03-24T01:00Z' },
  { title: 'the 31st: months without one are left out', zone: 'Europe/Berlin', start: '2027-01-15T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [31], at: ['09:00'] } }, expected: '2027-01-31T08:00Z 2027-03-31T07:00Z 2027-05-31T07:00Z 2027-07-31T07:00Z 2027-08-31T07:00Z 2027-10-31T08:00Z', more: true },
  { title: 'begun on a 31st: the same', zone: 'Europe/Berlin', start: '2027-01-31T00:00+01:00', schedule: { every: { frequency: 'monthly', at: ['09:00'] } }, expected: '2027-01-31T08:00Z 2027-03-31T07:00Z 2027-05-31T07:00Z 2027-07-31T07:00Z', more: true },
  { title: 'the last of each month, in and out of a leap year', zone: 'Europe/Berlin', start: '2027-12-15T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [-1], at: ['09:00'] } }, expected: '2027-12-31T08:00Z 2028-01-31T08:00Z 2028-02-29T08:00Z 2028-03-31T07:00Z', more: true },
  { title: 'the 29th: February has it in leap years', zone: 'America/New_York', start: '2027-12-30T00:00-05:00', schedule: { every: { frequency: 'monthly', on: [29], at: ['12:00'] } }, expected: '2028-01-29T17:00Z 2028-02-29T17:00Z 2028-03-29T16:00Z 2028-04-29T16:00Z', more: true },
  { title: 'the 30th, never in February', zone: 'Asia/Kathmandu', start: '2028-01-01T00:00Z', schedule: { every: { frequency: 'monthly', on: [30], at: ['12:00'] } }, expected: '2028-01-30T06:15Z 2028-03-30T06:15Z 2028-04-30T06:15Z', more: true },
  { title: 'the 31st from the back: only of the long months', zone: 'Europe/Berlin', start: '2027-02-01T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [-31], at: ['09:00'] } }, expected: '2027-03-01T08:00Z 2027-05-01T07:00Z 2027-07-01T07:00Z', more: true },
  { title: 'the second Tuesday', zone: 'America/New_York', start: '2027-02-01T00:00-05:00', schedule: { every: { frequency: 'monthly', on: [{ weekday: 'tue', nth: 2 }], at: ['10:00'] } }, expected: '2027-02-09T15:00Z 2027-03-09T15:00Z 2027-04-13T14:00Z 2027-05-11T14:00Z', more: true },
  { title: 'the last Friday', zone: 'Europe/London', start: '2027-02-01T00:00Z', schedule: { every: { frequency: 'monthly', on: [{ weekday: 'fri', nth: -1 }], at: ['17:00'] } }, expected: '2027-02-26T17:00Z 2027-03-26T17:00Z 2027-04-30T16:00Z 2027-05-28T16:00Z', more: true },
  { title: 'the fifth Monday, of the months that have one', zone: 'Europe/Berlin', start: '2027-01-01T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [{ weekday: 'mon', nth: 5 }], at: ['09:00'] } }, expected: '2027-03-29T07:00Z 2027-05-31T07:00Z 2027-08-30T07:00Z 2027-11-29T08:00Z', more: true },
  { title: 'the last Sunday at 02:30: skipped in March, twice in October', zone: 'Europe/Berlin', start: '2027-03-01T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [{ weekday: 'sun', nth: -1 }], at: ['02:30'], interval: 7 } }, expected: '2027-03-28T01:00Z 2027-10-31T00:30Z 2028-05-28T00:30Z', more: true },
  { title: 'every quarter on the 1st and 15th', zone: 'Europe/Berlin', start: '2027-01-10T00:00+01:00', schedule: { every: { frequency: 'monthly', on: [1, 15], at: ['09:00'], interval: 3 } }, expected: '2027-01-15T08:00Z 2027-04-01T07:00Z 2027-04-15T07:00Z 2027-07-01T07:00Z', more: true },
  { title: 'yearly by months: every twelfth on the 31st', zone: 'Europe/Berlin', start: '2027-10-31T00:00+02:00', schedule: { every: { frequency: 'monthly', on: [31], at: ['02:30'], interval: 12 } }, expected: '2027-10-31T00:30Z 2028-10-31T01:30Z 2029-10-31T01:30Z', more: true },
  { title: '29 February by rule', zone: 'Europe/Berlin', start: '2026-11-21T00:00+01:00', schedule: { rrule: 'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29', at: ['09:00'] }, expected: '2028-02-29T08:00Z 2032-02-29T08:00Z 2036-02-29T08:00Z', more: true },
  { title: 'a year that begins on 29 February', zone: 'America/New_York', start: '2028-02-29T00:00-05:00', schedule: { rrule: 'FREQ=YEARLY', at: ['09:00'] }, expected: '2028-02-29T14:00Z 2032-02-29T14:00Z 2036-02-29T14:00Z', more: true },
  { title: 'the last working day of each month', zone: 'America/New_York', start: '2027-10-01T00:00-04:00', schedule: { rrule: 'RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', at: ['17:30'] }, expected: '2027-10-29T21:30Z 2027-11-30T22:30Z 2027-12-31T22:30Z 2028-01-31T22:30Z', more: true },
  { title: 'Fridays the 13th', zone: 'Europe/London', start: '2027-01-01T00:00Z', schedule: { rrule: 'FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13', at: ['13:13'] }, expected: '2027-08-13T12:13Z 2028-10-13T12:13Z 2029-04-13T12:13Z 2029-07-13T12:13Z', more: true },
  { title: 'the last Sundays of March and October, the days of the change themselves', zone: 'Europe/Berlin', start: '2027-01-01T00:00+01:00', schedule: { rrule: 'FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU', at: ['02:30'] }, expected: '2027-03-28T01:00Z 2027-10-31T00:30Z 2028-03-26T01:00Z 2028-10-29T00:30Z', more: true },
  { title: 'election day: a Tuesday from the 2nd to the 8th of November', zone: 'America/New_York', start: '2026-12-01T00:00-05:00', schedule: { rrule: 'FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8', at: ['07:00'] }, expected: '2030-11-05T12:00Z 2034-11-07T12:00Z 2038-11-02T11:00Z', more: true },
  { title: 'Monday of week 20', zone: 'Europe/Berlin', start: '2027-01-01T00:00+01:00', schedule: { rrule: 'FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', at: ['09:00'] }, expected: '2027-05-17T07:00Z 2028-05-15T07:00Z 2029-05-14T07:00Z', more: true },
  { title: 'the 100th day and the last of the year', zone: 'Pacific/Auckland', start: '2027-01-01T00:00+13:00', schedule: { rrule: 'FREQ=YEARLY;BYYEARDAY=100,-1', at: ['09:00'] }, expected: '2027-04-09T21:00Z 2027-12-30T20:00Z 2028-04-08T21:00Z 2028-12-30T20:00Z', more: true },
  { title: 'every second week with weeks from Sunday', zone: 'Europe/Berlin', start: '2027-03-17T00:00+01:00', schedule: { rrule: 'FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=MO,SU', at: ['10:00'] }, expected: '2027-03-28T08:00Z 2027-03-29T08:00Z 2027-04-11T08:00Z 2027-04-12T08:00Z', more: true },
  { title: 'a rule with a count', zone: 'America/Los_Angeles', start: '2027-11-06T12:00-07:00', schedule: { rrule: 'FREQ=DAILY;COUNT=2', at: ['01:30'] }, expected: '2027-11-07T08:30Z 2027-11-08T09:30Z' },
  { title: 'a rule until a date', zone: 'Europe/Berlin', start: '2027-10-30T00:00+02:00', schedule: { rrule: 'FREQ=DAILY;UNTIL=20271101', at: ['09:00'] }, expected: '2027-10-30T07:00Z 2027-10-31T08:00Z 2027-11-01T08:00Z' },
  { title: 'working days by rule, daily with weekdays', zone: 'Asia/Kolkata', start: '2027-03-26T00:00+05:30', schedule: { rrule: 'FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR', at: ['09:30'] }, expected: '2027-03-26T04:00Z 2027-03-29T04:00Z 2027-03-30T04:00Z', more: true },
  { title: "no time zone: the account's", zone: 'Pacific/Chatham', start: '2027-04-03T00:00+13:45', ofAccount: true, schedule: { every: { frequency: 'daily', at: ['03:00'] } }, expected: '2027-04-02T13:15Z 2027-04-03T13:15Z 2027-04-04T14:15Z', more: true },
];

// A table, a line each.
// prettier-ignore
export const OWN_TIME_CASES: OwnTimeCase[] = [
  { title: "nine on New Year's Day, the first to come to it: Pacific/Kiritimati", local: '2027-01-01T09:00', zone: 'Pacific/Kiritimati', start: '2026-12-20T00:00Z', expected: '2026-12-31T19:00Z' },
  { title: "nine on New Year's Day, in summer time: Pacific/Auckland", local: '2027-01-01T09:00', zone: 'Pacific/Auckland', start: '2026-12-20T00:00Z', expected: '2026-12-31T20:00Z' },
  { title: "nine on New Year's Day, at UTC+13:45: Pacific/Chatham", local: '2027-01-01T09:00', zone: 'Pacific/Chatham', start: '2026-12-20T00:00Z', expected: '2026-12-31T19:15Z' },
  { title: "nine on New Year's Day, at UTC+5:45: Asia/Kathmandu", local: '2027-01-01T09:00', zone: 'Asia/Kathmandu', start: '2026-12-20T00:00Z', expected: '2027-01-01T03:15Z' },
  { title: "nine on New Year's Day, at UTC+1: Europe/Berlin", local: '2027-01-01T09:00', zone: 'Europe/Berlin', start: '2026-12-20T00:00Z', expected: '2027-01-01T08:00Z' },
  { title: "nine on New Year's Day, at UTC-3:30: America/St_Johns", local: '2027-01-01T09:00', zone: 'America/St_Johns', start: '2026-12-20T00:00Z', expected: '2027-01-01T12:30Z' },
  { title: "nine on New Year's Day, at UTC-11: Pacific/Pago_Pago", local: '2027-01-01T09:00', zone: 'Pacific/Pago_Pago', start: '2026-12-20T00:00Z', expected: '2027-01-01T20:00Z' },
  { title: "nine on New Year's Day, the last to come to it: Etc/GMT+12", local: '2027-01-01T09:00', zone: 'Etc/GMT+12', start: '2026-12-20T00:00Z', expected: '2027-01-01T21:00Z' },
  { title: 'a time that Berlin skips and New York does not', local: '2027-03-28T02:30', zone: 'Europe/Berlin', start: '2027-03-20T00:00Z', expected: '2027-03-28T01:00Z' },
  { title: 'the same time in New York', local: '2027-03-28T02:30', zone: 'America/New_York', start: '2027-03-20T00:00Z', expected: '2027-03-28T06:30Z' },
  { title: 'a time that New York shows twice', local: '2027-11-07T01:30', zone: 'America/New_York', start: '2027-11-01T00:00Z', expected: '2027-11-07T05:30Z' },
  { title: 'half an hour that Lord Howe skips', local: '2027-10-03T02:15', zone: 'Australia/Lord_Howe', start: '2027-09-20T00:00Z', expected: '2027-10-02T15:30Z' },
  { title: 'past in Tokyo when the run begins: dropped', local: '2027-06-01T09:00', zone: 'Asia/Tokyo', start: '2027-06-01T07:00Z', expected: 'past' },
  { title: 'past in Tokyo: the next day', local: '2027-06-01T09:00', zone: 'Asia/Tokyo', start: '2027-06-01T07:00Z', ifPast: 'nextDay', expected: '2027-06-02T00:00Z' },
  { title: 'this very minute in Berlin: not past', local: '2027-06-01T09:00', zone: 'Europe/Berlin', start: '2027-06-01T07:00:30Z', expected: '2027-06-01T07:00Z' },
  { title: 'a minute ago in Berlin: past', local: '2027-06-01T09:00', zone: 'Europe/Berlin', start: '2027-06-01T07:01Z', expected: 'past' },
  { title: 'still to come in Los Angeles', local: '2027-06-01T09:00', zone: 'America/Los_Angeles', start: '2027-06-01T07:00Z', expected: '2027-06-01T16:00Z' },
  { title: 'the next day over the spring change, at the same local time', local: '2027-03-27T09:00', zone: 'Europe/Berlin', start: '2027-03-27T08:30Z', ifPast: 'nextDay', expected: '2027-03-28T07:00Z' },
  { title: 'the next day is the one with the gap', local: '2027-03-27T02:30', zone: 'Europe/Berlin', start: '2027-03-27T08:00Z', ifPast: 'nextDay', expected: '2027-03-28T01:00Z' },
  { title: 'the next day over the autumn change', local: '2027-10-30T09:00', zone: 'Europe/Berlin', start: '2027-10-30T08:00Z', ifPast: 'nextDay', expected: '2027-10-31T08:00Z' },
  { title: 'the next day is past as well where the day begins: the one after it', local: '2027-06-01T09:00', zone: 'Pacific/Kiritimati', start: '2027-06-01T20:00Z', ifPast: 'nextDay', expected: '2027-06-02T19:00Z' },
  { title: 'a cut-off of six hours, over the spring change', local: '2027-03-27T21:00', zone: 'Europe/Berlin', start: '2027-03-20T00:00Z', expected: '2027-03-27T20:00Z', cutOff: '6h', expectedCutOff: '2027-03-28T02:00Z' },
  { title: 'a local cut-off on the day of the spring change', local: '2027-03-28T01:00', zone: 'Europe/Berlin', start: '2027-03-20T00:00Z', expected: '2027-03-28T00:00Z', cutOff: '04:00', expectedCutOff: '2027-03-28T02:00Z' },
  { title: 'a local cut-off in the gap', local: '2027-03-28T01:00', zone: 'Europe/Berlin', start: '2027-03-20T00:00Z', expected: '2027-03-28T00:00Z', cutOff: '02:30', expectedCutOff: '2027-03-28T01:00Z' },
  { title: 'a local cut-off on the day of the autumn change', local: '2027-11-07T00:30', zone: 'America/New_York', start: '2027-11-01T00:00Z', expected: '2027-11-07T04:30Z', cutOff: '03:00', expectedCutOff: '2027-11-07T08:00Z' },
  { title: 'a local cut-off in the repeated hour: the first', local: '2027-11-07T00:30', zone: 'America/New_York', start: '2027-11-01T00:00Z', expected: '2027-11-07T04:30Z', cutOff: '01:30', expectedCutOff: '2027-11-07T05:30Z' },
  { title: 'a local cut-off in Kathmandu', local: '2027-06-01T09:00', zone: 'Asia/Kathmandu', start: '2027-05-20T00:00Z', expected: '2027-06-01T03:15Z', cutOff: '21:00', expectedCutOff: '2027-06-01T15:15Z' },
  { title: 'moved to the next day, the cut-off moves with it', local: '2027-06-01T09:00', zone: 'Asia/Tokyo', start: '2027-06-01T07:00Z', ifPast: 'nextDay', expected: '2027-06-02T00:00Z', cutOff: '12:00', expectedCutOff: '2027-06-02T03:00Z' },
  { title: 'a cut-off of 90 minutes counts from the end of the gap', local: '2027-03-14T02:30', zone: 'America/New_York', start: '2027-03-01T00:00Z', expected: '2027-03-14T07:00Z', cutOff: '90m', expectedCutOff: '2027-03-14T08:30Z' },
];
