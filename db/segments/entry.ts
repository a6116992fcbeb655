import { hash } from 'node:crypto';

/** Moves every instant that a call can name (years 0 to 9999) above zero. */
const OFFSET_MS = 1e14;
/** How many characters of an entry say its instant. */
const INSTANT_DIGITS = 10;
/** The range of instants that can be named at all. */
const [LEAST_MS, MOST_MS] = [-7e13, 3e14];

/**
 * An event as the roll-up keeps it: its instant to the millisecond and a hash of its id, in one text of 21
 * characters that sorts by the instant. The same event always gives the same text, so a set of them counts it once.
 */
export function entryOf(event: { time: Date; eventId: string }): string {
  const mark = hash('sha256', event.eventId, 'base64url').slice(0, 11);
  // Joined, it is one text in memory; a sum would keep both of its parts as well.
  return [boundAt(event.time.getTime()), mark].join('');
}

/** @returns the least text that an entry of this instant or a later one can be */
export function boundAt(ms: number): string {
  const clamped = Math.min(Math.max(Math.ceil(ms), LEAST_MS), MOST_MS);
  return (clamped + OFFSET_MS).toString(36).padStart(INSTANT_DIGITS, '0');
}

/** @returns the instant that an entry or a bound says */
export function instantOf(entry: string): number {
  return Number.parseInt(entry.slice(0, INSTANT_DIGITS), 36) - OFFSET_MS;
}
