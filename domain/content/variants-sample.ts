import type { WinnerRule } from './content.ts';
import { fractionOf } from '../hash.ts';
import { decidedAtMs } from './winner.ts';

/** @returns whether the variants are tried with a profile: always the same for a campaign */
export function isInSample(campaignId: string, profileId: string, percent: number): boolean {
  return fractionOf(`sample:${campaignId}:${profileId}`) * 100 < percent;
}

/**
 * @param triedSinceMs when the first run began, epoch milliseconds
 * @returns the instant before which a message is not sent, since its profile waits for the winner; null when it does
 *   not wait
 */
export function waitsForWinnerMs(
  { winner, won }: { winner: WinnerRule | undefined; won: boolean },
  { campaignId, profileId }: { campaignId: string; profileId: string },
  triedSinceMs: number,
): number | null {
  if (winner?.sample === undefined || won || isInSample(campaignId, profileId, winner.sample)) return null;
  return decidedAtMs(winner, triedSinceMs);
}
