import { createConnectTls } from './connect-tls.ts';
import { createPushOrigin, type PushOrigin } from './push-origin.ts';
import type { PushAnswer, PushPost } from './push-try.ts';

/** Some services spread over many host names; the origins unused for longest give up their connections. */
const MAX_ORIGINS = 256;

export interface PushTransport {
  /** Puts a request on the wire at most once. Does not throw and does not follow redirects. */
  post(post: PushPost): Promise<PushAnswer>;
  /** Lets running posts end, then closes the connections. */
  close(): Promise<void>;
}

/**
 * HTTP/2 where the other side offers it, else HTTP/1.1, over kept connections.
 * `ca`: PEM certificates trusted beside the usual ones.
 */
export function createPushTransport(options: {
  ca?: string | string[];
  connectionsPerOrigin: number;
}): PushTransport {
  const connect = createConnectTls(options.ca);
  const origins = new Map<string, PushOrigin>();
  let closed = false;

  function originFor(url: URL): PushOrigin {
    const origin =
      origins.get(url.origin) ?? createPushOrigin(url.origin, connect, options.connectionsPerOrigin);
    origins.delete(url.origin);
    origins.set(url.origin, origin);
    const [oldest] = origins;
    if (origins.size > MAX_ORIGINS && oldest) {
      origins.delete(oldest[0]);
      void oldest[1].close();
    }
    return origin;
  }

  return {
    post(post) {
      if (closed) return Promise.resolve({ kind: 'failed', reason: 'network' });
      return originFor(post.url).post(post);
    },
    async close() {
      closed = true;
      await Promise.all([...origins.values()].map((origin) => origin.close()));
    },
  };
}
