import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { cartScene, type CartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

interface Pushed {
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
}

describe('receipts', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** A message on two devices, as each browser decrypted it. */
  async function sent(): Promise<{ scene: CartScene; pushed: [Pushed, Pushed] }> {
    const scene = await cartScene(stack, site, { within: null, devices: 2 });
    await scene.post(scene.cart());
    await scene.settled();
    const pushed = stack.push
      .received()
      .filter(({ endpoint }) => scene.endpoints.includes(endpoint))
      .map(({ payload }) => JSON.parse(payload) as Pushed);
    expect(pushed).to.have.length(2);
    return { scene, pushed: pushed as [Pushed, Pushed] };
  }

  /** Posts as a service worker does: without a key. */
  async function report(push: Pushed, kind: string, more: object = {}): Promise<Response> {
    const { messageId, subscriptionId, receiptToken: token } = push;
    const at = new Date().toISOString();
    const receipt = { messageId, subscriptionId, token, kind, receiptId: randomUUID(), at, ...more };
    return fetch(push.receiptUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(receipt),
    });
  }

  it('count a message once, a device once, and each click in the total', async () => {
    const { scene, pushed } = await sent();
    for (const push of pushed) {
      for (const kind of ['delivered', 'viewed', 'clicked', 'clicked']) {
        expect((await report(push, kind, kind === 'clicked' ? { action: 'action-1' } : {})).status).to.equal(
          204,
        );
      }
    }
    const stats = await scene.stats();
    expect(stats).to.include({ sent: 1, delivered: 1, viewed: 1, clicked: 1, dismissed: 0 });
    expect(stats.totals).to.deep.equal({ delivered: 2, viewed: 2, clicked: 4, dismissed: 0 });
    const devices = { sent: 2, delivered: 2, viewed: 2, clicked: 2, dismissed: 0 };
    expect(stats.devices).to.deep.include(devices);
    expect(stats.devices.transports.vapid).to.deep.equal(devices);
  });

  it('count once however often the same one is reported, also by calls at once', async () => {
    const { scene, pushed } = await sent();
    const [push] = pushed;
    const receiptId = randomUUID();
    const calls = Array.from({ length: 5 }, () => report(push, 'clicked', { receiptId }));
    expect((await Promise.all(calls)).map(({ status }) => status)).to.deep.equal([204, 204, 204, 204, 204]);
    expect((await scene.stats()).totals.clicked).to.equal(1);
  });

  it('are refused without the token of their message and device', async () => {
    const { scene, pushed } = await sent();
    const [push, other] = pushed;
    const refusals = [
      await report({ ...push, receiptToken: other.receiptToken }, 'clicked'),
      await report({ ...push, receiptToken: 'AAAAAAAAAAAAAAAAAAAAAA' }, 'clicked'),
      await report({ ...push, messageId: randomUUID() }, 'clicked'),
    ];
    for (const refusal of refusals) {
      expect(refusal.status).to.equal(403);
      expect(((await refusal.json()) as { code: string }).code).to.equal('receipt_refused');
    }
    expect((await scene.stats()).totals.clicked).to.equal(0);
  });

  it('may be reported by a page of any origin, without credentials', async () => {
    const { pushed } = await sent();
    const preflight = await fetch(pushed[0].receiptUrl, { method: 'OPTIONS' });
    expect(preflight.status).to.equal(204);
    expect(preflight.headers.get('access-control-allow-origin')).to.equal('*');
    const answer = await report(pushed[0], 'delivered');
    expect(answer.headers.get('access-control-allow-origin')).to.equal('*');
  });

  it('believe a clock that is a little off and not one that is far off', async () => {
    const { scene, pushed } = await sent();
    const before = Date.now();
    await report(pushed[0], 'viewed', { at: '2001-01-01T00:00:00Z' });
    await report(pushed[1], 'viewed', { at: new Date(before - 60_000).toISOString() });
    const [row] = await scene.rows();
    const [far, near] = (row?.receipts as { at: string }[]).map(({ at }) => Date.parse(at));
    expect(far).to.be.within(before - 1_000, Date.now() + 1_000);
    expect(near).to.equal(before - 60_000);
  });
});
