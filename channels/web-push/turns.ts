/** How much is prepared in one turn: about a millisecond. */
const AT_ONCE = 8;

export interface Turns {
  /**
   * Runs `prepare` when its turn comes, and lets the caller go on when the few others of the same turn are prepared.
   *
   * @throws what `prepare` throws
   */
  take<T>(prepare: () => T): Promise<T>;
}

/**
 * Lets callers go on a few at a time, each few in an event-loop turn of their own. What they have written leaves the
 * process before the next go on, and timers and answers are not kept waiting by a long queue.
 */
export function createTurns(): Turns {
  let queue: (() => () => void)[] = [];
  let scheduled = false;

  function turn(): void {
    const now = queue.slice(0, AT_ONCE);
    queue = queue.slice(AT_ONCE);
    scheduled = queue.length > 0;
    if (scheduled) setImmediate(turn);
    // First all the work, then all the callers: nobody's work comes between another one and the wire.
    for (const goOn of now.map((prepare) => prepare())) goOn();
  }

  return {
    take(prepare) {
      return new Promise((resolve, reject) => {
        queue.push(() => {
          try {
            const prepared = prepare();
            return () => resolve(prepared);
          } catch (error) {
            return () => reject(error instanceof Error ? error : new Error(String(error)));
          }
        });
        if (!scheduled) setImmediate(turn);
        scheduled = true;
      });
    },
  };
}
