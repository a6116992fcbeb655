/** Why a push service or webhook refused for good; the statistics count failures under these names. */
export type RejectionReason =
  | 'badRequest'
  | 'unauthorized'
  | 'payloadTooLarge'
  | 'hostNotAllowed'
  | 'invalidSubscription'
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
  | { kind: 'gone'; status: number }
  | { kind: 'throttled'; status: number; retryAfterMs?: number }
  | { kind: 'rejected'; reason: RejectionReason; status?: number }
  | { kind: 'unreachable'; reason: UnreachableReason };

/** How urgent a push is, by RFC 8030 section 5.3. */
export type Urgency = 'very-low' | 'low' | 'normal' | 'high';
