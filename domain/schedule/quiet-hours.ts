import { localParts, localToInstant, minutesOfDay } from './time-zone.ts';

/**
 * Hours in which nobody is to be disturbed, in local time (`HH:mm`): from `from`, inclusive, to the next
 * `to`, exclusive, over midnight when `to` is the earlier. Equal times are refused by validation and mean
 * never here. `action` says what becomes of a message that falls due meanwhile.
 */
export interface QuietHours {
  from: string;
  to: string;
  action: 'delay' | 'discard';
  /** With `delay`: at most so many of those that waited leave in any minute once the hours are over. */
  releasePerMinute?: number | undefined;
}

/** What leaves in a minute after quiet hours where nothing else is set. */
export const RELEASE_PER_MINUTE = 30_000;

/**
 * @returns whose quiet hours hold for a campaign: its own, else the account's unless it ignores them, else none
 */
export function quietHoursOf(
  when: { dnd?: QuietHours | undefined; ignoreQuietHours?: boolean | undefined },
  account: { dnd?: QuietHours | undefined },
): QuietHours | undefined {
  return when.dnd ?? (when.ignoreQuietHours === true ? undefined : account.dnd);
}

/**
 * Whether an instant lies in quiet hours. Those of a date are one interval of instants, whatever the clock
 * does between its ends: they begin when the clock first comes to `from` and end when it first comes to
 * `to`, a skipped time being the first instant after the gap.
 *
 * @throws RangeError for an unknown zone or a time that is not `HH:mm`.
 */
export function inQuietHours(instantMs: number, quiet: QuietHours, zone: string): boolean {
  return endOfInterval(instantMs, quiet, zone) !== null;
}

/**
 * The instant itself when it lies outside quiet hours, else the first instant after it that does.
 *
 * @throws RangeError for an unknown zone or a time that is not `HH:mm`.
 */
export function endOfQuietHours(instantMs: number, quiet: QuietHours, zone: string): number {
  let at = instantMs;
  // Once is enough but where the clock skips the waking hours, or a whole date: there two intervals touch.
  for (;;) {
    const end = endOfInterval(at, quiet, zone);
    if (end === null) return at;
    at = end;
  }
}

function endOfInterval(instantMs: number, quiet: QuietHours, zone: string): number | null {
  const from = minutesOfDay(quiet.from);
  const to = minutesOfDay(quiet.to);
  if (from === to) return null;
  const { year, month, day } = localParts(instantMs, zone);
  const at = (date: number, minute: number): number =>
    localToInstant({ year, month, day: date, hour: 0, minute }, zone);
  // Of the intervals begun by now the latest ends last, so it alone decides. Tomorrow's may have begun
  // where the clock went back over midnight; yesterday's has begun for certain.
  for (const date of [day + 1, day, day - 1]) {
    if (at(date, from) > instantMs) continue;
    const end = at(to > from ? date : date + 1, to);
    return instantMs < end ? end : null;
  }
  return null;
}
