import type { ClientHttp2Session } from 'node:http2';
import { createSecureContext } from 'node:tls';
import apn from 'apn';
import type { SafariSettings } from '../../domain/site.ts';
import type { ApnsFailure } from './classify-apns.ts';

export interface ApnsConnectionOptions {
  host: string;
  port: number;
  /** PEM certificates trusted instead of the usual ones. */
  ca?: string[];
}

/** One kept HTTP/2 connection to Apple for the credentials of one site. */
export interface ApnsConnection {
  /**
   * Puts one request on the wire, at most.
   *
   * @param mayBegin asked when the connection stands and has room: the request is written in the same turn
   */
  post(push: ApnsPush, mayBegin: () => boolean): Promise<'taken' | 'notBegun' | ApnsFailure>;
  /** How many requests wait or are under way. */
  load(): number;
  /** Ends it once what is under way has been answered. */
  close(): Promise<void>;
}

export interface ApnsPush {
  deviceToken: string;
  headers: Record<string, string | number>;
  payload: string;
}

/** The parts of the library that its types leave out, because only its provider uses them. */
interface ProviderParts {
  client: { session?: ClientHttp2Session; connect(): Promise<void> };
}

/** How long the library waits for a silent stream; callers give up before. */
const SILENT_STREAM_MS = 30_000;
/** How long what is under way may take once the connection is to end. */
const END_WITHIN_MS = 5_000;
/** Never more at once on one connection, whatever Apple offers. */
const MOST_STREAMS = 500;

/**
 * The provider of the `apn` package, kept to one try: its own retries are off (`connectionRetryLimit: 0`), and it
 * is handed the exact payload. It connects on the first request and queues inside the connection; so that nothing
 * leaves later than it may, the connection is made, and its room waited for, before it gets a request.
 *
 * @throws when the credentials cannot be used
 */
export function createApnsConnection(
  safari: SafariSettings,
  { host, port, ca }: ApnsConnectionOptions,
): ApnsConnection {
  const { auth } = safari;
  const provider = new apn.Provider({
    ...(auth.kind === 'token'
      ? { token: { key: Buffer.from(auth.privateKey), keyId: auth.keyId, teamId: auth.teamId } }
      : certificateOptions(safari, ca)),
    address: host,
    port,
    ...(ca === undefined ? {} : { ca }),
    connectionRetryLimit: 0,
    requestTimeout: SILENT_STREAM_MS,
  });
  const { client } = provider as unknown as ProviderParts;
  const ready = new WeakSet<ClientHttp2Session>();
  let connecting: Promise<ClientHttp2Session> | undefined;
  const waiting: (() => void)[] = [];
  let underWay = 0;
  let ended = false;

  const live = (): ClientHttp2Session | undefined => {
    const { session } = client;
    return session && !session.closed && !session.destroyed && ready.has(session) ? session : undefined;
  };

  /** @returns the connection once Apple has said how many requests it takes at once */
  async function connected(): Promise<ClientHttp2Session> {
    const session = live();
    if (session) return session;
    connecting ??= connect().finally(() => (connecting = undefined));
    return connecting;
  }

  async function connect(): Promise<ClientHttp2Session> {
    if (ended) throw new Error('the connection was closed');
    await client.connect();
    const { session } = client;
    if (!session) throw new Error('apn write failed: no session');
    await new Promise<void>((resolve, reject) => {
      session.once('remoteSettings', () => {
        resolve();
      });
      session.once('error', reject);
      session.once('close', () => {
        reject(Object.assign(new Error('closed before it stood'), { code: 'ECONNRESET' }));
      });
    });
    ready.add(session);
    return session;
  }

  /** Waits for the connection and takes a place in it. @throws what the connection failed with */
  async function place(): Promise<void> {
    for (;;) {
      const session = await connected();
      const room = Math.max(1, Math.min(MOST_STREAMS, session.remoteSettings.maxConcurrentStreams ?? 1));
      if (underWay < room && live() === session) {
        underWay += 1;
        return;
      }
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }

  return {
    load: () => underWay + waiting.length,

    async post({ deviceToken, headers, payload }, mayBegin) {
      try {
        await place();
      } catch (error) {
        waiting.shift()?.();
        return { error };
      }
      try {
        if (!mayBegin()) return 'notBegun';
        // The session stands, so the library writes the request before it gives way to anything else.
        const notification = {
          headers: () => headers,
          compile: () => payload,
        } as unknown as apn.Notification;
        const { sent, failed } = await provider.send(notification, deviceToken);
        if (sent.length > 0) return 'taken';
        return failed[0] ?? {};
      } finally {
        underWay -= 1;
        waiting.shift()?.();
      }
    },

    async close() {
      ended = true;
      // The library would wait for the end of what has ended already.
      if (client.session?.destroyed) delete client.session;
      // What hangs, such as a connection that never stood, is not waited for.
      const force = setTimeout(() => client.session?.destroy(), END_WITHIN_MS);
      await new Promise<void>((resolve) => {
        void provider.shutdown(() => {
          resolve();
        });
      });
      clearTimeout(force);
    },
  };
}

/** Stands where the library wants one, and is none: it then judges nothing. */
const NO_CERTIFICATE = Buffer.from('none');

/**
 * The library judges certificates by marks that those of apps bear, and wants the one that fits its name of the
 * host; a website's certificate was checked when it was saved. It hands on what it does not know, so the connection
 * is given the certificate directly.
 */
function certificateOptions(
  { certificate, certificateKey }: SafariSettings,
  ca: string[] | undefined,
): object {
  const trusted = ca === undefined ? {} : { ca };
  return {
    cert: NO_CERTIFICATE,
    key: NO_CERTIFICATE,
    secureContext: createSecureContext({ cert: certificate, key: certificateKey, ...trusted }),
  };
}
