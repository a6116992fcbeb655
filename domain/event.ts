/** Something a profile did, as stored. */
export interface StoredEvent {
  /** Unique key: profile id and event id. */
  id: string;
  eventId: string;
  profileId: string;
  name: string;
  properties: Record<string, unknown>;
  /** When it happened, by the producer. */
  time: Date;
  /** When we took it, by the database's clock as far as this instance knows it. */
  receivedAt: Date;
  /** Its place in the batch it came in. */
  index: number;
  lane: number;
  /** The version of the catalogue its concern was judged by. */
  catalogueVersion: number;
}

/** What orders the events of one profile. */
export interface EventOrder {
  time: Date;
  receivedAt: Date;
  index: number;
}

/** The part of an event that a message row keeps. */
export interface EventRef extends EventOrder {
  id: string;
  eventId: string;
  name: string;
}

/** Longer than a call can take that began before a publish or an edit and stored its events after it. */
export const STRADDLE_MS = 5 * 60_000;

/** How late an event may come and still open a trigger; an older one is stored and counts in segments. */
export const BACKFILL_AFTER_MS = 24 * 3_600_000;

/** Order of event time, then arrival, then place in the batch. @returns negative, 0 or positive */
export function compareEvents(a: EventOrder, b: EventOrder): number {
  return (
    a.time.getTime() - b.time.getTime() ||
    a.receivedAt.getTime() - b.receivedAt.getTime() ||
    a.index - b.index
  );
}

/** @returns the part of the event that a row keeps */
export function refOf(event: StoredEvent): EventRef {
  const { id, eventId, name, time, receivedAt, index } = event;
  return { id, eventId, name, time, receivedAt, index };
}
