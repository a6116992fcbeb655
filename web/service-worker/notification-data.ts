import type { PushPayload } from '../../domain/content/push-payload.ts';
import type { ShownNotification } from './worker-types.ts';

/** What a shown notification remembers of its push, as its `data`. */
export interface NotificationData {
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
  url?: string;
  /** Where each button leads. */
  actionUrls: Record<string, string>;
  custom?: Record<string, unknown>;
}

/** The payload of one of our pushes; null for any other. */
export function readPayload(data: { json(): unknown } | null): PushPayload | null {
  try {
    const value = unwrapped(data?.json());
    return isPayload(value) ? value : null;
  } catch {
    return null;
  }
}

/** The data of a notification that `toShownNotification` made; null for any other. */
export function readNotificationData(data: unknown): NotificationData | null {
  return hasReceiptFields(data) ? (data as unknown as NotificationData) : null;
}

/** A repeat of a message has its tag too, and so takes the place of the first. */
export function toShownNotification(payload: PushPayload): ShownNotification {
  const { title: _title, url, actions = [], data: custom, ...shown } = payload.notification;
  const { messageId, subscriptionId, receiptUrl, receiptToken } = payload;
  const data: NotificationData = {
    messageId,
    subscriptionId,
    receiptUrl,
    receiptToken,
    ...(url === undefined ? {} : { url }),
    actionUrls: Object.fromEntries(actions.flatMap(({ action, url: to }) => (to ? [[action, to]] : []))),
    ...(custom === undefined ? {} : { custom }),
  };
  return {
    ...shown,
    tag: shown.tag || messageId,
    ...(actions.length === 0 ? {} : { actions: actions.map(({ action, title }) => ({ action, title })) }),
    data,
  };
}

/** Legacy FCM hands over everything that travelled, with our payload as a text in `data`. */
function unwrapped(value: unknown): unknown {
  if (!isRecord(value) || !isRecord(value.data) || typeof value.data.payload !== 'string') return value;
  return JSON.parse(value.data.payload) as unknown;
}

function isPayload(value: unknown): value is PushPayload {
  if (!isRecord(value) || value.v !== 1 || !hasReceiptFields(value)) return false;
  const notification = value.notification;
  if (!isRecord(notification)) return false;
  const { title, body, actions } = notification;
  return (
    typeof title === 'string' && typeof body === 'string' && (actions === undefined || Array.isArray(actions))
  );
}

function hasReceiptFields(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  const fields = ['messageId', 'subscriptionId', 'receiptUrl', 'receiptToken'];
  return fields.every((field) => typeof value[field] === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
