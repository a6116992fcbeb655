import { parseDuration } from '../schedule/duration.ts';
import type { RetryPolicy } from './retry.ts';
import type { WebhookRetries } from './webhook.ts';

/** @returns when a request to a webhook target is tried again, as its settings say; what it asks for counts up to a day */
export function retryPolicyOf({ maxTries, base, factor, cap, jitter }: WebhookRetries): RetryPolicy {
  return {
    baseMs: parseDuration(base) ?? 0,
    factor,
    capMs: parseDuration(cap) ?? 0,
    maxTries,
    jitter,
    retryAfterCapMs: 24 * 3_600_000,
    retryAfterJitter: Math.min(jitter, 0.1),
  };
}
