import type { CampaignSchedule } from '../campaign/campaign.ts';
import type { SuppressionReason } from './message.ts';
import { endOfQuietHours, inQuietHours, type QuietHours } from '../schedule/quiet-hours.ts';
import { cutOffAt, dueInZone, PROFILE_ZONE, scheduleZone, shownIn } from '../schedule/schedule.ts';
import { clockText } from './trigger-plan.ts';

/** When one message of a run is due, or why it is not sent. */
export interface RunRowPlan {
  dueAt: Date;
  cutOffAt?: Date | undefined;
  released?: true | undefined;
  suppressed?: SuppressionReason | undefined;
  detail?: string | undefined;
}

/** Whose message of which run. */
interface Addressed {
  when: CampaignSchedule;
  run: { instant: Date; plannedAt?: Date | undefined; local?: string | undefined };
  /** The profile's time zone. */
  zone: string;
  accountZone: string;
  /** The local time of the next run, if there is one. */
  nextLocal?: string | undefined;
}

/** @returns the set time of one message of a run, in the zone that the schedule has for it, or why it has none */
export function setTimeOf({ when, run, zone, accountZone, nextLocal }: Addressed): {
  set: ReturnType<typeof dueInZone>;
  /** As the schedule has it. */
  local: string;
  setZone: string;
} {
  const ofSchedule = scheduleZone({ when, accountZone });
  const isOwn = ofSchedule === PROFILE_ZONE;
  const setZone = isOwn ? zone : ofSchedule;
  const instantMs = run.instant.getTime();
  const local = run.local ?? shownIn(setZone, instantMs);
  if (!isOwn) return { set: { dueMs: instantMs, local }, local, setZone };
  const plannedMs = (run.plannedAt ?? run.instant).getTime();
  return { set: dueInZone({ when, occurrence: { local }, zone, plannedMs, nextLocal }), local, setZone };
}

/**
 * Plans one message of a run: its set time, then quiet hours, then the cut-off.
 *
 * @param input.dnd the quiet hours that hold for the campaign
 * @param input.nowMs epoch milliseconds, or later while the profile waits: what was to be sent before is due then
 */
export function planRunRow(input: Addressed & { dnd: QuietHours | undefined; nowMs: number }): RunRowPlan {
  const { when, dnd, run, zone, nowMs, nextLocal } = input;
  const { set, local, setZone } = setTimeOf(input);
  if (set === 'past' || set === 'nextRun') {
    const past = `${local.replace('T', ' ')} was past in ${zone} when the run was to begin`;
    const next = nextLocal?.replace('T', ' ') ?? '';
    const detail = set === 'nextRun' ? `${past}, and the run of ${next} comes next` : past;
    const plannedMs = (run.plannedAt ?? run.instant).getTime();
    return { dueAt: new Date(Math.max(plannedMs, nowMs)), suppressed: 'localTimePast', detail };
  }

  const endMs = cutOffAt({
    cutOff: when.cutOff,
    dueLocal: set.local,
    setMs: set.dueMs,
    zone: setZone,
  });
  const cutOff = endMs === null ? {} : { cutOffAt: new Date(endMs) };
  const fromMs = Math.max(set.dueMs, nowMs);
  let dueMs = fromMs;
  if (dnd && inQuietHours(fromMs, dnd, zone)) {
    if (dnd.action === 'discard') {
      const detail = `quiet hours ${dnd.from} to ${dnd.to} (${zone})`;
      return { dueAt: new Date(fromMs), ...cutOff, suppressed: 'dnd', detail };
    }
    dueMs = endOfQuietHours(fromMs, dnd, zone);
  }
  if (endMs !== null && dueMs >= endMs) {
    const detail = `due at ${clockText(dueMs, zone)}, and cut off at ${clockText(endMs, zone)} (${zone})`;
    return { dueAt: new Date(dueMs), ...cutOff, suppressed: 'cutOff', detail };
  }
  return { dueAt: new Date(dueMs), ...cutOff, ...(dueMs > fromMs ? { released: true as const } : {}) };
}
