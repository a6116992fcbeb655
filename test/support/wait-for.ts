import { setTimeout as delay } from 'node:timers/promises';

/**
 * Waits until a condition holds.
 *
 * @param what named in the error when it does not hold in time
 * @param probe answers with something truthy once it holds; may throw while it does not
 * @returns what the probe answered
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<Exclude<T, false | null | undefined | 0 | ''>> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value as Exclude<T, false | null | undefined | 0 | ''>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(
        `waited ${timeoutMs} ms for ${what}; last: ${last instanceof Error ? (last.stack ?? '') : JSON.stringify(last)}`,
      );
    }
    await delay(25);
  }
}
