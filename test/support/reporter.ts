import { appendFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** What the reporter leaves behind for `run-tests.ts` when the last test has ended. */
export interface TestResults {
  passed: number;
  failures: TestFailure[];
}

export interface TestFailure {
  /** The file and the title of a test or hook, or the name of a check. */
  name: string;
  /** What went wrong, in lines. */
  detail: string;
}

/** @returns where the failures are known also of a process that did not come to its end */
export function failuresFile(resultsFile: string): string {
  return `${resultsFile}.failures`;
}

/**
 * Mocha's `spec` reporter, which also writes the results to the file that BECKON_TEST_RESULTS names when the last
 * test has ended, and each failure at once, as a line of JSON, to the one beside it that {@link failuresFile} names. A
 * hook that fails counts as a failure.
 */
export default function createReporter(
  runner: Mocha.Runner,
  options: Mocha.MochaOptions,
): Mocha.reporters.Base {
  const spec = new Mocha.reporters.Spec(runner, options);
  const results: TestResults = { passed: 0, failures: [] };
  const resultsFile = process.env.BECKON_TEST_RESULTS;
  runner.on('pass', () => (results.passed += 1));
  runner.on('fail', (test: Mocha.Runnable, error: Compared) => {
    const file = test.file === undefined ? '' : `${relative(process.cwd(), test.file)}: `;
    const failure = { name: `${file}${test.fullTitle()}`, detail: detailOf(error) };
    results.failures.push(failure);
    if (resultsFile !== undefined) appendFileSync(failuresFile(resultsFile), `${JSON.stringify(failure)}\n`);
  });
  runner.once('end', () => {
    if (resultsFile !== undefined) writeFileSync(resultsFile, JSON.stringify(results));
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
