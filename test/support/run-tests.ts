// What `npm test` runs: the static checks, then every test, each suite by its folder's name.
//   npm test                        all of it but test/fault and test/large
//   npm test -- unit lint           only these
//   npm run test:fault              only test/fault
//   npm run test:large              only test/large: true, and too long for every day
// Where there are two cores, two of them run at a time, and the integration tests in four shares; what each prints
// is shown in order. What failed is told again at the end, and the last line is always "N passed, N failed".
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { findMongod } from '../../embedded/mongod-binary.ts';
import { findTemporal } from '../../embedded/temporal-binary.ts';
import { createTurns, type Show } from './output-turns.ts';
import { failuresFile, type TestCounts, type TestFailure } from './reporter.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const binFolder = join(root, 'node_modules');
const checks: Record<string, string[]> = {
  types: ['typescript/bin/tsc', '--noEmit'],
  lint: ['eslint/bin/eslint.js', '.', '--max-warnings', '0'],
  format: ['prettier/bin/prettier.cjs', '--check', '.'],
};
/** In this order: the short ones come last, and fill the time in which the last of the long ones goes on. */
const defaults = ['types', 'lint', 'workflow', 'integration', 'unit', 'replay', 'format'];
const foldersWithServers = new Set(['integration', 'fault', 'large']);
/** These load the machine by themselves. */
const foldersAlone = new Set(['fault', 'large']);
/** The longest suite is run in shares, so that two at a time end at about the same time. */
const shared = { folder: 'integration', shares: 4 };
/** How long mocha may live after its last test; what keeps it alive longer is a handle left open. */
const lingerMs = 30_000;
/** How long after its end what mocha printed may take to arrive. */
const pipesMs = 5_000;
/** How much of a failure is told again at the end, and how much of each line. */
const retold = { lines: 40, characters: 500 };

async function main(): Promise<void> {
  const asked = [...new Set(process.argv.slice(2))];
  const suites = asked.length > 0 ? asked : defaults;
  const total: TestResults = { passed: 0, failures: [] };
  try {
    const folders = suites.filter((suite) => checks[suite] === undefined);
    const filesOf = new Map<string, string[]>();
    for (const folder of folders) filesOf.set(folder, await testFiles(folder, asked.length > 0));
    const env = folders.some((folder) => foldersWithServers.has(folder)) ? await serverPaths() : {};
    const atOnce = folders.some((folder) => foldersAlone.has(folder))
      ? 1
      : Math.min(2, availableParallelism());
    const jobs = suites.flatMap((suite): Job[] => {
      const command = checks[suite];
      if (command !== undefined) return [(show) => runCheck(suite, command, show)];
      const shares = suite === shared.folder ? shared.shares : 1;
      return Array.from({ length: shares }, (_, share) =>
        filesOf.get(suite)!.filter((_file, i) => i % shares === share),
      )
        .filter((files) => files.length > 0)
        .map((files) => (show) => runMocha(files, env, show));
    });
    for (const { passed, failures } of await runJobs(jobs, atOnce)) {
      total.passed += passed;
      total.failures.push(...failures);
    }
  } catch (error) {
    total.failures.push({ name: 'setting up', detail: textOf(error) });
  }
  if (total.passed + total.failures.length === 0) console.error('No test ran.');
  process.exitCode = total.failures.length === 0 && total.passed > 0 ? 0 : 1;
  for (const failure of total.failures) console.log(textAtEnd(failure));
  console.log(`${total.passed} passed, ${total.failures.length} failed`);
}

