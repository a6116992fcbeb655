import { WEEKDAYS, type Recurrence, type RunSchedule } from '../campaign/campaign.ts';
import { dayNumber, localMs } from './local-date.ts';
import type { DateRule } from './recurrence.ts';

/** A rule with where it ends. */
export interface BoundedRule extends DateRule {
  count?: number | undefined;
  /** The last local time `YYYY-MM-DDTHH:mm`, inclusive; of an UNTIL in UTC the instant. */
  until?: string | { instantMs: number } | undefined;
}

/** The greatest interval and count: far beyond any campaign, and small enough to be counted through. */
export const MOST_INTERVAL = 1_000;
export const MOST_COUNT = 10_000;

const DAY_NAMES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const FREQUENCIES = ['DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'];
const NO_DTSTART = "DTSTART is left out: it is the campaign's start";
const TIMES = ['BYHOUR', 'BYMINUTE', 'BYSECOND'];

function ruleOfRecurrence(every: Recurrence): BoundedRule {
  const on = every.on ?? [];
  const byDay = on.flatMap((one) => {
    if (typeof one === 'number') return [];
    const [name, nth] = typeof one === 'string' ? [one, 0] : [one.weekday, one.nth];
    return [{ weekday: WEEKDAYS.indexOf(name) + 1, nth }];
  });
  const byMonthDay = on.filter((one) => typeof one === 'number');
  return {
    frequency: every.frequency,
    interval: every.interval ?? 1,
    weekStart: 1,
    byDay: byDay.length > 0 ? byDay : undefined,
    byMonthDay: byMonthDay.length > 0 ? byMonthDay : undefined,
    either: byDay.length > 0 && byMonthDay.length > 0,
    count: every.count,
    until: every.until === undefined ? undefined : `${every.until}T23:59`,
  };
}

/** @returns the rule of a recurring schedule that has no faults; `null` for a list of local times */
export function ruleOf(schedule: RunSchedule): BoundedRule | null {
  if ('every' in schedule) return ruleOfRecurrence(schedule.every);
  if (!('rrule' in schedule)) return null;
  const read = readRule(schedule.rrule);
  if ('faults' in read) throw new RangeError(`Not a recurrence rule: ${read.faults.join('; ')}`);
  return read.rule;
}

/**
 * Reads an RFC 5545 recurrence rule, with or without `RRULE:` before it.
 *
 * @returns the rule, or everything that is wrong with it
 */
export function readRule(text: string): { rule: BoundedRule } | { faults: string[] } {
  const faults: string[] = [];
  const parts = new Map<string, string>();
  for (const part of soleRule(text, faults)) {
    const match = /^([A-Z-]+)=([^=]+)$/.exec(part);
    if (!match) {
      faults.push(`"${part.slice(0, 40)}" is not NAME=value`);
      continue;
    }
    const [, name = '', value = ''] = match;
    if (parts.has(name)) faults.push(`${name} stands there twice`);
    parts.set(name, value);
  }
  const rule = ruleOfParts(parts, faults);
  return faults.length > 0 ? { faults } : { rule };
}

/** @returns the parts of the one rule in a text, which may be several lines of a calendar, folded ones too */
function soleRule(text: string, faults: string[]): string[] {
  const lines = text
    .replace(/\r?\n[ \t]/g, '')
    .trim()
    .toUpperCase()
    .split(/\s*[\r\n]+\s*|\s+(?=(?:RRULE|DTSTART|EXDATE|RDATE|EXRULE)[:;=])/);
  const rules = lines.filter((line) => {
    const [, name] = /^(DTSTART|EXDATE|RDATE|EXRULE)[:;=]/.exec(line) ?? [];
    if (name !== undefined) faults.push(name === 'DTSTART' ? NO_DTSTART : `${name} is not taken`);
    return name === undefined;
  });
  if (rules.length > 1) faults.push('there must be one rule only');
  return rules[0]?.replace(/^RRULE:/, '').split(';') ?? [];
}

