import type { Gate } from '../../domain/campaign/campaign.ts';
import type { Attempt, Device, Message } from '../../domain/delivery/message.ts';
import { judgeTry } from '../../domain/delivery/settle.ts';
import type { MessageResult, Settlement } from '../../domain/ports/messages.ts';
import type { DeliveryDeps } from './deps.ts';
import type { Prepared } from './prepare.ts';
import type { Sent } from './webhook-request.ts';

/** What a gate that is not open does to a row. */
export type WhenPaused = 'drop' | 'keep';

/** @returns what a try came to, by what each device answered */
export function judge(
  deps: DeliveryDeps,
  row: Message,
  prepared: Extract<Prepared, { kind: 'send' }>,
  { attempts, judged }: Sent,
): { devices: Device[]; settlement: Settlement } {
  const nowMs = judged?.nowMs ?? deps.clock.nowMs();
  const { devices, verdict } = judgeTry({
    devices: prepared.devices,
    outcomes: attempts,
    tries: row.tries,
    nowMs,
    expiresAtMs: prepared.expiresAtMs,
    random: judged?.fraction ?? deps.random.fraction(),
    policy: prepared.ready.retry,
  });
  const sentAt = row.sentAt ?? new Date(nowMs);
  switch (verdict.kind) {
    case 'sent':
      return { devices, settlement: { kind: 'sent', sentAt } };
    case 'failed':
      return {
        devices,
        settlement: { kind: 'failed', reason: verdict.reason, ...detailOf(attempts, verdict.reason) },
      };
    case 'expired':
      return {
        devices,
        settlement: {
          kind: 'suppressed',
          reason: 'expired',
          detail: 'no try fits into its time to live',
          qualified: true,
        },
      };
    case 'retryAt': {
      const dueAt = new Date(verdict.atMs);
      return {
        devices,
        settlement: { kind: 'again', dueAt, tried: true, ...(verdict.accepted ? { sentAt } : {}) },
      };
    }
  }
}

/** @returns what the other side said beside the reason that the message failed for */
function detailOf(attempts: Attempt[], reason: string): { detail?: string } {
  for (const { outcome } of attempts)
    if (outcome.kind === 'rejected' && outcome.reason === reason && outcome.detail !== undefined)
      return { detail: outcome.detail };
  return {};
}

/** @returns what is recorded of a row that was claimed under the token */
export function resultOf(
  row: Message,
  token: string,
  settlement: Settlement,
  devices: Device[],
  attempts: Attempt[],
): MessageResult {
  return { messageId: row.id, token, settlement, devices, attempts };
}

/** A row that was claimed and not started goes back with its own due instant. */
export function asItWas(row: Message): Settlement {
  return { kind: 'again', dueAt: row.dueAt, tried: false };
}

/** Holders that each have a part of a batch try again, and not both at the same time. */
export function inAMoment(deps: DeliveryDeps, row: Message): Settlement {
  const ms = APART_MS * (1 + 4 * deps.random.fraction());
  return {
    kind: 'again',
    dueAt: new Date(Math.max(row.dueAt.getTime(), deps.clock.nowMs() + ms)),
    tried: false,
  };
}

const APART_MS = 250;

/** @returns what a gate that is not open makes of a row */
export function behindGate(row: Message, gate: Exclude<Gate, 'open'>, whenPaused: WhenPaused): Settlement {
  if (row.sentAt !== undefined && gate !== 'notStarted') return { kind: 'sent', sentAt: row.sentAt };
  switch (gate) {
    case 'paused':
      return whenPaused === 'keep' ? asItWas(row) : suppressedBy('paused');
    case 'stopped':
      return suppressedBy('stopped');
    case 'ended':
      return suppressedBy('ended');
    case 'notStarted':
      return { kind: 'again', dueAt: new Date(row.dueAt.getTime() + 1_000), tried: false };
  }
}

function suppressedBy(reason: 'paused' | 'stopped' | 'ended'): Settlement {
  return { kind: 'suppressed', reason, qualified: true };
}
