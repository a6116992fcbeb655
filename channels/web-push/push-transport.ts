import { rootCertificates } from 'node:tls';
import { Client, Pool, buildConnector } from 'undici';
import type { Dispatcher } from 'undici';
import type { UnreachableReason } from '../../domain/outcome.ts';
import { classifyFailure } from './classify.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 20_000;
const STREAMS_PER_CONNECTION = 100;
/** Nothing in a push service's body is used; one that sends more than this is cut off. */
const MAX_RESPONSE_BYTES = 65_536;
/** Some services spread over many host names; the origins unused for longest give up their connections. */
const MAX_ORIGINS = 256;

export interface PushPost {
  url: URL;
  headers: Record<string, string>;
  body: Buffer;
  /** Milliseconds for the whole try: waiting for a connection, connecting, sending, the answer's head. */
  timeoutMs: number;
  /** Asked in the moment in which the request would go on the wire. */
  mayBegin: () => boolean;
}

export type PushAnswer =
  | { kind: 'answered'; status: number; retryAfter?: string }
  | { kind: 'failed'; reason: UnreachableReason }
  | { kind: 'notBegun' };

export interface PushTransport {
  /** Puts a request on the wire at most once. Does not throw and does not follow redirects. */
  post(post: PushPost): Promise<PushAnswer>;
  /** Lets running posts end, then closes the connections. */
  close(): Promise<void>;
}

interface Origin {
  pool: Pool;
  /** Known to speak HTTP/2: requests may share a connection. */
  multiplexes: boolean;
}

/**
 * HTTP/2 where the other side offers it, else HTTP/1.1, over kept connections.
 * `ca`: PEM certificates trusted beside the usual ones.
 */
export function createPushTransport(options: {
  ca?: string | string[];
  connectionsPerOrigin: number;
}): PushTransport {
  const ca = options.ca === undefined ? {} : { ca: [...rootCertificates, ...[options.ca].flat()] };
  const origins = new Map<string, Origin>();
  const running = new Set<Promise<PushAnswer>>();
  let closed = false;

  function createOrigin(url: string): Origin {
    const connect = buildConnector({ ...ca, allowH2: true, timeout: CONNECT_TIMEOUT_MS });
    const pool = new Pool(url, {
      connections: options.connectionsPerOrigin,
      factory(clientUrl, poolOptions) {
        const client: Client = new Client(clientUrl, {
          ...poolOptions,
          keepAliveTimeout: IDLE_TIMEOUT_MS,
          // HTTP/1.1 takes one request at a time: pipelined POSTs would fail together.
          pipelining: 1,
          connect(target, done) {
            connect(target, (...result) => {
              if (result[1] && 'alpnProtocol' in result[1] && result[1].alpnProtocol === 'h2') {
                client.pipelining = STREAMS_PER_CONNECTION;
                origin.multiplexes = true;
              }
              done(...result);
            });
          },
        });
        return client;
      },
    });
    const origin: Origin = { pool, multiplexes: false };
    return origin;
  }

  function originFor(url: string): Origin {
    const origin = origins.get(url) ?? createOrigin(url);
    origins.delete(url);
    origins.set(url, origin);
    const [oldest] = origins;
    if (origins.size > MAX_ORIGINS && oldest) {
      origins.delete(oldest[0]);
      void oldest[1].pool.close();
    }
    return origin;
  }

  return {
    post(post) {
      if (closed) return Promise.resolve({ kind: 'failed', reason: 'network' });
      const answer = postOnce(originFor(post.url.origin), post);
      running.add(answer);
      void answer.then(() => running.delete(answer));
      return answer;
    },
    async close() {
      closed = true;
      await Promise.all(running);
      // Not the pool's own close: it would wait for connections that are still being tried in vain.
      await Promise.all([...origins.values()].map((origin) => origin.pool.destroy()));
    },
  };
}

function postOnce(origin: Origin, post: PushPost): Promise<PushAnswer> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    let received = 0;

    function fail(reason: UnreachableReason): void {
      over = true;
      resolve({ kind: 'failed', reason });
    }
    const timer = setTimeout(() => {
      fail('timeout');
      controller?.abort(new Error('the push service took too long'));
    }, post.timeoutMs);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        // The client may put requests of a lost connection back into its queue. A second start, or one
        // that comes too late, would send what the caller no longer accounts for.
        if (controller || over || !post.mayBegin()) {
          if (controller || over) fail('connectionReset');
          else resolve({ kind: 'notBegun' });
          over = true;
          started.abort(new Error('not to be sent any more'));
          return;
        }
        controller = started;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        const retryAfter = [headers['retry-after']].flat()[0];
        resolve({ kind: 'answered', status, ...(retryAfter === undefined ? {} : { retryAfter }) });
      },
      onResponseData(running, chunk) {
        received += chunk.length;
        if (received > MAX_RESPONSE_BYTES) running.abort(new Error('the answer is too long'));
      },
      onResponseEnd() {
        clearTimeout(timer);
      },
      onResponseError(_controller, error) {
        clearTimeout(timer);
        fail(classifyFailure(error));
      },
    };

    try {
      origin.pool.dispatch(
        {
          method: 'POST',
          path: post.url.pathname + post.url.search,
          headers: post.headers,
          body: post.body,
          // "Idempotent" is what lets the client begin a request beside others on one connection.
          idempotent: origin.multiplexes,
        },
        handler,
      );
    } catch (error) {
      clearTimeout(timer);
      fail(classifyFailure(error));
    }
  });
}
