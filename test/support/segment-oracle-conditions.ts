/** What a condition means, read from its words; takes nothing but types from the domain, like the rest of the oracle. */
import type { Condition } from '../../domain/audience/conditions.ts';

/** @returns whether the named value meets the condition; `from` is the instant that `withinLast` counts back from */
export function meets(condition: Condition, scope: Record<string, unknown>, from: number): boolean {
  const { property, op, value } = condition;
  const found = Object.hasOwn(scope, property) ? scope[property] : undefined;
  const present = found !== undefined && found !== null;
  const each = !present ? [] : Array.isArray(found) ? (found as unknown[]) : [found];
  const choices = Array.isArray(value) ? (value as unknown[]) : [];
  const isOne = (wanted: unknown): boolean => each.some((element) => equal(element, wanted));
  switch (op) {
    case 'exists':
      return present;
    case 'notExists':
      return !present;
    case 'eq':
      return isOne(value);
    case 'ne':
      return !isOne(value);
    case 'in':
      return choices.some(isOne);
    case 'notIn':
      return !choices.some(isOne);
    case 'contains':
      return each.some((element) => typeof element === 'string' && element.includes(String(value)));
    case 'startsWith':
      return typeof found === 'string' && found.startsWith(String(value));
    case 'gt':
      return order(found, value) === 'after';
    case 'gte':
      return ['after', 'same'].includes(order(found, value));
    case 'lt':
      return order(found, value) === 'before';
    case 'lte':
      return ['before', 'same'].includes(order(found, value));
    case 'between':
      return (
        ['after', 'same'].includes(order(found, choices[0])) &&
        ['before', 'same'].includes(order(found, choices[1]))
      );
    case 'before':
      return asMoment(found) !== undefined && order(found, value) === 'before';
    case 'after':
      return asMoment(found) !== undefined && order(found, value) === 'after';
    case 'withinLast': {
      const at = asMoment(found);
      return at !== undefined && at <= from && at >= from - lengthOf(String(value));
    }
  }
}

function equal(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  const [one, other] = [asMoment(left), asMoment(right)];
  return one !== undefined && one === other;
}

/** Numbers by size, instants by time, and nothing else by anything. */
function order(left: unknown, right: unknown): 'before' | 'same' | 'after' | 'none' {
  const both = typeof left === 'number' && typeof right === 'number';
  const [one, other] = both ? [left, right] : [asMoment(left), asMoment(right)];
  if (one === undefined || other === undefined) return 'none';
  return one < other ? 'before' : one > other ? 'after' : 'same';
}

function asMoment(value: unknown): number | undefined {
  if (value instanceof Date) return value.getTime();
  return typeof value === 'string' ? readMoment(value) : undefined;
}

export function momentOf(text: string): number {
  const moment = readMoment(text);
  if (moment === undefined) throw new Error(`not an instant: ${text}`);
  return moment;
}

const MOMENT =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:[0-9]{2})$/;

/** An ISO 8601 instant on a day that the calendar has, in whole milliseconds since 1970; no Date comes near it. */
export function readMoment(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = match.slice(1, 6).map(Number);
  const second = Number(match[6] ?? 0);
  const milli = Number(`${match[7] ?? ''}000`.slice(0, 3));
  const zone = match[8] ?? 'Z';
  const [zoneHour, zoneMinute] = zone === 'Z' ? [0, 0] : [Number(zone.slice(1, 3)), Number(zone.slice(4))];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return undefined;
  let days = day - 1;
  for (let before = 1; before < month; before += 1) days += daysIn(year, before);
  const offset = (zoneHour * 60 + zoneMinute) * (zone.startsWith('-') ? -1 : 1);
  const minutes = (daysBefore(year) - daysBefore(1970) + days) * 1_440 + hour * 60 + minute - offset;
  return minutes * 60_000 + second * 1_000 + milli;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** The days from the start of the year 0 to the start of this one. */
function daysBefore(year: number): number {
  return year * 365 + Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400);
}

export function lengthOf(text: string): number {
  const seconds = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }[text.slice(-1)];
  const many = Number(text.slice(0, -1));
  if (seconds === undefined || !Number.isInteger(many)) throw new Error(`not a duration: ${text}`);
  return many * seconds * 1_000;
}
