import { setTimeout as delay } from 'node:timers/promises';

const DAY_MS = 24 * 3_600_000;

/**
 * Waits for the next UTC day when less than a minute of this one is left: what a limit a day, or a week, keeps back
 * would be let through after midnight.
 */
export async function roomInUtcDay(): Promise<void> {
  const leftMs = DAY_MS - (Date.now() % DAY_MS);
  if (leftMs < 60_000) await delay(leftMs + 100);
}
