import type { CountedEvent } from '../../domain/ports/audience.ts';
import { entryOf } from './entry.ts';

/**
 * Events as they are folded, in three lists of the same length: hundreds of thousands are in memory at a time,
 * and an object for each would keep the garbage collector busy.
 */
export interface Counted {
  profileIds: string[];
  names: string[];
  entries: string[];
}

export function countedOf(events: readonly CountedEvent[]): Counted {
  const counted: Counted = { profileIds: [], names: [], entries: [] };
  addCounted(counted, events);
  return counted;
}

/** Adds events; of each name one text is kept. */
export function addCounted(counted: Counted, events: readonly CountedEvent[]): void {
  const names = new Map<string, string>();
  for (const event of events) {
    let name = names.get(event.name);
    if (name === undefined) names.set(event.name, (name = event.name));
    counted.profileIds.push(event.profileId);
    counted.names.push(name);
    counted.entries.push(entryOf(event));
  }
}
