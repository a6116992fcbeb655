// Captures the histories that test/replay/replay.test.ts replays, on real servers with stand-in activities:
//   node embedded/bootstrap.mjs test/replay/capture.ts                  all of them
//   node embedded/bootstrap.mjs test/replay/capture.ts liveTrigger/     those whose folder/name begins so
// Capture again when a workflow has got a new path, and keep the old files as long as workflows of that version
// may still be running: that they replay is what lets a new version take over from the old one.
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir, hostname, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, type WorkflowHandle } from '@temporalio/client';

import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { WORKFLOW } from '../../workflows/contract.ts';
import { bundleWorkflows } from '../../worker.ts';
import { timeSkippingEnvironment } from '../support/time-skipping-server.ts';
import { registerSearchAttributes } from '../workflow/fixtures/time-skipping.ts';
import { startDevServer } from './dev-server.ts';
import { historyToText } from './history-json.ts';
import { scenarios, type Scenario } from './scenarios.ts';
import { standIns } from './stand-ins.ts';

/** What stands in histories where a name of this machine would be. */
const IDENTITY = 'beckon';
const folder = join(dirname(fileURLToPath(import.meta.url)), 'histories');

async function main(): Promise<void> {
  const [prefix = ''] = process.argv.slice(2);
  const wanted = scenarios.filter(({ workflow, name }) => `${workflow}/${name}`.startsWith(prefix));
  const bundle = await bundleWorkflows();
  for (const server of ['ordinary', 'short', 'skipping'] as const) {
    const mine = wanted.filter((scenario) => scenario.server === server);
    if (mine.length === 0) continue;
    const environment = await start(server);
    try {
      for (const scenario of mine) await capture(environment, bundle, scenario);
    } finally {
      await environment.teardown();
    }
  }
}

async function start(server: Scenario['server']): Promise<TestWorkflowEnvironment> {
  switch (server) {
    case 'ordinary':
      return startDevServer();
    case 'short':
      return startDevServer({ continueAsNewAt: 10 });
    case 'skipping': {
      const environment = await timeSkippingEnvironment();
      await registerSearchAttributes(environment);
      return environment;
    }
  }
}

async function capture(
  environment: TestWorkflowEnvironment,
  bundle: WorkflowBundleWithSourceMap,
  scenario: Scenario,
): Promise<void> {
  const { workflowId } = scenario;
  const { workflow } = new Client({ connection: environment.connection, identity: IDENTITY });
  const taskQueue = 'beckon';
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    taskQueue,
    workflowBundle: bundle,
    activities: standIns(scenario.activities),
    identity: IDENTITY,
  });
  await worker.runUntil(async () => {
    const handle = await workflow.start(WORKFLOW[scenario.workflow], {
      workflowId,
      taskQueue,
      args: [scenario.input(await environment.currentTimeMs())],
    });
    await scenario.play?.(handle);
    // Only the environment's own client lets the clock skip meanwhile.
    await environment.client.workflow.getHandle(workflowId).result();
    await write(scenario.workflow, scenario.name, workflow.getHandle(workflowId, handle.firstExecutionRunId));
    for (const child of scenario.children ?? [])
      await write(child.workflow, child.name, workflow.getHandle(child.workflowId));
  });
}

/** Writes the history of a run, and of those that it continued as. */
async function write(type: string, name: string, first: WorkflowHandle): Promise<void> {
  await mkdir(join(folder, type), { recursive: true });
  let handle = first;
  for (let part = 1; ; part += 1) {
    const history = await handle.fetchHistory();
    const last = history.events?.at(-1);
    const next = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? null;
    const isChain = part > 1 || next !== null;
    const file = join(folder, type, `${name}${isChain ? `.${part}` : ''}.json`);
    await writeFile(file, `${anonymous(historyToText(history))}\n`);
    console.log(`${type}/${name}, part ${part}: ${history.events?.length} events`);
    if (next === null) return;
    handle = handle.client.getHandle(first.workflowId, next);
  }
}

/**
 * Leaves out stack traces, which name this machine's folders.
 *
 * @throws when the text still names this machine or who works on it
 */
function anonymous(json: string): string {
  const text = JSON.stringify(
    JSON.parse(json),
    (key, value: unknown) => (key === 'stackTrace' ? undefined : value),
    1,
  );
  for (const name of [
    `@${hostname()}`,
    `${process.pid}@`,
    `${userInfo().username}@`,
    process.cwd(),
    homedir(),
  ]) {
    if (text.includes(name)) throw new Error(`a history names this machine: ${name}`);
  }
  return text;
}

await main();
