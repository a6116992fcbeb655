import { newId } from '../../db/ids.ts';
import { partOf, type Part } from '../../db/segments/parts.ts';

/** Passes over ids until the next hundred are of profiles of this part. */
export function goToPart(part: Part): void {
  let id: string;
  do id = newId();
  while (partOf(id) !== part || id.slice(-2) > '90');
}
