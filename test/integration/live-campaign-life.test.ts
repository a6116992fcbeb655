import { expect } from 'chai';
import { ago, cartScene, type CartScene } from '../support/cart-scene.ts';
import { dispatched, makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;

describe('a live campaign', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const life = (scene: CartScene, what: string) =>
    stack.client.must(`/v1/campaigns/${scene.campaign}/${what}`);
  const statusOf = async (scene: CartScene): Promise<string> =>
    (await stack.client.get(`/v1/campaigns/${scene.campaign}`)).body.status as string;
  const outcomeOf = (row: Record<string, any> | undefined): Promise<unknown> =>
    stack.temporal.workflow.getHandle(row?.workflowId as string).result();

  it('that was stopped sends nothing more and closes its triggers', async () => {
    const scene = await cartScene(stack, site, { live: () => ({ matchOn: 'cartId' }), within: '30s' });
    await scene.post(...Array.from({ length: 20 }, (_, i) => scene.cart({ cartId: String(i) })));
    const open = await scene.entered(20);
    expect((await life(scene, 'stop')).status).to.equal('stopped');
    const rows = await scene.settled(20);
    expect(rows.filter((row) => row.reason !== 'stopped')).to.deep.equal([]);
    expect(await Promise.all(open.map(outcomeOf))).to.deep.equal(open.map(() => 'stopped'));
    expect(scene.pushes()).to.deep.equal([]);
    expect(await stack.temporal.workflow.getHandle(`campaign/${scene.campaign}`).result()).to.equal(
      'stopped',
    );
    // Events open nothing any more, also those that are dispatched for another reason.
    const { duplicates } = await scene.post(scene.cart({ cartId: 'too late' }));
    expect(duplicates).to.equal(0);
    await dispatched(stack);
    expect(await scene.rows()).to.have.length(20);
  });

  it('ends by itself: what is open then is dropped as ended, and events open nothing', async () => {
    const end = Date.now() + 6_000;
    const scene = await cartScene(stack, site, {
      within: '1h',
      when: { end: new Date(end).toISOString() },
    });
    await scene.post(scene.cart());
    const [open] = await scene.entered();
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'ended', qualified: false });
    expect(await outcomeOf(open)).to.equal('ended');
    expect(Date.parse(row?.settledAt as string)).to.be.at.least(end - 300);
    await waitFor('its end', async () => (await statusOf(scene)) === 'completed');
    await scene.post({ ...scene.cart(), identity: `${scene.identity}-late` });
    await dispatched(stack);
    expect(await scene.rows()).to.have.length(1);
    expect((await stack.client.post(`/v1/campaigns/${scene.campaign}/pause`)).status).to.equal(409);
  });

  it('drops what falls due while it is paused, and what was waiting on goes out after it was resumed', async () => {
    const scene = await cartScene(stack, site, { within: '5s', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(
      scene.cart({ cartId: 'due meanwhile' }),
      scene.cart({ cartId: 'due later' }, { time: ago(-4_000) }),
    );
    await scene.entered(2);
    await life(scene, 'pause');
    await waitFor('the first message', async () =>
      (await scene.rows()).some((row) => row.settledAt !== undefined),
    );
    expect(scene.pushes()).to.deep.equal([]);
    expect((await life(scene, 'resume')).status).to.equal('running');
    const rows = await scene.settled(2);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['paused', 'sent']);
    expect(scene.pushes()).to.deep.equal(['due later']);
    expect(await scene.stats()).to.deep.include({ qualified: 2, sent: 1, suppressed: { paused: 1 } });
  });

  it('opens nothing while it is paused, and obeys a purchase that came meanwhile', async () => {
    const scene = await cartScene(stack, site, { within: '1h', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(scene.cart({ cartId: 'bought while paused' }, { time: ago(1_000) }));
    await scene.entered(1);
    await life(scene, 'pause');
    await scene.post(
      scene.cart({ cartId: 'while paused' }),
      scene.charged({ cartId: 'bought while paused' }),
    );
    // Before it is resumed: a pause holds for what is dispatched in it.
    await dispatched(stack);
    await life(scene, 'resume');
    await scene.post(scene.cart({ cartId: 'after' }, { time: ago(HOUR_MS - 500) }));
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['after']);
    expect(await scene.stats()).to.deep.include({ entered: 2, notQualified: { inactionMet: 1 } });
  });

  it('begins at its start and not before', async () => {
    const start = Date.now() + 6_000;
    const scene = await cartScene(stack, site, {
      within: null,
      when: { start: new Date(start).toISOString() },
      live: () => ({ matchOn: 'cartId' }),
    });
    expect(await statusOf(scene)).to.equal('scheduled');
    await scene.post(scene.cart({ cartId: 'before' }));
    await waitFor('the start', async () => (await statusOf(scene)) === 'running');
    await scene.post(scene.cart({ cartId: 'after' }));
    await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['after']);
  });

  it('says in each answer what may not follow', async () => {
    const scene = await cartScene(stack, site);
    expect((await stack.client.post(`/v1/campaigns/${scene.campaign}/resume`)).body.code).to.equal(
      'wrong_status',
    );
    await life(scene, 'stop');
    for (const what of ['publish', 'pause', 'resume', 'stop']) {
      const { status, body } = await stack.client.post(`/v1/campaigns/${scene.campaign}/${what}`);
      expect([status, body.code], what).to.deep.equal([409, 'wrong_status']);
    }
  });
});
