import { constants } from 'node:fs';
import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime } from '@temporalio/worker';
import { workerLogger } from '../../worker.ts';

import { cacheRoot, installInto } from '../../embedded/cache.ts';
import { createProgress } from '../../embedded/progress.ts';
import { runCommand } from '../../embedded/run-command.ts';

const version = '1.38.0';
const folderName = `temporal-test-server-${version}`;
const executableName = 'temporal-test-server';

/** Starts Java with little ceremony: a short-lived server gains nothing from the optimising compiler. */
const wrapper = `#!/bin/sh
here=$(dirname "$0")
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$here/lib/*" io.temporal.testserver.TestServer "$1"
`;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>beckon</groupId>
  <artifactId>time-skipping-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>io.temporal</groupId>
      <artifactId>temporal-test-server</artifactId>
      <version>${version}</version>
    </dependency>
  </dependencies>
</project>
`;

/** Lets workers log warnings and errors only; call it before the first worker or environment of the process. */
export function quietWorkers(): void {
  try {
    Runtime.install({ logger: workerLogger() });
  } catch {
    // It can be installed once; whoever was first has decided.
  }
}

/** Starts a server that has 5 s for it: more than it needs, but too few for a busy machine or a port just taken. */
export async function withinItsTime<T>(start: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start();
    } catch (error) {
      if (tries === 3 || !reasonOf(error).includes('did not start within')) throw error;
    }
  }
}

/**
 * A Temporal server that skips to the next timer while a test awaits a workflow's result. Its clock can run
 * years ahead after retries, so use one environment a test and set run timeouts; tear it down with `teardown()`.
 *
 * The server is Temporal's own download or, where only package mirrors can be reached, the same program run
 * with Java from its Maven packages, which the user's cache keeps.
 *
 * @throws {Error} that lists what was tried.
 */
export async function timeSkippingEnvironment(): Promise<TestWorkflowEnvironment> {
  quietWorkers();
  const folder = join(cacheRoot(), folderName);
  const cached = join(folder, executableName);
  if (await isExecutable(cached)) return startExisting(cached);
  const tried: string[] = [];
  try {
    return await withinItsTime(() => TestWorkflowEnvironment.createTimeSkipping());
  } catch (error) {
    tried.push(`official download: ${reasonOf(error)}`);
  }
  try {
    const step = createProgress(process.stderr).step('Fetching the time-skipping test server with Maven');
    await installInto(folder, installFromMaven, () => isExecutable(cached)).then(
      () => step.end('done'),
      (error: unknown) => {
        step.end('failed');
        throw error;
      },
    );
    return await startExisting(cached);
  } catch (error) {
    tried.push(`Maven packages, run with Java: ${reasonOf(error)}`);
  }
  throw new Error(
    `The time-skipping test server could not be had. Tried:\n${tried.map((line) => `  - ${line}`).join('\n')}\n` +
      'Give the machine internet access, or install Java 17 or newer and Maven.',
  );
}

function startExisting(path: string): Promise<TestWorkflowEnvironment> {
  return withinItsTime(() =>
    TestWorkflowEnvironment.createTimeSkipping({
      server: { executable: { type: 'existing-path', path } },
    }),
  );
}

async function installFromMaven(folder: string): Promise<void> {
  await runCommand('java', ['-version'], { timeoutMs: 30_000 });
  const scratch = join(folder, 'scratch');
  await mkdir(scratch);
  await writeFile(join(scratch, 'pom.xml'), pom);
  await runCommand(
    'mvn',
    [
      ...['--batch-mode', '--quiet', `-Dmaven.repo.local=${join(scratch, 'repository')}`],
      ...['dependency:copy-dependencies', `-DoutputDirectory=${join(folder, 'lib')}`],
    ],
    { cwd: scratch },
  );
  await rm(scratch, { recursive: true });
  const executable = join(folder, executableName);
  await writeFile(executable, wrapper);
  await chmod(executable, 0o755);
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
