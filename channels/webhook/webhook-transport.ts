import { Client, Pool } from 'undici';
import type { buildConnector, Dispatcher } from 'undici';
import type { UnreachableReason } from '../../domain/delivery/outcome.ts';
import { classifyFailure } from '../http/classify-failure.ts';
import { createAnswerText } from './answer-text.ts';
import { AddressRefused } from './guarded-connector.ts';

const IDLE_TIMEOUT_MS = 20_000;
/** The origins unused for longest give up their connections. */
const MAX_ORIGINS = 256;
const MAX_HEADER_BYTES = 16_384;
/** So much of an answer is read to its end for the sake of the connection, though most of it is thrown away. */
const DRAINED_BYTES = 65_536;
/** So long is waited for the rest of an answer whose status came. */
const BODY_WITHIN_MS = 500;

export interface WebhookPost {
  method: 'POST' | 'PUT' | 'PATCH';
  url: URL;
  headers: Record<string, string>;
  body: string;
  /** Milliseconds for the whole try, the name's look-up and the answer included. */
  timeoutMs: number;
  mayBegin: () => boolean;
}

export type WebhookReply =
  | { kind: 'answered'; status: number; retryAfter: string | undefined; body: string; truncated: boolean }
  | { kind: 'failed'; reason: UnreachableReason; detail: string }
  | { kind: 'refused'; detail: string }
  | { kind: 'invalid'; detail: string }
  | { kind: 'notBegun' };

export interface WebhookTransport {
  /** Puts a request on the wire at most once. Does not throw, follows no redirects and unpacks nothing. */
  post(post: WebhookPost): Promise<WebhookReply>;
  /** Lets running posts end, then closes the connections. */
  close(): Promise<void>;
}

/** HTTP/1.1 over kept connections, made by the connector. */
export function createWebhookTransport(options: {
  connect: buildConnector.connector;
  connectionsPerOrigin: number;
}): WebhookTransport {
  const pools = new Map<string, Pool>();
  const running = new Set<Promise<WebhookReply>>();
  let closed = false;

  function poolFor(origin: string): Pool {
    const pool =
      pools.get(origin) ??
      new Pool(origin, {
        connections: options.connectionsPerOrigin,
        factory: (url, poolOptions) =>
          new Client(url, {
            ...poolOptions,
            connect: options.connect,
            keepAliveTimeout: IDLE_TIMEOUT_MS,
            maxHeaderSize: MAX_HEADER_BYTES,
            pipelining: 1,
            allowH2: false,
          }),
      });
    pools.delete(origin);
    pools.set(origin, pool);
    const [oldest] = pools;
    if (pools.size > MAX_ORIGINS && oldest) {
      pools.delete(oldest[0]);
      void oldest[1].close();
    }
    return pool;
  }

  return {
    post(post) {
      if (closed) return Promise.resolve({ kind: 'failed', reason: 'network', detail: 'closed' });
      const reply = postOnce(poolFor(post.url.origin), post);
      running.add(reply);
      void reply.then(() => running.delete(reply));
      return reply;
    },
    async close() {
      closed = true;
      await Promise.all(running);
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}

function postOnce(pool: Pool, post: WebhookPost): Promise<WebhookReply> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    let head: { status: number; retryAfter: string | undefined } | undefined;
    const text = createAnswerText();
    const startedMs = performance.now();

    function end(reply: WebhookReply): void {
      if (over) return;
      over = true;
      clearTimeout(timer);
      resolve(reply);
    }
    /** The status decides, whatever becomes of the rest. */
    function answered(whole: boolean): void {
      if (head) end({ kind: 'answered', ...head, ...text.read(whole) });
    }
    function give(up: string): void {
      answered(false);
      end({ kind: 'failed', reason: 'timeout', detail: up });
      controller?.abort(new Error(up));
    }
    let timer = setTimeout(() => {
      give(`no answer within ${post.timeoutMs} ms`);
    }, post.timeoutMs);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        // A request of a lost connection may be put back into the queue: a second start would send it again.
        if (controller || over || !post.mayBegin()) {
          if (controller)
            end({ kind: 'failed', reason: 'connectionReset', detail: 'the connection was lost' });
          else end({ kind: 'notBegun' });
          started.abort(new Error('not to be sent any more'));
          return;
        }
        controller = started;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200 || over) return;
        head = { status, retryAfter: [headers['retry-after']].flat()[0] };
        clearTimeout(timer);
        const left = post.timeoutMs - (performance.now() - startedMs);
        timer = setTimeout(
          () => {
            give('the answer does not end');
          },
          Math.max(0, Math.min(BODY_WITHIN_MS, left)),
        );
      },
      onResponseData(_controller, chunk) {
        if (over || text.add(chunk) > DRAINED_BYTES) give('the answer is too long');
      },
      onResponseEnd() {
        answered(true);
      },
      onResponseError(_controller, error) {
        answered(false);
        end(failureOf(error));
      },
    };

    try {
      pool.dispatch(
        {
          method: post.method,
          path: post.url.pathname + post.url.search,
          headers: post.headers,
          body: post.body,
          idempotent: false,
          // Ours are shorter and count the whole try.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      );
    } catch (error) {
      end(failureOf(error));
    }
  });
}

function failureOf(error: unknown): WebhookReply {
  const { name, code, message } = error as { name?: string; code?: string; message?: string };
  const detail = (message ?? String(error)).slice(0, 300);
  if (name === 'AddressRefused' || error instanceof AddressRefused) return { kind: 'refused', detail };
  if (code === 'UND_ERR_INVALID_ARG') return { kind: 'invalid', detail };
  if (code === 'UND_ERR_HEADERS_OVERFLOW') {
    const limit = `the headers of the answer are longer than ${MAX_HEADER_BYTES} bytes`;
    return { kind: 'failed', reason: 'network', detail: limit };
  }
  return { kind: 'failed', reason: classifyFailure(error), detail };
}
