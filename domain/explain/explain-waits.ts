import type { CampaignDefinition } from '../campaign/campaign.ts';
import { parseDuration } from '../schedule/duration.ts';
import { zoneNow } from './explain-now.ts';
import type { ExplainFacts, Step } from './explain-facts.ts';
import { isOpen, type Message } from '../delivery/message.ts';
import { MINUTE_MS } from '../schedule/local-date.ts';
import { endOfQuietHours, quietHoursOf } from '../schedule/quiet-hours.ts';
import { reminderDate } from '../schedule/reminder-plan.ts';
import { planRunRow, setTimeOf } from '../delivery/run-plan.ts';
import { PROFILE_ZONE } from '../schedule/schedule.ts';

type Recorded = Pick<Step, 'outcome' | 'detail' | 'at'>;

/** @returns what the message entered under; undefined when that is not known */
export function ownDefinition(row: Message, { own, campaign }: ExplainFacts): CampaignDefinition | undefined {
  return own?.definition ?? (row.version === campaign.version ? campaign.definition : undefined);
}

/** @returns what the record says about the wait of a live message for its own time: the delay, or a reminder's date */
export function delayStep(row: Message, facts: ExplainFacts): Recorded {
  const definition = ownDefinition(row, facts) ?? facts.campaign.definition;
  const live = 'live' in definition.who ? definition.who.live : undefined;
  if (live?.dateProperty) return ownWait(row, 'the reminder is due', facts);
  if (definition.when.delay !== undefined) return ownWait(row, 'the delay ends', facts);
  return withoutWait('delay');
}

/** @returns what the record says about the inaction window */
export function windowStep(row: Message, facts: ExplainFacts): Recorded {
  const definition = ownDefinition(row, facts) ?? facts.campaign.definition;
  if (!('live' in definition.who) || !definition.who.live.inaction) return withoutWait('window');
  return waited(row, row.passage?.qualifiesAt ?? row.firstDueAt, 'the window ends', facts);
}

/** @returns what the record says about the set time of a run's message */
export function scheduleStep(row: Message, facts: ExplainFacts): Recorded {
  const at = ownTimeOf(row, facts);
  const detail = at ? `at ${at.toISOString()}` : 'at its set time, before quiet hours ended';
  return { outcome: 'passed', detail: `recorded: it was to be sent ${detail}`, at: at ?? undefined };
}

/** @returns what the record says about quiet hours to a message that waited, or waits, for their end */
export function quietHoursStep(row: Message, facts: ExplainFacts): Recorded {
  const at = quietHoursEnd(row, facts) ?? undefined;
  const end = at ? ` at ${at.toISOString()}` : '';
  // What was tried and has no such instant any more is due again for another try.
  const isOver = leftMs(row, facts) >= (at ?? row.dueAt).getTime() || (!at && row.attempts.length > 0);
  if (isOver) return { outcome: 'passed', detail: `recorded: it waited until quiet hours ended${end}`, at };
  if (isOpen(row.state)) return { outcome: 'info', detail: `it waits until quiet hours end${end}`, at };
  return { outcome: 'notReached', detail: `it was to wait until quiet hours ended${end}`, at };
}

/**
 * When a message was to be sent by its delay, its date or its schedule, whatever quiet hours made of that.
 *
 * @returns null when that is not known exactly any more
 */
export function ownTimeOf(row: Message, facts: ExplainFacts): Date | null {
  if (!row.released) return row.firstDueAt;
  const definition = ownDefinition(row, facts);
  if (!definition) return null;
  if (row.passage) return liveTime(row, row.passage.qualifiesAt, definition, facts);
  return runTime(row, definition, facts);
}

function liveTime(
  row: Message,
  qualifiesAt: Date,
  { who, when }: CampaignDefinition,
  facts: ExplainFacts,
): Date | null {
  if (!('live' in who)) return null;
  if (!who.live.dateProperty) {
    const delayMs = when.delay === undefined ? 0 : (parseDuration(when.delay) ?? 0);
    return new Date(qualifiesAt.getTime() + delayMs);
  }
  const zone = zoneNow(facts);
  const date = facts.own?.event && reminderDate(who.live, facts.own.event, zone);
  if (!date || date.kind === 'none') return null;
  // The profile may have come to another time zone since: then the plan does not come out as it was.
  const dnd = quietHoursOf(when, facts.settings);
  const plannedMs = dnd ? endOfQuietHours(date.dueMs, dnd, zone) : date.dueMs;
  return isEither(row.firstDueAt, date.dueMs, plannedMs) ? new Date(date.dueMs) : null;
}

function runTime(row: Message, { when }: CampaignDefinition, facts: ExplainFacts): Date | null {
  const run = facts.runs.find(({ id }) => id === row.runId);
  if (!run) return null;
  if (when.timezone !== PROFILE_ZONE) return run.instant;
  const addressed = { when, run, zone: zoneNow(facts), accountZone: facts.settings.timezone };
  const { set } = setTimeOf(addressed);
  if (set === 'past' || set === 'nextRun') return null;
  const dnd = quietHoursOf(when, facts.settings);
  const plan = planRunRow({ ...addressed, dnd, nowMs: row.createdAt.getTime() });
  return isEither(row.firstDueAt, set.dueMs, plan.dueAt.getTime()) ? new Date(set.dueMs) : null;
}

function isEither(at: Date, ...instants: number[]): boolean {
  return instants.includes(at.getTime());
}

/**
 * When the quiet hours ended that a message waited for. They end at a full minute, and what else moves a due instant
 * (a try, a draw) does not.
 *
 * @returns null when that is not known exactly any more
 */
function quietHoursEnd(row: Message, facts: ExplainFacts): Date | null {
  const { dueAt, firstDueAt, attempts } = row;
  // It was put off at its send.
  if (dueAt > firstDueAt && isFullMinute(dueAt) && attempts.every(({ at }) => at >= dueAt)) return dueAt;
  if (!isFullMinute(firstDueAt)) return null;
  const own = ownTimeOf(row, facts);
  const planned = dueAt <= firstDueAt || (own !== null && own < firstDueAt);
  return planned ? firstDueAt : null;
}

function isFullMinute(at: Date): boolean {
  return at.getTime() % MINUTE_MS === 0;
}

function ownWait(row: Message, what: string, facts: ExplainFacts): Recorded {
  const until = ownTimeOf(row, facts);
  if (until) return waited(row, until, what, facts);
  const { outcome } = waited(row, quietHoursEnd(row, facts) ?? row.firstDueAt, what, facts);
  const detail = `${what} before quiet hours end`;
  return { outcome, detail: outcome === 'passed' ? `recorded: ${detail}` : detail };
}

function withoutWait(what: string): Recorded {
  return { outcome: 'passed', detail: `recorded: the version that it entered under has no ${what}` };
}

/** A wait is over when the message was not closed before its end. */
function waited(row: Message, until: Date, what: string, facts: ExplainFacts): Recorded {
  const end = `${what} at ${until.toISOString()}`;
  if (leftMs(row, facts) >= until.getTime())
    return { outcome: 'passed', detail: `recorded: ${end}`, at: until };
  return { outcome: isOpen(row.state) ? 'info' : 'notReached', detail: end, at: until };
}

/** Until when the message waited, epoch milliseconds. */
function leftMs(row: Message, { nowMs }: ExplainFacts): number {
  return (row.passage?.closedBy?.time ?? row.settledAt)?.getTime() ?? nowMs;
}
