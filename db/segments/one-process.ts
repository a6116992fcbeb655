import { randomUUID } from 'node:crypto';
import type { Connection } from 'mongoose';
import { createLaneRepository } from '../lanes.ts';

/** The lease documents of background folding and of making it all anew at a start, beside those of the lanes. */
export const FOLD_LANE = 1_001;
export const FORM_LANE = 1_002;
const LEASE_MS = 20_000;
const RENEW_EVERY_MS = 5_000;

/** Lets one process at a time do a work, whichever comes first; the next when that one is done or dead. */
export interface OneProcess {
  /**
   * @param work told how to ask whether this process is still the one; false: it was taken for dead
   * @returns what the work came to; null when another process does it
   */
  alone<T>(lane: number, work: (isStillOurs: () => Promise<boolean>) => Promise<T>): Promise<T | null>;
}

export function createOneProcess(connection: Connection): OneProcess {
  const lanes = createLaneRepository(connection);
  const owner = randomUUID();

  return {
    async alone(lane, work) {
      const token = await lanes.claim(lane, owner, LEASE_MS);
      if (token === null) return null;
      const renew = (): Promise<boolean> => lanes.renew(lane, token, LEASE_MS);
      // A large group takes longer than the lease.
      const timer = setInterval(() => void renew().catch(() => undefined), RENEW_EVERY_MS);
      try {
        return await work(renew);
      } finally {
        clearInterval(timer);
        await lanes.release(lane, token);
      }
    },
  };
}
