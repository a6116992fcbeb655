import { laneOf } from '../../domain/hash.ts';

/**
 * The population is asked in so many parts side by side, each with paths of its own in the indexes, so that one
 * question keeps several cores of the database busy.
 */
export const PARTS = ['p0', 'p1', 'p2', 'p3'] as const;

export type Part = (typeof PARTS)[number];

/**
 * The part of a profile, always the same: what is indexed of it stands below this name. Our ids end with a number
 * that counts on: 256 profiles made one after the other are in one part, so that whoever asks a part finds its
 * documents side by side.
 */
export function partOf(profileId: string): Part {
  return PARTS[laneOf(profileId.slice(-6, -2), PARTS.length)] ?? 'p0';
}
