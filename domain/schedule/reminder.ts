import type { DateProperty } from '../campaign/campaign.ts';
import { parseInstant } from '../audience/conditions.ts';
import { durationFault, parseDuration } from './duration.ts';
import { DAY_MS, dateText, dayNumber, dayOf, instantOfLocal, localMs, localText } from './local-date.ts';
import { shownIn } from './schedule.ts';
import { addLocalDays } from './time-zone.ts';

/** How far a reminder is moved from its date: calendar days, or an exact length. One of them is 0. */
export interface Offset {
  sign: 1 | -1;
  days: number;
  ms: number;
}

/**
 * Reads a duration with or without a sign before it, such as `-2d`, `3h` or `+1w`. Days and weeks are the calendar's:
 * a day later is the same time of the next day, also where that day has 23 or 25 hours.
 *
 * @returns null for any other text
 */
export function parseOffset(text: string): Offset | null {
  const match = /^([+-]?)(\d+([smhdw]))$/.exec(text);
  const length = match ? parseDuration(match[2] ?? '') : null;
  if (!match || length === null) return null;
  const sign = match[1] === '-' ? -1 : 1;
  const isDays = match[3] === 'd' || match[3] === 'w';
  return isDays ? { sign, days: length / DAY_MS, ms: 0 } : { sign, days: 0, ms: length };
}

/** @returns what is wrong with a text that is no offset, its form or its length; null when it is one */
export function offsetFault(text: string): string | null {
  if (parseOffset(text) !== null) return null;
  return durationFault(text.replace(/^[+-]/, ''), '-2d, 1w or -3h');
}

/**
 * When a reminder is due.
 *
 * @param value of the event's property: an instant with offset, a local time without one (in `zone`), or a date
 * @param zone the user's
 * @returns the instant, or in words why there is none
 */
export function reminderInstant(
  value: unknown,
  { property, offset, at }: DateProperty,
  zone: string,
): { dueMs: number } | { fault: string } {
  if (value === undefined || value === null) return { fault: `${property} is missing` };
  const moved = offset === undefined ? { sign: 1 as const, days: 0, ms: 0 } : parseOffset(offset);
  if (moved === null) return { fault: `the offset ${offset} is none` };
  const days = moved.days === 0 ? 0 : moved.sign * moved.days;
  const read = readDate(value);
  if (read === null) {
    const form = 'such as 2027-03-28, 2027-03-28T09:00 or 2027-03-28T09:00:00+02:00';
    return { fault: `${property} is no date ${form}` };
  }
  const date = 'instantMs' in read ? shownIn(zone, read.instantMs).slice(0, 10) : dateText(read.day);
  const day = (dayNumber(date) ?? Number.NaN) + days;
  // Beyond the year 9999, or before the year 0.
  if (!(day >= dayOf(0, 1, 1) && day <= dayOf(9_999, 12, 31)))
    return { fault: `${property} is out of reach` };
  if (at !== undefined) {
    return { dueMs: instantOfLocal(`${dateText(day)}T${at}`, zone) };
  }
  const exact = moved.sign * moved.ms;
  if ('instantMs' in read) return { dueMs: addLocalDays(read.instantMs, days, zone) + exact };
  const local = localText(day * DAY_MS + read.minuteMs);
  return { dueMs: instantOfLocal(local, zone) + read.secondMs + exact };
}

type DateValue = { instantMs: number } | { day: number; minuteMs: number; secondMs: number };

/** A number is none: nobody can tell seconds from milliseconds. */
function readDate(value: unknown): DateValue | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : { instantMs: value.getTime() };
  if (typeof value !== 'string') return null;
  const instantMs = parseInstant(value);
  if (instantMs !== null) return { instantMs };
  const bare = dayNumber(value);
  if (bare !== null) return { day: bare, minuteMs: 0, secondMs: 0 };
  const match = /^(.{16})(?::([0-5]\d(?:\.\d{1,9})?))?$/.exec(value);
  const ms = match ? localMs(match[1] ?? '') : null;
  if (!match || ms === null) return null;
  const day = Math.floor(ms / DAY_MS);
  return { day, minuteMs: ms - day * DAY_MS, secondMs: Math.floor(Number(match[2] ?? 0) * 1_000) };
}
