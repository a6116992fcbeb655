const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** Further than any zone has ever been from UTC (Manila and Juneau, before 1900: 15:13:42). */
const reachMs = 16 * hourMs;
const maxCells = 1_024;
const maxNames = 4_096;

export interface LocalParts {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 1 is Monday, 7 is Sunday. */
  weekday: number;
}

export type LocalMinute = Pick<LocalParts, 'year' | 'month' | 'day' | 'hour' | 'minute'>;

/** From `from` until just before `to`, the zone's clock shows UTC + `offset`; all in milliseconds. */
interface Span {
  from: number;
  to: number;
  offset: number;
}

interface Zone {
  spanAt(instantMs: number): Span;
}

/** By every name asked for, and by the one name that Intl gives a zone and its aliases. */
const zonesByName = new Map<string, Zone>();
const zonesByCanonicalName = new Map<string, Zone>();
const ianaThreeLetters = new Set('UTC GMT UCT CET MET EET WET EST MST HST PRC ROC ROK'.split(' '));

/**
 * Whether the name is a time zone of the IANA database that this machine knows. Offsets (`+02:00`) are
 * none, and neither are the abbreviations that Intl also takes: its `BST` is Dhaka, its `IST` Kolkata.
 */
export function isTimeZone(name: string): boolean {
  return findZone(name) !== null;
}

/**
 * What the zone's clock and calendar show at an instant.
 *
 * @throws RangeError for an unknown zone or an instant that is no time.
 */
export function localParts(instantMs: number, zone: string): LocalParts {
  const shown = new Date(instantMs + zoneNamed(zone).spanAt(instantMs).offset);
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
    weekday: shown.getUTCDay() || 7,
  };
}

/**
 * The instant of a local time, in milliseconds. A time that the clock skips moves to the first instant
 * after the gap, one that it shows twice gives the first; so a later local time never gives an earlier
 * instant. Fields beyond their range carry over (day 32 of January is 1 February).
 *
 * @throws RangeError for an unknown zone or fields that are no time.
 */
export function localToInstant(local: LocalMinute, zone: string): number {
  const midnight = new Date(0).setUTCFullYear(local.year, local.month - 1, local.day);
  return firstInstantShowing(midnight + local.hour * hourMs + local.minute * minuteMs, zoneNamed(zone));
}

/**
 * The first instant, not before the given one, at which the zone's clock turns to `HH:mm` (seconds zero).
 * Where it skips `HH:mm`, the first instant after the gap counts. Where it shows `HH:mm` twice and the
 * given instant lies between, the second showing is the answer: a recurrence must step from date to date
 * with `localToInstant`, or it would happen twice that day.
 *
 * @throws RangeError for an unknown zone, or a time that is not `HH:mm`.
 */
export function localTimeOnOrAfter(instantMs: number, time: string, zone: string): number {
  const known = zoneNamed(zone);
  const wanted = minutesOfDay(time) * minuteMs;
  // One millisecond back, so that a gap ending at this very instant is seen.
  let span = known.spanAt(instantMs - 1);
  for (;;) {
    const from = Math.max(instantMs, span.from);
    const shown = from + untilTimeOfDay(from + span.offset, wanted);
    if (shown < span.to) return shown;
    const next = known.spanAt(span.to);
    const edge = span.to + span.offset;
    const skipped = edge + untilTimeOfDay(edge, wanted) < span.to + next.offset;
    if (skipped && span.to >= instantMs) return span.to;
    span = next;
  }
}

/**
 * The same local time some days later (or earlier, when negative), by the rules of `localToInstant`.
 * No days is the instant itself.
 *
 * @throws RangeError for an unknown zone.
 */
export function addLocalDays(instantMs: number, days: number, zone: string): number {
  if (days === 0) return instantMs;
  const known = zoneNamed(zone);
  return firstInstantShowing(instantMs + known.spanAt(instantMs).offset + days * dayMs, known);
}

/**
 * The minutes since midnight that `HH:mm` (00:00 to 23:59) stands for.
 *
 * @throws RangeError for any other text.
 */
export function minutesOfDay(time: string): number {
  if (!/^(?:[01]\d|2[0-3]):[0-5]\d$/.test(time)) throw new RangeError(`Not a time of day (HH:mm): ${time}`);
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
}

/** The first instant at which the zone's clock has come to `localMs` (counted as if the clock were UTC). */
function firstInstantShowing(localMs: number, zone: Zone): number {
  let span = zone.spanAt(localMs - reachMs);
  for (;;) {
    const at = Math.max(localMs - span.offset, span.from);
    if (at < span.to) return at;
    span = zone.spanAt(span.to);
  }
}

