/** A seeded generator of numbers: the same data on every machine. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  below(below: number): number;
  /** Hexadecimal digits, eight a word. */
  hex(words: number): string;
}

/** @returns the generator mulberry32 */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const word = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    next: () => word() / 2 ** 32,
    below: (below) => Math.floor((word() / 2 ** 32) * below),
    hex(words) {
      let text = '';
      for (let i = 0; i < words; i += 1) text += word().toString(16).padStart(8, '0');
      return text;
    },
  };
}

/** @returns a choice among the values, each by its weight */
export function createChoice<T>(weighted: readonly (readonly [T, number])[]): (random: Random) => T {
  const total = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  const steps = 4_096;
  // A table makes a choice one look, at a precision of 1/4096.
  const table: T[] = [];
  let reached = 0;
  for (const [value, weight] of weighted) {
    reached += weight;
    while (table.length < Math.round((reached / total) * steps)) table.push(value);
  }
  return (random) => table[random.below(table.length)] as T;
}
