import type { Browser } from './browsers.ts';
import type { ReceivedPush } from './received-push.ts';
import { UndecryptableError, parseAes128Gcm } from './decrypt.ts';
import type { VapidVerifier } from './vapid.ts';

/** RFC 8030 section 7.2: a service takes at least this much; this one takes no more. */
export const MAX_BODY_BYTES = 4_096;

export interface Refusal {
  status: number;
  why: string;
}

/**
 * What a strict push service refuses about a request, or null. Fills in the entry's claims.
 * With `decrypt` it also refuses what the browser could not read, which a real service cannot see.
 */
export function judgePush(
  push: ReceivedPush,
  browser: Browser,
  body: Buffer,
  vapid: VapidVerifier,
  decrypt: boolean,
): Refusal | null {
  const verdict = vapid.verify(push.headers.authorization);
  if (!verdict.ok) return verdict;
  push.claims = verdict.claims;
  if (browser.vapidPublicKey !== undefined && browser.vapidPublicKey !== verdict.publicKey) {
    return { status: 403, why: 'the subscription is for another VAPID key' };
  }
  if (browser.gone) return { status: 410, why: 'the subscription has been given up' };
  if (!/^\d+$/.test(String(push.headers.ttl ?? '')))
    return { status: 400, why: 'TTL is missing or no number' };
  if (body.length > MAX_BODY_BYTES) return { status: 413, why: `more than ${MAX_BODY_BYTES} bytes` };
  if (push.topic !== undefined && !/^[\w-]{1,32}$/.test(push.topic)) {
    return { status: 400, why: 'Topic is not at most 32 base64url characters' };
  }
  const urgency = push.headers.urgency;
  if (urgency !== undefined && !['very-low', 'low', 'normal', 'high'].includes(String(urgency))) {
    return { status: 400, why: 'Urgency is none of RFC 8030' };
  }
  return judgeBody(push, body, decrypt);
}

function judgeBody(push: ReceivedPush, body: Buffer, decrypt: boolean): Refusal | null {
  if (body.length === 0) return null;
  if (push.headers['content-encoding'] !== 'aes128gcm') return { status: 400, why: 'not aes128gcm' };
  try {
    if (decrypt) void push.payload;
    else parseAes128Gcm(body);
    return null;
  } catch (error) {
    if (error instanceof UndecryptableError) return { status: 400, why: error.message };
    throw error;
  }
}
