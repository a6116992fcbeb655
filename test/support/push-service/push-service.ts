import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createAnswerBook } from './answers.ts';
import type { AnswerRule } from './answers.ts';
import { createBrowser } from './browsers.ts';
import type { Browser } from './browsers.ts';
import { createLocalhostCertificate } from './certificate.ts';
import { MAX_BODY_BYTES, judgePush } from './judge.ts';
import { createPushLog } from './push-log.ts';
import { createReceivedPush } from './received-push.ts';
import type { ReceivedPush } from './received-push.ts';
import { createVapidVerifier } from './vapid.ts';

type Request = IncomingMessage | Http2ServerRequest;
type Response = ServerResponse | Http2ServerResponse;

export interface PushServiceOptions {
  /** 0 (the default) takes a free port. */
  port?: number;
  /** PEM texts of a certificate for localhost; absent: one is made. */
  tls?: { cert: string; key: string };
  /** False: HTTP/1.1 only. */
  http2?: boolean;
  /** False: bodies are decrypted only when the log is read, and one that cannot be is accepted. */
  decryptOnReceipt?: boolean;
}

export interface PushService {
  /** `https://localhost:PORT`. */
  url: string;
  /** The PEM certificate a client has to trust. */
  ca: string;
  /** `localhost:PORT`, an entry for the list of allowed push hosts. */
  host: string;
  /** A browser subscribes: give the answer to the server as its `pushSubscription`. */
  subscribe(options?: { vapidPublicKey?: string }): {
    endpoint: string;
    keys: { p256dh: string; auth: string };
  };
  /** The browser gives its subscription up: pushes are answered 410 from now on. */
  unsubscribe(endpoint: string): void;
  /** Every push to a known subscription, in order of arrival. */
  received(): readonly ReceivedPush[];
  /** Those the browsers have. */
  delivered(): readonly ReceivedPush[];
  /** Resolves when so many pushes have come (default: of any state); rejects after `timeoutMs`. */
  waitForReceived(
    count: number,
    options?: { timeoutMs?: number; where?: (push: ReceivedPush) => boolean },
  ): Promise<void>;
  /** Called with each push as it is logged, before its answer leaves; the function given back ends it. */
  onReceived(listener: (push: ReceivedPush) => void): () => void;
  /** Called when a browser gets a push: at once, or on `release`. */
  onDelivered(listener: (push: ReceivedPush) => void): () => void;
  /** Makes pushes that follow answer otherwise; the function given back ends it. */
  answer(rule: AnswerRule): () => void;
  /** The next `count` pushes are accepted with 201 but stay pending, as for a browser that is away. */
  withhold(count: number): void;
  /** Browsers come back: pending pushes are delivered, of each topic only the latest. */
  release(): void;
  /** Milliseconds before each answer. */
  setDelay(ms: number): void;
  connections(): { open: number; total: number };
  /** Cuts every open connection; new ones are taken. */
  dropConnections(): void;
  close(): Promise<void>;
}

/**
 * A push service on loopback as RFC 8030 describes one, strict where a real one is: VAPID by RFC 8292,
 * TTL, size, and the message encryption of RFC 8291, decrypted with code of its own.
 */
export async function startPushService(options: PushServiceOptions = {}): Promise<PushService> {
  const tls = options.tls ?? (await createLocalhostCertificate());
  const browsers = new Map<string, Browser>();
  const sockets = new Set<Socket>();
  const answers = createAnswerBook();
  const log = createPushLog();
  let connectionsTotal = 0;
  let delayMs = 0;

  const server =
    options.http2 === false ? createServer(tls) : createSecureServer({ ...tls, allowHTTP1: true });
  // Also those whose TLS handshake is not done: closing would wait for them.
  server.on('connection', (socket: Socket) => {
    connectionsTotal += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('secureConnection', (socket: Socket) => socket.on('error', () => {}));
  // A client that goes away is what tests do on purpose.
  server.on('sessionError', () => {});
  server.on('tlsClientError', () => {});
  server.on('request', (request: Request, response: Response) => {
    request.on('error', () => {});
    response.on('error', () => {});
    void serve(request, response);
  });
  server.listen(options.port ?? 0, 'localhost');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the push service has no port');
  const host = `localhost:${address.port}`;
  const url = `https://${host}`;
  const vapid = createVapidVerifier(url, Date.now);

  function endpointOf(browser: Browser): string {
    return `${url}/push/${browser.subscriptionId}`;
  }

  async function serve(request: Request, response: Response): Promise<void> {
    const body = await readBody(request);
    if (!body) return;
    const browser = browsers.get(/^\/push\/([\w-]+)$/.exec(request.url ?? '')?.[1] ?? '');
    if (!browser) return reply(response, 404, {}, 'no such subscription');
    if (request.method !== 'POST') return reply(response, 405, {}, 'POST only');
    const { headers, httpVersion } = request;
    const entry = { endpoint: endpointOf(browser), at: Date.now(), httpVersion, headers };
    const push = createReceivedPush(browser, entry, body);
    const refusal = judgePush(push, browser, body, vapid, options.decryptOnReceipt !== false);
    if (refusal) push.why = refusal.why;
    const answer = refusal ? { status: refusal.status, body: refusal.why } : answers.take(push);
    push.answered = typeof answer === 'string' ? answer : answer.status;
    log.add(push);
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    if (answer === 'drop') request.socket.destroy();
    if (typeof answer === 'string') return;
    const location = answer.status === 201 ? { location: `${url}/message/${log.size()}` } : {};
    const retryAfter = answer.retryAfter === undefined ? {} : { 'retry-after': answer.retryAfter };
    reply(response, answer.status, { ...location, ...retryAfter, ...answer.headers }, answer.body ?? '');
  }

  function dropConnections(): void {
    for (const socket of sockets) socket.destroy();
  }

  return {
    url,
    host,
    ca: tls.cert,
    subscribe({ vapidPublicKey } = {}) {
      const browser = createBrowser(vapidPublicKey);
      browsers.set(browser.subscriptionId, browser);
      const { publicKey, auth } = browser.keys;
      const keys = { p256dh: publicKey.toString('base64url'), auth: auth.toString('base64url') };
      return { endpoint: endpointOf(browser), keys };
    },
    unsubscribe(endpoint) {
      const browser = browsers.get(endpoint.split('/').at(-1) ?? '');
      if (!browser) throw new Error(`no such subscription: ${endpoint}`);
      browser.gone = true;
    },
    received: log.received,
    delivered: () => log.received().filter((push) => push.state === 'delivered'),
    waitForReceived: log.waitFor,
    onReceived: log.onReceived,
    onDelivered: log.onDelivered,
    answer: answers.add,
    withhold: log.withhold,
    release: log.release,
    setDelay(ms) {
      delayMs = ms;
    },
    connections: () => ({ open: sockets.size, total: connectionsTotal }),
    dropConnections,
    async close() {
      const closed = once(server, 'close');
      server.close();
      dropConnections();
      await closed;
    },
  };
}

/** Null when the client went away. Keeps no more than it takes to see that a body is too long. */
async function readBody(request: Request): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      if (length <= MAX_BODY_BYTES) chunks.push(chunk);
      length += chunk.length;
    }
    return Buffer.concat(chunks);
  } catch {
    return null;
  }
}

function reply(response: Response, status: number, headers: Record<string, string>, body: string): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.end(body);
}
