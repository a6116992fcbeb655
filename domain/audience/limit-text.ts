import type { CampaignDefinition } from '../campaign/campaign.ts';
import { quietHoursOf } from '../schedule/quiet-hours.ts';
import { PROFILE_ZONE } from '../schedule/schedule.ts';
import type { AccountSettings } from '../campaign/settings.ts';
import { listText, spanText, timesText } from './word-text.ts';

/** What may keep a message back, or put it off, in the order in which it is asked. */
export const LIMIT_KINDS = [
  'throughput',
  'quietHours',
  'cutOff',
  'requalify',
  'controlGroup',
  'globalLimits',
  'targetingCap',
] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** @returns the limits that hold for a campaign, each in a sentence; those that do not are left out */
export function limitTexts(
  { channel, who, when, setup }: CampaignDefinition,
  settings: AccountSettings,
): { kind: LimitKind; text: string }[] {
  const said: { kind: LimitKind; text: string }[] = [];
  const say = (kind: LimitKind, text: string | null): void => {
    if (text !== null) said.push({ kind, text });
  };
  const butTransactional = 'api' in who ? ' A transactional call goes past it.' : '';

  if (when.throughput)
    say('throughput', `At most ${when.throughput.perMinute} messages leave in any minute.`);

  const dnd = quietHoursOf(when, settings);
  if (dnd) {
    const whose = when.dnd ? 'of the campaign' : 'of the account';
    const then = dnd.action === 'delay' ? 'waits for their end' : 'is discarded';
    const rate =
      dnd.action === 'delay' && dnd.releasePerMinute !== undefined
        ? `; then at most ${dnd.releasePerMinute} leave in any minute`
        : '';
    say(
      'quietHours',
      `In the quiet hours ${whose}, ${dnd.from} to ${dnd.to} in the user's time zone, a message ${then}${rate}.${butTransactional}`,
    );
  }

  if (when.cutOff !== undefined) {
    const isTime = when.cutOff.includes(':');
    const whose = isTime && when.timezone === PROFILE_ZONE ? " in the user's time zone" : '';
    say(
      'cutOff',
      isTime
        ? `Nothing leaves after ${when.cutOff} of the day of the run${whose}.`
        : `Nothing leaves later than ${spanText(when.cutOff)} after the set time.`,
    );
  }

  const { requalify } = when;
  if (requalify?.mode === 'once') say('requalify', 'The same profile gets it once.');
  if (requalify?.mode === 'interval')
    say('requalify', `The same profile gets it once in ${spanText(requalify.interval)}.`);

  if (settings.controlGroup)
    say(
      'controlGroup',
      `${settings.controlGroup.percent} % of all profiles are in the account's control group and get nothing.`,
    );
  if (setup?.controlGroup)
    say(
      'controlGroup',
      `${setup.controlGroup.percent} % of those who would get it are kept out as the campaign's control group.`,
    );

  const { perDay, perWeek } = settings.globalLimits[channel] ?? {};
  const periods = [
    ...(perDay === undefined ? [] : [`${timesText(perDay)} a day`]),
    ...(perWeek === undefined ? [] : [`${timesText(perWeek)} a week`]),
  ];
  if (periods.length > 0)
    say(
      'globalLimits',
      when.ignoreGlobalLimits
        ? `The account's limit of messages to a profile (${listText(periods, 'and')}) is ignored.`
        : `All campaigns of the channel together reach a profile at most ${listText(periods, 'and')}.${butTransactional}`,
    );

  const cap = setup?.targetingCap;
  if (cap) {
    const over =
      cap.ifExceeded === 'abort' ? 'a run that could reach more sends nothing' : 'the others are left out';
    say('targetingCap', `At most ${cap.limit} messages are sent in all; ${over}.`);
  }
  return said;
}
