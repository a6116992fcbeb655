import { hash32 } from '../hash.ts';

/** A targeting cap: `abort` sends nothing at all when more could be reached than slots are left. */
export interface TargetingCap {
  limit: number;
  ifExceeded: 'truncate' | 'abort';
}

/**
 * A profile's place in the draw of a run, from 0 to 2^32 - 1: those with the lowest are taken. The same for ever
 * for a run and a profile, and no profile is favoured from one run to the next.
 */
export function rankOf(runId: string, profileId: string): number {
  return hash32(`${runId}:${profileId}`);
}

/**
 * How many rows are drawn for the slots that are left.
 *
 * @param taken slots that are taken, over all runs of the campaign
 * @param held rows that could be drawn; any number above the slots left says that there are more
 */
export function drawSize(cap: TargetingCap, taken: number, held: number): number | 'abort' {
  const left = Math.max(cap.limit - taken, 0);
  if (cap.ifExceeded === 'abort' && held > left) return 'abort';
  return Math.min(left, held);
}

/** @returns what a message that was not drawn says */
export function notDrawn(cap: TargetingCap, aborted: boolean): string {
  const slots = `the targeting cap of ${cap.limit}`;
  return aborted ? `more could be reached than ${slots} allows` : `not among those drawn for ${slots}`;
}
