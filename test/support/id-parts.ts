import { newId } from '../../db/ids.ts';
import { partOf, type Part } from '../../db/segments/parts.ts';

/** Passes over ids until the next one, and mostly those after it, are of profiles of this part. */
export function goToPart(part: Part): void {
  while (partOf(newId()) !== part);
}
