import { cancellationBy, cancellingNames } from '../../domain/audience/live-audience.ts';
import { refOf } from '../../domain/event.ts';
import type { Device, Message } from '../../domain/delivery/message.ts';
import { endOfQuietHours, inQuietHours, quietHoursOf } from '../../domain/schedule/quiet-hours.ts';
import { limitZoneOf, zoneOf } from '../../domain/schedule/zone-of.ts';
import { expiresAtMs } from '../../domain/delivery/ttl.ts';
import type { Settlement } from '../../domain/ports/messages.ts';
import type { Addressed, Ready, Recipient } from './address.ts';
import { takeAllowance } from './allowances.ts';
import { refusedByCap } from './cap-slot.ts';
import type { DeliveryDeps } from './deps.ts';
import { addressKey, definitionKey, type PageContext } from './page-context.ts';
import { addressWebPush } from './web-push-message.ts';
import { addressWebhook } from './webhook-message.ts';

/** A message that is ready to go to its devices, or what becomes of it instead. */
export type Prepared =
  | {
      kind: 'settle';
      settlement: Settlement;
      devices: Device[];
      /** It may have taken a slot or a turn, which is to be given back when it was not sent. */
      mayHold?: boolean;
    }
  | {
      kind: 'send';
      devices: Device[];
      ready: Ready;
      expiresAtMs: number;
      /** No send starts from this instant on, epoch ms: its slot is one of the day before, or it is cut off. */
      startBeforeMs: number;
    };

/**
 * Takes a claimed row through everything that is checked immediately before sending: its time to live, its cut-off,
 * cancelling events, the live filter, quiet hours, its addresses, requalify, control groups, global limits, and
 * the texts.
 */
export async function prepare(deps: DeliveryDeps, row: Message, context: PageContext): Promise<Prepared> {
  const nowMs = deps.clock.nowMs();
  const definition = context.definitions.get(definitionKey(row));
  const site = row.siteId === undefined ? undefined : context.sites.get(row.siteId);
  const profile = context.profiles.get(row.profileId);
  if (!definition || (row.siteId !== undefined && !site))
    return fail(row, 'campaignGone', 'its campaign version or site is not there any more');
  if (!profile) return suppress(row, 'unreachable', 'the profile is not there any more');

  const deadlineMs = expiresAtMs(definition.what.ttl, row.firstDueAt);
  if (nowMs >= deadlineMs) {
    if (row.devices.some((device) => device.state === 'delivered'))
      return settle(row, { kind: 'sent', sentAt: row.sentAt ?? new Date(nowMs) });
    return suppress(row, 'expired', `its time to live ended at ${new Date(deadlineMs).toISOString()}`);
  }

  const cutOffMs = row.cutOffAt?.getTime() ?? Infinity;
  const cutOffText = (): string => `cut off at ${new Date(cutOffMs).toISOString()}`;
  if (nowMs >= cutOffMs) return suppress(row, 'cutOff', cutOffText());

  if ('live' in definition.who && row.passage) {
    const { live } = definition.who;
    const { passage } = row;
    const names = cancellingNames(live);
    if (names.length > 0) {
      for await (const event of deps.events.since(row.profileId, names, passage.event.time)) {
        const reason = cancellationBy(live, event, passage);
        if (reason === null) continue;
        const qualified = event.time.getTime() >= passage.qualifiesAt.getTime();
        return settle(row, { kind: 'suppressed', reason, qualified, closedBy: refOf(event) });
      }
    }
    if (live.filter && !(await deps.audience.members(live.filter, [profile.id], nowMs)).has(profile.id)) {
      return suppress(row, 'noLongerQualifies', 'the profile no longer meets the filter');
    }
  }

  const subscriptions = context.subscriptions.get(addressKey(row)) ?? [];
  const { settings } = context;
  // What somebody waits for does not wait for the end of the night.
  const dnd = row.request?.transactional ? undefined : quietHoursOf(definition.when, settings);
  if (dnd) {
    const zone = zoneOf(profile, subscriptions, site, settings.timezone);
    if (inQuietHours(nowMs, dnd, zone)) {
      if (dnd.action === 'discard')
        return suppress(row, 'dnd', `quiet hours ${dnd.from} to ${dnd.to} (${zone})`);
      const dueMs = endOfQuietHours(nowMs, dnd, zone);
      if (dueMs >= cutOffMs) return suppress(row, 'cutOff', `${cutOffText()}, before quiet hours end`);
      const isFirst = row.tries === 0 && row.sentAt === undefined;
      const dueAt = new Date(dueMs);
      return settle(row, { kind: 'again', dueAt, tried: false, released: true, isFirst });
    }
  }

  const to = { row, definition, site, profile, subscriptions, expiresAtMs: deadlineMs };
  const addressed = addressOf(deps, to, context);
  if (addressed.kind === 'unreachable') return suppress(row, 'unreachable', addressed.detail);
  if (addressed.kind === 'failed') return fail(row, addressed.reason, addressed.detail);
  const { devices } = addressed;
  if (!devices.some(({ state }) => state === 'pending')) {
    if (devices.some((device) => device.state === 'delivered')) {
      return { kind: 'settle', settlement: { kind: 'sent', sentAt: row.sentAt ?? new Date(nowMs) }, devices };
    }
    return { kind: 'settle', settlement: { kind: 'failed', reason: 'gone' }, devices };
  }

  // What one device has taken already was sent, and has its slot and its turn.
  let startBeforeMs = cutOffMs;
  if (row.sentAt === undefined) {
    const zone = limitZoneOf(profile, context.latestZones.get(profile.id), settings.timezone);
    const allowance = await takeAllowance(deps, row, { definition, zone, settings });
    if (allowance.kind === 'refused') return { ...settle(row, allowance.settlement), mayHold: true };
    startBeforeMs = Math.min(startBeforeMs, allowance.startBeforeMs);
    const refusal = await refusedByCap(deps, row, definition);
    if (refusal !== null) return { ...suppress(row, 'targetingCap', refusal), mayHold: true };
  }

  let ready: Ready;
  try {
    ready = await addressed.ready(context);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { ...suppress(row, 'renderError', detail), mayHold: true };
  }
  return { kind: 'send', devices, ready, expiresAtMs: deadlineMs, startBeforeMs };
}

function addressOf(deps: DeliveryDeps, to: Recipient, context: PageContext): Addressed {
  const { definition } = to;
  return definition.channel === 'webPush'
    ? addressWebPush(deps, { ...to, definition })
    : addressWebhook(deps, { ...to, definition }, context);
}

function settle(row: Message, settlement: Settlement): Extract<Prepared, { kind: 'settle' }> {
  // What one device has taken already was sent, whatever keeps it from the others.
  const kept = row.sentAt !== undefined && settlement.kind !== 'again' ? sentBefore(row.sentAt) : settlement;
  return { kind: 'settle', settlement: kept, devices: row.devices };
}

function sentBefore(sentAt: Date): Settlement {
  return { kind: 'sent', sentAt };
}

function suppress(
  row: Message,
  reason: Extract<Settlement, { kind: 'suppressed' }>['reason'],
  detail: string,
): Extract<Prepared, { kind: 'settle' }> {
  return settle(row, { kind: 'suppressed', reason, detail, qualified: true });
}

function fail(row: Message, reason: string, detail: string): Prepared {
  return settle(row, { kind: 'failed', reason, detail });
}
