import type { Campaign, CampaignSchedule, LiveAudience, Requalify } from '../campaign/campaign.ts';
import { matchesAll } from '../audience/conditions.ts';
import { parseDuration } from '../schedule/duration.ts';
import type { StoredEvent } from '../event.ts';
import { conditionText } from './explain-segment.ts';
import { decideOpening, eligibility, isCancelling, matchValueOf } from '../audience/live-audience.ts';
import type { OpeningDecision } from '../audience/opening.ts';
import { turnsCountSince } from '../audience/limits.ts';
import type { Message } from '../delivery/message.ts';
import { reminderDate } from '../schedule/reminder-plan.ts';

/** What an opening event did, and why. */
export interface EventVerdict {
  eventId: string;
  time: Date;
  receivedAt: Date;
  /** `open`: nothing that is known now kept it from opening a message, and yet it opened none. */
  outcome: 'opened' | 'restarted' | 'ignored' | 'open';
  detail: string;
  /** Those of `where`, each judged. */
  conditions: { text: string; holds: boolean }[];
}

/**
 * @param opening the event, and the id that a message opened by it has
 * @param rows the profile's messages of the campaign
 * @param turnAt when the profile got the campaign last, or would have
 * @param zone the time zone of the profile, for the dates of reminders
 */
export function explainEvent(
  campaign: Campaign,
  live: LiveAudience,
  opening: { event: StoredEvent; messageId: string },
  rows: Message[],
  turnAt: Date | null,
  zone: string,
): EventVerdict {
  const { event, messageId } = opening;
  const atMs = event.time.getTime();
  const conditions = (live.where ?? []).map((condition) => ({
    text: conditionText(condition, event.properties),
    holds: matchesAll([condition], event.properties, atMs),
  }));
  const { eventId, time, receivedAt } = event;
  const said = (outcome: EventVerdict['outcome'], detail: string): EventVerdict => ({
    eventId,
    time,
    receivedAt,
    outcome,
    detail,
    conditions,
  });

  const isEarlier = cameBeforeVersion(campaign, event);
  const byNow = isEarlier
    ? `; as judged by the current version, of ${campaign.versionAt?.toISOString() ?? ''}; the event came before it`
    : '';
  const judged = (outcome: EventVerdict['outcome'], detail: string): EventVerdict =>
    said(outcome, `${detail}${byNow}`);

  if (rows.some((row) => row.id === messageId)) return said('opened', 'recorded: it opened a message');
  if (rows.some((row) => row.passage?.event.id === event.id)) {
    const did = live.dateProperty ? 'moved the reminder' : 'restarted the message';
    return said('restarted', `recorded: it ${did} that was open`);
  }
  const closed = rows.find((row) => row.passage?.closedBy?.id === event.id);
  if (closed && live.dateProperty) {
    return said('ignored', `recorded: it withdrew the reminder${closed.detail ? ` (${closed.detail})` : ''}`);
  }
  const failed = conditions.filter(({ holds }) => !holds).map(({ text }) => text);
  if (failed.length > 0) return judged('ignored', `it does not have a ${failed.join(' and a ')}`);
  const matchValue = matchValueOf(live, event.properties);
  if (matchValue === null) {
    return judged('ignored', `it has no ${live.matchOn ?? ''} to match on (a text, number, true or false)`);
  }
  const kept = keptOut(campaign, event);
  if (kept !== null) return judged('ignored', kept);
  const date = reminderDate(live, event, zone);
  if (date && isCancelling(live, event)) return judged('ignored', 'it is an event that cancels');
  if (date?.kind === 'none') return judged('ignored', `it names no date: ${date.fault}`);
  const decision = decideOpening(live, event, messageId, passagesThen(rows, matchValue, event), date);
  if (decision.kind === 'ignore') {
    const due = date ? `: it would have been due at ${new Date(date.dueMs).toISOString()}` : '';
    return judged('ignored', `${IGNORED[decision.because]}${decision.because === 'pastDate' ? due : ''}`);
  }
  const used = turnUsedUp(campaign.definition.when, live, event, turnAt);
  if (used !== null) return judged('ignored', used);
  const guesses = [
    'it is still being taken up',
    'the campaign was paused when it came',
    ...(live.filter ? ['the live filter did not hold when it came'] : []),
    ...(isEarlier ? ['the version of that time did not let it'] : []),
  ];
  return judged('open', `it meets the conditions and opened no message: ${guesses.join(', or ')}`);
}

