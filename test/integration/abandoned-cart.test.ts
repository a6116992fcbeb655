import { expect } from 'chai';
import { ago, cartScene } from '../support/cart-scene.ts';
import { makeSite, pushesTo } from '../support/fixtures.ts';
import { quickest } from '../support/quickest.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const HOUR_MS = 3_600_000;
/** How late a send may be on a machine with much else to do. */
const LATE_MS = 15_000;
const perCart = { live: () => ({ matchOn: 'cartId' }) };

describe('an abandoned cart', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  it('sends one push within 2 s after the window when nothing was bought', async () => {
    const lateMs = await quickest(2_000, async () => {
      const scene = await cartScene(stack, site, { what: { body: '{{ event.product }}' } });
      const time = new Date();
      await scene.post(scene.cart({ product: 'Lamp' }, { time: time.toISOString() }));
      const [row] = await scene.settled();
      expect(Date.parse(row?.dueAt as string)).to.equal(time.getTime() + 1_000);
      const [push, ...more] = pushesTo(stack, scene.endpoints[0] ?? '');
      expect(more).to.have.length(0);
      expect(push?.body).to.equal('Lamp');
      expect(await scene.stats()).to.include({ entered: 1, qualified: 1, sent: 1, waiting: 0 });
      const late = (push?.at ?? 0) - (time.getTime() + 1_000);
      expect(late).to.be.above(-300);
      return late;
    });
    expect(lateMs).to.be.at.most(2_000);
  });

  it('sends nothing, ever, when it was bought in time', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    await scene.post(scene.cart());
    await scene.entered();
    await scene.post(scene.charged());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'inactionMet', qualified: false });
    expect(scene.pushes()).to.deep.equal([]);
    expect((await scene.stats()).notQualified).to.deep.equal({ inactionMet: 1 });
  });

  it('reminds of the other cart when one of two was bought', async () => {
    const scene = await cartScene(stack, site, { ...perCart, within: '1h' });
    const almost = ago(HOUR_MS - 1_000);
    await scene.post(scene.cart({ cartId: 'a' }), scene.cart({ cartId: 'b' }, { time: almost }));
    await scene.entered(2);
    await scene.post(scene.charged({ cartId: 'a' }));
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['b']);
    expect(await scene.stats()).to.deep.include({ entered: 2, sent: 1, notQualified: { inactionMet: 1 } });
  });

  it('takes no part in a purchase that names no cart, and opens nothing for a cart without an id', async () => {
    const scene = await cartScene(stack, site, perCart);
    await scene.post(scene.cart({ cartId: 'a' }), scene.cart(), scene.cart({ cartId: null }));
    await scene.entered();
    await scene.post(scene.charged(), scene.charged({ cartId: 'b' }));
    await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['a']);
  });

  it('is one trigger when an event id comes twice in a call, in a second call, and in two calls at once', async () => {
    const scene = await cartScene(stack, site);
    const event = scene.cart({ cartId: 'once' }, { eventId: 'cart-1' });
    expect(await scene.post(event, event)).to.deep.equal({ accepted: 1, duplicates: 1 });
    await scene.entered();
    expect(await scene.post(event)).to.deep.equal({ accepted: 0, duplicates: 1 });
    await scene.settled(1);

    const other = scene.cart({ cartId: 'again' }, { eventId: 'cart-2' });
    const answers = await Promise.all([scene.post(other), scene.post(other), scene.post(other)]);
    const accepted = answers.reduce((sum, answer) => sum + answer.accepted, 0);
    const duplicates = answers.reduce((sum, answer) => sum + answer.duplicates, 0);
    expect({ accepted, duplicates }).to.deep.equal({ accepted: 1, duplicates: 2 });
    await scene.settled(2);
    expect(await scene.post(other, event)).to.deep.equal({ accepted: 0, duplicates: 2 });
    // What came after the repeats was dispatched, so the repeats have been looked at as well.
    await scene.post(scene.cart({ cartId: 'third' }));
    await scene.settled(3);
    expect(scene.pushes()).to.deep.equal(['once', 'again', 'third']);
  });

  it('starts no workflow when the purchase comes in the same call after the cart', async () => {
    const scene = await cartScene(stack, site);
    const time = ago(0);
    await scene.post(scene.cart({}, { time }), scene.charged({}, { time }));
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'inactionMet', qualified: false });
    const missing = await stack.temporal.workflow
      .getHandle(row?.workflowId as string)
      .describe()
      .catch((error: unknown) => (error as Error).name);
    expect(missing).to.equal('WorkflowNotFoundError');
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('sends when the purchase comes in the same call before the cart, at the same time', async () => {
    const scene = await cartScene(stack, site);
    const time = ago(0);
    await scene.post(scene.charged({}, { time }), scene.cart({ cartId: 'after' }, { time }));
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['after']);
  });

  it('sends nothing when the purchase arrives before the cart that it followed', async () => {
    const scene = await cartScene(stack, site);
    // Half a second apart, however long the first call takes.
    const [filled, bought] = [ago(600), ago(100)];
    await scene.post(scene.charged({}, { time: bought }));
    await scene.post(scene.cart({}, { time: filled }));
    const [row] = await scene.settled();
    expect(row).to.include({ reason: 'inactionMet', qualified: false });
    expect(row?.trigger.closedBy.name).to.equal(scene.names.charged);
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('sends at once when a cart comes so late that its window is over', async () => {
    const scene = await cartScene(stack, site, { within: '10m' });
    const posted = Date.now();
    await scene.post(scene.cart({ cartId: 'late' }, { time: ago(11 * 60_000) }));
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['late']);
    expect((pushesTo(stack, scene.endpoints[0] ?? '')[0]?.at ?? 0) - posted).to.be.below(LATE_MS);
  });

  it('leaves an event alone that is older than 24 h, and takes one that is not', async () => {
    const scene = await cartScene(stack, site, {
      ...perCart,
      what: { ttl: '2d', body: '{{ event.cartId }}' },
    });
    const day = 24 * 3_600_000;
    await scene.post(
      scene.cart({ cartId: 'older' }, { time: ago(day + 60_000) }),
      scene.cart({ cartId: 'younger' }, { time: ago(day - 60_000) }),
    );
    await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['younger']);
  });

  it('opens again when the cart is filled again right after the purchase, in one call', async () => {
    const scene = await cartScene(stack, site);
    const time = ago(0);
    await scene.post(
      scene.cart({ cartId: 'bought' }, { time }),
      scene.charged({}, { time }),
      scene.cart({ cartId: 'left' }, { time }),
    );
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['left']);
  });

  it('opens again when the cart is filled again right after the purchase, in calls of their own', async () => {
    const scene = await cartScene(stack, site, { within: '5s' });
    await scene.post(scene.cart({ cartId: 'bought' }));
    await scene.post(scene.charged());
    await scene.post(scene.cart({ cartId: 'left' }));
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['left']);
    expect(await scene.stats()).to.deep.include({ entered: 2, sent: 1, notQualified: { inactionMet: 1 } });
  });

  it('ignores the cart event while a trigger is open, and fills the texts from the first', async () => {
    const scene = await cartScene(stack, site, { within: '5s' });
    await scene.post(scene.cart({ cartId: 'first' }));
    await scene.entered();
    await scene.post(scene.cart({ cartId: 'second' }));
    await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['first']);
    // Settled: the next one opens again.
    await scene.post(scene.cart({ cartId: 'third' }));
    expect(await scene.entered(2)).to.have.length(2);
  });

  it('begins its window anew with onRepeat restart, and fills the texts from the latest event', async () => {
    const scene = await cartScene(stack, site, { within: '5s', live: () => ({ onRepeat: 'restart' }) });
    const last = Date.now() + 1_000;
    await scene.post(scene.cart({ cartId: 'first' }, { time: ago(0) }));
    await scene.entered();
    // Lies ahead of our clock, as a producer's may.
    await scene.post(scene.cart({ cartId: 'second' }, { time: new Date(last).toISOString() }));
    const [row] = await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['second']);
    expect((pushesTo(stack, scene.endpoints[0] ?? '')[0]?.at ?? 0) - last).to.be.at.least(4_700);
    expect(row?.trigger.openedBy.eventId).to.not.equal(row?.trigger.event.eventId);
  });
});
