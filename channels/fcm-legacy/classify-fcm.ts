import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import { parseRetryAfter } from '../http/retry-after.ts';

/**
 * What an answer of the legacy FCM HTTP API means. `200` says in `results[0].error` what became of the message:
 * `NotRegistered` is gone; `Unavailable` and `InternalServerError` may be tried again; every other name is a
 * refusal, with the name as detail.
 *
 * @param nowMs the wall clock that a date in Retry-After is counted from
 */
export function classifyFcmAnswer(
  status: number,
  body: string,
  retryAfter: string | undefined,
  nowMs: number,
): DeliveryOutcome {
  const retryAfterMs = parseRetryAfter(retryAfter, nowMs);
  const later = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 200) return classifyResult(body, later);
  if (status === 401 || status === 403) return { kind: 'rejected', reason: 'unauthorized', status };
  if (status === 400) return { kind: 'rejected', reason: 'badRequest', status };
  if (status === 404 || status === 410) {
    // Where the API was switched off; no subscription is to blame.
    return {
      kind: 'rejected',
      reason: `http${status}`,
      status,
      detail: 'the service does not speak this API',
    };
  }
  if (status === 413) return { kind: 'rejected', reason: 'payloadTooLarge', status };
  if (status === 429 || (status >= 500 && status <= 599)) return { kind: 'throttled', status, ...later };
  return { kind: 'rejected', reason: `http${status}`, status };
}

function classifyResult(body: string, later: { retryAfterMs?: number }): DeliveryOutcome {
  const status = 200;
  const result = resultOf(body);
  if (!result) return { kind: 'rejected', reason: 'badRequest', status, detail: 'the answer is no result' };
  const { error } = result;
  switch (error) {
    case undefined:
      return { kind: 'delivered', status };
    case 'NotRegistered':
      return { kind: 'gone', status, reason: error };
    case 'InvalidRegistration':
      return { kind: 'rejected', reason: 'invalidSubscription', status, detail: error };
    case 'MismatchSenderId':
    case 'InvalidApnsCredential':
      return { kind: 'rejected', reason: 'unauthorized', status, detail: error };
    case 'MessageTooBig':
      return { kind: 'rejected', reason: 'payloadTooLarge', status, detail: error };
    case 'Unavailable':
    case 'InternalServerError':
    case 'DeviceMessageRateExceeded':
    case 'TopicsMessageRateExceeded':
      return { kind: 'throttled', status, reason: error, ...later };
    default:
      return { kind: 'rejected', reason: 'badRequest', status, detail: error.slice(0, 100) };
  }
}

function resultOf(body: string): { error?: string } | null {
  try {
    const { results } = JSON.parse(body) as { results?: unknown };
    const [first] = Array.isArray(results) ? (results as unknown[]) : [];
    if (typeof first !== 'object' || first === null) return null;
    const { error, message_id: id } = first as { error?: unknown; message_id?: unknown };
    if (typeof error === 'string') return { error };
    return id === undefined ? null : {};
  } catch {
    return null;
  }
}
