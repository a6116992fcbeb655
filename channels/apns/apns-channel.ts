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
  line: Line;
  idle: NodeJS.Timeout;
}

/** A connection and how many callers wait for an answer on it; who was told that it took too long does not. */
interface Line {
  connection: ApnsConnection;
  awaited: number;
  /** Called when nobody waits any more. */
  quiet?: () => void;
}

const IDLE_MS = 15 * 60_000;
/** How long a connection that takes no more pushes may go on with those under way; none is given more time. */
const DRAIN_MS = 60_000;
/** The same when everything is to end. */
const DRAIN_AT_CLOSE_MS = 5_000;
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
  const draining = new Set<() => void>();
  let closed = false;

  /** Gives it no more pushes, and ends it once those under way have their answers. */
  function end(key: string): void {
    const found = kept.get(key);
    if (!found) return;
    kept.delete(key);
    clearTimeout(found.idle);
    const done = drained(found.line)
      .then(() => found.line.connection.close())
      .catch(() => undefined);
    closing.add(done);
    void done.then(() => closing.delete(done));
  }

  /** Closing a connection resets every push on it: those are waited for, but not for ever. */
  function drained(line: Line): Promise<void> {
    if (line.awaited === 0) return Promise.resolve();
    return new Promise<void>((resolve) => {
      const over = (): void => {
        clearTimeout(deadline);
        draining.delete(over);
        resolve();
      };
      const deadline = setTimeout(over, DRAIN_MS).unref();
      line.quiet = over;
      draining.add(over);
    });
  }

  function endWhenIdle(key: string): NodeJS.Timeout {
    return setTimeout(() => {
      const found = kept.get(key);
      if (!found) return;
      if (found.line.connection.load() === 0) end(key);
      else found.idle = endWhenIdle(key);
    }, idleMs).unref();
  }

  /** @throws when the credentials cannot be used */
  function lineOf(safari: SafariSettings): { key: string; line: Line } {
    const key = credentialsKey(safari);
    const found = kept.get(key);
    if (found) {
      clearTimeout(found.idle);
      kept.delete(key);
      kept.set(key, { line: found.line, idle: endWhenIdle(key) });
      return { key, line: found.line };
    }
    const connection = createApnsConnection(safari, {
      host,
      port,
      ...(options.ca === undefined ? {} : { ca: [options.ca].flat() }),
    });
    const line: Line = { connection, awaited: 0 };
    kept.set(key, { line, idle: endWhenIdle(key) });
    const [oldest] = kept.keys();
    if (kept.size > MOST_CONNECTIONS && oldest !== undefined) end(oldest);
    return { key, line };
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
    let known: ReturnType<typeof lineOf>;
    try {
      known = lineOf(request.safari);
    } catch {
      // What was thrown may hold a part of the key.
      const detail = 'the key or the certificate cannot be used';
      return { kind: 'rejected', reason: 'InvalidAuthentication', detail };
    }
    const { key, line } = known;
    line.awaited += 1;

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
      const answered = line.connection.post(push, () => !over && mayBegin());
      const answer = await Promise.race([answered, tooLate]);
      if (answer === 'timeout') {
        // It may be the connection that hangs: the next push makes another. This one goes on with what is under way.
        if (kept.get(key)?.line === line) end(key);
        return { kind: 'unreachable', reason: 'timeout' };
      }
      if (answer === 'taken') return { kind: 'delivered', status: 200 };
      if (answer === 'notBegun') return { kind: 'notBegun' };
      return classifyApnsFailure(answer);
    } catch (error) {
      return classifyApnsFailure({ error });
    } finally {
      clearTimeout(timer);
      line.awaited -= 1;
      if (line.awaited === 0) line.quiet?.();
    }
  }

  return {
    send,
    async close() {
      closed = true;
      for (const key of [...kept.keys()]) end(key);
      const deadline = setTimeout(() => {
        for (const over of [...draining]) over();
      }, DRAIN_AT_CLOSE_MS);
      await Promise.all(closing);
      clearTimeout(deadline);
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
