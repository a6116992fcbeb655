import type { DeliveryOutcome, Urgency } from '../delivery/outcome.ts';
import type { SafariSettings } from '../site.ts';

/** The address and keys of one browser (the Push API's PushSubscription). */
export interface PushSubscriptionAddress {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

/** The VAPID identity of a site (RFC 8292): P-256 keys as unpadded base64url. */
export interface VapidIdentity {
  publicKey: string;
  privateKey: string;
  /** `mailto:` or `https:` contact of the operator. */
  subject: string;
}

export interface WebPushRequest {
  address: PushSubscriptionAddress;
  vapid: VapidIdentity;
  /** The plaintext; JSON for our service worker. At most 3,993 bytes of UTF-8 (RFC 8291 section 4). */
  payload: string;
  /** Seconds the push service may keep it (RFC 8030 section 5.2); 0 or more. */
  ttlSeconds: number;
  urgency: Urgency;
  /** The message's id; the `Topic` header (RFC 8030 section 5.4) is derived from it. */
  messageId: string;
  /** The `Topic` that a campaign gives all its messages; at most 32 base64url characters. */
  topic?: string | undefined;
  /** Milliseconds after which the try is given up as `unreachable: timeout`. */
  timeoutMs: number;
}

/** Tries once. Never throws for what a network or a push service does: that is an outcome. */
export interface WebPushChannel {
  /**
   * @param mayBegin asked in the very moment in which the request would go on the wire, which may be long after
   *   the call when a connection is made first; by default it always may
   * @returns `notBegun` when it might not: nothing was sent, and it does not count as a try
   */
  send(request: WebPushRequest, mayBegin?: () => boolean): Promise<DeliveryOutcome | { kind: 'notBegun' }>;
  /** Closes the kept connections. */
  close(): Promise<void>;
}

/** A push to Safari through Apple's push service. */
export interface ApnsRequest {
  /** Hexadecimal. */
  deviceToken: string;
  /** Its `websitePushId` is the topic. */
  safari: SafariSettings;
  /** The exact payload: JSON of at most 4,096 bytes. */
  payload: string;
  /** Epoch seconds until which Apple keeps it. */
  expiresAtSeconds: number;
  /** `high` is sent at once, else as power allows. */
  urgency: Urgency;
  /** What has the same one replaces each other: `apns-collapse-id` is derived from it. */
  replaces: string;
  timeoutMs: number;
}

/** Tries once; as {@link WebPushChannel}. */
export interface ApnsChannel {
  send(request: ApnsRequest, mayBegin?: () => boolean): Promise<DeliveryOutcome | { kind: 'notBegun' }>;
  close(): Promise<void>;
}

/** A push through Google's legacy FCM HTTP API. */
export interface FcmLegacyRequest {
  registrationToken: string;
  serverKey: string;
  /** What the service worker reads: the same JSON as of a web push. */
  payload: string;
  ttlSeconds: number;
  urgency: Urgency;
  /** What has the same one replaces each other: `collapse_key` is derived from it. */
  replaces: string;
  timeoutMs: number;
}

/** Tries once; as {@link WebPushChannel}. */
export interface FcmLegacyChannel {
  send(request: FcmLegacyRequest, mayBegin?: () => boolean): Promise<DeliveryOutcome | { kind: 'notBegun' }>;
  close(): Promise<void>;
}

/** One request to a webhook. */
export interface WebhookRequest {
  method: 'POST' | 'PUT' | 'PATCH';
  /** With the query pairs of the target. */
  url: string;
  /** The target's own. */
  headers: Record<string, string>;
  contentType: string;
  body: string;
  /** `webhook-id` of Standard Webhooks: the same whenever the same messages are tried again. */
  id: string;
  /** `whsec_` and base64; absent: not signed. */
  signingSecrets: string[];
  timeoutMs: number;
}

/** What came of it, with what the target answered, cut to its first kilobytes. */
export interface WebhookAnswer {
  outcome: DeliveryOutcome | { kind: 'notBegun' };
  answer?: { status: number; body: string; truncated: boolean } | undefined;
  /** Why there was none, in a sentence, such as which address was refused. */
  detail?: string | undefined;
}

/** Tries once. Never throws for what a network or a target does: that is an outcome. */
export interface WebhookChannel {
  send(request: WebhookRequest, mayBegin?: () => boolean): Promise<WebhookAnswer>;
  /** @returns why requests may not go to an address, as far as it can be told without resolving a name; null when they may */
  refusal(url: string): string | null;
  close(): Promise<void>;
}
