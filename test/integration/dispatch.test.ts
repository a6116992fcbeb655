import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { laneOf } from '../../domain/hash.ts';
import { connectDatabase } from '../../db/connection.ts';
import { createLaneRepository } from '../../db/lanes.ts';
import { createApiClient, type ApiClient } from '../support/api-client.ts';
import { cartNames, cartScene, type CartScene } from '../support/cart-scene.ts';
import { dispatched, makeSite, messagesOf, publish, pushesTo, subscribe } from '../support/fixtures.ts';
import { ADMIN_KEY, startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

/** A stack with two APIs. */
async function twoApis(workers: number): Promise<{ stack: TestStack; clients: [ApiClient, ApiClient] }> {
  const stack = await startStack({ workers });
  const { port } = await stack.startApi();
  return { stack, clients: [stack.client, createApiClient(`http://localhost:${port}`, ADMIN_KEY)] };
}

/** What a shopper does, one call after the other and to each API in turn, and what the shopper is pushed. */
const stories = [
  { does: ['cart a', 'charged', 'cart b'], isPushed: ['b'], rows: 2 },
  { does: ['cart a', 'charged'], isPushed: [], rows: 1 },
  { does: ['cart a', 'cart b'], isPushed: ['a'], rows: 1 },
  { does: ['cart a', 'charged', 'cart b', 'charged'], isPushed: [], rows: 2 },
  { does: ['charged', 'cart a'], isPushed: ['a'], rows: 1 },
];

describe('dispatching events by two APIs at once', function () {
  this.timeout(120_000);

  it('keeps the order of each profile, loses nothing and does nothing twice', async () => {
    // Nothing is sent before all is posted, however slow the machine is.
    const { stack, clients } = await twoApis(0);
    try {
      const site = await makeSite(stack);
      const scene = await cartScene(stack, site);
      const shoppers = Array.from({ length: 100 }, (_, i) => ({
        identity: `shopper-${i}`,
        story: stories[i % stories.length]!,
      }));
      const endpoints = new Map<string, string>();
      await Promise.all(
        shoppers.map(async ({ identity }) => {
          endpoints.set(identity, (await subscribe(stack, site, identity)).endpoint);
        }),
      );

      await Promise.all(
        shoppers.map(async ({ identity, story }, i) => {
          const began = Date.now();
          for (const [step, what] of story.does.entries()) {
            const event = what === 'charged' ? scene.charged() : scene.cart({ cartId: what.split(' ')[1] });
            const time = new Date(began + step).toISOString();
            await clients[(i + step) % 2]!.must('/v1/events', { events: [{ ...event, identity, time }] });
          }
        }),
      );

      const count = shoppers.reduce((sum, { story }) => sum + story.rows, 0);
      await dispatched(stack);
      await Promise.all([stack.startWorker(), stack.startWorker()]);
      await settledMessages(stack, scene, count);
      const check = () => {
        for (const { identity, story } of shoppers) {
          const bodies = pushesTo(stack, endpoints.get(identity)!).map(({ body }) => body);
          expect(bodies, `${identity}: ${story.does.join(', ')}`).to.deep.equal(story.isPushed);
        }
      };
      check();
      const owners = await stack.db.collection('lanes').distinct('owner', { _id: { $lt: 64 as never } });
      expect(owners, 'both took part').to.have.length(2);

      // As when an owner fell behind and another took its lane: every event once more.
      const before = await scene.rows();
      await stack.db.collection('events').updateMany({}, { $set: { pending: true } });
      await dispatched(stack);
      const after = await scene.rows();
      expect(after.map(({ id }) => id as string)).to.deep.equal(before.map(({ id }) => id as string));
      for (const [i, row] of after.entries()) expect(row).to.deep.equal(before[i]);
      check();
    } finally {
      await stack.close();
    }
  });

  async function settledMessages(stack: TestStack, scene: CartScene, count: number): Promise<void> {
    const settled = () =>
      stack.db.collection('messages').countDocuments(of({ settledAt: { $exists: true } }));
    const of = (filter: object) => ({ campaignId: scene.campaign, ...filter });
    await waitFor(
      `${count} settled messages`,
      async () => expect(await settled()).to.equal(count) && true,
      40_000,
    );
    expect(await stack.db.collection('messages').countDocuments(of({}))).to.equal(count);
  }
});

describe('a publish and a lost lane, with two APIs', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;
  let clients: [ApiClient, ApiClient];
  let connection: Connection;

  before(async () => {
    ({ stack, clients } = await twoApis(1));
    site = await makeSite(stack);
    connection = await connectDatabase(stack.mongoUri);
  });
  after(async () => {
    await connection?.close();
    await stack?.close();
  });

  it('gives a campaign every event that was posted after its publish returned, and none posted before', async () => {
    const names = cartNames();
    const posted: { identity: string; beganAt: number; endedAt: number }[] = [];
    let streaming = true;
    const stream = async (client: ApiClient, name: string): Promise<void> => {
      for (let i = 0; streaming; i += 1) {
        const identity = `${name}-${i}`;
        const beganAt = performance.now();
        await client.must('/v1/events', { events: [{ identity, name: names.cart }] });
        posted.push({ identity, beganAt, endedAt: performance.now() });
      }
    };
    const streams = clients.flatMap((client, i) => [0, 1].map((j) => stream(client, `stream-${i}-${j}`)));
    const count = (n: number) => waitFor(`${n} events`, () => posted.length >= n);
    await count(100);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const publishBegan = performance.now();
    const campaign = await publish(stack, {
      name: 'In the middle',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: names.cart, inaction: { event: names.charged, within: '1h' } } },
      what: { title: 'Hello' },
    });
    const publishEnded = performance.now();
    await count(posted.length + 100);
    streaming = false;
    await Promise.all(streams);
    await dispatched(stack);

    const rows = await messagesOf(stack, campaign);
    const took = new Set(rows.map((row) => row.objectId as string));
    const profiles = await stack.db
      .collection('identities')
      .find({ _id: { $in: posted.map(({ identity }) => identity) as never[] } })
      .toArray();
    const idOf = new Map(profiles.map((doc) => [String(doc._id), doc.profileId as string]));
    const isIn = ({ identity }: { identity: string }) => took.has(idOf.get(identity) ?? '');
    const after = posted.filter(({ beganAt }) => beganAt >= publishEnded);
    const before = posted.filter(({ endedAt }) => endedAt <= publishBegan - 1_000);
    expect(after.length).to.be.at.least(50);
    expect(before.length).to.be.at.least(50);
    expect(after.filter((event) => !isIn(event))).to.deep.equal([]);
    expect(before.filter(isIn)).to.deep.equal([]);
  });

  /** Holds the lane of a scene's profile as an owner would, so that nobody dispatches its events. */
  async function heldLane(scene: CartScene, leaseMs: number) {
    const answer = await stack.client.get(`/v1/profiles/${scene.identity}`);
    const lanes = createLaneRepository(connection);
    const lane = laneOf(answer.body.objectId as string);
    const { since, token } = await waitFor('the lane', async () => {
      const at = Date.now();
      const claimed = await lanes.claim(lane, 'somebody who went away', leaseMs);
      return claimed !== null && { since: at, token: claimed };
    });
    return { since, release: () => lanes.release(lane, token) };
  }

  it('takes over the lane of an owner that went away', async () => {
    const scene = await cartScene(stack, site, { within: null });
    const leaseMs = 2_000;
    const lane = await heldLane(scene, leaseMs);
    await scene.post(scene.cart({ cartId: 'in the end' }));
    const [row] = await scene.settled();
    expect(Date.parse(row?.createdAt as string)).to.be.at.least(lane.since + leaseMs - 50);
    expect(scene.pushes()).to.deep.equal(['in the end']);
  });

  it('sends nothing after a purchase that was stored in time and is not dispatched yet', async () => {
    const scene = await cartScene(stack, site, { within: '6s' });
    await scene.post(scene.cart());
    await scene.entered();
    const lane = await heldLane(scene, 60_000);
    await scene.post(scene.charged());
    const [row] = await waitFor('the end of the window', async () => {
      const rows = await scene.rows();
      return rows[0]?.settledAt !== undefined && rows;
    });
    expect(row).to.include({ state: 'suppressed', reason: 'inactionMet', qualified: false });
    expect(await stack.db.collection('events').countDocuments({ pending: true })).to.equal(1);
    await lane.release();
    await scene.settled();
    expect(scene.pushes()).to.deep.equal([]);
  });
});
