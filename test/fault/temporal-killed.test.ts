import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { afterPushes, deliveriesOf, expectSentOnce, repeated } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { startOwnTemporal, type OwnServer } from './support/own-servers.ts';
import { fillCarts, makeAudience, publishCart, publishRun, settled, type Audience } from './support/scene.ts';

const PEOPLE = 2_000;
const CARTS = 60;

describe('a Temporal server that is killed during a run and open windows', function () {
  this.timeout(180_000);
  let temporal: OwnServer | undefined;
  let stack: FaultStack | undefined;
  let audience: Audience;

  before(async () => {
    temporal = await startOwnTemporal();
    stack = await startFaultStack({ temporalAddress: temporal.address });
    stack.push.setDelay(20);
    audience = await makeAudience(stack, PEOPLE);
    await stack.startWorker();
  });
  after(async () => {
    await stack?.close();
    await temporal?.close();
  });

  /** Opens windows, starts a run, and kills the server when a quarter of the run is out. */
  async function killInTheMiddle(within: string): Promise<{ carts: string; run: string; earlier: number }> {
    const earlier = stack!.push.received().length;
    const carts = await publishCart(stack!, audience.siteId, within);
    await fillCarts(stack!, audience.identities.slice(0, CARTS));
    const open = { campaignId: carts, state: 'waiting' };
    await waitFor(
      'the open windows',
      async () => (await stack!.collection('messages').countDocuments(open)) === CARTS,
    );
    const reached = afterPushes(stack!.push, PEOPLE / 4);
    const run = await publishRun(stack!, audience.siteId);
    await reached;
    await temporal!.killHard();
    // Taken while nothing can be started: it must not be lost either.
    await fillCarts(stack!, audience.identities.slice(CARTS, 2 * CARTS));
    return { carts, run, earlier };
  }

  /** Everything has been sent, once: no worker was lost, so nothing may come twice. */
  async function expectAllSentOnce(scene: { carts: string; run: string; earlier: number }): Promise<void> {
    for (const [campaign, count] of [
      [scene.run, PEOPLE],
      [scene.carts, 2 * CARTS],
    ] as const) {
      const rows = await settled(stack!, campaign, count, 100_000);
      const arrived = deliveriesOf(stack!.push.received().slice(scene.earlier), rows);
      expectSentOnce(rows, arrived, count);
      expect(repeated(arrived), 'what came twice').to.deep.equal([]);
    }
    await waitFor(
      'the run to be finished',
      async () => (await stack!.client.get(`/v1/campaigns/${scene.run}`)).body.status === 'completed',
      60_000,
    );
    await stack!.client.must(`/v1/campaigns/${scene.carts}/stop`);
  }

  it('goes on where it stood when it is back with its data', async () => {
    const scene = await killInTheMiddle('8s');
    await temporal!.restart();
    await expectAllSentOnce(scene);
  });

  it('is given everything again by the sweep when its data is lost', async () => {
    const scene = await killInTheMiddle('8s');
    await temporal!.restart({ fresh: true });
    let isDone = false;
    const sweeping = waitFor(
      'everything to be sent',
      async () => {
        await stack!.api.sweepNow();
        return isDone;
      },
      170_000,
    );
    sweeping.catch(() => undefined);
    await expectAllSentOnce(scene).finally(() => (isDone = true));
    await sweeping;
  });
});
