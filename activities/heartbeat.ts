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
