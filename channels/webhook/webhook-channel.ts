import { Webhook } from 'standardwebhooks';
import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import type { WebhookAnswer, WebhookChannel, WebhookRequest } from '../../domain/ports/channels.ts';
import { headerNameFault, headerValueFault } from '../../domain/delivery/webhook-headers.ts';
import { parseRetryAfter } from '../http/retry-after.ts';
import { createAddressGuard } from './address-guard.ts';
import { createGuardedConnector, type Resolve } from './guarded-connector.ts';
import { createWebhookTransport } from './webhook-transport.ts';

/** Larger bodies are not sent: they come of batches that are too large. */
export const MAX_BODY_BYTES = 16 * 1_048_576;
const CONNECT_TIMEOUT_MS = 10_000;

export interface WebhookChannelOptions {
  /** CIDR blocks that may be reached although they are not public. */
  allow: readonly string[];
  /** The wall clock in milliseconds. */
  now: () => number;
  /** Finds every address of a name; default: as the system does. */
  resolve?: Resolve;
  /** PEM certificates trusted beside the usual ones. */
  ca?: string | string[];
  /** Connections kept to each origin, each for one request at a time; default 64. */
  connectionsPerOrigin?: number;
}

/**
 * Sends requests to webhooks, signed by Standard Webhooks. One call of `send` is at most one request. It goes to
 * public addresses only, follows no redirects, and keeps no more than the first 4 KiB of what comes back.
 *
 * @throws when `allow` holds what is not a CIDR block
 */
export function createWebhookChannel(options: WebhookChannelOptions): WebhookChannel {
  const guard = createAddressGuard(options.allow);
  const transport = createWebhookTransport({
    connect: createGuardedConnector({
      guard,
      resolve: options.resolve,
      ca: options.ca,
      timeoutMs: CONNECT_TIMEOUT_MS,
    }),
    connectionsPerOrigin: options.connectionsPerOrigin ?? 64,
  });

  async function send(request: WebhookRequest, mayBegin = (): boolean => true): Promise<WebhookAnswer> {
    const refusal = guard.urlRefusal(request.url);
    if (refusal?.kind === 'address') return rejected('addressNotAllowed', refusal.detail);
    if (refusal) return rejected('invalidRequest', `the address ${refusal.detail}`);
    if (Buffer.byteLength(request.body) > MAX_BODY_BYTES) {
      return rejected('payloadTooLarge', `the body is larger than ${MAX_BODY_BYTES} bytes`);
    }
    const made = headersOf(request, options.now());
    if ('fault' in made) return rejected('invalidRequest', made.fault);

    const reply = await transport.post({
      method: request.method,
      url: new URL(request.url),
      headers: made.headers,
      body: request.body,
      timeoutMs: request.timeoutMs,
      mayBegin,
    });
    switch (reply.kind) {
      case 'notBegun':
        return { outcome: reply };
      case 'refused':
        return rejected('addressNotAllowed', reply.detail);
      case 'invalid':
        return rejected('invalidRequest', reply.detail);
      case 'failed':
        return { outcome: { kind: 'unreachable', reason: reply.reason }, detail: reply.detail };
      case 'answered': {
        const { status, retryAfter, ...answer } = reply;
        const outcome = classifyWebhookAnswer(status, retryAfter, options.now());
        return { outcome, answer: { status, body: answer.body, truncated: answer.truncated } };
      }
    }
  }

  return {
    send,
    refusal: (url) => guard.urlRefusal(url)?.detail ?? null,
    close: () => transport.close(),
  };
}

/**
 * What a target's answer means: it took the request, wants it later, or refuses it for good.
 * `retryAfter` is the header as it came, `nowMs` the wall clock a date in it is counted from.
 */
export function classifyWebhookAnswer(
  status: number,
  retryAfter: string | undefined,
  nowMs: number,
): DeliveryOutcome {
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  if (status >= 300 && status < 400) return { kind: 'rejected', reason: 'redirect', status };
  const isLater = status === 408 || status === 425 || status === 429 || (status >= 500 && status < 600);
  if (!isLater) return { kind: 'rejected', reason: `http${status}`, status };
  const retryAfterMs = parseRetryAfter(retryAfter, nowMs);
  return retryAfterMs === undefined
    ? { kind: 'throttled', status }
    : { kind: 'throttled', status, retryAfterMs };
}

/** @returns the headers of a request, signed as of now, or what keeps it from being sent */
function headersOf(
  request: WebhookRequest,
  nowMs: number,
): { headers: Record<string, string> } | { fault: string } {
  const headers: Record<string, string> = { 'user-agent': 'Beckon' };
  for (const [name, value] of Object.entries(request.headers)) {
    const fault = headerNameFault(name) ?? headerValueFault(value);
    // The value may be a secret, and a name that is none may be anything.
    if (fault !== null) return { fault: `the header ${JSON.stringify(name.slice(0, 60))} ${fault}` };
    headers[name.toLowerCase()] = value;
  }
  const fault = headerValueFault(request.contentType) ?? headerValueFault(request.id);
  if (fault !== null) return { fault: `the content type or the id ${fault}` };
  headers['content-type'] = request.contentType;
  // What it would unpack to is nothing that we want to hold.
  headers['accept-encoding'] = 'identity';
  headers['webhook-id'] = request.id;
  headers['webhook-timestamp'] = String(Math.floor(nowMs / 1_000));
  if (request.signingSecrets.length === 0) return { headers };
  try {
    headers['webhook-signature'] = request.signingSecrets
      .map((secret) => new Webhook(secret).sign(request.id, new Date(nowMs), request.body))
      .join(' ');
  } catch {
    return { fault: 'a signing secret is not whsec_ and base64' };
  }
  return { headers };
}

function rejected(
  reason: 'addressNotAllowed' | 'invalidRequest' | 'payloadTooLarge',
  detail: string,
): WebhookAnswer {
  return { outcome: { kind: 'rejected', reason }, detail };
}
