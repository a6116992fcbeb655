import type { IncomingHttpHeaders } from 'node:http';
import { decryptPush } from './decrypt.ts';
import type { Browser } from './browsers.ts';
import type { VapidClaims } from './vapid.ts';

/**
 * `delivered`: the browser has it. `pending`: accepted while the browser is away. `replaced`: was
 * pending when another of the same topic came. `refused`: answered with anything but 2xx, or not at all.
 */
export type PushState = 'delivered' | 'pending' | 'replaced' | 'refused';

/** One request that reached the service with a known subscription. */
export interface ReceivedPush {
  subscriptionId: string;
  endpoint: string;
  /** When it came, in milliseconds since 1970. */
  at: number;
  httpVersion: string;
  headers: IncomingHttpHeaders;
  topic: string | undefined;
  /** The claims of its VAPID token; null when it was refused for its token. */
  claims: VapidClaims | null;
  /** The decrypted plaintext; decrypting happens on the first read. Throws `UndecryptableError`. */
  readonly payload: string;
  answered: number | 'hang' | 'drop';
  /** Why the service itself refused it; absent when a rule answered. */
  why?: string;
  state: PushState;
}

/** A log entry that decrypts itself once, when it is asked for its payload. */
export function createReceivedPush(
  browser: Browser,
  entry: Pick<ReceivedPush, 'endpoint' | 'at' | 'httpVersion' | 'headers'>,
  body: Buffer,
): ReceivedPush {
  let payload: string | undefined;
  return {
    ...entry,
    subscriptionId: browser.subscriptionId,
    topic: [entry.headers.topic].flat()[0],
    claims: null,
    get payload() {
      payload ??= decryptPush(body, browser.keys).toString('utf8');
      return payload;
    },
    answered: 201,
    state: 'refused',
  };
}
