import { isTimeZone, minutesOfDay } from './time-zone.ts';
import type {
  Audience,
  CampaignSchedule,
  LiveAudience,
  Recurrence,
  RunSchedule,
} from '../campaign/campaign.ts';
import { checkCondition } from '../audience/conditions.ts';
import { durationFault, parseDuration } from './duration.ts';
import { dayNumber, localMs } from './local-date.ts';
import type { QuietHours } from './quiet-hours.ts';
import { MOST_COUNT, MOST_INTERVAL, readRule } from './recurrence-rule.ts';
import { offsetFault, parseOffset } from './reminder.ts';
import { PROFILE_ZONE } from './schedule.ts';
import type { Fault } from '../audience/segment.ts';

/** The part of a campaign that says when. */
export interface Timing {
  who: Audience;
  when: CampaignSchedule;
}

const MOST_PER_MINUTE = 1_000_000;

/** @returns what can be refused already when a draft is written: it depends on no clock */
export function scheduleShapeFaults({ who, when }: Timing): Fault[] {
  const faults: Fault[] = [];
  const { timezone, ifPast, schedule, dnd, throughput } = when;
  const fault = (pointer: string, detail: string): void => void faults.push({ pointer, detail });

  if (timezone !== undefined && timezone !== PROFILE_ZONE && !isTimeZone(timezone))
    fault('/when/timezone', 'must be an IANA time zone such as Europe/Berlin, or profile');
  if (dnd !== undefined && dnd.from === dnd.to) fault('/when/dnd', 'must not begin and end at the same time');
  if (throughput !== undefined && !isWhole(throughput.perMinute, MOST_PER_MINUTE))
    fault('/when/throughput/perMinute', `must be a whole number from 1 to ${MOST_PER_MINUTE}`);

  if ('live' in who) {
    for (const name of ['schedule', 'timezone', 'ifPast', 'cutOff'] as const)
      if (when[name] !== undefined) fault(`/when/${name}`, 'is for past behaviour');
    return [...faults, ...reminderFaults(who.live, when)];
  }
  if ('api' in who) {
    for (const name of ['schedule', 'timezone', 'ifPast', 'cutOff'] as const)
      if (when[name] !== undefined) fault(`/when/${name}`, 'is for past behaviour');
    return faults;
  }
  if (when.delay !== undefined) fault('/when/delay', 'is for live campaigns');
  if (timezone === PROFILE_ZONE && schedule === undefined)
    fault('/when/timezone', 'needs a schedule: without one the run begins at the start, everywhere at once');
  if (ifPast !== undefined && timezone !== PROFILE_ZONE)
    fault('/when/ifPast', 'is only for timezone profile');
  if (schedule !== undefined) faults.push(...runScheduleFaults(schedule));
  const cutOffFault = when.cutOff === undefined ? null : cutOffFormFault(when.cutOff);
  if (cutOffFault !== null) fault('/when/cutOff', cutOffFault);
  else if (schedule !== undefined) faults.push(...cutOffFaults(when, timesOf(schedule)));
  return faults;
}

/** @returns what is wrong with the form of a cut-off, whatever times it is for */
export function cutOffFormFault(cutOff: string): string | null {
  if (parseDuration(cutOff) !== null || isTime(cutOff)) return null;
  if (/^0+[smhdw]$/.test(cutOff)) return 'must be longer than nothing, such as 6h';
  if (/^[1-9]\d*[smhdw]$/.test(cutOff)) return durationFault(cutOff);
  return 'must be a duration such as 6h or a local time such as 21:00';
}

/**
 * Whether a cut-off leaves any time at all.
 *
 * @param times the local times of day `HH:mm` at which runs are set; the first that comes too late is named
 */
export function cutOffFaults({ cutOff, dnd, timezone }: CampaignSchedule, times: string[]): Fault[] {
  if (cutOff === undefined) return [];
  for (const time of times.filter(isTime)) {
    const left = minutesLeft(cutOff, time);
    const pointer = '/when/cutOff';
    if (left <= 0) {
      const detail = `is not after the set time ${time}; for one after midnight, give a duration`;
      return [{ pointer, detail }];
    }
    // Quiet hours are the user's: in a fixed zone they lie elsewhere for somebody who lives elsewhere.
    if (timezone === PROFILE_ZONE && dnd?.action === 'delay' && quietMinutes(dnd, time) >= left) {
      const detail = `comes before quiet hours end, so nothing set for ${time} could ever leave`;
      return [{ pointer, detail }];
    }
  }
  return [];
}

function minutesLeft(cutOff: string, time: string): number {
  const lengthMs = parseDuration(cutOff);
  return lengthMs === null ? minutesOfDay(cutOff) - minutesOfDay(time) : lengthMs / 60_000;
}

/** How long a message that is due at a local time waits for the end of quiet hours. */
function quietMinutes(dnd: QuietHours, time: string): number {
  const after = (from: string, to: string): number => (minutesOfDay(to) - minutesOfDay(from) + 1_440) % 1_440;
  return after(dnd.from, time) < after(dnd.from, dnd.to) ? after(time, dnd.to) : 0;
}

