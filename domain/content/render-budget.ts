import { toValue } from 'liquidjs';
import type { RenderBudget } from '../ports/services.ts';

/** The elements and texts of one value that a template may work with; 64 characters count as one. */
const MOST_WEIGHT = 20_000;
const MOST_LEVELS = 100;

/** @returns milliseconds that only ever grow; what comes of a text never depends on them, only whether it is given up */
export function ticks(): number {
  // eslint-disable-next-line no-restricted-globals -- a runaway text can only be stopped from inside of its rendering
  return performance.now();
}

/** What the texts of a message have left together. */
export interface Spending extends RenderBudget {
  /** Runs work on the time that is left. */
  within<T>(work: () => T): T;
  /** @throws Error when no time is left */
  check(): void;
  /** @throws Error when no more may be made: characters, elements */
  use(count: number): void;
}

/** @returns a budget with this much time, of work alone and not of what is waited for, and memory */
export function createSpending(renderMs: number, memory: number): Spending {
  let leftMs = renderMs;
  let left = memory;
  let untilMs = Infinity;
  return {
    within(work) {
      const fromMs = ticks();
      untilMs = fromMs + leftMs;
      try {
        return work();
      } finally {
        leftMs -= ticks() - fromMs;
        untilMs = Infinity;
      }
    },
    check() {
      if (ticks() > untilMs) throw new Error('the limit of time for the texts of a message is passed');
    },
    use(count) {
      // As LiquidJS counts: what is no number costs nothing, and is none of ours.
      if (!(count > 0)) return;
      if (count > left) throw new Error('the limit of what the texts of a message may make is passed');
      left -= count;
    },
  };
}

/**
 * Weighs a value as whoever prints, compares or sorts it goes through it: what stands in a list twice counts twice.
 *
 * @throws Error when it is too large or too deep to be worked with
 */
export function weigh(given: unknown): void {
  const values: unknown[] = [given];
  const depths: number[] = [0];
  let weight = 0;
  while (values.length > 0) {
    const value: unknown = toValue(values.pop());
    const depth = depths.pop() ?? 0;
    weight += 1;
    if (typeof value === 'string') weight += value.length / 64;
    else if (typeof value === 'object' && value !== null) {
      if (depth >= MOST_LEVELS) throw new Error(`a value nests deeper than ${MOST_LEVELS} levels`);
      const inside: unknown[] = Array.isArray(value) ? value : Object.values(value);
      if (weight + values.length + inside.length <= MOST_WEIGHT)
        for (const one of inside) {
          values.push(one);
          depths.push(depth + 1);
        }
      else weight = Infinity;
    }
    if (weight + values.length > MOST_WEIGHT) throw new Error('a value is too large to be worked with');
  }
}
