import { expect } from 'chai';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite, pushesTo } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the delivery of a live message', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const statusOf = async (subscriptionId: string | undefined): Promise<string> =>
    (await stack.client.get(`/v1/subscriptions/${subscriptionId}`)).body.status as string;

  it('carries what the campaign says to the push service', async () => {
    const scene = await cartScene(stack, site, {
      within: null,
      what: {
        title: '{{ profile.name | default: "Hi" }}!',
        body: '{{ event.product }} 🛒',
        url: 'https://shop.example/cart/{{ event.cartId }}',
        actions: [{ title: 'Check out', url: 'https://shop.example/pay' }, { title: 'Later' }],
        urgency: 'high',
        ttl: '2h',
        requireInteraction: true,
        data: { cart: '{{ event.cartId }}' },
      },
      profile: { name: 'Ada' },
    });
    await scene.post(scene.cart({ cartId: 42, product: 'Lamp' }));
    const [row] = await scene.settled();
    const [push] = stack.push.received().filter(({ endpoint }) => endpoint === scene.endpoints[0]);
    expect(push?.headers).to.include({ urgency: 'high', 'content-encoding': 'aes128gcm' });
    expect(Number(push?.headers.ttl)).to.be.within(7_000, 7_200);
    expect(push?.topic).to.match(/^[\w-]{32}$/);
    const payload = JSON.parse(push?.payload ?? '') as Record<string, any>;
    expect(payload).to.deep.include({
      v: 1,
      messageId: row?.id as string,
      subscriptionId: scene.subscriptions[0],
      receiptUrl: `${stack.api.url}/v1/sdk/receipts`,
      notification: {
        title: 'Ada!',
        body: 'Lamp 🛒',
        tag: row?.id as string,
        url: 'https://shop.example/cart/42',
        requireInteraction: true,
        actions: [
          { action: 'action-1', title: 'Check out', url: 'https://shop.example/pay' },
          { action: 'action-2', title: 'Later' },
        ],
        data: { cart: '42' },
      },
    });
  });

  it('is given up as expired when no try fits into its time to live', async () => {
    const scene = await cartScene(stack, site, { within: null, what: { ttl: '1m' } });
    const slowDown = { status: 503, retryAfter: '120' };
    stack.push.answer({ subscription: scene.endpoints[0] ?? '', answer: slowDown });
    await scene.post(scene.cart());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'expired', qualified: true, tries: 1 });
    expect(await scene.stats()).to.deep.include({ qualified: 1, sent: 0, suppressed: { expired: 1 } });
  });

  it('is not tried at all when its time to live is over before', async () => {
    const scene = await cartScene(stack, site, { within: '1s', what: { ttl: '1m' } });
    await scene.post(scene.cart({}, { time: new Date(Date.now() - 62_000).toISOString() }));
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'expired', tries: 0 });
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('fails as gone when the push service says 410, and the subscription is tried no more', async () => {
    const scene = await cartScene(stack, site, { within: null });
    stack.push.unsubscribe(scene.endpoints[0] ?? '');
    await scene.post(scene.cart({ cartId: 'first' }));
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'failed', reason: 'gone', tries: 1 });
    expect(await scene.stats()).to.deep.include({ qualified: 1, sent: 0, failed: { gone: 1 } });
    // Written after the row.
    await waitFor('its expiry', async () => (await statusOf(scene.subscriptions[0])) === 'expired');

    await scene.post(scene.cart({ cartId: 'second' }));
    const rows = await scene.settled(2);
    expect(rows.map(({ reason }) => reason as string).sort()).to.deep.equal(['gone', 'unreachable']);
    expect(stack.push.received().filter(({ endpoint }) => endpoint === scene.endpoints[0])).to.have.length(1);
  });

  it('fails with the reason when the push service refuses it for good', async () => {
    const scene = await cartScene(stack, site, { within: null });
    stack.push.answer({ subscription: scene.endpoints[0] ?? '', answer: { status: 400 } });
    await scene.post(scene.cart());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'failed', reason: 'badRequest', tries: 1 });
    expect(await statusOf(scene.subscriptions[0])).to.equal('active');
  });

  it('is tried again after 429 and not before Retry-After, and after 503', async () => {
    const throttled = await cartScene(stack, site, { within: null });
    const unavailable = await cartScene(stack, site, { within: null });
    // Longer than any wait of our own choosing after a first try.
    const retryAfterMs = 5_000;
    const slowDown = { status: 429, retryAfter: '5' };
    stack.push.answer({ subscription: throttled.endpoints[0] ?? '', answer: slowDown, times: 1 });
    stack.push.answer({ subscription: unavailable.endpoints[0] ?? '', answer: { status: 503 }, times: 1 });
    await Promise.all([throttled.post(throttled.cart()), unavailable.post(unavailable.cart())]);

    const [again] = await unavailable.settled();
    expect(again).to.include({ state: 'sent', tries: 2 });
    expect(again?.attempts.map((attempt: any) => attempt.outcome.kind)).to.deep.equal([
      'throttled',
      'delivered',
    ]);

    const [row] = await throttled.settled();
    expect(row).to.include({ state: 'sent', tries: 2 });
    expect(row?.attempts.map((attempt: any) => attempt.outcome.kind)).to.deep.equal([
      'throttled',
      'delivered',
    ]);
    const [first, second, ...more] = pushesTo(stack, throttled.endpoints[0] ?? '');
    expect(more).to.have.length(0);
    expect((second?.at ?? 0) - (first?.at ?? 0)).to.be.at.least(retryAfterMs);
    expect(second?.messageId).to.equal(first?.messageId);
    expect(await throttled.stats()).to.include({ sent: 1, waiting: 0 });
  });

  it('goes to every device of the profile as one message', async () => {
    const scene = await cartScene(stack, site, { within: null, devices: 2 });
    await scene.post(scene.cart({ cartId: 'both' }));
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['both', 'both']);
    expect(await scene.stats()).to.deep.include({ entered: 1, qualified: 1, sent: 1 });
    expect((await scene.stats()).devices.sent).to.equal(2);
  });

  it('counts as sent when one of two devices took it, and tries only the other again', async () => {
    const scene = await cartScene(stack, site, { within: null, devices: 2 });
    const [gone = '', slow = ''] = scene.endpoints;
    stack.push.unsubscribe(gone);
    stack.push.answer({ subscription: slow, answer: { status: 503 }, times: 1 });
    const healthy = await cartScene(stack, site, { within: null, devices: 2 });
    stack.push.answer({ subscription: healthy.endpoints[0] ?? '', answer: { status: 503 }, times: 1 });
    await scene.post(scene.cart({ cartId: 'one gone' }));
    await healthy.post(healthy.cart({ cartId: 'one late' }));

    const [row] = await scene.settled();
    expect(row).to.include({ state: 'sent', tries: 2 });
    expect((await scene.stats()).devices.sent).to.equal(1);
    expect(pushesTo(stack, gone)).to.have.length(1);
    expect(await Promise.all(scene.subscriptions.map(statusOf))).to.deep.equal(['expired', 'active']);

    const [late] = await healthy.settled();
    expect(late).to.include({ state: 'sent' });
    expect(pushesTo(stack, healthy.endpoints[0] ?? '')).to.have.length(2);
    expect(pushesTo(stack, healthy.endpoints[1] ?? '')).to.have.length(1);
    expect((await healthy.stats()).devices.sent).to.equal(2);
  });
});
