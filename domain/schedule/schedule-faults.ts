import type { CampaignSchedule, RunSchedule } from '../campaign/campaign.ts';
import {
  anchorZone,
  floorToMinute,
  instantsOf,
  nextOccurrence,
  scheduleZone,
  shownIn,
  type ScheduleContext,
} from './schedule.ts';
import { cutOffFaults, scheduleShapeFaults, type Timing } from './schedule-shape.ts';
import type { Fault } from '../audience/segment.ts';

export { scheduleShapeFaults, type Timing } from './schedule-shape.ts';

/** A person who set the start to this minute means now. */
const GRACE_MS = 60_000;

/**
 * Everything about the timing of a campaign that keeps it from being published, each with its place.
 *
 * @param context.nowMs epoch milliseconds
 * @param context.accountZone the account's IANA zone
 */
export function scheduleFaults(timing: Timing, context: { nowMs: number; accountZone: string }): Fault[] {
  const { who, when } = timing;
  const { nowMs, accountZone } = context;
  const shape = scheduleShapeFaults(timing);
  const startMs = when.start === 'now' ? nowMs : Date.parse(when.start);
  const endMs = when.end === undefined ? null : Date.parse(when.end);
  const limits: Fault[] = [];
  if (startMs < nowMs - GRACE_MS) limits.push({ pointer: '/when/start', detail: 'lies in the past' });
  if (endMs !== null) {
    if (endMs <= nowMs) limits.push({ pointer: '/when/end', detail: 'lies in the past' });
    else if (endMs <= startMs) limits.push({ pointer: '/when/end', detail: 'is not after the start' });
  }
  const faults = [...shape, ...limits];
  // Whose times cannot be read have no occurrences; and one fault of a start or an end is not said once more of each.
  const readable = !shape.some(({ pointer }) => /^\/when\/(schedule|timezone)/.test(pointer));
  if (!('past' in who) || !readable) return faults;
  const startsAtMs = Math.max(startMs, nowMs);
  const endsAtMs = limits.length > 0 ? null : endMs;
  const planned: ScheduleContext = { when, startsAtMs, endsAtMs, accountZone };
  return [...faults, ...plannedFaults(planned, nowMs, shape)];
}

function plannedFaults(context: ScheduleContext, nowMs: number, shape: Fault[]): Fault[] {
  const { when, startsAtMs } = context;
  const { schedule } = when;
  if (schedule === undefined) {
    if (shape.some(({ pointer }) => pointer === '/when/cutOff')) return [];
    return cutOffFaults(when, [shownIn(anchorZone(context), startsAtMs).slice(11)]);
  }
  const isList = !('every' in schedule) && !('rrule' in schedule);
  return isList ? listedFaults(context, schedule.at, nowMs) : recurringFaults(context, schedule);
}

/** Of times that are listed, none may be left out without a word. */
function listedFaults(context: ScheduleContext, at: string[], nowMs: number): Fault[] {
  const { startsAtMs, endsAtMs } = context;
  const zone = scheduleZone(context);
  return at.flatMap((local, i) => {
    const { firstMs, lastMs } = instantsOf(local, zone);
    const fault = (detail: string): Fault[] => [{ pointer: `/when/schedule/at/${i}`, detail }];
    if (lastMs < floorToMinute(nowMs)) return fault('lies in the past');
    if (lastMs < floorToMinute(startsAtMs)) return fault('lies before the start');
    if (endsAtMs !== null && firstMs >= endsAtMs) return fault('does not lie before the end');
    return [];
  });
}

function recurringFaults(context: ScheduleContext, schedule: RunSchedule): Fault[] {
  const place = 'every' in schedule ? '/when/schedule/every' : '/when/schedule/rrule';
  const unbounded = (when: CampaignSchedule): ScheduleContext => ({ ...context, when, endsAtMs: null });
  const first = nextOccurrence(unbounded({ ...context.when, schedule: withoutUntil(schedule) }), null);
  if (first === null) return [{ pointer: place, detail: 'never occurs' }];
  const faults: Fault[] = [];
  if (nextOccurrence(context, null) !== null) return faults;
  if (nextOccurrence(unbounded(context.when), null) === null) {
    const [pointer, name] = 'every' in schedule ? [`${place}/until`, ''] : [place, 'UNTIL '];
    faults.push({ pointer, detail: `${name}lies before the first occurrence, ${first.local}` });
  }
  if (context.endsAtMs !== null && first.firstMs >= context.endsAtMs)
    faults.push({ pointer: place, detail: `does not occur before the end; first at ${first.local}` });
  return faults;
}

function withoutUntil(schedule: RunSchedule): RunSchedule {
  if ('every' in schedule) return { every: { ...schedule.every, until: undefined } };
  if (!('rrule' in schedule)) return schedule;
  const parts = schedule.rrule.split(';').filter((part) => !/^(RRULE:)?UNTIL=/i.test(part));
  return { ...schedule, rrule: parts.join(';') };
}
