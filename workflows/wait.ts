import { condition } from '@temporalio/workflow';

const LEAST_WAIT_MS = 500;
const LONGEST_TIMER_MS = 365 * 24 * 3_600_000;

/**
 * Waits until an instant, or until `wake` holds.
 *
 * @param untilMs epoch milliseconds; null waits for `wake` alone; an instant in the past does not wait
 * @param summary what an operator reads beside the timer
 * @returns whether `wake` ended the wait
 */
export async function waitUntil(
  untilMs: number | null,
  summary: string,
  wake: () => boolean,
): Promise<boolean> {
  if (wake()) return true;
  if (untilMs === null) {
    await condition(wake);
    return true;
  }
  // A reminder may be due in centuries, and no server takes a timer of that length.
  while (untilMs - Date.now() > LONGEST_TIMER_MS) {
    if (await condition(wake, LONGEST_TIMER_MS, { summary })) return true;
  }
  const ms = untilMs - Date.now();
  if (ms <= 0) return false;
  return condition(wake, ms, { summary });
}

/**
 * @returns an instant to look again at, half a second from now at the earliest: the database's clock, by which it was
 *   judged that nothing is due before, may be behind this one
 */
export function atLeast(untilMs: number): number {
  return Math.max(untilMs, Date.now() + LEAST_WAIT_MS);
}

/** @returns the instant as an operator reads it, in UTC, the same on every replay */
export function instantText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