function untilTimeOfDay(localMs: number, timeOfDayMs: number): number {
  return (((timeOfDayMs - localMs) % dayMs) + dayMs) % dayMs;
}

function zoneNamed(name: string): Zone {
  const zone = zonesByName.get(name) ?? findZone(name);
  if (zone === null) throw new RangeError(`Not an IANA time zone: ${String(name).slice(0, 64)}`);
  return zone;
}

function findZone(name: string): Zone | null {
  const known = zonesByName.get(name);
  if (known) return known;
  if (typeof name !== 'string' || !/^[A-Za-z][\w+/-]{1,63}$/.test(name)) return null;
  if (/^[a-z]{3}$/i.test(name) && !ianaThreeLetters.has(name.toUpperCase())) return null;
  if (/^SystemV\//i.test(name)) return null;
  const format = formatFor(name);
  if (format === null) return null;
  const canonical = format.resolvedOptions().timeZone;
  const zone = zonesByCanonicalName.get(canonical) ?? createZone(format);
  zonesByCanonicalName.set(canonical, zone);
  // Intl takes any mix of upper and lower case, so the names that callers bring have no natural bound.
  if (zonesByName.size >= maxNames) zonesByName.clear();
  zonesByName.set(name, zone);
  return zone;
}

function formatFor(name: string): Intl.DateTimeFormat | null {
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: name,
      hourCycle: 'h23',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    return null;
  }
}

/**
 * Asks Intl only where a UTC day begins. A day that begins and ends with the same offset has it throughout,
 * since no zone changes its clock and changes it back within a day (the shortest such time on record is
 * Freetown's four days in 1939); a day with a change is bisected to the second.
 */
function createZone(format: Intl.DateTimeFormat): Zone {
  const cells = new Map<number, Span[]>();
  let latest: Span = { from: 0, to: 0, offset: 0 };

  return { spanAt };

  function spanAt(instantMs: number): Span {
    if (instantMs >= latest.from && instantMs < latest.to) return latest;
    const found = cellAt(Math.floor(instantMs / dayMs)).find((span) => instantMs < span.to);
    if (!found) throw new RangeError(`Not an instant: ${instantMs}`);
    latest = joined(latest, found);
    return latest;
  }

  function cellAt(index: number): Span[] {
    let cell = cells.get(index);
    if (!cell) {
      if (cells.size >= maxCells) cells.clear();
      cell = spansOf(index * dayMs, (index + 1) * dayMs);
      cells.set(index, cell);
    }
    return cell;
  }

  function spansOf(from: number, to: number): Span[] {
    const first: Span = { from, to, offset: offsetAt(from) };
    const spans = [first];
    let last = first;
    for (const change of changesBetween(from, first.offset, to, offsetAt(to))) {
      if (change.at === to) continue;
      last.to = change.at;
      last = { from: change.at, to, offset: change.offset };
      spans.push(last);
    }
    return spans;
  }

  function changesBetween(
    from: number,
    before: number,
    to: number,
    after: number,
  ): { at: number; offset: number }[] {
    if (before === after) return [];
    if (to - from <= secondMs) return [{ at: to, offset: after }];
    const middle = Math.floor((from + to) / 2 / secondMs) * secondMs;
    const offset = offsetAt(middle);
    return [...changesBetween(from, before, middle, offset), ...changesBetween(middle, offset, to, after)];
  }

  /** Takes whole seconds; the offset too is exact to the second, as local mean times need it. */
  function offsetAt(instantMs: number): number {
    const shown = { day: 0, hour: 0, minute: 0, second: 0 };
    for (const { type, value } of format.formatToParts(instantMs)) {
      if (type in shown) shown[type as keyof typeof shown] = Number(value);
    }
    const utc = new Date(instantMs);
    const days = shown.day - utc.getUTCDate();
    // No zone is two days from UTC: a larger difference is the turn of a month.
    const dayShift = Math.abs(days) > 1 ? -Math.sign(days) : days;
    const shownMs = shown.hour * hourMs + shown.minute * minuteMs + shown.second * secondMs;
    return dayShift * dayMs + shownMs - untilTimeOfDay(0, instantMs);
  }
}

function joined(known: Span, found: Span): Span {
  if (known.offset === found.offset) {
    if (known.to === found.from) return { from: known.from, to: found.to, offset: found.offset };
    if (found.to === known.from) return { from: found.from, to: known.to, offset: found.offset };
  }
  return found;
}
