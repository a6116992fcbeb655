import type { DateProperty, LiveAudience } from '../campaign/campaign.ts';
import { compareEvents, type EventOrder } from '../event.ts';
import type { OpeningDecision, PassageState } from '../audience/opening.ts';
import { isOpen } from '../delivery/message.ts';
import { reminderInstant } from './reminder.ts';

/** When the reminder is due by what an event says. */
export type ReminderDate =
  | { kind: 'due'; dueMs: number }
  /** It would have been due before the event happened. */
  | { kind: 'past'; dueMs: number }
  | { kind: 'none'; fault: string };

/**
 * Reads the date of a reminder from an event. Past is what lies before the event's own time, and not before now:
 * else a repeat of the same step, or an event that comes a little late, would be judged otherwise.
 *
 * @returns undefined when the campaign is no reminder
 */
export function reminderDate(
  live: LiveAudience,
  event: { time: Date; properties: Record<string, unknown> },
  zone: string,
): ReminderDate | undefined {
  const { dateProperty } = live;
  if (dateProperty === undefined) return undefined;
  const { property } = dateProperty;
  const value = Object.hasOwn(event.properties, property) ? event.properties[property] : undefined;
  const read = reminderInstant(value, dateProperty, zone);
  if ('fault' in read) return { kind: 'none', fault: read.fault };
  return { kind: read.dueMs < event.time.getTime() ? 'past' : 'due', dueMs: read.dueMs };
}

/**
 * Decides what an event does to the reminders of the same profile and `matchOn` value: the latest event that names
 * a date counts, whatever the order in which they come.
 */
export function decideReminder(
  event: EventOrder,
  messageId: string,
  passages: PassageState[],
  date: ReminderDate,
): OpeningDecision {
  const own = passages.find((passage) => passage.id === messageId);
  if (own) return { kind: 'alreadyOpened', messageId, stillWaiting: isOpen(own.state) };
  if (date.kind === 'none') return { kind: 'ignore', because: 'noDate' };

  for (const passage of passages) {
    if (compareEvents(passage.openedBy, event) > 0) return { kind: 'ignore', because: 'earlierThanPassage' };
    if (passage.closedBy !== undefined) {
      if (compareEvents(passage.closedBy, event) > 0) return { kind: 'ignore', because: 'repeatedWhileOpen' };
      continue;
    }
    const order = compareEvents(passage.event, event);
    if (order > 0) return { kind: 'ignore', because: 'movedByLater' };
    if (isOpen(passage.state)) {
      if (passage.state !== 'waiting') return { kind: 'ignore', because: 'alreadyOpen' };
      if (order === 0) return { kind: 'alreadyMoved', messageId: passage.id };
      return { kind: date.kind === 'past' ? 'withdraw' : 'restart', messageId: passage.id };
    }
    // The same date once more, in an event that came late: whoever was reminded of it is not reminded again.
    if (order === 0 || date.dueMs <= passage.firstDueAt.getTime())
      return { kind: 'ignore', because: 'reminded' };
  }
  return date.kind === 'past' ? { kind: 'ignore', because: 'pastDate' } : { kind: 'open' };
}

/** @returns in words which date it is, such as `2 days before departure` */
export function reminderText({ property, offset = '', at }: DateProperty): string {
  const [, sign = '', count, unit = ''] = /^([+-]?)(\d+)([smhdw])$/.exec(offset) ?? [];
  if (count === undefined) return `${at === undefined ? 'at' : 'on the day of'} ${property}`;
  const length = `${count} ${UNITS[unit] ?? unit}${count === '1' ? '' : 's'}`;
  return `${length} ${sign === '-' ? 'before' : 'after'} ${property}`;
}

const UNITS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };
