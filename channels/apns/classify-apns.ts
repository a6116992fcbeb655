import type { DeliveryOutcome, UnreachableReason } from '../../domain/delivery/outcome.ts';
import { classifyFailure } from '../http/classify-failure.ts';

/** What the `apn` package says of a push that Apple did not take. */
export interface ApnsFailure {
  status?: number | string;
  response?: { reason?: unknown };
  error?: unknown;
}

/**
 * What an answer of Apple means (Apple: Handling notification responses from APNs).
 *
 * - 403, any reason about provider tokens and certificates: `InvalidAuthentication`, Apple's reason as detail.
 * - 410 `Unregistered` and `ExpiredToken`: the device is gone, counted as `DeviceTokenInactiveForTopic`.
 * - 400 `BadRequest` with the reason. `BadDeviceToken` and `DeviceTokenNotForTopic` are among them: Apple says
 *   that such a token may be a good one of the other environment or topic, so they expire no subscription.
 */
export function classifyApnsFailure({ status, response, error }: ApnsFailure): DeliveryOutcome {
  if (typeof status !== 'number') return { kind: 'unreachable', reason: unreachableReason(error) };
  const said = reasonOf(response, error);
  const detail = said === undefined ? {} : { detail: said };
  switch (status) {
    case 400:
      return { kind: 'rejected', reason: 'BadRequest', status, ...detail };
    case 401:
    case 403:
      return { kind: 'rejected', reason: 'InvalidAuthentication', status, ...detail };
    case 410:
      return { kind: 'gone', status, reason: 'DeviceTokenInactiveForTopic' };
    case 413:
      return { kind: 'rejected', reason: 'payloadTooLarge', status, ...detail };
    case 429:
      return { kind: 'throttled', status, reason: said ?? 'TooManyRequests' };
    case 503:
      return { kind: 'throttled', status, reason: 'ServerUnavailable' };
  }
  if (status >= 500 && status <= 599) {
    return { kind: 'throttled', status, reason: said ?? 'InternalServerError' };
  }
  return { kind: 'rejected', reason: `http${status}`, status, ...detail };
}

/** Reasons are names in Apple's list; whatever is not shaped like one does not become a name in statistics. */
function reasonOf(response: ApnsFailure['response'], error: unknown): string | undefined {
  const said = response?.reason ?? messageOf(error);
  return typeof said === 'string' && /^[A-Za-z]{3,64}$/.test(said) ? said : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}

/** The library wraps what the connection threw, and words its own timeout. */
function unreachableReason(error: unknown): UnreachableReason {
  let cause: unknown = error;
  for (let depth = 0; depth < 5 && cause instanceof Error; depth += 1) {
    const known = classifyFailure(cause);
    if (known !== 'network') return known;
    cause = (cause as { jse_cause?: unknown }).jse_cause ?? cause.cause;
  }
  const said = messageOf(error);
  if (said === 'apn write timeout') return 'timeout';
  if (/aborted|stream ended|destroyed|closed/.test(said)) return 'connectionReset';
  return 'network';
}
