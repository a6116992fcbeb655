import type { EventRef } from '../event.ts';
import type { DeliveryOutcome } from './outcome.ts';
import type { ReceiptKind } from '../content/push-payload.ts';
import type { Transport } from '../site.ts';

/** Changed only by compare-and-set. `due` is a row that comes back for another try. */
export type MessageState = 'waiting' | 'due' | 'sending' | 'sent' | 'failed' | 'suppressed' | 'control';

/** States in which something may still happen. */
export const OPEN_STATES = ['waiting', 'due', 'sending'] as const satisfies readonly MessageState[];

/** @returns whether something may still happen to a message in this state */
export function isOpen(state: MessageState): boolean {
  return (OPEN_STATES as readonly MessageState[]).includes(state);
}

/** Why a qualified profile got nothing. */
export type SuppressionReason =
  | 'dnd'
  | 'globalLimit'
  | 'frequencyCap'
  | 'targetingCap'
  | 'cutOff'
  | 'localTimePast'
  | 'unreachable'
  | 'noLongerQualifies'
  | 'inactionMet'
  | 'cancelled'
  | 'renderError'
  | 'expired'
  | 'paused'
  | 'ended'
  | 'stopped';

/** One try to deliver to one subscription, or to a webhook; appended, never changed. */
export interface Attempt {
  /** The subscription's id, of a webhook campaign the webhook target's. */
  subscriptionId: string;
  at: Date;
  durationMs: number;
  outcome: DeliveryOutcome;
  /** Webhooks: the request that it travelled in. */
  batchId?: string | undefined;
}

/** Where a message stands with one subscription, or with a webhook. */
export interface Device {
  /** The subscription's id, of a webhook campaign the webhook target's. */
  subscriptionId: string;
  /** Absent: `vapid`, or a webhook. */
  transport?: Exclude<Transport, 'vapid'> | undefined;
  state: 'pending' | 'delivered' | 'gone' | 'rejected' | 'givenUp';
  tries: number;
  reason?: string | undefined;
}

/** What a browser reported about one message. */
export interface Receipt {
  id: string;
  kind: ReceiptKind;
  subscriptionId: string;
  at: Date;
  action?: string | undefined;
}

/** The part of a row that says which passage of a live campaign it is. */
export interface Passage {
  /** The value of `matchOn`, '' when the campaign has none. */
  matchValue: string;
  /** The event that opened it; with `onRepeat: restart` the latest one. */
  event: EventRef;
  /** The event that opened it first. */
  openedBy: EventRef;
  /** When its conditions will have held: the end of the inaction window, else the event's time. */
  qualifiesAt: Date;
  /** The event that closed it, if one did. */
  closedBy?: EventRef | undefined;
}

/** What a call of `POST /v1/campaigns/:id/send` said of one recipient. */
export interface ApiRequest {
  /** The call; the same for all its recipients. */
  sendId: string;
  /** What `data.*` in templates is, and `event.*`, so that a text can be shared with a live campaign. */
  data: Record<string, unknown>;
  /** Past quiet hours and global limits. */
  transactional?: true | undefined;
}

/** One profile × one run, trigger or API call: what everything is counted from. */
export interface Message {
  id: string;
  campaignId: string;
  version: number;
  /** Absent: of a webhook campaign without a site. */
  siteId?: string | undefined;
  profileId: string;
  /** Runs only. */
  runId?: string | undefined;
  /** Runs only: which of the 64 parts of the run drains it. */
  partition?: number | undefined;
  /** Triggers only. */
  passage?: Passage | undefined;
  /** API-triggered campaigns only: the call that it comes from. */
  request?: ApiRequest | undefined;
  state: MessageState;
  /** When it is to be sent, or tried again. */
  dueAt: Date;
  /** When it was to be sent first; the TTL counts from here. */
  firstDueAt: Date;
  tries: number;
  devices: Device[];
  attempts: Attempt[];
  receipts: Receipt[];
  /** Runs with a cut-off: nothing of it leaves from then on. */
  cutOffAt?: Date | undefined;
  /** It waited for the end of quiet hours: it leaves under their rate. */
  released?: true | undefined;
  /** Triggers only: its workflow has closed, since the campaign's rate was used up; the queue of the campaign sends it. */
  queued?: true | undefined;
  /** How often it was taken up: whatever was never taken up holds no slot of a limit. */
  claims?: number | undefined;
  /** Runs with a targeting cap: its place in the draw, 0 to 2^32 - 1. */
  rank?: number | undefined;
  /** Runs with a targeting cap: not drawn yet, and so not to be sent. */
  held?: boolean | undefined;
  /** With a targeting cap: it has taken one of the slots; that of one settled and not sent is free again. */
  capSlot?: boolean | undefined;
  /** The variant that was sent, or was to be sent when it failed. */
  variant?: string | undefined;
  /** Webhooks: the request that it travels in from its first try on; the same messages go together again. */
  batchId?: string | undefined;
  /** Why it was suppressed or failed. */
  reason?: string | undefined;
  detail?: string | undefined;
  /** Whether its conditions held when it was settled; absent while open. */
  qualified?: boolean | undefined;
  sentAt?: Date | undefined;
  /** Control groups: when it would have been sent. */
  controlAt?: Date | undefined;
  settledAt?: Date | undefined;
  createdAt: Date;
  /** The fence: who may send now, and until when by the database's clock. */
  token?: string | undefined;
  leaseUntil?: Date | undefined;
}

/** Most attempts and receipts that one row keeps, so that it stays a small document. */
export const MESSAGE_LIMITS = { receipts: 100 } as const;
