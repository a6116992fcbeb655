import { appendFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** What the reporter leaves behind for `run-tests.ts` when the last test has ended. */
export interface TestCounts {
  passed: number;
}

export interface TestFailure {
  /** The file and the title of a test or hook, or the name of a check. */
  name: string;
  /** What went wrong, in lines. */
  detail: string;
}

/** @returns where the failures stand, also those of a process that did not come to its end */
export function failuresFile(countsFile: string): string {
  return `${countsFile}.failures`;
}

/**
 * Mocha's `spec` reporter, which also writes each failure at once, as a line of JSON, and the counts when the last test
 * has ended: to the file that BECKON_TEST_COUNTS names, and the failures to that of {@link failuresFile}. A hook that
 * fails counts as a failure.
 */
export default function createReporter(
  runner: Mocha.Runner,
  options: Mocha.MochaOptions,
): Mocha.reporters.Base {
  const spec = new Mocha.reporters.Spec(runner, options);
  const counts: TestCounts = { passed: 0 };
  const countsFile = process.env.BECKON_TEST_COUNTS;
  runner.on('pass', () => (counts.passed += 1));
  runner.on('fail', (test: Mocha.Runnable, error: Compared) => {
    const file = test.file === undefined ? '' : `${relative(process.cwd(), test.file)}: `;
    const failure: TestFailure = { name: `${file}${test.fullTitle()}`, detail: detailOf(error) };
    if (countsFile !== undefined) appendFileSync(failuresFile(countsFile), `${JSON.stringify(failure)}\n`);
  });
  runner.once('end', () => {
    if (countsFile !== undefined) writeFileSync(countsFile, JSON.stringify(counts));
  });
  return spec;
}

/** What an assertion throws, once mocha has put the two values into words where it compared two. */
type Compared = Error & { actual?: unknown; expected?: unknown };

/** The message with where it came from, and what differs. */
function detailOf(error: Compared): string {
  const text = error.stack ?? error.message;
  const { actual, expected } = error;
  if (typeof actual !== 'string' || typeof expected !== 'string') return text;
  return `${text}\n${Mocha.reporters.Base.generateDiff(actual, expected)}`;
}
