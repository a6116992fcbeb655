import { createHash } from 'node:crypto';
import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import type { ApnsChannel, ApnsRequest } from '../../domain/ports/channels.ts';
import type { SafariSettings } from '../../domain/site.ts';
import { MAX_SAFARI_PAYLOAD_BYTES } from '../../domain/content/safari-payload.ts';
import { createApnsConnection, type ApnsConnection } from './apns-connection.ts';
import { classifyApnsFailure } from './classify-apns.ts';

/** Apple's service for what is in the world, the only one that website pushes have. */
export const APNS_HOST = 'api.push.apple.com';

export interface ApnsChannelOptions {
  /** Tests: another service. */
  host?: string;
  port?: number;
  /** PEM certificates trusted instead of the usual ones. */
  ca?: string | string[];
  /** After how long without a push a connection is closed; default 15 minutes. */
  idleMs?: number;
}

interface Kept {
  connection: ApnsConnection;
  idle: NodeJS.Timeout;
}

const IDLE_MS = 15 * 60_000;
/** Apple asks for one connection that stays rather than many: beyond so many sites the one unused longest ends. */
const MOST_CONNECTIONS = 256;

/**
 * Sends pushes to Safari through Apple's service. One call of `send` is at most one request; it throws nothing.
 * Credentials that cannot be used, such as a certificate that has expired, are `rejected: InvalidAuthentication`.
 */
export function createApnsChannel(options: ApnsChannelOptions = {}): ApnsChannel {
  const { host = APNS_HOST, port = 443, idleMs = IDLE_MS } = options;
  const kept = new Map<string, Kept>();
  const closing = new Set<Promise<void>>();
  let closed = false;

  function end(key: string): void {
    const found = kept.get(key);
    if (!found) return;
    kept.delete(key);
    clearTimeout(found.idle);
    const done = found.connection.close().catch(() => undefined);
    closing.add(done);
    void done.then(() => closing.delete(done));
  }

  function endWhenIdle(key: string): NodeJS.Timeout {
    return setTimeout(() => {
      const found = kept.get(key);
      if (!found) return;
      if (found.connection.load() === 0) end(key);
      else found.idle = endWhenIdle(key);
    }, idleMs).unref();
  }

  /** @throws when the credentials cannot be used */
  function connectionOf(safari: SafariSettings): { key: string; connection: ApnsConnection } {
    const key = credentialsKey(safari);
    const found = kept.get(key);
    if (found) {
      clearTimeout(found.idle);
      kept.delete(key);
      kept.set(key, { connection: found.connection, idle: endWhenIdle(key) });
      return { key, connection: found.connection };
    }
    const connection = createApnsConnection(safari, {
      host,
      port,
      ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
    });
    kept.set(key, { connection, idle: endWhenIdle(key) });
    const [oldest] = kept.keys();
    if (kept.size > MOST_CONNECTIONS && oldest !== undefined) end(oldest);
    return { key, connection };
  }

  async function send(
    request: ApnsRequest,
    mayBegin = (): boolean => true,
  ): Promise<DeliveryOutcome | { kind: 'notBegun' }> {
    if (closed) return { kind: 'unreachable', reason: 'network' };
    if (!/^[0-9a-f]{8,512}$/i.test(request.deviceToken)) {
      return { kind: 'rejected', reason: 'invalidSubscription' };
    }
    if (Buffer.byteLength(request.payload) > MAX_SAFARI_PAYLOAD_BYTES) {
      return { kind: 'rejected', reason: 'payloadTooLarge' };
    }
    let known: ReturnType<typeof connectionOf>;
    try {
      known = connectionOf(request.safari);
    } catch {
      // What was thrown may hold a part of the key.
      const detail = 'the key or the certificate cannot be used';
      return { kind: 'rejected', reason: 'InvalidAuthentication', detail };
    }
    const { key, connection } = known;

    let timer: NodeJS.Timeout | undefined;
    let over = false;
    const tooLate = new Promise<'timeout'>((resolve) => {
      timer = setTimeout(() => {
        over = true;
        resolve('timeout');
      }, request.timeoutMs);
    });
    try {
      const push = {
        deviceToken: request.deviceToken.toLowerCase(),
        headers: headersOf(request),
        payload: request.payload,
      };
      // What could not begin in time must not begin after its caller was told so.
      const answered = connection.post(push, () => !over && mayBegin());
      const answer = await Promise.race([answered, tooLate]);
      if (answer === 'timeout') {
        // A connection that does not answer is left to end by itself: the next push makes another.
        if (kept.get(key)?.connection === connection) end(key);
        return { kind: 'unreachable', reason: 'timeout' };
      }
      if (answer === 'taken') return { kind: 'delivered', status: 200 };
      if (answer === 'notBegun') return { kind: 'notBegun' };
      return classifyApnsFailure(answer);
    } catch (error) {
      return classifyApnsFailure({ error });
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    send,
    async close() {
      closed = true;
      for (const key of [...kept.keys()]) end(key);
      await Promise.all(closing);
    },
  };
}

/** @returns the headers of Apple's provider API beside those that the library adds */
function headersOf(request: ApnsRequest): Record<string, string | number> {
  return {
    'apns-topic': request.safari.websitePushId,
    'apns-push-type': 'alert',
    'apns-expiration': Math.max(0, Math.floor(request.expiresAtSeconds)),
    // 10 at once, 5 by what the device's power allows.
    'apns-priority': request.urgency === 'high' ? 10 : 5,
    // At most 64 bytes.
    'apns-collapse-id': createHash('sha256').update(request.replaces).digest('base64url').slice(0, 32),
  };
}

function credentialsKey({ auth, certificate, certificateKey }: SafariSettings): string {
  const parts =
    auth.kind === 'token'
      ? ['token', auth.keyId, auth.teamId, auth.privateKey]
      : ['certificate', certificate, certificateKey];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}
