import { connect, constants, type ClientHttp2Stream, type Settings } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { MAX_RESPONSE_BYTES, type PushTry } from './push-try.ts';

/** At most; a service may allow fewer. */
export const STREAMS_PER_CONNECTION = 100;
const IDLE_TIMEOUT_MS = 20_000;

/** One HTTP/2 connection, which carries many requests at once. */
export interface Http2Session {
  /** Whether one more request may go out on it now. */
  hasRoom(): boolean;
  /** Puts the request on the wire, when it may begin. */
  send(pushTry: PushTry): void;
  /** Ends it, and what is under way on it. */
  destroy(): void;
  closed: Promise<void>;
}

export interface Http2SessionEvents {
  /** The service has said how many streams it takes. */
  onReady(): void;
  /** A stream has ended. */
  onRoom(): void;
  /** It takes no more requests: the service said goodbye, it was idle, or it broke. Called once. */
  onRetired(error: unknown): void;
}

/** Speaks HTTP/2 on a connection that has agreed on it. */
export function createHttp2Session(origin: URL, socket: TLSSocket, events: Http2SessionEvents): Http2Session {
  const session = connect(origin, { createConnection: () => socket, settings: { enablePush: false } });
  let streams = 0;
  let mostStreams = 0;
  let answers = 0;
  let failure: unknown = Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' });
  let retired = false;

  function retire(): void {
    if (retired) return;
    retired = true;
    events.onRetired(failure);
  }

  session.on('remoteSettings', ({ maxConcurrentStreams }: Settings) => {
    const first = mostStreams === 0;
    // Those beyond what the service takes would wait inside of the session, behind the last look at `mayBegin`.
    mostStreams = Math.min(maxConcurrentStreams ?? STREAMS_PER_CONNECTION, STREAMS_PER_CONNECTION);
    if (first && !retired) events.onReady();
    else events.onRoom();
  });
  session.on('goaway', retire);
  session.on('error', (error) => {
    failure = error;
    retire();
  });
  const closed = new Promise<void>((resolve) => {
    session.once('close', () => {
      retire();
      resolve();
    });
  });
  session.setTimeout(IDLE_TIMEOUT_MS, () => {
    retire();
    session.close();
  });

  function send(pushTry: PushTry): void {
    let stream: ClientHttp2Stream | undefined;
    const answersBefore = answers;
    const mayBegin = pushTry.begin(() => {
      stream?.close(constants.NGHTTP2_CANCEL);
      if (answers !== answersBefore) return;
      // Nothing has come on it all the time: the next requests take another connection.
      retire();
      session.close();
    });
    if (!mayBegin) return;
    const { url, headers, body } = pushTry.post;
    try {
      stream = session.request({ ':method': 'POST', ':path': url.pathname + url.search, ...headers });
    } catch (error) {
      return pushTry.fail(error);
    }
    streams += 1;
    stream.on('response', (head) => {
      answers += 1;
      pushTry.answer(Number(head[':status']), head['retry-after']);
    });
    stream.on('error', (error) => pushTry.fail(error));
    stream.on('close', () => {
      streams -= 1;
      pushTry.fail(failure);
      events.onRoom();
    });
    discardAnswer(stream);
    stream.end(body);
  }

  return {
    hasRoom: () => !retired && !session.closed && !session.destroyed && streams < mostStreams,
    send,
    destroy: () => void session.destroy(),
    closed,
  };
}

function discardAnswer(stream: ClientHttp2Stream): void {
  let received = 0;
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (received > MAX_RESPONSE_BYTES) stream.close(constants.NGHTTP2_CANCEL);
  });
}
