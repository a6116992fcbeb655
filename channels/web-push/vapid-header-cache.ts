import webPush from 'web-push';
import type { VapidIdentity } from '../../domain/ports/channels.ts';

/** RFC 8292 section 2 allows 24 hours; half of that leaves room for clocks that disagree. */
const TOKEN_LIFE_MS = 12 * 3_600_000;
const RENEW_AFTER_MS = 6 * 3_600_000;
const MAX_ENTRIES = 10_000;

interface Entry {
  header: string;
  privateKey: string;
  issuedAt: number;
  issuedAtMonotonic: number;
}

export interface VapidHeaderCache {
  /**
   * The Authorization header for pushes of a site to an origin (RFC 8292 section 3), signed anew at
   * most every six hours. Throws when the identity's keys or subject are not valid.
   */
  headerFor(origin: string, vapid: VapidIdentity): string;
}

/**
 * Keeps signed VAPID headers per (origin, public key, subject).
 * `now` is the wall clock in milliseconds; the signing library refuses a token that ends more than a
 * day after the system's own clock. `clockMonotonic` (milliseconds) renews a header in time even when
 * the wall clock is set back.
 */
export function createVapidHeaderCache(now: () => number, clockMonotonic: () => number): VapidHeaderCache {
  const entries = new Map<string, Entry>();

  function isFresh(entry: Entry): boolean {
    const age = now() - entry.issuedAt;
    return age >= 0 && age < RENEW_AFTER_MS && clockMonotonic() - entry.issuedAtMonotonic < RENEW_AFTER_MS;
  }

  return {
    headerFor(origin, vapid) {
      const key = `${origin} ${vapid.publicKey} ${vapid.subject}`;
      const kept = entries.get(key);
      // A private key that was corrected must not go on with the signatures of the wrong one.
      if (kept?.privateKey === vapid.privateKey && isFresh(kept)) return kept.header;
      const issuedAt = now();
      const header = sign(origin, vapid, Math.floor((issuedAt + TOKEN_LIFE_MS) / 1000));
      entries.delete(key);
      entries.set(key, {
        header,
        privateKey: vapid.privateKey,
        issuedAt,
        issuedAtMonotonic: clockMonotonic(),
      });
      const oldest = entries.keys().next().value;
      if (entries.size > MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      return header;
    },
  };
}

function sign(origin: string, vapid: VapidIdentity, expiresAtSeconds: number): string {
  return webPush.getVapidHeaders(
    origin,
    vapid.subject,
    vapid.publicKey,
    vapid.privateKey,
    'aes128gcm',
    expiresAtSeconds,
  ).Authorization;
}
