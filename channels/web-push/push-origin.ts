import type { TLSSocket } from 'node:tls';
import type { ConnectTls, Connecting } from './connect-tls.ts';
import { createHttp1Posts, type Http1Posts } from './http1-posts.ts';
import { createHttp2Session, STREAMS_PER_CONNECTION, type Http2Session } from './http2-session.ts';
import { createPushTry, type PushTry } from './push-try.ts';
import type { PushAnswer, PushPost } from './push-try.ts';

/** The connections to one push service. */
export interface PushOrigin {
  /** As of the transport. */
  post(post: PushPost): Promise<PushAnswer>;
  /** Lets running posts end, then closes the connections. */
  close(): Promise<void>;
}

/**
 * One connection is made to learn the protocol. Over HTTP/2 another one is made only when those there are full;
 * HTTP/1.1, which carries one request at a time, is left to a pool.
 */
export function createPushOrigin(url: string, connect: ConnectTls, connections: number): PushOrigin {
  const origin = new URL(url);
  const waiting: PushTry[] = [];
  const running = new Set<Promise<PushAnswer>>();
  const connecting = new Set<Connecting>();
  /** Those that take requests. */
  const sessions = new Set<Http2Session>();
  /** Beside them those on which something is still under way. */
  const unclosed = new Set<Http2Session>();
  let http1: Http1Posts | undefined;

  function pump(): void {
    while (waiting.length > 0) {
      const pushTry = waiting[0];
      if (pushTry && !pushTry.isOver()) {
        const session = http1 ? undefined : freeSession();
        if (http1) http1.send(pushTry);
        else if (session) session.send(pushTry);
        else return open();
      }
      waiting.shift();
    }
  }

  function freeSession(): Http2Session | undefined {
    for (const session of sessions) if (session.hasRoom()) return session;
    return undefined;
  }

  function open(): void {
    const expected = connecting.size * STREAMS_PER_CONNECTION;
    if (waiting.length <= expected || connecting.size + sessions.size >= connections) return;
    const attempt = connect(origin, ['h2', 'http/1.1']);
    connecting.add(attempt);
    attempt.socket.then(
      (socket) => use(socket, attempt),
      (error: unknown) => {
        connecting.delete(attempt);
        if (connecting.size > 0 || sessions.size > 0) return pump();
        for (const pushTry of waiting.splice(0)) pushTry.fail(error);
      },
    );
  }

  function use(socket: TLSSocket, attempt: Connecting): void {
    if (socket.alpnProtocol !== 'h2') {
      connecting.delete(attempt);
      http1 ??= createHttp1Posts(origin, connect, connections);
      http1.adopt(socket);
      return pump();
    }
    const session = createHttp2Session(origin, socket, {
      onReady() {
        connecting.delete(attempt);
        sessions.add(session);
        pump();
      },
      onRoom: pump,
      onRetired(error) {
        sessions.delete(session);
        // It was closed before it could be used: that is how the connection failed.
        const unused = connecting.delete(attempt);
        if (unused && connecting.size === 0 && sessions.size === 0) {
          for (const pushTry of waiting.splice(0)) pushTry.fail(error);
        }
        pump();
      },
    });
    unclosed.add(session);
    void session.closed.then(() => unclosed.delete(session));
  }

  return {
    post(post) {
      const { pushTry, answer } = createPushTry(post);
      running.add(answer);
      void answer.then(() => running.delete(answer));
      waiting.push(pushTry);
      pump();
      return answer;
    },
    async close() {
      await Promise.all(running);
      for (const attempt of connecting) attempt.abort();
      for (const session of unclosed) session.destroy();
      await http1?.close();
    },
  };
}
