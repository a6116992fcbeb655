import type { CampaignSchedule, LiveAudience } from '../campaign/campaign.ts';
import { parseDuration } from '../schedule/duration.ts';
import { endOfQuietHours } from '../schedule/quiet-hours.ts';
import { reminderDate, reminderText } from '../schedule/reminder-plan.ts';
import { localParts } from '../schedule/time-zone.ts';

/** One thing a passage waits for; `summary` is what an operator reads beside the timer. */
export interface Wait {
  kind: 'window' | 'delay' | 'date' | 'quietHours' | 'postponed';
  /** Epoch milliseconds. */
  untilMs: number;
  summary: string;
}

/** Everything a passage will do, known before its workflow starts. */
export interface TriggerPlan {
  /** When its conditions will have held. */
  qualifiesAtMs: number;
  /** When it is to be sent. */
  dueAtMs: number;
  waits: Wait[];
}

/** How much a change of time zone can move a reminder: from UTC+14 to UTC-12. */
const ZONES_APART_MS = 26 * 3_600_000;

/**
 * Plans a passage: window, then delay, or the date of a reminder; then quiet hours. The window and the delay count
 * from the event's own time, so a late event waits for less; what lies in the past is not waited for.
 *
 * A reminder's long wait is cut in two, so that the plan is made anew while a user who has travelled, however far,
 * can still have it at their own time: a wait of more than a day ends with a new plan.
 *
 * @param input.zone IANA name of the profile's time zone
 * @param input.nowMs epoch milliseconds; quiet hours are judged at the later of this and the end of the delay
 * @throws RangeError when a reminder's event names no date: `reminderDate` says so beforehand
 */
export function planTrigger(input: {
  live: LiveAudience;
  when: CampaignSchedule;
  event: { time: Date; properties: Record<string, unknown> };
  zone: string;
  nowMs: number;
}): TriggerPlan {
  const { live, when, zone, nowMs } = input;
  const waits: Wait[] = [];
  let at = input.event.time.getTime();

  if (live.inaction) {
    at += durationOf(live.inaction.within);
    const subject = describeMatch(live, input.event.properties);
    waits.push({
      kind: 'window',
      untilMs: at,
      summary: `waits until ${clockText(at, zone)} (${zone}) for ${live.inaction.event}${subject}`,
    });
  }
  const qualifiesAtMs = at;

  if (when.delay !== undefined) {
    at += durationOf(when.delay);
    waits.push({
      kind: 'delay',
      untilMs: at,
      summary: `waits out the delay of ${when.delay} until ${clockText(at, zone)} (${zone})`,
    });
  }

  const date = reminderDate(live, input.event, zone);
  if (date !== undefined && live.dateProperty) {
    if (date.kind === 'none') throw new RangeError(date.fault);
    at = date.dueMs;
    const subject = describeMatch(live, input.event.properties);
    const which = reminderText(live.dateProperty);
    const summary = `waits until ${clockText(at, zone)} (${zone}), ${which}${subject}`;
    const lookMs = at - ZONES_APART_MS;
    if (lookMs > nowMs) {
      const look = `${summary}; the time zone is looked at again 26 hours before`;
      waits.push({ kind: 'date', untilMs: lookMs, summary: look });
    }
    waits.push({ kind: 'date', untilMs: at, summary });
  }

  if (when.dnd?.action === 'delay') {
    const from = Math.max(at, nowMs);
    const released = endOfQuietHours(from, when.dnd, zone);
    if (released > from) {
      at = released;
      waits.push({
        kind: 'quietHours',
        untilMs: at,
        summary: `waits until quiet hours end at ${clockText(at, zone)} (${zone})`,
      });
    }
  }
  return { qualifiesAtMs, dueAtMs: at, waits };
}

/** @returns whether the message is due at the end of quiet hours */
export function endsQuietHours(plan: TriggerPlan): boolean {
  return plan.waits.at(-1)?.kind === 'quietHours';
}

function durationOf(text: string): number {
  const ms = parseDuration(text);
  if (ms === null) throw new RangeError(`not a duration: ${text}`);
  return ms;
}

function describeMatch(live: LiveAudience, properties: Record<string, unknown>): string {
  if (live.matchOn === undefined || !Object.hasOwn(properties, live.matchOn)) return '';
  return `, ${live.matchOn} ${String(properties[live.matchOn]).slice(0, 60)}`;
}

/** @returns the local time as `2026-11-21 10:32:07` */
export function clockText(atMs: number, zone: string): string {
  const parts = localParts(atMs, zone);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${parts.year}-${two(parts.month)}-${two(parts.day)} ${two(parts.hour)}:${two(parts.minute)}:${two(parts.second)}`;
}
