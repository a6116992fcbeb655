import type { Connection } from 'mongoose';
import type { ServerClock } from '../domain/ports/clock.ts';

const RESYNC_MS = 30_000;
const STALL_MS = 1_000;

/**
 * Follows the database's clock: asks for it now and again, and adds what has passed since by the monotonic
 * clock. Good to about half a round trip.
 *
 * @returns the clock, and how to stop asking
 */
export async function followServerClock(
  connection: Connection,
): Promise<ServerClock & { nowMs(): number; stop(): void }> {
  let serverMs = 0;
  let readAt = 0;

  async function sync(): Promise<void> {
    const before = performance.now();
    const answer = await connection.db?.admin().command({ hello: 1 });
    const after = performance.now();
    const localTime: unknown = answer?.localTime;
    if (!(localTime instanceof Date)) throw new Error('the database does not tell its time');
    // A stall on the way makes the reading wrong by half of it: the one before is better.
    if (readAt !== 0 && after - before > STALL_MS) return;
    serverMs = localTime.getTime();
    readAt = (before + after) / 2;
  }

  await sync();
  const timer = setInterval(() => void sync().catch(() => undefined), RESYNC_MS);
  timer.unref();
  const nowMs = (): number => Math.round(serverMs + performance.now() - readAt);
  return { nowMs, now: () => new Date(nowMs()), stop: () => clearInterval(timer) };
}
