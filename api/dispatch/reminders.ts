import type { LiveAudience } from '../../domain/campaign/campaign.ts';
import { compareEvents, refOf, type StoredEvent } from '../../domain/event.ts';
import { isCancelling, matchesEvent, matchValueOf } from '../../domain/audience/live-audience.ts';
import type { OpeningDecision } from '../../domain/audience/opening.ts';
import type { Message } from '../../domain/delivery/message.ts';
import { reminderDate, type ReminderDate } from '../../domain/schedule/reminder-plan.ts';
import type { DispatchDeps } from './deps.ts';

/**
 * The event that fills the passage and says when it is due: the one that opens it. Of a reminder it is the latest
 * that names a date: one that came before it, out of order, and opened nothing has left no other trace.
 *
 * @returns null when that date has passed, so that nothing is to be opened
 */
export async function fillingEvent(
  deps: DispatchDeps,
  opening: { live: LiveAudience; event: StoredEvent; matchValue: string; zone: string },
  decision: OpeningDecision,
  rows: Message[],
): Promise<StoredEvent | null> {
  const { live, event, matchValue, zone } = opening;
  if (live.dateProperty === undefined) return event;
  if (decision.kind === 'alreadyOpened') {
    const filledBy = rows.find(({ id }) => id === decision.messageId)?.passage?.event.id;
    return (filledBy === undefined ? null : await deps.events.byId(filledBy)) ?? event;
  }
  if (decision.kind !== 'open') return event;
  let latest = event;
  let isPast = false;
  for await (const later of deps.events.since(event.profileId, [live.event], event.time)) {
    if (compareEvents(later, latest) <= 0 || !matchesEvent(live, later) || isCancelling(live, later))
      continue;
    if (matchValueOf(live, later.properties) !== matchValue) continue;
    const date = reminderDate(live, later, zone);
    if (date === undefined || date.kind === 'none') continue;
    latest = later;
    isPast = date.kind === 'past';
  }
  return isPast ? null : latest;
}

/** Closes a reminder that an event moved to a date that has passed: what it would say is not true any more. */
export async function withdrawReminder(
  deps: DispatchDeps,
  trigger: { campaignId: string; profileId: string; messageId: string },
  event: StoredEvent,
  date: ReminderDate | undefined,
): Promise<void> {
  const due = date && date.kind !== 'none' ? new Date(date.dueMs).toISOString() : 'a date';
  const detail = `moved to ${due}, which had passed`;
  const closing = { reason: 'cancelled' as const, closedBy: refOf(event), qualified: true, detail };
  if (!(await deps.messages.closePassage(trigger.messageId, closing))) return;
  await deps.workflows.close(trigger, 'cancelled', `cancelled by ${event.name}: ${detail}`);
}