function ruleOfParts(parts: Map<string, string>, faults: string[]): BoundedRule {
  const taken = new Set(['FREQ']);
  const take = <T>(name: string, read: (value: string) => T): T | undefined => {
    taken.add(name);
    const value = parts.get(name);
    return value === undefined ? undefined : read(value);
  };
  const whole = (name: string, most: number): number | undefined =>
    take(name, (value) => {
      if (/^\d{1,6}$/.test(value) && Number(value) >= 1 && Number(value) <= most) return Number(value);
      faults.push(`${name} must be a whole number from 1 to ${most}`);
      return 1;
    });
  const numbers = (name: string, most: number, negative = true): number[] | undefined =>
    take(name, (value) =>
      value.split(',').map((one) => {
        const n = /^[+-]?\d{1,3}$/.test(one) ? Number(one) : 0;
        if (n === 0 || Math.abs(n) > most || (n < 0 && !negative))
          faults.push(`${name} takes numbers from 1 to ${most}${negative ? ` and -1 to -${most}` : ''}`);
        return n;
      }),
    );

  const freq = parts.get('FREQ');
  if (freq === undefined) faults.push('FREQ is missing');
  else if (!FREQUENCIES.includes(freq)) faults.push(`FREQ must be one of ${FREQUENCIES.join(', ')}`);
  for (const name of TIMES) {
    taken.add(name);
    if (parts.has(name)) faults.push(`${name} is not taken: the times of day are those of "at"`);
  }
  const rule: BoundedRule = {
    frequency: (freq ?? 'DAILY').toLowerCase() as DateRule['frequency'],
    interval: whole('INTERVAL', MOST_INTERVAL) ?? 1,
    weekStart: take('WKST', (value) => weekdayOf(value, faults)) ?? 1,
    byMonth: numbers('BYMONTH', 12, false),
    byWeekNo: numbers('BYWEEKNO', 53),
    byYearDay: numbers('BYYEARDAY', 366),
    byMonthDay: numbers('BYMONTHDAY', 31),
    byDay: take('BYDAY', (value) => readByDay(value, faults)),
    bySetPos: numbers('BYSETPOS', 366),
    count: whole('COUNT', MOST_COUNT),
    until: take('UNTIL', (value) => readUntil(value, faults)),
  };
  for (const name of parts.keys()) {
    if (taken.has(name)) continue;
    faults.push(name === 'DTSTART' ? NO_DTSTART : `${name} is not a part we know`);
  }
  faults.push(...combinationFaults(rule));
  return rule;
}

/** What RFC 5545 (3.3.10) does not let stand together. */
function combinationFaults(rule: BoundedRule): string[] {
  const { frequency, byWeekNo, byYearDay, byMonthDay, byDay, bySetPos, byMonth } = rule;
  const faults: string[] = [];
  if (byWeekNo && frequency !== 'yearly') faults.push('BYWEEKNO is only for FREQ=YEARLY');
  if (byYearDay && frequency !== 'yearly') faults.push('BYYEARDAY is only for FREQ=YEARLY');
  if (byMonthDay && frequency === 'weekly') faults.push('BYMONTHDAY is not for FREQ=WEEKLY');
  const numbered = byDay?.some(({ nth }) => nth !== 0) ?? false;
  if (numbered && (frequency === 'daily' || frequency === 'weekly'))
    faults.push('BYDAY with a number is only for FREQ=MONTHLY and FREQ=YEARLY');
  if (numbered && byWeekNo) faults.push('BYDAY with a number cannot stand with BYWEEKNO');
  if (bySetPos && !(byWeekNo ?? byYearDay ?? byMonthDay ?? byDay ?? byMonth))
    faults.push('BYSETPOS needs another BY part to choose from');
  if (rule.count !== undefined && rule.until !== undefined)
    faults.push('COUNT and UNTIL cannot stand together');
  return faults;
}

function weekdayOf(name: string, faults: string[]): number {
  if (!DAY_NAMES.includes(name)) faults.push(`WKST must be one of ${DAY_NAMES.join(', ')}`);
  return DAY_NAMES.indexOf(name) + 1;
}

function readByDay(value: string, faults: string[]): { weekday: number; nth: number }[] {
  return value.split(',').map((one) => {
    const match = /^([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)$/.exec(one);
    const nth = Number(match?.[1] ?? 0);
    if (!match || Math.abs(nth) > 53 || (match[1] !== undefined && nth === 0))
      faults.push(`BYDAY takes weekdays such as MO, 2TU or -1FR, not "${one.slice(0, 10)}"`);
    return { weekday: DAY_NAMES.indexOf(match?.[2] ?? 'MO') + 1, nth };
  });
}

function readUntil(value: string, faults: string[]): BoundedRule['until'] {
  const match = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z)?)?$/.exec(value);
  const [, year, month, day, hour, minute, second, utc] = match ?? [];
  const date = `${year}-${month}-${day}`;
  if (match && hour === undefined && dayNumber(date) !== null) return `${date}T23:59`;
  const local = `${date}T${hour}:${minute}`;
  const ms = match ? localMs(local) : null;
  if (ms === null || Number(second) > 59) {
    faults.push('UNTIL must be a date such as 20271231, or with a time, 20271231T235959 or 20271231T235959Z');
    return undefined;
  }
  return utc === undefined ? local : { instantMs: ms + Number(second) * 1_000 };
}
