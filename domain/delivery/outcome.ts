/** Why a push service or webhook refused for good; the statistics count failures under these names. */
export type RejectionReason =
  | 'badRequest'
  | 'unauthorized'
  | 'payloadTooLarge'
  | 'hostNotAllowed'
  | 'invalidSubscription'
  /** The site has no (longer) credentials for the transport of the subscription. */
  | 'notConfigured'
  /** Safari through APNs shows nothing without a link. */
  | 'urlMissing'
  /** Safari's website push only leads to the first allowed domain of the site's Safari settings. */
  | 'urlNotAllowed'
  /** APNs, by its own names: 403 with any reason about tokens and certificates, and 400 with any. */
  | 'InvalidAuthentication'
  | 'BadRequest'
  /** Webhooks: the target was deleted or is switched off. */
  | 'targetGone'
  /** Webhooks: the address, or what its name resolves to, is private, local or otherwise not to be reached. */
  | 'addressNotAllowed'
  /** Webhooks: redirects are not followed. */
  | 'redirect'
  /** Webhooks: the address, a header or the body cannot be sent. */
  | 'invalidRequest'
  | `http${number}`;

/** Why no answer came; each may be tried again. */
export type UnreachableReason =
  'timeout' | 'connectionRefused' | 'dns' | 'tls' | 'connectionReset' | 'network';

/**
 * What one try to deliver came to. A channel tries once and classifies; it never retries.
 * `retryAfterMs` is what the other side asked for, in milliseconds, already parsed from
 * Retry-After (RFC 9110 section 10.2.3), absent when it did not say.
 */
export type DeliveryOutcome =
  | { kind: 'delivered'; status: number }
  /** `reason`: the other side's own name for it, such as `DeviceTokenInactiveForTopic`; the statistics count it. */
  | { kind: 'gone'; status: number; reason?: string }
  /** `reason`: likewise, such as `ServerUnavailable`. */
  | { kind: 'throttled'; status: number; reason?: string; retryAfterMs?: number }
  /** `detail`: what the other side said beside it. */
  | { kind: 'rejected'; reason: RejectionReason; status?: number; detail?: string }
  | { kind: 'unreachable'; reason: UnreachableReason };

/** How urgent a push is, by RFC 8030 section 5.3. */
export type Urgency = 'very-low' | 'low' | 'normal' | 'high';
