import { expect } from 'chai';
import { DELIVERY_LIMITS } from '../../activities/delivery/deps.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  afterPushes,
  arrivedAll,
  deliveriesOf,
  expectRepeatsExplained,
  expectSentOnce,
  mostUnrecorded,
  recordedIn,
} from './support/delivery-check.ts';
import { startFaultStack, type FaultStack, type Row } from './support/fault-stack.ts';
import { makeAudience, publishRun, settled } from './support/scene.ts';

const PEOPLE = 2_000;

describe('a worker that is stopped beyond its lease while another takes over', function () {
  this.timeout(180_000);
  let stack: FaultStack;

  before(async () => {
    stack = await startFaultStack();
  });
  after(() => stack?.close());

  it('starts no send and overwrites no record when it goes on', async () => {
    const { siteId } = await makeAudience(stack, PEOPLE + 1);
    // One browser that is to be tried much later keeps the campaign running, so that its gate stays open.
    const away = await stack.collection('subscriptions').findOne({ siteId });
    stack.push.answer({ answer: { status: 503, retryAfter: '900' }, subscription: away?.endpoint as string });
    const theOthers = (rows: Map<string, Row>): Map<string, Row> =>
      new Map([...rows].filter(([, row]) => row.profileId !== away?.profileId));
    const stale = await stack.startWorker();
    stack.push.setDelay(20);
    const reached = afterPushes(stack.push, 650);
    const campaign = await publishRun(stack, siteId);
    await reached;
    stale.signal('SIGSTOP');
    await arrivedAll(stack.push);
    const rowsAtStop = theOthers(await stack.rows(campaign));
    const before = deliveriesOf(stack.push.received(), rowsAtStop);
    const recorded = recordedIn(rowsAtStop);
    const begun = new Set([...before.keys()].map((delivery) => delivery.split(' ')[0]));
    const claimedOnly = [...rowsAtStop.values()].filter(
      (row) => row.state === 'sending' && !begun.has(row._id),
    ).length;
    expect(claimedOnly, 'rows that it holds and has not started').to.be.greaterThan(0);

    const other = await stack.startWorker();
    const rows = theOthers(await settled(stack, campaign, PEOPLE, 120_000));
    const after = deliveriesOf(stack.push.received(), rows);
    expectSentOnce(rows, after, PEOPLE);
    const { startedAndUnrecorded, repeats } = expectRepeatsExplained(after, before, recorded);
    expect(startedAndUnrecorded).to.be.at.most(mostUnrecorded(PEOPLE + 1));

    const arrived = stack.push.received().length;
    stale.signal('SIGCONT');
    await waitFor('the stale worker to see that its lease has passed on', () =>
      stale.lines().some((line) => line.includes('results came after the lease had passed on')),
    );
    stale.signal('SIGTERM');
    expect(await stale.ended).to.deep.equal({ code: 0, signal: null });
    // What is begun in one turn of the event loop goes on the wire at its end: pushes may have stood between the last
    // look at the clock and the wire when the process was stopped, among those that were started and not recorded.
    const late = stack.push.received().length - arrived;
    expect(late, 'sends that the stale worker had begun').to.be.at.most(DELIVERY_LIMITS.concurrency);
    expect(late, 'some of what it had only claimed was not sent').to.be.below(claimedOnly);
    expect(startedAndUnrecorded + late, 'all that was begun').to.be.at.most(mostUnrecorded(PEOPLE + 1));
    expect(theOthers(await stack.rows(campaign))).to.deep.equal(rows);
    await other.kill();
    console.log(
      `      arrived ${before.size}, recorded ${recorded.size}, started and unrecorded ${startedAndUnrecorded} ` +
        `(at most ${mostUnrecorded(PEOPLE + 1)}), claimed only ${claimedOnly}, came twice ${repeats}, late ${late}`,
    );
  });
});
