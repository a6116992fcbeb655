import type { Collection } from 'mongoose';
import type { CountedEvent } from '../../domain/ports/audience.ts';
import { entryOf } from './entry.ts';

/** How many events are grouped by profile before they are written. */
export const EVENTS_PER_GROUP = 200_000;
const EVENTS_PER_BATCH = 5_000;
const SHOWN = { profileId: 1, name: 1, time: 1, eventId: 1 } as const;

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

/** Reads events as segments count them, batch by batch: a turn of the event loop for each would cost as much. */
export async function* readCounted(events: Collection, filter: object): AsyncGenerator<CountedEvent[]> {
  const cursor = events.find(filter, { projection: { _id: 0, ...SHOWN }, batchSize: EVENTS_PER_BATCH });
  try {
    while (await cursor.hasNext()) yield cursor.readBufferedDocuments() as unknown as CountedEvent[];
  } finally {
    await cursor.close();
  }
}
