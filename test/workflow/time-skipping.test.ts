import { fileURLToPath } from 'node:url';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { Worker } from '@temporalio/worker';
import { expect } from 'chai';

import { timeSkippingEnvironment } from '../support/time-skipping-server.ts';
import type { sleeper } from './fixtures/sleeper.ts';

describe('the time-skipping environment', function () {
  this.timeout(180_000);
  let environment: TestWorkflowEnvironment;

  before(async () => {
    environment = await timeSkippingEnvironment();
  });

  after(async () => {
    await environment?.teardown();
  });

  it('lets a workflow that sleeps a day finish within seconds', async () => {
    const taskQueue = 'sleepers';
    const worker = await Worker.create({
      connection: environment.nativeConnection,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('./fixtures/sleeper.ts', import.meta.url)),
    });
    const startedAt = performance.now();
    const clockBefore = await environment.currentTimeMs();
    const result = await worker.runUntil(
      environment.client.workflow.execute<typeof sleeper>('sleeper', {
        workflowId: 'sleeper/1',
        taskQueue,
        workflowRunTimeout: '2 days',
      }),
    );
    expect(result).to.equal('rested');
    expect((await environment.currentTimeMs()) - clockBefore).to.be.at.least(86_400_000);
    expect(performance.now() - startedAt).to.be.below(60_000);
  });
});
