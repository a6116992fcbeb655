import { createHash } from 'node:crypto';
import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import { payloadFault } from '../../domain/content/payload-size.ts';
import type { PushSubscriptionAddress, WebPushChannel, WebPushRequest } from '../../domain/ports/channels.ts';
import type { HostAllowList } from './allowed-hosts.ts';
import { classifyAnswer } from './classify.ts';
import { encryptPush, MAX_PAYLOAD_BYTES } from './encrypt.ts';
import { createPushTransport } from './push-transport.ts';
import { createTurns } from './turns.ts';
import { createVapidHeaderCache } from './vapid-header-cache.ts';

export { MAX_PAYLOAD_BYTES };

export interface WebPushChannelOptions {
  allowedHosts: HostAllowList;
  /** PEM certificates trusted beside the usual ones. */
  ca?: string | string[];
  /** Connections kept to each push service; each carries up to 100 pushes at once over HTTP/2. */
  connectionsPerOrigin?: number;
  /** The wall clock in milliseconds. */
  now: () => number;
  /** A clock that is never set, in milliseconds. */
  clockMonotonic?: () => number;
}

/**
 * Sends web pushes: RFC 8030 requests, encrypted by RFC 8291, signed by RFC 8292.
 * One call of `send` is at most one request. It throws nothing: what goes wrong is an outcome.
 * A site whose VAPID keys or subject cannot sign is `rejected: unauthorized`.
 */
export function createWebPushChannel(options: WebPushChannelOptions): WebPushChannel {
  const clockMonotonic = options.clockMonotonic ?? (() => performance.now());
  const vapidHeaders = createVapidHeaderCache(options.now, clockMonotonic);
  const turns = createTurns();
  const transport = createPushTransport({
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    connectionsPerOrigin: options.connectionsPerOrigin ?? 16,
  });

  async function send(
    request: WebPushRequest,
    mayBegin = (): boolean => true,
  ): Promise<DeliveryOutcome | { kind: 'notBegun' }> {
    const refusal = options.allowedHosts.reason(request.address.endpoint);
    if (refusal === 'notAUrl') return { kind: 'rejected', reason: 'invalidSubscription' };
    if (refusal) return { kind: 'rejected', reason: 'hostNotAllowed' };
    const bytes = Buffer.byteLength(request.payload);
    if (bytes > MAX_PAYLOAD_BYTES) {
      return { kind: 'rejected', reason: 'payloadTooLarge', detail: payloadFault(bytes) ?? '' };
    }
    // Nothing else of ours comes between `mayBegin` and the wire: a burst of encryptions would take a while.
    const body = await turns.take(() => encrypt(request.address, request.payload));
    if (!body) return { kind: 'rejected', reason: 'invalidSubscription' };

    const url = new URL(request.address.endpoint);
    let authorization: string;
    try {
      authorization = vapidHeaders.headerFor(url.origin, request.vapid);
    } catch {
      return { kind: 'rejected', reason: 'unauthorized' };
    }
    const answer = await transport.post({
      url,
      headers: {
        authorization,
        'content-encoding': 'aes128gcm',
        'content-type': 'application/octet-stream',
        'content-length': String(body.length),
        ttl: String(Math.max(0, Math.floor(request.ttlSeconds))),
        urgency: request.urgency,
        topic: request.topic ?? topicOf(request.messageId),
      },
      body,
      timeoutMs: request.timeoutMs,
      mayBegin,
    });
    if (answer.kind === 'notBegun') return answer;
    if (answer.kind === 'failed') return { kind: 'unreachable', reason: answer.reason };
    return classifyAnswer(answer.status, answer.retryAfter, options.now());
  }

  return { send, close: () => transport.close() };
}

/** The `Topic` of a message (RFC 8030 section 5.4): 32 base64url characters, so that a repeat replaces it. */
export function topicOf(messageId: string): string {
  return createHash('sha256').update(messageId).digest('base64url').slice(0, 32);
}

/** Null when the subscription's keys are not a P-256 point and 16 bytes. */
function encrypt(address: PushSubscriptionAddress, payload: string): Buffer | null {
  try {
    const { p256dh, auth } = address.keys;
    if (!isBase64(p256dh) || !isBase64(auth)) return null;
    const keys = { p256dh: Buffer.from(p256dh, 'base64url'), auth: Buffer.from(auth, 'base64url') };
    return encryptPush(keys, Buffer.from(payload));
  } catch {
    return null;
  }
}

/** Browsers give base64url; imports from elsewhere also carry the standard alphabet. */
function isBase64(text: unknown): text is string {
  return typeof text === 'string' && /^[A-Za-z0-9_+/-]+={0,2}$/.test(text);
}
