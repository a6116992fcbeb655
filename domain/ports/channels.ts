import type { DeliveryOutcome, Urgency } from '../outcome.ts';

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
