import { expect } from 'chai';
import { ago, cartNames, cartScene, type CartScene, type CartSceneOptions } from '../support/cart-scene.ts';
import { dispatched, makeSite, pushesTo } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
/** How late a send may be on a machine with much else to do; never early, but by the slack of two clocks. */
const LATE_MS = 15_000;
const EARLY_MS = 300;

/** @returns an instant so far from now, as an event names it */
const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

describe('a reminder at a date that an event names', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** One traveller and one campaign: `cart` books, `emptied` cancels. */
  const travel = (dateProperty: object = {}, more: CartSceneOptions = {}): Promise<CartScene> => {
    const names = cartNames();
    return cartScene(stack, site, {
      names,
      within: null,
      live: ({ emptied }) => ({
        matchOn: 'trip',
        cancelledBy: [{ event: emptied }],
        dateProperty: { property: 'departure', ...dateProperty },
      }),
      what: { body: '{{ event.trip }} {{ event.departure }}' },
      ...more,
    });
  };
  const book = (scene: CartScene, departure: unknown, more: { trip?: string; time?: string } = {}) => {
    const { trip = 'rome', time = inMs(0) } = more;
    return scene.cart({ trip, ...(departure === undefined ? {} : { departure }) }, { time });
  };
  const pushesOf = (scene: CartScene) => pushesTo(stack, scene.endpoints[0] ?? '');
  const resultOf = (row: Record<string, any> | undefined) =>
    stack.temporal.workflow.getHandle(row?.workflowId as string).result();
  /** Waits until the open row of a trip is due then. */
  const dueAt = (scene: CartScene, departure: string, trip = 'rome') =>
    waitFor(`a reminder of ${trip} that is due at ${departure}`, async () =>
      (await scene.rows()).find(
        (row) => row.dueAt === departure && row.trigger?.matchValue === trip && row.settledAt === undefined,
      ),
    );
  const expectSentAt = (scene: CartScene, departure: string, body = `rome ${departure}`): void => {
    const pushes = pushesOf(scene);
    expect(pushes.map((push) => push.body)).to.deep.equal([body]);
    const at = Date.parse(departure);
    expect(pushes[0]?.at).to.be.within(at - EARLY_MS, at + LATE_MS);
  };

  it('is sent once, when the date comes', async () => {
    const scene = await travel();
    const departure = inMs(6_000);
    await scene.post(book(scene, departure));
    const row = await dueAt(scene, departure);
    expect(row).to.include({ state: 'waiting' });
    expect(await scene.stats()).to.include({ entered: 1, qualified: 1, waiting: 1, inWindow: 0 });
    const [sent] = await scene.settled();
    expect(sent).to.include({ state: 'sent', dueAt: departure });
    expectSentAt(scene, departure);
  });

  it('is due at a local time of another day, in the time zone of the user, and says so to an operator', async () => {
    const scene = await travel({ offset: '-2d', at: '09:00' }, { profile: { timezone: 'Asia/Kolkata' } });
    await scene.post(book(scene, '2031-03-31'));
    const row = await dueAt(scene, '2031-03-29T03:30:00.000Z');
    const timer = await waitFor('the timer', async () =>
      ((await stack.temporal.workflow.getHandle(row.workflowId as string).fetchHistory()).events ?? []).find(
        (event) => event.timerStartedEventAttributes,
      ),
    );
    expect(String(timer.userMetadata?.summary?.data)).to.include(
      'waits until 2031-03-29 09:00:00 (Asia/Kolkata), 2 days before departure, trip rome',
    );
    const explained = await stack.client.get(
      `/v1/campaigns/${scene.campaign}/explain?identity=${scene.identity}`,
    );
    expect(explained.body.verdict).to.equal('waiting');
    const step = (explained.body.steps as { step: string; detail: string }[]).find(
      (one) => one.step === 'delay',
    );
    expect(step?.detail).to.equal('The reminder is due at 2031-03-29T03:30:00.000Z.');
    await stack.client.must(`/v1/campaigns/${scene.campaign}/stop`);
    expect(await resultOf(row)).to.equal('stopped');
  });

  it('waits for a date in thousands of years until it is moved', async () => {
    const scene = await travel();
    await scene.post(book(scene, '9999-12-31'));
    const row = await dueAt(scene, '9999-12-31T00:00:00.000Z');
    await waitFor('the timer', async () =>
      ((await stack.temporal.workflow.getHandle(row.workflowId as string).fetchHistory()).events ?? []).some(
        (event) => event.timerStartedEventAttributes,
      ),
    );
    const departure = inMs(3_000);
    await scene.post(book(scene, departure));
    await scene.settled();
    expectSentAt(scene, departure);
  });

  it('moves to a later date, and its texts with it', async () => {
    const scene = await travel();
    const [first, second] = [inMs(6_000), inMs(9_000)];
    await scene.post(book(scene, first));
    await dueAt(scene, first);
    await scene.post(book(scene, second));
    await dueAt(scene, second);
    await scene.settled();
    expectSentAt(scene, second);
  });

  it('moves to an earlier date', async () => {
    const scene = await travel();
    const first = inMs(HOUR_MS);
    await scene.post(book(scene, first));
    await dueAt(scene, first);
    const second = inMs(4_000);
    await scene.post(book(scene, second));
    await scene.settled();
    expectSentAt(scene, second);
  });

  it('is withdrawn by an event of cancelledBy, also after it was moved', async () => {
    const scene = await travel();
    await scene.post(book(scene, inMs(HOUR_MS)));
    const second = inMs(2 * HOUR_MS);
    await scene.post(book(scene, second));
    await dueAt(scene, second);
    await scene.post(scene.emptied({ trip: 'rome' }));
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'cancelled', qualified: true });
    expect(await resultOf(row)).to.equal('cancelled');
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('is withdrawn by a date that has passed, says why, and comes back with another date', async () => {
    const scene = await travel();
    const first = inMs(HOUR_MS);
    await scene.post(book(scene, first));
    await dueAt(scene, first);
    const past = ago(60_000);
    await scene.post(book(scene, past));
    const [row] = await scene.settled();
    expect(row).to.include({
      state: 'suppressed',
      reason: 'cancelled',
      detail: `moved to ${past}, which had passed`,
    });
    expect(await resultOf(row)).to.equal('cancelled');
    const explained = await stack.client.get(
      `/v1/campaigns/${scene.campaign}/explain?identity=${scene.identity}`,
    );
    expect(explained.body.summary).to.include('which had passed');
    const failed = (explained.body.steps as { step: string; outcome: string }[]).filter(
      (step) => step.outcome === 'failed',
    );
    expect(failed.map(({ step }) => step)).to.deep.equal(['cancellingEvents']);

    const again = inMs(3_000);
    await scene.post(book(scene, again));
    await scene.settled(2);
    expectSentAt(scene, again);
  });

  it('is one for each value of matchOn, and each moves alone', async () => {
    const scene = await travel();
    const [rome, oslo, moved] = [inMs(6_000), inMs(HOUR_MS), inMs(2 * HOUR_MS)];
    await scene.post(book(scene, rome), book(scene, oslo, { trip: 'oslo' }));
    await dueAt(scene, rome);
    await dueAt(scene, oslo, 'oslo');
    await scene.post(book(scene, moved, { trip: 'oslo' }));
    await dueAt(scene, moved, 'oslo');
    await waitFor('the push', () => pushesOf(scene).length > 0);
    expectSentAt(scene, rome);
    await scene.post(scene.emptied({ trip: 'oslo' }));
    const rows = await scene.settled(2);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['cancelled', 'sent']);
  });

  it('goes by the latest event, in whatever order they come', async () => {
    const orders = [
      [0, 2, 1],
      [2, 0, 1],
      [1, 2, 0],
      [2, 1, 0],
    ];
    const scenes = await Promise.all(orders.map(() => travel()));
    const dates = [inMs(HOUR_MS), inMs(2 * HOUR_MS), inMs(8_000)];
    const times = [ago(60_000), ago(40_000), ago(20_000)];
    await Promise.all(
      scenes.map(async (scene, i) => {
        for (const which of orders[i] ?? []) {
          await scene.post(book(scene, dates[which], { time: times[which] ?? '' }));
          await dispatched(stack);
        }
        await scene.settled();
        expectSentAt(scene, dates[2] ?? '');
      }),
    );
  });

  it('is not set by an event that comes after a later one had withdrawn it', async () => {
    const scene = await travel();
    await scene.post(book(scene, ago(HOUR_MS), { time: ago(10_000) }));
    await dispatched(stack);
    await scene.post(book(scene, inMs(HOUR_MS), { time: ago(20_000) }));
    await dispatched(stack);
    expect(await scene.rows()).to.deep.equal([]);
  });

  it('is neither set nor moved by an event that names no date', async () => {
    const scene = await travel();
    await scene.post(book(scene, undefined), book(scene, 'soon'), book(scene, 1_900_000_000_000));
    await dispatched(stack);
    expect(await scene.rows()).to.deep.equal([]);
    const departure = inMs(5_000);
    await scene.post(book(scene, departure));
    await dueAt(scene, departure);
    await scene.post(book(scene, undefined), book(scene, 'never'));
    await scene.settled();
    expectSentAt(scene, departure);
  });

  it('that was sent is not sent again for the same date, and is for a new one', async () => {
    const scene = await travel();
    const first = inMs(3_000);
    await scene.post(book(scene, first));
    await scene.settled();
    // It happened before the date and comes after the send; then one that happened after it.
    await scene.post(book(scene, first, { time: new Date(Date.parse(first) - 1).toISOString() }));
    await scene.post(book(scene, first));
    await scene.settled();
    const second = inMs(3_000);
    await scene.post(book(scene, second));
    await scene.settled(2);
    expect(pushesOf(scene).map(({ body }) => body)).to.deep.equal([`rome ${first}`, `rome ${second}`]);
  });

  it('moves while its campaign is paused, which opens none meanwhile', async () => {
    const scene = await travel();
    const first = inMs(HOUR_MS);
    await scene.post(book(scene, first));
    await dueAt(scene, first);
    await stack.client.must(`/v1/campaigns/${scene.campaign}/pause`);
    const second = inMs(12_000);
    await scene.post(book(scene, second), book(scene, second, { trip: 'oslo' }));
    await dueAt(scene, second);
    await dispatched(stack);
    expect(await scene.rows()).to.have.length(1);
    await stack.client.must(`/v1/campaigns/${scene.campaign}/resume`);
    await scene.settled();
    expectSentAt(scene, second);
  });

  it('is done nothing twice when every event is taken once more', async () => {
    const scene = await travel();
    const [first, second] = [inMs(HOUR_MS), inMs(2 * HOUR_MS)];
    await scene.post(book(scene, first, { time: ago(2_000) }), book(scene, second, { time: ago(1_000) }));
    await scene.post(book(scene, inMs(HOUR_MS), { trip: 'oslo' }), scene.emptied({ trip: 'oslo' }));
    await dispatched(stack);
    // The event that withdraws is dispatched; its workflow takes it up in its own time.
    const rows = await waitFor('one withdrawn, one waiting', async () => {
      const found = await scene.rows();
      const states = found.map((row) => row.state).sort();
      return states.join() === 'suppressed,waiting' ? found : undefined;
    });
    await stack.db.collection('events').updateMany({}, { $set: { pending: true } });
    await dispatched(stack);
    expect(await scene.rows()).to.deep.equal(rows);
    await dueAt(scene, second);
  });
});
