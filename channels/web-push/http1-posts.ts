import type { TLSSocket } from 'node:tls';
import { Pool, type Dispatcher } from 'undici';
import type { ConnectTls } from './connect-tls.ts';
import { MAX_RESPONSE_BYTES, type PushTry } from './push-try.ts';

const IDLE_TIMEOUT_MS = 20_000;

/** Requests over HTTP/1.1, one at a time on each connection. */
export interface Http1Posts {
  /** Puts the request on the wire when a connection is free. */
  send(pushTry: PushTry): void;
  /** Takes over a connection that is made already. */
  adopt(socket: TLSSocket): void;
  /** Closes the connections; requests must have ended. */
  close(): Promise<void>;
}

export function createHttp1Posts(origin: URL, connect: ConnectTls, connections: number): Http1Posts {
  const adopted: TLSSocket[] = [];
  const pool = new Pool(origin, {
    connections,
    // One request at a time: pipelined POSTs would fail together.
    pipelining: 1,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    connect(_target, done) {
      let socket = adopted.shift();
      while (socket?.destroyed) socket = adopted.shift();
      const made = socket ? Promise.resolve(socket) : connect(origin, ['http/1.1']).socket;
      made.then(
        (connected) => done(null, connected),
        (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
      );
    },
  });

  return {
    send(pushTry) {
      const { url, headers, body } = pushTry.post;
      try {
        pool.dispatch({ method: 'POST', path: url.pathname + url.search, headers, body }, handlerOf(pushTry));
      } catch (error) {
        pushTry.fail(error);
      }
    },
    adopt(socket) {
      // Nobody else would hear of it until a request takes it.
      socket.on('error', () => undefined);
      adopted.push(socket);
    },
    async close() {
      for (const socket of adopted) socket.destroy();
      // Not the pool's own close: it would wait for connections that are still being tried in vain.
      await pool.destroy();
    },
  };
}

function handlerOf(pushTry: PushTry): Dispatcher.DispatchHandler {
  let received = 0;
  return {
    onRequestStart(controller) {
      // The client may put requests of a lost connection back into its queue.
      const abort = (): void => controller.abort(new Error('the push service took too long'));
      if (!pushTry.begin(abort)) controller.abort(new Error('not to be sent any more'));
    },
    onResponseStart(_controller, status, headers) {
      if (status >= 200) pushTry.answer(status, headers['retry-after']);
    },
    onResponseData(controller, chunk) {
      received += chunk.length;
      if (received > MAX_RESPONSE_BYTES) controller.abort(new Error('the answer is too long'));
    },
    onResponseError(_controller, error) {
      pushTry.fail(error);
    },
  };
}
