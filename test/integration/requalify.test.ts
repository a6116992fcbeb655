import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { cartScene, type CartScene, type CartSceneOptions } from '../support/cart-scene.ts';
import { dispatched, makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const outcomes = (rows: Record<string, any>[]): string[] =>
  rows.map(({ state, reason }) => (reason ?? state) as string).sort();

describe('a campaign that a profile may not get again', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const once = (options: CartSceneOptions = {}): Promise<CartScene> =>
    cartScene(stack, site, { within: null, when: { requalify: { mode: 'once' } }, ...options });
  /** One more cart, of which nothing comes. */
  const opensNothing = async (scene: CartScene): Promise<void> => {
    const before = await scene.rows();
    await scene.post(scene.cart());
    await dispatched(stack);
    expect(await scene.rows()).to.have.length(before.length);
  };

  it('is sent once, and opens nothing from then on', async () => {
    const scene = await once();
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled())).to.deep.equal(['sent']);
    await opensNothing(scene);
    expect(scene.pushes()).to.have.length(1);
  });

  it('is sent to exactly one of ten carts that fall due at once', async () => {
    // Long enough for all ten to be opened before the first is sent.
    const scene = await once({ within: '5s', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(...Array.from({ length: 10 }, (_, i) => scene.cart({ cartId: String(i) })));
    const rows = await scene.settled(10);
    expect(outcomes(rows)).to.deep.equal([...Array.from({ length: 9 }, () => 'frequencyCap'), 'sent']);
    expect(scene.pushes()).to.have.length(1);
    expect(await scene.stats()).to.deep.include({ qualified: 10, sent: 1, suppressed: { frequencyCap: 9 } });
    const sentAt = rows.find(({ state }) => state === 'sent')?.attempts[0].at as string;
    const said = rows.find(({ reason }) => reason === 'frequencyCap')?.detail as string;
    const takenAt = Date.parse(said.replace('the profile got it at ', ''));
    expect(Math.abs(takenAt - Date.parse(sentAt))).to.be.below(5_000);
  });

  it('comes again when the interval since the last send has passed, and not before', async () => {
    const scene = await once({ when: { requalify: { mode: 'interval', interval: '8s' } } });
    await scene.post(scene.cart());
    const [first] = await scene.settled();
    await opensNothing(scene);
    await delay(Date.parse(first?.sentAt as string) + 8_000 - Date.now());
    await scene.post(scene.cart());
    const rows = await scene.settled(2);
    expect(outcomes(rows)).to.deep.equal(['sent', 'sent']);
    const [one, two] = rows.map(({ attempts }) => Date.parse(attempts[0].at as string)).sort();
    expect(two! - one!).to.be.at.least(7_900);
  });

  it('opens when the interval will be over at the time of its send', async () => {
    const scene = await once({ within: '4s', when: { requalify: { mode: 'interval', interval: '3s' } } });
    await scene.post(scene.cart());
    await scene.settled();
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled(2))).to.deep.equal(['sent', 'sent']);
  });

  it('comes every time when it says nothing else', async () => {
    const scene = await once({ when: {} });
    for (const count of [1, 2, 3]) {
      await scene.post(scene.cart());
      await scene.settled(count);
    }
    expect(scene.pushes()).to.have.length(3);
  });

  it('is not used up by a message that no device took', async () => {
    const scene = await once({ devices: 2 });
    const [gone, alive] = scene.endpoints as [string, string];
    for (const subscription of [gone, alive]) {
      stack.push.answer({ subscription, answer: { status: 400 }, times: 1 });
    }
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled())).to.deep.equal(['badRequest']);
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled(2))).to.deep.equal(['badRequest', 'sent']);
    await opensNothing(scene);
  });

  it('is not used up by a message whose text did not render', async () => {
    const scene = await once({ what: { title: '{{ event.product }}' } });
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled())).to.deep.equal(['renderError']);
    await scene.post(scene.cart({ product: 'Shoes' }));
    expect(outcomes(await scene.settled(2))).to.deep.equal(['renderError', 'sent']);
  });

  it('is not used up by a message that was cancelled while it waited for another try', async () => {
    const scene = await once({ live: ({ emptied }) => ({ cancelledBy: [{ event: emptied }] }) });
    const [subscription] = scene.endpoints as [string];
    stack.push.answer({ subscription, answer: { status: 429, retryAfter: '600' }, times: 1 });
    await scene.post(scene.cart());
    await stack.push.waitForReceived(1, { where: ({ endpoint }) => endpoint === subscription });
    // Nothing closes it while the answer is on its way.
    await waitFor('the wait for another try', async () => (await scene.rows())[0]?.state === 'due');
    await scene.post(scene.emptied());
    expect(outcomes(await scene.settled())).to.deep.equal(['cancelled']);
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled(2))).to.deep.equal(['cancelled', 'sent']);
  });

  it('opens while another is under way, and the send decides', async () => {
    const scene = await once({ live: () => ({ matchOn: 'cartId' }) });
    const [subscription] = scene.endpoints as [string];
    stack.push.answer({ subscription, answer: { status: 429, retryAfter: '600' }, times: 1 });
    await scene.post(scene.cart({ cartId: 'a' }));
    // It holds the turn from here on, and waits for its next try.
    await stack.push.waitForReceived(1, { where: ({ endpoint }) => endpoint === subscription });
    await scene.post(scene.cart({ cartId: 'b' }));
    const rows = await waitFor('the second', async () => {
      const found = await scene.rows();
      return found.some(({ reason }) => reason === 'frequencyCap') && found;
    });
    expect(rows).to.have.length(2);
    expect(scene.pushes()).to.have.length(1);
  });

  it('is used up by a control message as by a send', async () => {
    const scene = await once({ campaign: { setup: { controlGroup: { percent: 100 } } } });
    await scene.post(scene.cart());
    expect(outcomes(await scene.settled())).to.deep.equal(['control']);
    await opensNothing(scene);
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('is forgotten with the profile', async () => {
    const scene = await once();
    await scene.post(scene.cart());
    const [row] = await scene.settled();
    const turns = stack.db.collection('turns');
    expect(await turns.countDocuments({ profileId: row?.objectId })).to.equal(1);
    expect((await stack.client.delete(`/v1/profiles/${scene.identity}`)).status).to.equal(204);
    expect(await turns.countDocuments({ profileId: row?.objectId })).to.equal(0);
  });
});
