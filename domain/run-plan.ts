import type { CampaignSchedule } from './campaign.ts';
import type { SuppressionReason } from './message.ts';
import { endOfQuietHours, inQuietHours, type QuietHours } from './quiet-hours.ts';
import { cutOffAt, dueInZone, PROFILE_ZONE, shownIn } from './schedule.ts';
import { clockText } from './trigger-plan.ts';

/** When one message of a run is due, or why it is not sent. */
export interface RunRowPlan {
  dueAt: Date;
  cutOffAt?: Date | undefined;
  released?: true | undefined;
  suppressed?: SuppressionReason | undefined;
  detail?: string | undefined;
}

/**
 * Plans one message of a run: its set time, then quiet hours, then the cut-off.
 *
 * @param input.dnd the quiet hours that hold for the campaign
 * @param input.zone the profile's time zone
 * @param input.nowMs epoch milliseconds: what was to be sent before is due now
 */
export function planRunRow(input: {
  when: CampaignSchedule;
  dnd: QuietHours | undefined;
  run: { instant: Date; plannedAt?: Date | undefined; local?: string | undefined };
  zone: string;
  accountZone: string;
  nowMs: number;
  /** The local time of the next run, if there is one. */
  nextLocal?: string | undefined;
}): RunRowPlan {
  const { when, dnd, run, zone, nowMs, nextLocal } = input;
  const isLocal = when.timezone === PROFILE_ZONE;
  const ownZone = when.timezone === undefined || isLocal ? input.accountZone : when.timezone;
  const scheduleZone = isLocal ? zone : ownZone;
  const instantMs = run.instant.getTime();
  const local = run.local ?? shownIn(scheduleZone, instantMs);
  const plannedMs = run.plannedAt?.getTime() ?? instantMs;
  const set = isLocal
    ? dueInZone({ when, occurrence: { local }, zone, plannedMs })
    : { dueMs: instantMs, local };
  // Moved to a day that has a run of its own, it would come twice.
  const isNextRuns = set !== 'past' && set.local > local && nextLocal !== undefined && set.local >= nextLocal;
  if (set === 'past' || isNextRuns) {
    const past = `${local.replace('T', ' ')} was past in ${zone} when the run was to begin`;
    const detail = isNextRuns ? `${past}, and the run of ${nextLocal.replace('T', ' ')} comes next` : past;
    return { dueAt: new Date(Math.max(plannedMs, nowMs)), suppressed: 'localTimePast', detail };
  }

  const endMs = cutOffAt({
    cutOff: when.cutOff,
    dueLocal: set.local,
    setMs: set.dueMs,
    zone: scheduleZone,
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
