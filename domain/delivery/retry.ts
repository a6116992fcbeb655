import type { DeliveryOutcome } from './outcome.ts';

/** The outcomes after which another try may help. */
export type RetryableOutcome = Extract<DeliveryOutcome, { kind: 'throttled' | 'unreachable' }>;

export interface RetryPolicy {
  /** The longest wait after the first try, in milliseconds; each further one is `factor` times as long. */
  baseMs: number;
  factor: number;
  /** No wait of our own choosing is longer. */
  capMs: number;
  /** Tries altogether, the first included. */
  maxTries: number;
  /** The random share of a wait: 0 always waits in full, 1 anything from nothing to all of it. */
  jitter: number;
  /** What the other side asks for counts up to this. */
  retryAfterCapMs: number;
  /** At most this share of what it asks for is added, so that not all come back at once. */
  retryAfterJitter: number;
}

export const defaultRetryPolicy: RetryPolicy = {
  baseMs: 5_000,
  factor: 3,
  capMs: 15 * 60_000,
  maxTries: 8,
  jitter: 0.8,
  retryAfterCapMs: 24 * 3_600_000,
  retryAfterJitter: 0.1,
};

export interface RetryQuestion {
  /** Tries made so far, the one that just failed included. */
  tries: number;
  outcome: RetryableOutcome;
  nowMs: number;
  /** The instant from which the message is worth nothing any more; `Infinity` for never. */
  expiresAtMs: number;
  /** A number in [0, 1), drawn anew for each question. */
  random: number;
  policy?: RetryPolicy;
}

export type RetryDecision =
  { kind: 'retryAt'; atMs: number } | { kind: 'giveUp'; reason: 'expired' | 'triesSpent' };

/**
 * When to try again after a passing failure: exponential backoff with jitter, never before what the other
 * side asked for (Retry-After, RFC 9110 section 10.2.3), never at or after the expiry. Instants are whole
 * milliseconds.
 */
export function nextTry(question: RetryQuestion): RetryDecision {
  const { tries, outcome, nowMs, expiresAtMs, random, policy = defaultRetryPolicy } = question;
  if (nowMs >= expiresAtMs) return { kind: 'giveUp', reason: 'expired' };
  if (tries >= policy.maxTries) return { kind: 'giveUp', reason: 'triesSpent' };
  const full = Math.min(policy.capMs, policy.baseMs * policy.factor ** Math.max(0, tries - 1));
  const own = full * (1 - policy.jitter * random);
  const atMs = Math.ceil(nowMs + Math.max(own, askedFor(outcome, policy, random)));
  return atMs < expiresAtMs ? { kind: 'retryAt', atMs } : { kind: 'giveUp', reason: 'expired' };
}

function askedFor(outcome: RetryableOutcome, policy: RetryPolicy, random: number): number {
  if (outcome.kind !== 'throttled' || !outcome.retryAfterMs || !(outcome.retryAfterMs > 0)) return 0;
  const asked = Math.min(outcome.retryAfterMs, policy.retryAfterCapMs);
  return asked * (1 + policy.retryAfterJitter * random);
}
