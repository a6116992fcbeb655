import type { ActiveLiveCampaign, EventMatch, LiveAudience } from '../campaign/campaign.ts';
import { matchesAll } from './conditions.ts';
import { BACKFILL_AFTER_MS, compareEvents, type EventOrder, type StoredEvent } from '../event.ts';
import { isOpen } from '../delivery/message.ts';
import type { OpeningDecision, PassageState } from './opening.ts';
import { decideReminder, type ReminderDate } from '../schedule/reminder-plan.ts';

/** What an event says to a live campaign: the parts of it that decisions read. */
type Happening = Pick<StoredEvent, 'name' | 'properties'> & EventOrder;

/** @returns whether the event has the name and meets the conditions */
export function matchesEvent(
  match: EventMatch,
  event: Pick<StoredEvent, 'name' | 'properties' | 'time'>,
): boolean {
  return match.event === event.name && matchesAll(match.where ?? [], event.properties, event.time.getTime());
}

/**
 * The value that tells passages of one profile apart.
 *
 * @returns '' when the campaign has no `matchOn`; null when the event lacks the property or its value is not
 *   a string, number or boolean, and so belongs to no passage
 */
export function matchValueOf(live: LiveAudience, properties: Record<string, unknown>): string | null {
  if (live.matchOn === undefined) return '';
  const value = Object.hasOwn(properties, live.matchOn) ? properties[live.matchOn] : undefined;
  if (typeof value === 'string') return value.length > 0 && value.length <= 256 ? value : null;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return null;
}

/** @returns whether the event is one of `cancelledBy`, whichever passage it belongs to */
export function isCancelling(
  live: LiveAudience,
  event: Pick<StoredEvent, 'name' | 'properties' | 'time'>,
): boolean {
  return (live.cancelledBy ?? []).some((match) => matchesEvent(match, event));
}

/** @returns the names of the events that close a passage, each once */
export function cancellingNames(live: LiveAudience): string[] {
  return [...new Set(cancellingMatches(live).map(({ match }) => match.event))];
}

/** @returns every event name that concerns the campaign, each once */
export function concerningNames(live: LiveAudience): string[] {
  return [...new Set([live.event, ...cancellingNames(live)])];
}

function cancellingMatches(live: LiveAudience): { match: EventMatch; reason: 'inactionMet' | 'cancelled' }[] {
  const matches: { match: EventMatch; reason: 'inactionMet' | 'cancelled' }[] = [];
  if (live.inaction) matches.push({ match: live.inaction, reason: 'inactionMet' });
  for (const match of live.cancelledBy ?? []) matches.push({ match, reason: 'cancelled' });
  return matches;
}

/**
 * Judges whether an event closes a passage: it came after the event that fills the passage, matches one of
 * the cancelling events, and carries the same `matchOn` value.
 *
 * @returns why, or null when it does not
 */
export function cancellationBy(
  live: LiveAudience,
  event: Happening,
  passage: { matchValue: string; event: EventOrder },
): 'inactionMet' | 'cancelled' | null {
  if (compareEvents(event, passage.event) <= 0) return null;
  if (matchValueOf(live, event.properties) !== passage.matchValue) return null;
  return cancellingMatches(live).find(({ match }) => matchesEvent(match, event))?.reason ?? null;
}

/** @returns whether the event may open passages of the campaign at all, and if not, why */
export function eligibility(
  campaign: Pick<ActiveLiveCampaign, 'publishedAt' | 'startsAt' | 'endsAt' | 'catalogueVersion'>,
  event: Pick<StoredEvent, 'time' | 'receivedAt' | 'catalogueVersion'>,
): 'eligible' | 'beforePublish' | 'notStarted' | 'ended' | 'backfill' {
  const received = event.receivedAt.getTime();
  // Judged by a view that already held the campaign, it came after the publish whatever the clocks say.
  if (event.catalogueVersion < campaign.catalogueVersion && received < campaign.publishedAt.getTime()) {
    return 'beforePublish';
  }
  // A start "now" is the publish instant by the database's clock; an instance's clock may lag a little.
  const startsLater = campaign.startsAt.getTime() > campaign.publishedAt.getTime();
  if (startsLater && received < campaign.startsAt.getTime()) return 'notStarted';
  if (campaign.endsAt !== undefined && received >= campaign.endsAt.getTime()) return 'ended';
  if (received - event.time.getTime() > BACKFILL_AFTER_MS) return 'backfill';
  return 'eligible';
}

/**
 * Decides what an opening event does, given the passages of the same profile and `matchOn` value.
 * It must answer the same when a step is repeated after a crash, so it judges by the order of events and
 * not by what happens to be open now: an event that came while a passage was open stays ignored.
 *
 * @param messageId the id that a passage opened by this event has
 * @param passages those of the profile, campaign and `matchOn` value, in any order
 * @param date of a reminder, as the event names it
 */
export function decideOpening(
  live: LiveAudience,
  event: EventOrder,
  messageId: string,
  passages: PassageState[],
  date?: ReminderDate,
): OpeningDecision {
  if (date !== undefined) return decideReminder(event, messageId, passages, date);
  const own = passages.find((passage) => passage.id === messageId);
  if (own) return { kind: 'alreadyOpened', messageId, stillWaiting: isOpen(own.state) };

  for (const passage of passages) {
    if (compareEvents(passage.openedBy, event) > 0) return { kind: 'ignore', because: 'earlierThanPassage' };
    if (passage.closedBy !== undefined) {
      if (compareEvents(passage.closedBy, event) > 0) return { kind: 'ignore', because: 'repeatedWhileOpen' };
      continue;
    }
    if (isOpen(passage.state)) {
      const restarts = live.onRepeat === 'restart' && passage.state === 'waiting';
      const newer = compareEvents(passage.event, event) < 0;
      if (restarts && newer) return { kind: 'restart', messageId: passage.id };
      return { kind: 'ignore', because: 'alreadyOpen' };
    }
    if (passage.settledAt !== undefined && passage.settledAt.getTime() > event.receivedAt.getTime()) {
      return { kind: 'ignore', because: 'repeatedWhileOpen' };
    }
  }
  return { kind: 'open' };
}
