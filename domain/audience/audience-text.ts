import type { Audience, EventMatch, LiveAudience } from '../campaign/campaign.ts';
import { reminderText } from '../schedule/reminder-plan.ts';
import { segmentClause, whereText, type ReferenceNames } from './segment-text.ts';
import { listText, nameText, spanText } from './word-text.ts';

/**
 * Says whom a campaign goes to, in whole sentences.
 *
 * @param names of what the audience refers to, by id; what has none is called by its id
 */
export function audienceText(who: Audience, names: ReferenceNames = {}): string[] {
  if ('live' in who) return liveText(who.live, names);
  if ('past' in who) return [segmentSentence(segmentClause(who.past, names))];
  const required = who.api.requiredData ?? [];
  const data =
    required.length === 0
      ? ''
      : `, each with ${listText(required.map(nameText), 'and')} in ${required.length === 1 ? 'its' : 'their'} data`;
  return [`Whoever a call of send names${data}.`];
}

function segmentSentence(clause: ReturnType<typeof segmentClause>): string {
  if (clause === 'everyone') return 'Everyone.';
  return clause === 'noOne' ? 'No one.' : `Everyone ${clause}.`;
}

function liveText(live: LiveAudience, names: ReferenceNames): string[] {
  const { matchOn, inaction, cancelledBy = [], dateProperty, onRepeat, filter } = live;
  const each = matchOn === undefined ? '' : `, once at a time for each ${nameText(matchOn)}`;
  const unless =
    inaction === undefined
      ? ''
      : `, unless ${matchText(inaction)} follows within ${spanText(inaction.within)}`;
  const sentences = [`Whoever does ${matchText(live)} from now on${each}${unless}.`];
  if (filter) {
    const clause = segmentClause(filter, names);
    const those = clause === 'everyone' ? 'everyone' : clause === 'noOne' ? 'no one' : `those ${clause}`;
    sentences.push(`Only ${those}, as judged at the event and again before the send.`);
  }
  if (dateProperty) {
    const time =
      dateProperty.at === undefined ? '' : `, at ${dateProperty.at} of the day in the user's time zone`;
    sentences.push(
      `It is due ${reminderText({ ...dateProperty, property: nameText(dateProperty.property) })}${time}.`,
    );
    if (matchOn !== undefined) sentences.push(`A later event with the same ${nameText(matchOn)} moves it.`);
  }
  if (onRepeat === 'restart') sentences.push('The event again, while it waits, starts the wait anew.');
  const cancelling = cancelledBy.map(matchText);
  if (cancelling.length > 0) {
    const verb = cancelling.length === 1 ? 'cancels' : 'each cancel';
    sentences.push(`Until it is sent, ${listText(cancelling, 'and')} ${verb} it.`);
  }
  return sentences;
}

function matchText({ event, where = [] }: EventMatch): string {
  return `${nameText(event)}${whereText(where)}`;
}
