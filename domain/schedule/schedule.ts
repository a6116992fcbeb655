import type { CampaignSchedule, RunSchedule } from '../campaign/campaign.ts';
import { parseDuration } from './duration.ts';
import { DAY_MS, MINUTE_MS, dateText, dayOf, instantOfLocal, localMs, localText } from './local-date.ts';
import { ruleDays } from './recurrence.ts';
import { ruleOf, type BoundedRule } from './recurrence-rule.ts';
import { localParts } from './time-zone.ts';

/** One time at which a campaign has a run. */
export interface Occurrence {
  /** `YYYY-MM-DDTHH:mm`, local. */
  local: string;
  /** Epoch milliseconds at which the first place on earth comes to it; in a fixed zone the instant. */
  firstMs: number;
  /** The last such instant. */
  lastMs: number;
}

export interface ScheduleContext {
  when: CampaignSchedule;
  /** When the campaign begins to act, epoch milliseconds. */
  startsAtMs: number;
  endsAtMs: number | null;
  /** The account's IANA zone. */
  accountZone: string;
}

/** The value of `timezone` that stands for each user's own. */
export const PROFILE_ZONE = 'profile';

/** Clocks on earth show from UTC - 12 h (Baker Island) to UTC + 14 h (Kiritimati). */
const EARLIEST_MS = 14 * 3_600_000;
const LATEST_MS = 12 * 3_600_000;
/** How long the planet takes to come to a local time, and a minute. */
export const MOST_APART_MS = EARLIEST_MS + LATEST_MS + MINUTE_MS;

/** @returns the zone that the schedule's local times are in; `profile` stays `profile` */
export function scheduleZone({ when, accountZone }: Pick<ScheduleContext, 'when' | 'accountZone'>): string {
  return when.timezone ?? accountZone;
}

/** @returns the zone that stands in for the planet where one date is needed, such as that from which intervals count */
export function anchorZone(context: Pick<ScheduleContext, 'when' | 'accountZone'>): string {
  const zone = scheduleZone(context);
  return zone === PROFILE_ZONE ? context.accountZone : zone;
}

/**
 * The next occurrence strictly after another.
 *
 * @param after null for the first. Only its instant counts, so it may be one of an earlier version's schedule
 * @returns null when there are no more
 */
export function nextOccurrence(
  context: ScheduleContext,
  after: Pick<Occurrence, 'local' | 'firstMs'> | null,
): Occurrence | null {
  for (const occurrence of occurrences(context, after?.firstMs)) return occurrence;
  return null;
}

/**
 * All occurrences in order, lazily: a recurrence without an end has no last one.
 *
 * @param afterMs only those whose `firstMs` lies after it; those before it cost nothing, but for a rule with a count
 */
export function* occurrences(context: ScheduleContext, afterMs = -Infinity): Generator<Occurrence> {
  for (const occurrence of occurrencesFrom(context, afterMs)) {
    if (occurrence.firstMs > afterMs) yield occurrence;
  }
}

/**
 * When the row of a profile is due.
 *
 * @param input.plannedMs the planned beginning of the run, the later of `firstMs` and the campaign's start: never the
 *   actual one, so that a run which begins late treats nobody as past who was not
 * @param input.nextLocal the local time of the next run, if there is one
 * @returns `past` when the time is over in this zone and `ifPast` drops it; `nextRun` when the day that it would move
 *   to has a run of its own, so that it would come twice
 */
export function dueInZone(input: {
  when: CampaignSchedule;
  occurrence: Pick<Occurrence, 'local'>;
  zone: string;
  plannedMs: number;
  nextLocal?: string | undefined;
}): { dueMs: number; local: string } | 'past' | 'nextRun' {
  const planned = floorToMinute(input.plannedMs);
  let { local } = input.occurrence;
  for (;;) {
    const dueMs = instantOfLocal(local, input.zone);
    if (dueMs >= planned) return { dueMs, local };
    if (input.when.ifPast !== 'nextDay') return 'past';
    local = localText((localMs(local) ?? 0) + DAY_MS);
    if (input.nextLocal !== undefined && local >= input.nextLocal) return 'nextRun';
  }
}