/** Whether it was judged by a version before the current one when it came. */
function cameBeforeVersion(
  { publishedAt, versionAt, catalogueVersion = Infinity }: Campaign,
  event: StoredEvent,
): boolean {
  if (!publishedAt || !versionAt) return false;
  // Judged by a view that held the version already, it came after it whatever the clocks say.
  if (event.catalogueVersion >= catalogueVersion) return false;
  return event.receivedAt >= publishedAt && event.receivedAt < versionAt;
}

const IGNORED: Record<Extract<OpeningDecision, { kind: 'ignore' }>['because'], string> = {
  alreadyOpen: 'a message was open already',
  repeatedWhileOpen: 'it came while a message was open',
  earlierThanPassage: 'it happened before the event that had opened a message already',
  noDate: 'it names no date',
  pastDate: 'the reminder had passed when it happened',
  movedByLater: 'a later event had moved the reminder already',
  reminded: 'a message for that date, or a later one, was settled already',
};

/** Why the event may open nothing at all. */
function keptOut(campaign: Campaign, event: StoredEvent): string | null {
  const { publishedAt, startsAt, endsAt, catalogueVersion = 0 } = campaign;
  if (!publishedAt || !startsAt) return 'the campaign is not published';
  switch (eligibility({ publishedAt, startsAt, endsAt, catalogueVersion }, event)) {
    case 'eligible':
      return null;
    case 'beforePublish':
      return `it came before the campaign was published at ${publishedAt.toISOString()}`;
    case 'notStarted':
      return `it came before the campaign started at ${startsAt.toISOString()}`;
    case 'ended':
      return `it came after the campaign ended at ${endsAt?.toISOString() ?? ''}`;
    case 'backfill':
      return 'it came more than 24 hours after it happened, and counts for segments only';
  }
}

/** Why the profile may not get it again so soon after what it had got when the event came. */
function turnUsedUp(
  when: CampaignSchedule,
  live: LiveAudience,
  event: StoredEvent,
  turnAt: Date | null,
): string | null {
  if (turnAt === null || turnAt > event.receivedAt) return null;
  const waitMs = [live.inaction?.within, when.delay].reduce((sum, text) => sum + durationMs(text), 0);
  const since = turnsCountSince(when.requalify, event.time.getTime() + waitMs);
  if (since === 'always' || (since !== null && turnAt < since)) return null;
  return `${ruleText(when.requalify)}, and the profile got it, or would have, at ${turnAt.toISOString()}`;
}

function durationMs(text: string | undefined): number {
  return text === undefined ? 0 : (parseDuration(text) ?? 0);
}

/** @returns in words how often the same profile may get a campaign */
export function ruleText(requalify: Requalify | undefined): string {
  if (requalify?.mode === 'interval') return `the same profile may get it once in ${requalify.interval}`;
  return `the same profile may get it ${requalify?.mode === 'once' ? 'once' : 'every time'}`;
}

/** The passages that were there when the event came. */
function passagesThen(
  rows: Message[],
  matchValue: string,
  event: StoredEvent,
): Parameters<typeof decideOpening>[3] {
  return rows.flatMap(({ id, state, settledAt, firstDueAt, passage }) => {
    if (passage?.matchValue !== matchValue || passage.openedBy.receivedAt > event.receivedAt) return [];
    const { openedBy, event: latest, closedBy } = passage;
    return [{ id, state, settledAt, firstDueAt, openedBy, event: latest, closedBy }];
  });
}
