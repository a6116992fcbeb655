import { waitFor } from '../support/wait-for.ts';
import { expect } from 'chai';
import {
  afterPushes,
  deliveriesOf,
  expectRepeatsExplained,
  expectSentOnce,
  mostUnrecorded,
  recordedIn,
} from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { makeAudience, publishRun, settled, type Audience } from './support/scene.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const PEOPLE = 2_000;

describe('a worker that is killed in the middle of a run', function () {
  this.timeout(150_000);
  let stack: FaultStack;
  let audience: Audience;
  let worker: WorkerProcess;

  before(async () => {
    stack = await startFaultStack();
    stack.push.setDelay(20);
    audience = await makeAudience(stack, PEOPLE);
    worker = await stack.startWorker();
  });
  after(() => stack?.close());

  for (const killAfter of [200, 700, 1_500]) {
    it(`leaves each of ${PEOPLE} messages sent once in the records, killed after ${killAfter}`, async function () {
      const earlier = stack.push.received().length;
      const reached = afterPushes(stack.push, killAfter);
      const campaign = await publishRun(stack, audience.siteId);
      await reached;
      worker.signal('SIGKILL');
      await worker.ended;
      // What it had put on the wire has been read once its connections are closed.
      await waitFor('its connections to close', () => stack.push.connections().open === 0);
      const rowsAtKill = await stack.rows(campaign);
      const before = deliveriesOf(stack.push.received().slice(earlier), rowsAtKill);
      const recorded = recordedIn(rowsAtKill);

      worker = await stack.startWorker();
      const rows = await settled(stack, campaign, PEOPLE);
      const after = deliveriesOf(stack.push.received().slice(earlier), rows);
      expectSentOnce(rows, after, PEOPLE);
      const { startedAndUnrecorded, repeats } = expectRepeatsExplained(after, before, recorded);
      expect(startedAndUnrecorded).to.be.at.most(mostUnrecorded(PEOPLE));
      console.log(
        `      arrived ${before.size}, recorded ${recorded.size}, started and unrecorded ${startedAndUnrecorded} ` +
          `(at most ${mostUnrecorded(PEOPLE)}), came twice ${repeats}`,
      );
    });
  }
});
