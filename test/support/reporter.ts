import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';

/** What the reporter leaves behind for `run-tests.ts`. */
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

/**
 * Mocha's `spec` reporter, which also writes the results to the file that BECKON_TEST_RESULTS names when the last
 * test has ended. A hook that fails counts as a failure.
 */
export default function createReporter(
  runner: Mocha.Runner,
  options: Mocha.MochaOptions,
): Mocha.reporters.Base {
  const spec = new Mocha.reporters.Spec(runner, options);
  const results: TestResults = { passed: 0, failures: [] };
  runner.on('pass', () => (results.passed += 1));
  runner.on('fail', (test: Mocha.Runnable, error: Error) => {
    const file = test.file === undefined ? '' : `${relative(process.cwd(), test.file)}: `;
    results.failures.push({
      name: `${file}${test.fullTitle()}`,
      detail: error.stack ?? error.message,
    });
  });
  runner.once('end', () => {
    const file = process.env.BECKON_TEST_RESULTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(results));
  });
  return spec;
}
