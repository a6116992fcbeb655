/** Prints a line. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** @returns the middle one; of an even number the lower of the two */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** @returns how long the work took, in seconds, and what it gave */
export async function timed<T>(work: () => Promise<T>): Promise<{ seconds: number; value: T }> {
  const before = performance.now();
  const value = await work();
  return { seconds: (performance.now() - before) / 1_000, value };
}

/** @returns seconds as a person reads them */
export function seconds(value: number): string {
  return value < 1 ? `${(value * 1_000).toFixed(0)} ms` : `${value.toFixed(2)} s`;
}

/** Prints rows in columns; the first row is the head. Numbers of the other columns stand to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell, i) =>
      i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
    );
    say(`  ${cells.join('  ')}`.trimEnd());
    if (index === 0) say(`  ${widths.map((width) => '-'.repeat(width)).join('  ')}`);
  }
}

/** A target and whether it was met. */
export interface Verdict {
  target: string;
  met: boolean;
  measured: string;
}

/** Prints what was met and what not. @returns whether all were */
export function printVerdicts(verdicts: readonly Verdict[]): boolean {
  for (const { target, met, measured } of verdicts) say(`  ${met ? 'pass' : 'FAIL'}  ${target}: ${measured}`);
  return verdicts.every(({ met }) => met);
}
