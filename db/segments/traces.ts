import { boundAt, instantOf } from './entry.ts';
import type { Part } from './parts.ts';

const DAY_MS = 86_400_000;
/**
 * The shortest gap of each class: how long before the latest event of a name the one before it was, at least. Few
 * classes, for each is one more place at which the index grows; the last one lets no one through who is asked for
 * twice within 30 days.
 */
const GAPS_MS = [0, 8 * DAY_MS, 16 * DAY_MS, 30 * DAY_MS];
/** The class of what was done once. */
const ALONE = GAPS_MS.length;
/** The class that lets every question through, for whoever cannot tell the gap: it claims no shortest one. */
export const CLOSEST = 0;
/**
 * How many characters of an instant a trace holds: half an hour. What a profile does again within it leaves no
 * other trace, and whoever asks more finely is answered by the entries themselves.
 */
export const TRACE_DIGITS = 6;
/** After every class; and once more, after everything. */
const END = '~';

/** Texts from (inclusive) to (exclusive). */
export interface TextRange {
  from: string;
  to: string;
}

/** @returns what the traces of a name begin with; no two names of a part have the same */
export function traceStart(part: Part, key: string): string {
  return `${part}${key}/`;
}

/**
 * What the index holds of a name's entries: the class of the gap between the latest two, a digit, and about the
 * instant of the latest. A trace stays true whatever comes later: somebody did it then, and so long before that
 * as the class says, or less. So none has to be taken away when another is added; only the one of the latest two
 * must be there.
 *
 * @param entries latest first, at least one
 */
export function traceOf(part: Part, key: string, entries: readonly string[]): string {
  const [latest = '', before] = entries;
  const gap = before === undefined ? ALONE : classOf(instantOf(latest) - instantOf(before));
  return `${traceStart(part, key)}${gap}${about(latest)}`;
}

/** @returns all traces that a document must have, by what it holds and the greatest of what has left it */
export function tracesOf(
  part: Part,
  did: Record<string, readonly string[]>,
  spill: Record<string, string> = {},
): string[] {
  return [
    ...Object.entries(did).map(([key, entries]) => traceOf(part, key, entries)),
    ...Object.entries(spill).map(([key, greatest]) => traceOfLeft(part, key, greatest)),
  ];
}

/** The trace of entries that have left the document, of which this one is the greatest. */
export function traceOfLeft(part: Part, key: string, greatest: string): string {
  return `${traceStart(part, key)}${END}${greatest}`;
}

/** Who did it so often since an instant, once or more, has a trace in one of these ranges. */
export function tracesSince(part: Part, key: string, fromMs: number, least: number): TextRange[] {
  const start = traceStart(part, key);
  // Twice: the latest, and one before it that is no closer than the gap.
  const bounds =
    least > 1
      ? GAPS_MS.map((gapMs) => boundAt(fromMs + gapMs))
      : Array.from({ length: ALONE + 1 }, () => boundAt(fromMs));
  return bounds.map((bound, gap) => ({
    from: `${start}${gap}${about(bound)}`,
    to: `${start}${gap}${END}`,
  }));
}

/** Whoever has a trace in this range has entries that left the document, this bound or later ones. */
export function tracesOfLeft(part: Part, key: string, from: string): TextRange {
  const start = traceStart(part, key) + END;
  return { from: `${start}${from}`, to: `${start}${END}` };
}

function classOf(gapMs: number): number {
  return GAPS_MS.findLastIndex((least) => gapMs >= least);
}

function about(entry: string): string {
  return entry.slice(0, TRACE_DIGITS);
}
