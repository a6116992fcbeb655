import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import { parseRetryAfter } from '../http/retry-after.ts';

/**
 * What a push service's answer means (RFC 8030 sections 5 and 7.3, RFC 8292 section 4).
 * `retryAfter` is the header as it came, `nowMs` the wall clock a date in it is counted from.
 */
export function classifyAnswer(
  status: number,
  retryAfter: string | undefined,
  nowMs: number,
): DeliveryOutcome {
  switch (status) {
    case 200:
    case 201:
    case 202:
    case 204:
      return { kind: 'delivered', status };
    case 404:
    case 410:
      return { kind: 'gone', status };
    case 400:
      return { kind: 'rejected', reason: 'badRequest', status };
    case 401:
    case 403:
      return { kind: 'rejected', reason: 'unauthorized', status };
    case 413:
      return { kind: 'rejected', reason: 'payloadTooLarge', status };
  }
  if (status !== 429 && (status < 500 || status > 599)) {
    return { kind: 'rejected', reason: `http${status}`, status };
  }
  const retryAfterMs = parseRetryAfter(retryAfter, nowMs);
  return retryAfterMs === undefined
    ? { kind: 'throttled', status }
    : { kind: 'throttled', status, retryAfterMs };
}
