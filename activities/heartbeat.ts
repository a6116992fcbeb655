import { Context } from '@temporalio/activity';

const EVERY_MS = 1_000;

/**
 * Runs `work` while telling the server every second that this process lives. A process that is killed or
 * stopped falls silent, and the activity is given to another worker when its heartbeat timeout has passed.
 *
 * @param work is given the signal that is aborted when the activity is cancelled or the worker shuts down
 */
export async function withHeartbeat<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const context = Context.current();
  const timer = setInterval(() => {
    context.heartbeat();
  }, EVERY_MS);
  try {
    return await work(context.cancellationSignal);
  } finally {
    clearInterval(timer);
  }
}

/**
 * For work that must not be taken for done when it was only interrupted: an activity that returns while its
 * worker shuts down has succeeded, one that throws is tried again elsewhere.
 *
 * @throws {Error} when the signal is aborted
 */
export function failIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new Error('interrupted: it goes on in the next try');
}
