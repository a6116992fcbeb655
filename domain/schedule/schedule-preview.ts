import { DAY_MS, MINUTE_MS, instantOfLocal, localMs } from './local-date.ts';
import {
  PROFILE_ZONE,
  MOST_APART_MS,
  cutOffAt,
  dueInZone,
  floorToMinute,
  occurrences,
  scheduleZone,
  shownIn,
  type Occurrence,
  type ScheduleContext,
} from './schedule.ts';
import { localTimeOnOrAfter } from './time-zone.ts';

/**
 * What a person might not expect: the clock skips the set time, or shows it twice (the first counts); the time is past
 * in this zone when the run begins, so that nobody there gets it, or gets it a day later.
 */
export type PreviewNote = 'skippedByClock' | 'shownTwice' | 'past' | 'nextDay';

export interface PreviewInstant {
  /** The local time it was set to or, with `nextDay`, moved to; `YYYY-MM-DDTHH:mm`. */
  local: string;
  /** The instant, in UTC. */
  at: string;
  /** How far the zone's clock is from UTC then, `+02:00`. */
  offset: string;
  /** From then on nothing leaves any more. */
  cutOff?: string;
  note?: PreviewNote;
}

/** A rule that occurs every 28 years is looked for so far, and no further for each that is asked for. */
const HORIZON_MS = 40 * 366 * DAY_MS;

export interface ZonePreview {
  timezone: string;
  instants: PreviewInstant[];
}

/**
 * The next instants of a schedule, zone by zone.
 *
 * @param context.nowMs epoch milliseconds; what lies before it is not shown
 * @param options.zones with time zone `profile` those to show; else there is only the schedule's own
 */
export function previewSchedule(
  context: ScheduleContext & { nowMs: number },
  options: { count: number; zones: string[] },
): ZonePreview[] {
  const now = floorToMinute(context.nowMs);
  const found: Occurrence[] = [];
  // In each user's own time one that has begun is not over everywhere.
  for (const occurrence of occurrences(context, now - MOST_APART_MS)) {
    if (occurrence.lastMs < now) continue;
    found.push(occurrence);
    // One more, since what is moved to the next day is left out where that has a run of its own.
    if (found.length > options.count || occurrence.firstMs > Math.max(now, context.startsAtMs) + HORIZON_MS)
      break;
  }
  const zone = scheduleZone(context);
  const zones = zone === PROFILE_ZONE ? [...new Set(options.zones)] : [zone];
  return zones.map((timezone) => ({
    timezone,
    instants: found
      .slice(0, options.count)
      .map((occurrence, i) => instantIn(timezone, occurrence, context, found[i + 1]?.local)),
  }));
}

function instantIn(
  zone: string,
  occurrence: Occurrence,
  context: ScheduleContext,
  nextLocal: string | undefined,
): PreviewInstant {
  const { when } = context;
  // Without a schedule the start's seconds count, and nothing is moved.
  if (when.schedule === undefined) return shown(zone, occurrence.local, occurrence.firstMs, when.cutOff);
  const plannedMs = Math.max(occurrence.firstMs, context.startsAtMs);
  const due = dueInZone({ when, occurrence, zone, plannedMs, nextLocal });
  if (due === 'past' || due === 'nextRun')
    return {
      ...shown(zone, occurrence.local, instantOfLocal(occurrence.local, zone), undefined),
      note: 'past',
    };
  const note = due.local === occurrence.local ? clockNote(zone, due.local, due.dueMs) : 'nextDay';
  const instant = shown(zone, due.local, due.dueMs, when.cutOff);
  return note === undefined ? instant : { ...instant, note };
}

function shown(zone: string, local: string, atMs: number, cutOff: string | undefined): PreviewInstant {
  const cutOffMs = cutOffAt({ cutOff, dueLocal: local, setMs: atMs, zone });
  return {
    local,
    at: new Date(atMs).toISOString(),
    offset: offsetIn(zone, atMs),
    ...(cutOffMs === null ? {} : { cutOff: new Date(cutOffMs).toISOString() }),
  };
}

function clockNote(zone: string, local: string, atMs: number): PreviewNote | undefined {
  if (shownIn(zone, atMs) !== local) return 'skippedByClock';
  const again = localTimeOnOrAfter(atMs + MINUTE_MS, local.slice(11), zone);
  return shownIn(zone, again) === local ? 'shownTwice' : undefined;
}

function offsetIn(zone: string, atMs: number): string {
  const minute = floorToMinute(atMs);
  const minutes = Math.round(((localMs(shownIn(zone, minute)) ?? 0) - minute) / MINUTE_MS);
  const size = Math.abs(minutes);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
