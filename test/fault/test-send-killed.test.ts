import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { afterPushes } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';

describe('a worker that is killed while it sends a test', function () {
  this.timeout(150_000);
  let stack: FaultStack;

  before(async () => {
    stack = await startFaultStack();
  });
  after(() => stack?.close());

  it('leaves open whether it was sent, and a repeat with the same key does not send it again', async () => {
    const site = (await stack.client.must('/v1/sites', {
      name: 'Shop',
      origins: ['https://shop.example'],
    })) as { id: string; vapid: { publicKey: string } };
    await stack.client.must('/v1/profiles', { profiles: [{ identity: 'ada', testProfile: true }] });
    const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
    await stack.client.must('/v1/subscriptions', {
      siteId: site.id,
      identity: 'ada',
      transport: 'vapid',
      pushSubscription: { endpoint, expirationTime: null, keys },
    });
    const { id } = (await stack.client.must('/v1/campaigns', {
      name: 'Hello',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { any: [] } },
      what: { title: 'Hello' },
    })) as { id: string };
    const headers = { 'idempotency-key': randomUUID() };
    const call = () => stack.client.post(`/v1/campaigns/${id}/test`, undefined, headers);

    const worker = await stack.startWorker();
    stack.push.setDelay(1_000);
    const reached = afterPushes(stack.push, 1);
    const first = call();
    await reached;
    worker.signal('SIGKILL');
    await worker.ended;
    stack.push.setDelay(0);
    const answers = [await first];
    // Now there is one to take the workflow further.
    await stack.startWorker();
    answers.push(await call(), await call());
    for (const { status, body } of answers) {
      expect(status, JSON.stringify(body)).to.equal(503);
      expect(body).to.include({ code: 'workflows_unavailable' });
      expect(body.detail).to.match(/^it is not known whether it was sent: /);
    }
    expect(stack.push.received()).to.have.length(1);
  });
});
