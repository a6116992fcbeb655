import { localToInstant } from './time-zone.ts';

export const DAY_MS = 86_400_000;
export const MINUTE_MS = 60_000;

/** A date of the calendar as the number of days since 1970-01-01. */
export type DayNumber = number;

export interface DateParts {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  /** 1 is Monday, 7 is Sunday. */
  weekday: number;
}

/** @returns the day of `YYYY-MM-DD`, or `null` for any other text and for dates that no calendar has */
export function dayNumber(date: string): DayNumber | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(date)) return null;
  const ms = Date.parse(`${date}T00:00:00Z`);
  return Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== date ? null : ms / DAY_MS;
}

/** @returns the day of a year, month and day; values beyond their range carry over */
export function dayOf(year: number, month: number, day: number): DayNumber {
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS;
}

export function dateParts(day: DayNumber): DateParts {
  const date = new Date(day * DAY_MS);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay() || 7,
  };
}

/** @returns `YYYY-MM-DD` */
export function dateText(day: DayNumber): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** @returns a local time `YYYY-MM-DDTHH:mm` in milliseconds as if its clock were UTC, or `null` for any other text */
export function localMs(local: string): number | null {
  const match = /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d)$/.exec(local);
  const day = match ? dayNumber(match[1] ?? '') : null;
  return day === null ? null : Date.parse(`${local}:00Z`);
}

/** @returns `YYYY-MM-DDTHH:mm` of milliseconds that are counted as if the clock were UTC */
export function localText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16);
}

/**
 * The instant of a local time `YYYY-MM-DDTHH:mm`, by the rules of `localToInstant`.
 *
 * @throws RangeError for an unknown zone or another text
 */
export function instantOfLocal(local: string, zone: string): number {
  const ms = localMs(local);
  if (ms === null) throw new RangeError(`Not a local time (YYYY-MM-DDTHH:mm): ${local.slice(0, 64)}`);
  const at = new Date(ms);
  return localToInstant(
    {
      year: at.getUTCFullYear(),
      month: at.getUTCMonth() + 1,
      day: at.getUTCDate(),
      hour: at.getUTCHours(),
      minute: at.getUTCMinutes(),
    },
    zone,
  );
}
