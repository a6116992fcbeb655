import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import {
  afterPushes,
  deliveriesOf,
  expectRepeatsExplained,
  expectSentOnce,
  recordedIn,
} from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { fillCarts, makeAudience, publishCart, settled } from './support/scene.ts';

const PEOPLE = 200;
/** A worker runs at most 100 local and 20 regular activities at once; each sends one trigger's message. */
const MOST_AT_ONCE = 120;

describe('a worker that is killed while live triggers are in flight', function () {
  this.timeout(180_000);
  let stack: FaultStack;

  before(async () => {
    stack = await startFaultStack();
  });
  after(() => stack?.close());

  it(`leaves each of ${PEOPLE} messages sent once in the records`, async () => {
    const { siteId, identities } = await makeAudience(stack, PEOPLE);
    const worker = await stack.startWorker();
    stack.push.setDelay(100);
    const campaign = await publishCart(stack, siteId, '3s');
    const reached = afterPushes(stack.push, 80);
    await fillCarts(stack, identities);
    await reached;
    worker.signal('SIGKILL');
    await worker.ended;
    await waitFor('its connections to close', () => stack.push.connections().open === 0);
    const rowsAtKill = await stack.rows(campaign);
    const before = deliveriesOf(stack.push.received(), rowsAtKill);
    const recorded = recordedIn(rowsAtKill);

    await stack.startWorker();
    const rows = await settled(stack, campaign, PEOPLE, 120_000);
    const after = deliveriesOf(stack.push.received(), rows);
    expectSentOnce(rows, after, PEOPLE);
    const { startedAndUnrecorded, repeats } = expectRepeatsExplained(after, before, recorded);
    expect(startedAndUnrecorded).to.be.at.most(MOST_AT_ONCE);
    console.log(
      `      arrived ${before.size}, recorded ${recorded.size}, started and unrecorded ${startedAndUnrecorded}, ` +
        `came twice ${repeats}`,
    );
  });
});
