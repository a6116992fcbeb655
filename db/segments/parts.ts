import { laneOf } from '../../domain/hash.ts';

/**
 * The population is asked in so many parts side by side, each with paths of its own in the indexes, so that one
 * question keeps several cores of the database busy.
 */
export const PARTS = ['p0', 'p1', 'p2', 'p3'] as const;

export type Part = (typeof PARTS)[number];

/** @returns the part of a profile, always the same: what is indexed of it stands below this name */
export function partOf(profileId: string): Part {
  return PARTS[laneOf(profileId, PARTS.length)] ?? 'p0';
}
