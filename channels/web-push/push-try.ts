import type { UnreachableReason } from '../../domain/delivery/outcome.ts';
import { classifyFailure } from '../http/classify-failure.ts';

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

/** Nothing in a push service's body is used; one that sends more than this is cut off. */
export const MAX_RESPONSE_BYTES = 65_536;

/** One post on its way to its one answer. What comes after the answer is ignored. */
export interface PushTry {
  post: PushPost;
  /** Whether it waits no more: it was answered, or was given up. */
  isOver(): boolean;
  /**
   * Asked when the request would go on the wire. False ends it: it may not, it was given up while it waited, or it
   * went on the wire before.
   *
   * @param abort called when its time is over
   */
  begin(abort: () => void): boolean;
  answer(status: number, retryAfter: string | string[] | undefined): void;
  fail(error: unknown): void;
}

/** @returns a try, and its answer, which comes within the time of the post */
export function createPushTry(post: PushPost): { pushTry: PushTry; answer: Promise<PushAnswer> } {
  let abort: (() => void) | undefined;
  let over = false;
  let settle: ((answer: PushAnswer) => void) | undefined;
  // Methods, since a function with a name of its own costs more to make, and these are made for every push.
  const pushTry = {
    post,
    isOver: () => over,
    end(answer: PushAnswer) {
      if (over) return;
      over = true;
      clearTimeout(timer);
      settle?.(answer);
    },
    begin(abortWith: () => void) {
      // A second start would send what the caller no longer accounts for.
      if (abort) pushTry.end({ kind: 'failed', reason: 'connectionReset' });
      else if (!over && !post.mayBegin()) pushTry.end({ kind: 'notBegun' });
      if (over) return false;
      abort = abortWith;
      return true;
    },
    answer(status: number, retryAfter: string | string[] | undefined) {
      const [first] = [retryAfter].flat();
      pushTry.end({ kind: 'answered', status, ...(first === undefined ? {} : { retryAfter: first }) });
    },
    fail(error: unknown) {
      if (!over) pushTry.end({ kind: 'failed', reason: classifyFailure(error) });
    },
  };
  const timer = setTimeout(() => {
    pushTry.end({ kind: 'failed', reason: 'timeout' });
    abort?.();
  }, post.timeoutMs);
  const answer = new Promise<PushAnswer>((resolve) => {
    settle = resolve;
  });
  return { pushTry, answer };
}