/**
 * The instant from which nothing leaves any more; null without a cut-off.
 *
 * @param input.dueLocal the set local time, of whose day `HH:mm` is
 * @param input.setMs the set instant, from which a duration counts
 */
export function cutOffAt(input: {
  cutOff: string | undefined;
  dueLocal: string;
  setMs: number;
  zone: string;
}): number | null {
  const { cutOff, dueLocal, setMs, zone } = input;
  if (cutOff === undefined) return null;
  const lengthMs = parseDuration(cutOff);
  return lengthMs === null ? instantOfLocal(`${dueLocal.slice(0, 10)}T${cutOff}`, zone) : setMs + lengthMs;
}

/** @returns what a zone's clock shows at an instant, `YYYY-MM-DDTHH:mm` */
export function shownIn(zone: string, instantMs: number): string {
  const { year, month, day, hour, minute } = localParts(instantMs, zone);
  return localText(dayOf(year, month, day) * DAY_MS + (hour * 60 + minute) * MINUTE_MS);
}

export function floorToMinute(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}

/** Every occurrence whose instant lies after the given one, and perhaps a few before it. */
function* occurrencesFrom(context: ScheduleContext, afterMs: number): Generator<Occurrence> {
  const { when, startsAtMs, endsAtMs } = context;
  const zone = scheduleZone(context);
  if (when.schedule === undefined) {
    const local = shownIn(anchorZone(context), startsAtMs);
    if (endsAtMs === null || startsAtMs < endsAtMs) yield { local, firstMs: startsAtMs, lastMs: startsAtMs };
    return;
  }
  const rule = ruleOf(when.schedule);
  const start = floorToMinute(startsAtMs);
  let left = rule?.count ?? Infinity;
  let before = -Infinity;
  for (const local of localTimes(context, when.schedule, rule, afterMs)) {
    const { firstMs, lastMs } = instantsOf(local, zone);
    if (endsAtMs !== null && firstMs >= endsAtMs) return;
    // Two local times that the clock skips are one instant, and one occurrence.
    if (lastMs < start || firstMs <= before) continue;
    before = firstMs;
    yield { local, firstMs, lastMs };
    left -= 1;
    if (left <= 0) return;
  }
}

/** @returns when the first and the last place on earth come to a local time of the schedule's zone */
export function instantsOf(local: string, zone: string): { firstMs: number; lastMs: number } {
  if (zone === PROFILE_ZONE) {
    const ms = localMs(local) ?? Number.NaN;
    return { firstMs: ms - EARLIEST_MS, lastMs: ms + LATEST_MS };
  }
  const firstMs = instantOfLocal(local, zone);
  return { firstMs, lastMs: firstMs };
}

/** The local times of a schedule in ascending order, each once. */
function* localTimes(
  context: ScheduleContext,
  schedule: RunSchedule,
  rule: BoundedRule | null,
  afterMs: number,
): Generator<string> {
  const times = [...new Set('every' in schedule ? schedule.every.at : schedule.at)].sort();
  if (rule === null) {
    yield* times;
    return;
  }
  const zone = anchorZone(context);
  const anchor = dayShown(context.startsAtMs, zone);
  const until = typeof rule.until === 'object' ? shownIn(zone, rule.until.instantMs) : rule.until;
  // With a count every occurrence from the start on is counted; else those that are over are stepped over. Two days
  // back: one for a time that the clock skips, one for a place that is a day behind the account.
  const from = rule.count !== undefined || afterMs === -Infinity ? anchor : dayShown(afterMs, zone) - 2;
  for (const day of ruleDays(rule, anchor, from)) {
    for (const time of times) {
      const local = `${dateText(day)}T${time}`;
      if (until !== undefined && local > until) return;
      yield local;
    }
  }
}

function dayShown(instantMs: number, zone: string): number {
  const { year, month, day } = localParts(instantMs, zone);
  return dayOf(year, month, day);
}
