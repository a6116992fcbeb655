import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DeterminismViolationError } from '@temporalio/workflow';
import { Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { expect } from 'chai';

import { bundleWorkflows } from '../../worker.ts';
import { WORKFLOW } from '../../workflows/contract.ts';
import { quietWorkers } from '../support/time-skipping-server.ts';
import { historyFromJson } from './history-json.ts';
import { scenarios } from './scenarios.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), 'histories');

interface HistoryJson {
  events: Record<string, any>[];
}

describe('the workflows replayed on captured histories', function () {
  this.timeout(60_000);
  let workflowBundle: WorkflowBundleWithSourceMap;

  before(async () => {
    quietWorkers();
    workflowBundle = await bundleWorkflows();
  });

  const replay = (history: HistoryJson): Promise<void> =>
    Worker.runReplayHistory({ workflowBundle }, historyFromJson(history));

  for (const workflow of Object.values(WORKFLOW)) {
    for (const file of filesOf(workflow)) {
      it(`take the same steps: ${workflow}, ${file.replace('.json', '')}`, () =>
        replay(read(workflow, file)));
    }
  }

  it('have a history of each life that can be captured', () => {
    for (const { workflow, name } of scenarios) {
      expect(filesOf(workflow).map((file) => file.replace(/(\.\d+)?\.json$/, ''))).to.include(name);
    }
  });

  it('are found to differ when a campaign looked at old events before it began', async () => {
    const history = read('campaign', 'live-stopped.json');
    const [first, second] = scheduled(history, 'activityTaskScheduledEventAttributes');
    [first.activityType, second.activityType] = [second.activityType, first.activityType];
    await expectViolation(replay(history));
  });

  it('are found to differ when a cancelled trigger wrote down its outcome before it left its window', async () => {
    const history = read('liveTrigger', 'cancelled.json');
    const at = history.events.findIndex((event) => event.timerCanceledEventAttributes !== undefined);
    const [left, noted] = history.events.slice(at, at + 2) as [Record<string, any>, Record<string, any>];
    expect(noted.upsertWorkflowSearchAttributesEventAttributes).to.be.an('object');
    [left.eventId, noted.eventId] = [noted.eventId, left.eventId];
    history.events.splice(at, 2, noted, left);
    await expectViolation(replay(history));
  });

  it('are found to differ when a run drained before it had written down who gets it', async () => {
    const history = read('run', 'stopped.json');
    const [, second, third] = scheduled(history, 'activityTaskScheduledEventAttributes');
    [second.activityType, third.activityType] = [third.activityType, second.activityType];
    await expectViolation(replay(history));
  });
});

function filesOf(workflow: string): string[] {
  return readdirSync(join(folder, workflow)).sort();
}

function read(workflow: string, file: string): HistoryJson {
  return JSON.parse(readFileSync(join(folder, workflow, file), 'utf8')) as HistoryJson;
}

function scheduled(history: HistoryJson, attributes: string): [any, any, any] {
  return history.events.flatMap((event) => event[attributes] ?? []) as [any, any, any];
}

async function expectViolation(replayed: Promise<void>): Promise<void> {
  const error = await replayed.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(DeterminismViolationError);
}