/** A failure as the end of the output tells it, where no thousand lines of other tests stand after it. */
function textAtEnd({ name, detail }: TestFailure): string {
  const lines = detail.trimEnd().split('\n');
  const left = lines.length - retold.lines;
  return [
    `FAILED ${name}`,
    ...lines.slice(0, retold.lines).map((line) => `  ${line.slice(0, retold.characters)}`),
    ...(left > 0 ? [`  … and ${left} lines more above`] : []),
    '',
  ].join('\n');
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

interface TestResults {
  passed: number;
  failures: TestFailure[];
}

/** A check or a suite; what it prints goes to `show`. */
type Job = (show: Show) => Promise<TestResults>;

/** Runs so many at a time, begun in their order. @returns the results of each, in their order */
async function runJobs(jobs: readonly Job[], atOnce: number): Promise<TestResults[]> {
  const turns = createTurns(jobs.length, (text) => process.stdout.write(text));
  const results: TestResults[] = [];
  let next = 0;
  const run = async (): Promise<void> => {
    for (let index = next++; index < jobs.length; index = next++) {
      const show = turns.show(index);
      results[index] = await jobs[index]!(show).catch((error: unknown) => ({
        passed: 0,
        failures: [told('running the tests', textOf(error), show)],
      }));
      turns.end(index);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, run));
  return results;
}

/** What went wrong outside of any test, shown at once. */
function told(name: string, detail: string, show: Show): TestFailure {
  show(`${detail}\n`);
  return { name, detail };
}

/** The test files of one folder of `test/`, in a steady order. */
async function testFiles(folder: string, mustExist: boolean): Promise<string[]> {
  const path = join(root, 'test', folder);
  if (!existsSync(path)) {
    if (mustExist) throw new Error(`There is no suite ${folder}: neither a check nor a folder of test/.`);
    return [];
  }
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => name.endsWith('.test.ts'))
    .sort()
    .map((name) => join(path, name));
}

/** Finds or fetches the servers before any test's clock runs. */
async function serverPaths(): Promise<NodeJS.ProcessEnv> {
  const log = (line: string) => console.error(line);
  return {
    BECKON_TEST_MONGOD: process.env.BECKON_TEST_MONGOD ?? (await findMongod({ log })),
    BECKON_TEST_TEMPORAL: process.env.BECKON_TEST_TEMPORAL ?? (await findTemporal({ log })),
  };
}

/** A check counts as one test; its output is shown only when it fails. */
async function runCheck(name: string, [script = '', ...args]: string[], show: Show): Promise<TestResults> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(binFolder, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk));
  }
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  show(`${name}: ${code === 0 ? 'passed' : 'failed'} (${seconds} s)\n`);
  if (code === 0) return { passed: 1, failures: [] };
  return { passed: 0, failures: [told(name, Buffer.concat(output).toString('utf8').trimEnd(), show)] };
}

/**
 * The files of a suite in one mocha process, so that they share one mongod and one Temporal server; each suite in one
 * of its own, for what thousands of tests leave in memory slows down those after them.
 */
async function runMocha(files: readonly string[], env: NodeJS.ProcessEnv, show: Show): Promise<TestResults> {
  const folder = await mkdtemp(join(tmpdir(), 'beckon-counts-'));
  const countsFile = join(folder, 'counts.json');
  const support = join(root, 'test', 'support');
  const args = [
    ...['--import', 'tsx', join(binFolder, 'mocha', 'bin', 'mocha.js')],
    ...['--require', join(support, 'servers.ts'), '--reporter', join(support, 'reporter.ts')],
    ...['--timeout', '10000', ...(process.env.CI === undefined ? [] : ['--forbid-only'])],
    ...(process.stdout.isTTY ? ['--color'] : []),
    ...files,
  ];
  try {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env, BECKON_TEST_COUNTS: countsFile },
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', show);
    const ended = new Promise<number | null>((resolve) => {
      child.once('close', resolve);
      // A server that was left behind may hold the pipes.
      child.once('exit', (status) => setTimeout(() => resolve(status), pipesMs).unref());
    });
    let hangs = false;
    const watch = setInterval(() => {
      if (!existsSync(countsFile) || hangs) return;
      hangs = true;
      setTimeout(() => child.kill('SIGKILL'), lingerMs).unref();
    }, 1000);
    const code = await ended;
    clearInterval(watch);
    for (const stream of [child.stdout, child.stderr]) stream.destroy();
    return await resultsOf(countsFile, code, show);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param code the status of mocha; null when it was killed */
async function resultsOf(file: string, code: number | null, show: Show): Promise<TestResults> {
  const lines = existsSync(failuresFile(file)) ? await readFile(failuresFile(file), 'utf8') : '';
  const failures = lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as TestFailure);
  if (!existsSync(file)) {
    const text = `The tests did not come to their end: mocha ended with status ${code}.`;
    return { passed: 0, failures: [...failures, told('mocha', text, show)] };
  }
  const { passed } = JSON.parse(await readFile(file, 'utf8')) as TestCounts;
  if (code === null) {
    const text = `Something kept mocha alive for ${lingerMs / 1000} s after the last test: an open handle.`;
    failures.push(told('mocha', text, show));
  } else if (code !== 0 && failures.length === 0) {
    // Such as an exception after the last test.
    failures.push(told('mocha', `It ended with status ${code} although no test failed.`, show));
  }
  return { passed, failures };
}

await main();
