import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';

/** What the reporter leaves behind for `run-tests.ts`. */
export interface TestCounts {
  passed: number;
  failed: number;
}

/**
 * Mocha's `spec` reporter, which also writes the counts to the file that BECKON_TEST_COUNTS names when the last
 * test has ended. A hook that fails counts as a failure.
 */
export default function createReporter(
  runner: Mocha.Runner,
  options: Mocha.MochaOptions,
): Mocha.reporters.Base {
  const spec = new Mocha.reporters.Spec(runner, options);
  const counts: TestCounts = { passed: 0, failed: 0 };
  runner.on('pass', () => (counts.passed += 1));
  runner.on('fail', () => (counts.failed += 1));
  runner.once('end', () => {
    const file = process.env.BECKON_TEST_COUNTS;
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
  });
  return spec;
}
