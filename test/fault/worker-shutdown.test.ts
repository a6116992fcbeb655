import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { afterPushes, deliveriesOf, expectSentOnce, repeated } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { makeAudience, publishRun, settled, type Audience } from './support/scene.ts';

const PEOPLE = 2_000;

describe('a worker in the middle of a run', function () {
  this.timeout(150_000);
  let stack: FaultStack;
  let audience: Audience;

  before(async () => {
    stack = await startFaultStack();
    audience = await makeAudience(stack, PEOPLE);
  });
  after(() => stack?.close());

  it('gives back what it has claimed when it is asked to end, so that nothing waits and nothing comes twice', async () => {
    const worker = await stack.startWorker();
    // So slow that it cannot come to the end of the run by itself.
    stack.push.setDelay(1_500);
    const reached = afterPushes(stack.push, 150);
    const campaign = await publishRun(stack, audience.siteId);
    await reached;
    const askedAt = performance.now();
    worker.signal('SIGTERM');
    expect(await worker.ended).to.deep.equal({ code: 0, signal: null });
    const tookMs = performance.now() - askedAt;
    const left = [...(await stack.rows(campaign)).values()];
    expect(left.filter((row) => row.state === 'sending')).to.deep.equal([]);
    expect(left.filter((row) => row.state !== 'sent').length, 'rows still to be sent').to.be.greaterThan(0);
    expect(tookMs).to.be.at.most(20_000);

    stack.push.setDelay(0);
    const next = await stack.startWorker();
    const rows = await settled(stack, campaign, PEOPLE);
    const arrived = deliveriesOf(stack.push.received(), rows);
    expectSentOnce(rows, arrived, PEOPLE);
    expect(repeated(arrived), 'what came twice').to.deep.equal([]);
    await next.kill();
    console.log(`      ended after ${Math.round(tookMs)} ms`);
  });

  it('leaves nothing open when it is killed and the campaign is stopped', async () => {
    const worker = await stack.startWorker();
    stack.push.setDelay(20);
    const reached = afterPushes(stack.push, 500);
    const campaign = await publishRun(stack, audience.siteId);
    await reached;
    worker.signal('SIGKILL');
    await worker.ended;
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    const stoppedAt = Date.now();
    await stack.startWorker();
    const runs = { campaignId: campaign, status: 'stopped' };
    await waitFor(
      'the run to be stopped',
      async () => (await stack.collection('runs').countDocuments(runs)) === 1,
      90_000,
    );
    const rows = [...(await stack.rows(campaign)).values()];
    const inOtherStates = rows.filter(
      ({ state, reason }) => state !== 'sent' && !(state === 'suppressed' && reason === 'stopped'),
    );
    expect(inOtherStates.map(({ state }) => state)).to.deep.equal([]);
    expect(stack.push.received().filter(({ at }) => at > stoppedAt)).to.deep.equal([]);
  });
});
