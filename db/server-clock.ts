import type { Connection } from 'mongoose';
import type { ServerClock } from '../domain/ports/clock.ts';

const RESYNC_MS = 30_000;
/** Of so many readings the one that was on its way for the shortest time is taken. */
const READINGS = 5;
/** A reading this quick, in milliseconds, is not tried again. */
const QUICK_MS = 4;
const STALL_MS = 1_000;

interface Reading {
  serverMs: number;
  /** By the monotonic clock: in the middle between question and answer. */
  readAt: number;
  roundTripMs: number;
}

/**
 * Follows the database's clock: asks for it now and again, and adds what has passed since by the monotonic
 * clock. Good to about half a round trip of the quickest of several questions.
 *
 * @returns the clock, and how to stop asking
 */
export async function followServerClock(
  connection: Pick<Connection, 'db'>,
): Promise<ServerClock & { nowMs(): number; stop(): void }> {
  async function read(): Promise<Reading> {
    const before = performance.now();
    const answer = await connection.db?.admin().command({ hello: 1 });
    const after = performance.now();
    const localTime: unknown = answer?.localTime;
    if (!(localTime instanceof Date)) throw new Error('the database does not tell its time');
    return { serverMs: localTime.getTime(), readAt: (before + after) / 2, roundTripMs: after - before };
  }

  /** A stall on the way makes a reading wrong by half of it. */
  async function best(): Promise<Reading> {
    let quickest = await read();
    for (let i = 1; i < READINGS && quickest.roundTripMs > QUICK_MS; i += 1) {
      const next = await read().catch(() => null);
      if (next === null) break;
      if (next.roundTripMs < quickest.roundTripMs) quickest = next;
    }
    return quickest;
  }

  let known = await best();
  const sync = async (): Promise<void> => {
    const next = await best();
    // Else the one before is better.
    if (next.roundTripMs <= STALL_MS) known = next;
  };
  const timer = setInterval(() => void sync().catch(() => undefined), RESYNC_MS);
  timer.unref();
  const nowMs = (): number => Math.round(known.serverMs + performance.now() - known.readAt);
  return { nowMs, now: () => new Date(nowMs()), stop: () => clearInterval(timer) };
}
