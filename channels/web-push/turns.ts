/**
 * Lets callers go on one after the other, each in an event-loop turn of its own. What one of them has written
 * leaves the process before the next goes on, and timers and answers are not kept waiting by a long queue.
 */
export function createTurns(): { mine(): Promise<void> } {
  let last = Promise.resolve();
  const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    mine() {
      const mine = last;
      last = mine.then(nextTurn);
      return mine;
    },
  };
}
