import { expect } from 'chai';
import { ago, cartNames, cartScene } from '../support/cart-scene.ts';
import { dispatched, makeSite, post, publish, pushesTo, subscribe } from '../support/fixtures.ts';
import { FAR_ZONE, farTime, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;

describe('a live trigger', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const historyOf = async (workflowId: string) =>
    (await stack.temporal.workflow.getHandle(workflowId).fetchHistory()).events ?? [];

  it('without inaction sends at once', async () => {
    const scene = await cartScene(stack, site, { within: null });
    await scene.post(scene.cart({ cartId: 'now' }));
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['now']);
  });

  it('waits out its delay before it sends', async () => {
    const scene = await cartScene(stack, site, { within: null, when: { delay: '2s' } });
    const time = new Date();
    await scene.post(scene.cart({ cartId: 'delayed' }, { time: time.toISOString() }));
    await scene.settled();
    const [push] = pushesTo(stack, scene.endpoints[0] ?? '');
    expect((push?.at ?? 0) - time.getTime()).to.be.at.least(1_700);
  });

  it('is cancelled during its delay by an event of cancelledBy', async () => {
    const scene = await cartScene(stack, site, {
      live: ({ emptied }) => ({ cancelledBy: [{ event: emptied }] }),
      when: { delay: '1h' },
    });
    await scene.post(scene.cart({}, { time: ago(5_000) }));
    const [open] = await scene.entered();
    await scene.post(scene.emptied());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'cancelled', qualified: true });
    expect(await scene.stats()).to.deep.include({ qualified: 1, sent: 0, suppressed: { cancelled: 1 } });
    expect(await stack.temporal.workflow.getHandle(open?.workflowId as string).result()).to.equal(
      'cancelled',
    );
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('is cancelled during its delay by a purchase that came after the window', async () => {
    const scene = await cartScene(stack, site, { when: { delay: '1h' } });
    await scene.post(scene.cart({}, { time: ago(5_000) }));
    await scene.entered();
    expect(await scene.stats()).to.include({ qualified: 1, waiting: 1, inWindow: 0 });
    await scene.post(scene.charged());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'inactionMet', qualified: true });
    expect(await scene.stats()).to.deep.include({ qualified: 1, suppressed: { inactionMet: 1 } });
  });

  it('is dropped in quiet hours that discard, by the time zone of the profile', async () => {
    const scene = await cartScene(stack, site, {
      within: null,
      when: { dnd: quietNow('discard') },
      profile: { timezone: FAR_ZONE },
    });
    const elsewhere = `${scene.identity}-utc`;
    const { endpoint } = await subscribe(stack, site, elsewhere);
    await scene.post(scene.cart(), { ...scene.cart({ cartId: 'awake' }), identity: elsewhere });
    const rows = await scene.settled(2);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['dnd', 'sent']);
    expect(scene.pushes()).to.deep.equal([]);
    expect(pushesTo(stack, endpoint).map(({ body }) => body)).to.deep.equal(['awake']);
    expect((await scene.stats()).suppressed).to.deep.equal({ dnd: 1 });
  });

  it('waits for the end of quiet hours that delay, and is stopped while it waits', async () => {
    const quiet = quietNow('delay');
    const scene = await cartScene(stack, site, {
      within: null,
      when: { dnd: quiet },
      profile: { timezone: FAR_ZONE },
    });
    await scene.post(scene.cart());
    const [row] = await scene.entered();
    const dueMs = Date.parse(row?.dueAt as string);
    expect(farTime(dueMs)).to.equal(quiet.to);
    expect(dueMs - Date.now()).to.be.within(HOUR_MS - 120_000, HOUR_MS);
    const timer = await waitFor('the timer', async () =>
      (await historyOf(row?.workflowId as string)).find((event) => event.timerStartedEventAttributes),
    );
    const seconds = Number(timer.timerStartedEventAttributes?.startToFireTimeout?.seconds);
    expect(seconds * 1_000).to.be.within(HOUR_MS - 180_000, HOUR_MS);
    expect(String(timer.userMetadata?.summary?.data)).to.match(/^"waits until quiet hours end at .*Kolkata/);

    await stack.client.must(`/v1/campaigns/${scene.campaign}/stop`);
    const [closed] = await scene.settled();
    expect(closed).to.include({ state: 'suppressed', reason: 'stopped' });
    expect(await stack.temporal.workflow.getHandle(row?.workflowId as string).result()).to.equal('stopped');
  });

  it('opens only for an event that meets where, and is closed only by one that does', async () => {
    const names = cartNames();
    const scene = await cartScene(stack, site, {
      names,
      live: () => ({
        matchOn: 'cartId',
        where: [{ property: 'price', op: 'gte', value: 20 }],
        inaction: {
          event: names.charged,
          within: '1h',
          where: [{ property: 'paid', op: 'eq', value: true }],
        },
      }),
    });
    await scene.post(
      scene.cart({ cartId: 'cheap', price: 19.99 }),
      scene.cart({ cartId: 'text', price: '20' }),
      scene.cart({ cartId: 'dear', price: 20 }, { time: ago(HOUR_MS - 1_000) }),
      scene.cart({ cartId: 'paid', price: 21 }),
    );
    await scene.entered(2);
    await scene.post(
      scene.charged({ cartId: 'dear', paid: false }),
      scene.charged({ cartId: 'paid', paid: true }),
    );
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['dear']);
  });

  it('opens for nobody outside the filter, and sends to nobody who left it meanwhile', async () => {
    const names = cartNames();
    const scene = await cartScene(stack, site, {
      names,
      within: '5s',
      live: () => ({ filter: { property: 'country', op: 'eq', value: 'DE' } }),
      profile: { country: 'DE' },
    });
    const person = (suffix: string) => `${scene.identity}-${suffix}`;
    const move = (identity: string, country: string) =>
      stack.client.must('/v1/profiles', { profiles: [{ identity, country }] });
    await move(person('fr'), 'FR');
    await move(person('moves'), 'DE');
    await scene.post(
      { ...scene.cart(), identity: person('fr') },
      { ...scene.cart(), identity: person('moves') },
      scene.cart({ cartId: 'stays' }),
    );
    await scene.entered(2);
    await move(person('moves'), 'FR');
    // Else the event of the other may be judged after the move.
    await dispatched(stack);
    await move(person('fr'), 'DE');
    const rows = await scene.settled(2);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['noLongerQualifies', 'sent']);
    expect(scene.pushes()).to.deep.equal(['stays']);
  });

  it('is unreachable without a subscription on the site of the campaign', async () => {
    const scene = await cartScene(stack, site, { within: null });
    const otherSite = await makeSite(stack, { name: 'Elsewhere' });
    const visitor = `${scene.identity}-visitor`;
    const { endpoint } = await subscribe(stack, otherSite, visitor);
    await scene.post({ ...scene.cart(), identity: visitor });
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'unreachable', qualified: true });
    expect(pushesTo(stack, endpoint)).to.have.length(0);
  });

  it('does not reach a subscription that opted out', async () => {
    const scene = await cartScene(stack, site, { within: null });
    await stack.client.delete(`/v1/subscriptions/${scene.subscriptions[0]}`);
    await scene.post(scene.cart());
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'unreachable' });
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('whose text cannot be rendered is suppressed alone', async () => {
    // A range over a million elements passes what one rendering may take.
    const body = '{% for i in (1..event.size) %}{% if i == 1 %}ok{% endif %}{% endfor %}';
    const scene = await cartScene(stack, site, {
      within: null,
      live: () => ({ matchOn: 'size' }),
      what: { body },
    });
    await scene.post(scene.cart({ size: 2_000_000_000 }), scene.cart({ size: 1 }));
    const rows = await scene.settled(2);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['renderError', 'sent']);
    expect(rows.find((row) => row.reason)?.detail).to.be.a('string').that.is.not.empty;
    expect(scene.pushes()).to.deep.equal(['ok']);
    expect(await scene.stats()).to.deep.include({ qualified: 2, sent: 1, suppressed: { renderError: 1 } });
  });

  it('opens in every campaign that the event concerns', async () => {
    const names = cartNames();
    const scene = await cartScene(stack, site, { names, within: null, what: { body: 'one' } });
    const other = await publish(stack, {
      name: 'Another',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: names.cart } },
      what: { title: 'Hello', body: 'two' },
    });
    await post(stack, scene.cart());
    await scene.settled();
    await waitFor('the other message', () => scene.pushes().length === 2);
    expect(scene.pushes().sort()).to.deep.equal(['one', 'two']);
    expect((await stack.client.get(`/v1/campaigns/${other}/stats`)).body.entered).to.equal(1);
  });
});
