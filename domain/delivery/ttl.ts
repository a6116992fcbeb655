import { parseDuration } from '../schedule/duration.ts';

/** How long a message stays worth delivering when its campaign does not say. */
export const DEFAULT_TTL = '24h';

/**
 * @param ttl a duration such as `4h`; absent: {@link DEFAULT_TTL}
 * @param firstDueAt when the message was to be sent first
 * @returns when its time to live ends, epoch milliseconds; retries carry what remains
 */
export function expiresAtMs(ttl: string | undefined, firstDueAt: Date): number {
  const ms = parseDuration(ttl ?? DEFAULT_TTL);
  if (ms === null) throw new RangeError(`not a duration: ${String(ttl)}`);
  return firstDueAt.getTime() + ms;
}