function timesOf(schedule: RunSchedule): string[] {
  if ('every' in schedule) return schedule.every.at;
  return 'rrule' in schedule ? schedule.at : schedule.at.map((local) => local.slice(11));
}

function runScheduleFaults(schedule: RunSchedule): Fault[] {
  if ('every' in schedule) return recurrenceFaults(schedule.every);
  if ('rrule' in schedule) {
    const read = readRule(schedule.rrule);
    const details = 'faults' in read ? read.faults : [];
    return [
      ...details.map((detail) => ({ pointer: '/when/schedule/rrule', detail })),
      ...listFaults(schedule.at, '/when/schedule/at', timeFault),
    ];
  }
  return listFaults(schedule.at, '/when/schedule/at', (local) =>
    localMs(local) === null ? 'must be a local time of the calendar such as 2027-12-01T09:00' : null,
  );
}

function recurrenceFaults(every: Recurrence): Fault[] {
  const base = '/when/schedule/every';
  const faults = listFaults(every.at, `${base}/at`, timeFault);
  const fault = (name: string, detail: string): void =>
    void faults.push({ pointer: `${base}/${name}`, detail });
  if (every.interval !== undefined && !isWhole(every.interval, MOST_INTERVAL))
    fault('interval', `must be a whole number from 1 to ${MOST_INTERVAL}`);
  if (every.count !== undefined && !isWhole(every.count, MOST_COUNT))
    fault('count', `must be a whole number from 1 to ${MOST_COUNT}`);
  if (every.until !== undefined && dayNumber(every.until) === null)
    fault('until', 'must be a date of the calendar such as 2027-12-31');
  if (every.frequency === 'daily' && every.on !== undefined)
    fault('on', 'is for weekly and monthly recurrences');
  else if (every.on?.length === 0) fault('on', 'must not be empty');
  else
    every.on?.forEach((one, i, all) => {
      const isTwice = all.findIndex((other) => dayName(other) === dayName(one)) < i;
      const faultOf = every.frequency === 'weekly' ? weekdayFault : monthDayFault;
      const detail = isTwice ? 'stands there twice' : faultOf(one);
      if (detail !== null) fault(`on/${i}`, detail);
    });
  return faults;
}

type On = NonNullable<Recurrence['on']>[number];

/** @returns the same text for the same day only */
function dayName(on: On): string {
  return typeof on === 'object' ? `${on.nth} ${on.weekday}` : String(on);
}

function weekdayFault(on: On): string | null {
  return typeof on === 'string' ? null : 'must be a weekday such as mon: weeks have no days of the month';
}

function monthDayFault(on: On): string | null {
  if (typeof on === 'string') return `says not which of the month: { "weekday": "${on}", "nth": 1 }`;
  const [n, most] = typeof on === 'number' ? [on, 31] : [on.nth, 5];
  return isWhole(Math.abs(n), most)
    ? null
    : `must be a whole number from 1 to ${most} or from -1 to -${most}`;
}

function listFaults(list: string[], pointer: string, faultOf: (one: string) => string | null): Fault[] {
  if (list.length === 0) return [{ pointer, detail: 'must not be empty' }];
  return list.flatMap((one, i) => {
    const detail = list.indexOf(one) < i ? 'stands there twice' : faultOf(one);
    return detail === null ? [] : [{ pointer: `${pointer}/${i}`, detail }];
  });
}

function timeFault(time: string): string | null {
  return isTime(time) ? null : 'must be a local time such as 09:00';
}

function isTime(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text);
}

function isWhole(n: number, most: number): boolean {
  return Number.isInteger(n) && n >= 1 && n <= most;
}

/** What cannot stand beside a reminder: each would say a second time when it is due. */
function reminderFaults(live: LiveAudience, when: CampaignSchedule): Fault[] {
  const { dateProperty } = live;
  if (dateProperty === undefined) return [];
  const base = '/who/live/dateProperty';
  const faults: Fault[] = checkCondition({ property: dateProperty.property, op: 'exists' }).map((detail) => ({
    pointer: `${base}/property`,
    detail,
  }));
  const fault = (pointer: string, detail: string): void => void faults.push({ pointer, detail });
  if (live.inaction !== undefined) fault('/who/live/inaction', 'cannot stand with dateProperty');
  if (live.onRepeat === 'restart')
    fault('/who/live/onRepeat', 'cannot be restart with dateProperty: a later event moves the date as it is');
  if (when.delay !== undefined)
    fault('/when/delay', 'cannot stand with dateProperty, whose offset says how much earlier or later');
  if (dateProperty.at !== undefined && !isTime(dateProperty.at))
    fault(`${base}/at`, 'must be a local time such as 09:00');
  if (dateProperty.offset !== undefined) {
    const offset = parseOffset(dateProperty.offset);
    if (offset === null) fault(`${base}/offset`, offsetFault(dateProperty.offset) ?? 'is none');
    else if (offset.ms > 0 && dateProperty.at !== undefined)
      fault(`${base}/offset`, 'in hours, minutes or seconds cannot be combined with at');
  }
  return faults;
}
