import { createHash } from 'node:crypto';
import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import type { FcmLegacyChannel, FcmLegacyRequest } from '../../domain/ports/channels.ts';
import { classifyFcmAnswer } from './classify-fcm.ts';
import { createFcmTransport } from './fcm-transport.ts';

/** Google's own, which it switched off in 2024; a server that still speaks the API is configured instead. */
export const FCM_LEGACY_URL = 'https://fcm.googleapis.com/fcm/send';
/** What the API takes, less what stands around the payload. */
export const MAX_FCM_PAYLOAD_BYTES = 4_000;
/** The longest that the API keeps a message: four weeks. */
const MOST_TTL_S = 2_419_200;

export interface FcmLegacyChannelOptions {
  /** The address that messages are posted to. */
  url?: string;
  /** PEM certificates trusted beside the usual ones. */
  ca?: string | string[];
  connections?: number;
  /** The wall clock in milliseconds. */
  now: () => number;
}

/** Sends pushes through the legacy FCM HTTP API. One call of `send` is at most one request; it throws nothing. */
export function createFcmLegacyChannel(options: FcmLegacyChannelOptions): FcmLegacyChannel {
  const url = new URL(options.url ?? FCM_LEGACY_URL);
  const transport = createFcmTransport({
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    connections: options.connections ?? 32,
  });

  async function send(
    request: FcmLegacyRequest,
    mayBegin = (): boolean => true,
  ): Promise<DeliveryOutcome | { kind: 'notBegun' }> {
    if (Buffer.byteLength(request.payload) > MAX_FCM_PAYLOAD_BYTES) {
      return { kind: 'rejected', reason: 'payloadTooLarge' };
    }
    if (!/^[\x21-\x7e]+$/.test(request.serverKey)) return { kind: 'rejected', reason: 'unauthorized' };
    const answer = await transport.post({
      url,
      headers: { Authorization: `key=${request.serverKey}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({
        to: request.registrationToken,
        collapse_key: createHash('sha256').update(request.replaces).digest('base64url').slice(0, 32),
        time_to_live: Math.min(MOST_TTL_S, Math.max(0, Math.floor(request.ttlSeconds))),
        priority: request.urgency === 'high' ? 'high' : 'normal',
        // A string: the API turns everything else in `data` into one.
        data: { payload: request.payload },
      }),
      timeoutMs: request.timeoutMs,
      mayBegin,
    });
    if (answer.kind === 'notBegun') return answer;
    if (answer.kind === 'failed') return { kind: 'unreachable', reason: answer.reason };
    return classifyFcmAnswer(answer.status, answer.body, answer.retryAfter, options.now());
  }

  return { send, close: () => transport.close() };
}
