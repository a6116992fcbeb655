/** What the browser reports about a notification. */
export type ReceiptKind = 'delivered' | 'viewed' | 'clicked' | 'dismissed';

/** A button of a notification; `url` is where it leads, absent: where the notification leads. */
export interface PushAction {
  action: string;
  title: string;
  url?: string;
}

/** What the service worker shows. `tag` is the message's id, so that a repeat replaces the first. */
export interface PushNotification {
  title: string;
  body: string;
  icon?: string;
  image?: string;
  badge?: string;
  tag: string;
  actions?: PushAction[];
  requireInteraction?: boolean;
  /** The campaign's own values, handed through to `Notification.data.custom`. */
  data?: Record<string, unknown>;
  /** Where a click leads; absent: the start page of the site. */
  url?: string;
}

/** The plaintext of one web push, as JSON: what the sender encrypts and the service worker reads. */
export interface PushPayload {
  v: 1;
  messageId: string;
  subscriptionId: string;
  /** Absolute address that takes a `PushReceipt` by POST. */
  receiptUrl: string;
  /** Proves to the server that the receipt comes from a holder of this push. */
  receiptToken: string;
  notification: PushNotification;
}

/** What the service worker posts to `receiptUrl`, as JSON. */
export interface PushReceipt {
  messageId: string;
  subscriptionId: string;
  token: string;
  kind: ReceiptKind;
  /** A random UUID, the same for each try to post this receipt: the server counts it once. */
  receiptId: string;
  /** When it happened by the browser's clock, ISO 8601 in UTC. */
  at: string;
  /** The `action` of the button that was clicked. */
  action?: string;
}
