import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { UnreachableReason } from '../../domain/delivery/outcome.ts';
import { classifyFailure } from '../http/classify-failure.ts';
import { trustedWith } from '../http/trusted-certificates.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_TIMEOUT_MS = 20_000;
/** Answers are a few hundred bytes; one that is longer is cut off. */
const MAX_RESPONSE_BYTES = 65_536;

export type FcmAnswer =
  | { kind: 'answered'; status: number; retryAfter?: string; body: string }
  | { kind: 'failed'; reason: UnreachableReason }
  | { kind: 'notBegun' };

export interface FcmPost {
  url: URL;
  headers: Record<string, string>;
  body: string;
  timeoutMs: number;
  mayBegin: () => boolean;
}

/** Like the transport of web push, but it reads the answer: that is where this service says what became of it. */
export function createFcmTransport(options: { ca?: string | string[]; connections: number }) {
  const agent = new Agent({
    connections: options.connections,
    pipelining: 1,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      ...(options.ca === undefined ? {} : { ca: trustedWith(options.ca) }),
    },
  });
  return {
    /** Puts a request on the wire at most once. Does not throw and does not follow redirects. */
    post: (post: FcmPost) => postOnce(agent, post),
    close: () => agent.destroy(),
  };
}

function postOnce(agent: Agent, post: FcmPost): Promise<FcmAnswer> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | undefined;
    let over = false;
    let head: { status: number; retryAfter?: string } | undefined;
    const chunks: Buffer[] = [];
    let received = 0;

    function settle(answer: FcmAnswer): void {
      over = true;
      clearTimeout(timer);
      resolve(answer);
    }
    const timer = setTimeout(() => {
      settle({ kind: 'failed', reason: 'timeout' });
      controller?.abort(new Error('the service took too long'));
    }, post.timeoutMs);

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        // A second start would be a repeat after a lost connection: whoever owns the retries decides about those.
        if (controller || over || !post.mayBegin()) {
          if (!over)
            settle(controller ? { kind: 'failed', reason: 'connectionReset' } : { kind: 'notBegun' });
          started.abort(new Error('not to be sent any more'));
          return;
        }
        controller = started;
      },
      onResponseStart(_controller, status, headers) {
        if (status < 200) return;
        const retryAfter = [headers['retry-after']].flat()[0];
        head = { status, ...(retryAfter === undefined ? {} : { retryAfter }) };
      },
      onResponseData(running, chunk) {
        received += chunk.length;
        if (received <= MAX_RESPONSE_BYTES) chunks.push(chunk);
        else running.abort(new Error('the answer is too long'));
      },
      onResponseEnd() {
        if (head) settle({ kind: 'answered', ...head, body: Buffer.concat(chunks).toString() });
      },
      onResponseError(_controller, error) {
        // Whatever stands after the head does not change what the status says.
        if (head && head.status !== 200) settle({ kind: 'answered', ...head, body: '' });
        else settle({ kind: 'failed', reason: classifyFailure(error) });
      },
    };
    try {
      agent.dispatch(
        {
          origin: post.url.origin,
          method: 'POST',
          path: post.url.pathname + post.url.search,
          headers: post.headers,
          body: post.body,
        },
        handler,
      );
    } catch (error) {
      settle({ kind: 'failed', reason: classifyFailure(error) });
    }
  });
}
