import { Client, Connection } from '@temporalio/client';
import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { afterPushes, deliveriesOf } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { makeAudience, settled } from './support/scene.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const PEOPLE = 5_000;
const LIMIT = 500;
const WORKERS = 4;

describe('a targeting cap whose run loses a worker', function () {
  this.timeout(240_000);
  let stack: FaultStack;
  let connection: Connection;
  const workers: WorkerProcess[] = [];

  before(async () => {
    stack = await startFaultStack();
    connection = await Connection.connect({ address: stack.temporal.address });
    for (let i = 0; i < WORKERS; i += 1) workers.push(await stack.startWorker());
  });
  after(async () => {
    await stack?.close();
    await connection?.close();
  });

  /** The workers that are draining a run right now. */
  async function draining(runWorkflowId: string): Promise<WorkerProcess[]> {
    const { workflow } = new Client({ connection, namespace: stack.temporal.namespace });
    const { raw } = await workflow.getHandle(runWorkflowId).describe();
    const pids = (raw.pendingActivities ?? [])
      .filter((activity) => activity.activityType?.name === 'drain')
      .map((activity) => Number.parseInt(activity.lastWorkerIdentity ?? '', 10));
    return workers.filter((worker) => pids.includes(worker.pid));
  }

  it(`sends to exactly ${LIMIT} of ${PEOPLE}, a tenth of them gone, with one of ${WORKERS} workers killed`, async () => {
    const { siteId } = await makeAudience(stack, PEOPLE);
    const subscriptions = await stack.collection('subscriptions').find({}).sort({ _id: 1 }).toArray();
    const gone = subscriptions.filter((_, i) => i % 10 === 0);
    for (const { endpoint } of gone) stack.push.unsubscribe(endpoint as string);
    stack.push.setDelay(2_000);

    const reached = afterPushes(stack.push, LIMIT / 5);
    const { id: campaign } = await stack.client.must('/v1/campaigns', {
      name: 'To the first five hundred',
      channel: 'webPush',
      siteId,
      who: { past: { all: [] } },
      what: { title: 'News' },
      setup: { targetingCap: { limit: LIMIT, ifExceeded: 'truncate' } },
    });
    await stack.client.must(`/v1/campaigns/${campaign}/publish`);
    await reached;
    const runs = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data as any[];
    const busy = await draining(runs[0].workflowId as string);
    expect(busy.length, 'workers that send right now').to.be.at.least(1);
    const [victim] = busy;
    victim?.signal('SIGKILL');
    await victim?.ended;
    const pushedAtKill = stack.push.received().length;
    stack.push.setDelay(0);

    const rows = await settled(stack, campaign as string, PEOPLE, 150_000);
    await waitFor('the end of the run', async () => {
      const { body } = await stack.client.get(`/v1/campaigns/${campaign}/runs`);
      return (body.data as any[])[0].status === 'completed';
    });
    const all = [...rows.values()];
    const counts: Record<string, number> = {};
    for (const row of all) counts[row.reason ?? row.state] = (counts[row.reason ?? row.state] ?? 0) + 1;
    const failed = counts.gone ?? 0;
    expect(counts).to.deep.equal({ sent: LIMIT, gone: failed, targetingCap: PEOPLE - LIMIT - failed });
    expect(failed, 'slots that were filled again').to.be.above(10);

    const accepted = stack.push.received().filter((push) => push.answered === 201);
    const topics = new Set(accepted.map((push) => push.topic));
    expect(topics.size, 'distinct topics that the push service accepted').to.equal(LIMIT);
    const deliveries = deliveriesOf(accepted, rows);
    const arrived = [...deliveries.keys()].map((delivery) => delivery.split(' ')[0]).sort();
    expect(arrived, 'distinct messages').to.deep.equal(
      all
        .filter((row) => row.state === 'sent')
        .map((row) => row._id)
        .sort(),
    );
    // What came twice is what the killed worker had begun, and was taken over from it.
    const takenOver = all.filter((row) => (row.claims ?? 0) > 1);
    expect(takenOver.length, 'messages that the killed worker held').to.be.above(0);
    const twice = [...deliveries].filter(([, count]) => count > 1);
    const heldByIt = new Set(takenOver.map((row) => row._id));
    expect(
      twice.filter(([delivery, count]) => count > 2 || !heldByIt.has(delivery.split(' ')[0] ?? '')),
    ).to.deep.equal([]);
    console.log(
      `      ${busy.length} workers sent side by side; ${pushedAtKill} pushes at the kill; ${takenOver.length} messages ` +
        `were taken over, ${twice.length} came twice; ${failed} slots were filled again`,
    );
  });
});
