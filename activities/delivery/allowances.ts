import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { controlGroupOf, periodsAt, turnsCountSince } from '../../domain/audience/limits.ts';
import type { Message, SuppressionReason } from '../../domain/delivery/message.ts';
import type { LimitRepository } from '../../domain/ports/limits.ts';
import type { Settlement } from '../../domain/ports/messages.ts';
import type { AccountSettings } from '../../domain/campaign/settings.ts';
import { clockText } from '../../domain/delivery/trigger-plan.ts';
import type { DeliveryDeps } from './deps.ts';

/** A push takes a moment to arrive: this close to the end of a period, a message waits for the next. */
const TAKE_BEFORE_END_MS = 2_000;
const START_BEFORE_END_MS = 1_000;

/** What a message may use up of its profile's attention, or what becomes of it when that is used up. */
export type Allowance =
  /** It must go on the wire before this instant, epoch milliseconds, or ask again. */
  { kind: 'granted'; startBeforeMs: number } | { kind: 'refused'; settlement: Settlement };

/**
 * Takes the profile's turn at the campaign, sorts out control groups, and takes a slot of the global limits, in
 * this order. Asking again for the same message is harmless: what it holds it keeps, and on another day it takes
 * that day's slot for the one it had.
 */
export async function takeAllowance(
  deps: Pick<DeliveryDeps, 'limits' | 'allowances' | 'clock'>,
  row: Message,
  about: {
    definition: CampaignDefinition;
    /** The same whichever campaign the message is of. */
    zone: string;
    settings: AccountSettings;
  },
): Promise<Allowance> {
  const { definition, zone, settings } = about;
  const { profileId, campaignId, id: messageId } = row;
  const nowMs = deps.clock.nowMs();

  const since = turnsCountSince(definition.when.requalify, nowMs);
  if (since !== 'always') {
    const turn = { profileId, campaignId, messageId, at: new Date(nowMs) };
    const answer = await deps.allowances.takeTurn(turn, since);
    if (answer !== 'granted')
      return suppressed('frequencyCap', `the profile got it at ${answer.takenAt.toISOString()}`);
  }

  const group = controlGroupOf(row, settings.controlGroup, definition.setup?.controlGroup);
  if (group !== null) {
    const detail = `in the control group of the ${group}`;
    return { kind: 'refused', settlement: { kind: 'control', controlAt: new Date(nowMs), detail } };
  }

  if (definition.when.ignoreGlobalLimits || row.request?.transactional)
    return { kind: 'granted', startBeforeMs: Infinity };
  const aheadMs = deps.limits.calendarAheadMs;
  const { channel } = definition;
  const { periods, endsAtMs } = periodsAt(settings.globalLimits[channel], nowMs + aheadMs, zone);
  if (periods.length === 0) return { kind: 'granted', startBeforeMs: Infinity };
  const endMs = endsAtMs - aheadMs;
  if (nowMs >= endMs - TAKE_BEFORE_END_MS)
    return { kind: 'refused', settlement: { kind: 'again', dueAt: new Date(endMs), tried: false } };
  const answer = await deps.allowances.take({ profileId, channel }, messageId, periods);
  if (answer === 'granted') return { kind: 'granted', startBeforeMs: endMs - START_BEFORE_END_MS };
  const limit = periods.find(({ key }) => key === answer.full)?.limit;
  const local = clockText(nowMs + aheadMs, zone);
  return suppressed('globalLimit', `${answer.full} is full: ${limit} (it was ${local} in ${zone})`);
}

function suppressed(reason: SuppressionReason, detail: string): Allowance {
  return { kind: 'refused', settlement: { kind: 'suppressed', reason, detail, qualified: true } };
}

/** @returns whether a row may hold a slot or a turn from a try before this one */
export function mayHold(row: Pick<Message, 'claims' | 'sentAt'>): boolean {
  return (row.claims ?? 0) > 1 && row.sentAt === undefined;
}

/** Gives back what a message holds that was closed and not sent; a control message keeps its turn. */
export async function giveBack(
  allowances: Pick<LimitRepository, 'giveBack' | 'giveTurnBack'>,
  row: Pick<Message, 'id' | 'profileId' | 'campaignId'>,
  definition: Pick<CampaignDefinition, 'channel' | 'when'>,
  options: { keepTurn?: boolean } = {},
): Promise<void> {
  const { profileId, campaignId, id: messageId } = row;
  await allowances.giveBack({ profileId, channel: definition.channel }, messageId);
  if (options.keepTurn || turnsCountSince(definition.when.requalify, 0) === 'always') return;
  await allowances.giveTurnBack({ profileId, campaignId, messageId });
}
