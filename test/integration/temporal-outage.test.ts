import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { freePort } from '../../embedded/free-port.ts';
import { startTemporalServer, type RunningTemporalServer } from '../../embedded/temporal-server.ts';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { serverBinaries } from '../support/servers.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

describe('while Temporal is away', function () {
  this.timeout(120_000);
  let folder: string;
  let port: number;
  let server: RunningTemporalServer;
  let stack: TestStack;

  const start = async (): Promise<void> => {
    const { temporal: binary } = await serverBinaries();
    server = await startTemporalServer({ binary, dataDir: folder, port, ui: false, log: () => {} });
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-outage-'));
    // One that nobody takes while the server is away: below those that come with connections, and not a usual one.
    port = await freePort([20_000 + (process.pid % 10_000)]);
    await start();
    stack = await startStack({ temporalAddress: server.address, workers: 0 });
  });
  after(async () => {
    await stack?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('events are taken and campaigns published, and all of it happens once Temporal is back', async () => {
    const site = await makeSite(stack);
    const before = await cartScene(stack, site);
    await before.post(before.cart({ cartId: 'opened before' }, { eventId: 'opened-before' }));
    await before.entered();
    await server.stop();

    expect((await stack.client.get('/readyz')).body).to.deep.equal({
      ready: true,
      checks: { mongodb: true, temporal: false },
    });
    const late = { ...before.cart({ cartId: 'posted meanwhile' }), identity: `${before.identity}-late` };
    expect(await before.post(late)).to.deep.equal({ accepted: 1, duplicates: 0 });
    const askedAt = performance.now();
    const meanwhile = await cartScene(stack, site, { within: null });
    expect(performance.now() - askedAt, 'publishing does not wait for Temporal').to.be.below(15_000);
    expect((await stack.client.get(`/v1/campaigns/${meanwhile.campaign}`)).body.status).to.equal('running');
    await meanwhile.post(meanwhile.cart({ cartId: 'published meanwhile' }));
    const campaignOf = (id: string) => stack.temporal.workflow.getHandle(`campaign/${id}`);

    await start();
    await stack.startWorker();
    await waitFor(
      'the messages',
      async () => {
        const rows = [...(await before.rows()), ...(await meanwhile.rows())];
        return rows.length === 3 && rows.every((row) => row.settledAt !== undefined);
      },
      60_000,
    );
    expect(before.pushes()).to.deep.equal(['opened before']);
    expect(meanwhile.pushes()).to.deep.equal(['published meanwhile']);
    const rows = await before.rows();
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal(['sent', 'unreachable']);

    await stack.api.sweepNow();
    expect((await campaignOf(meanwhile.campaign).describe()).status.name).to.equal('RUNNING');
    expect((await campaignOf(before.campaign).describe()).status.name).to.equal('RUNNING');
    expect((await stack.client.get('/readyz')).body.checks).to.deep.equal({ mongodb: true, temporal: true });
    await stack.client.must(`/v1/campaigns/${meanwhile.campaign}/stop`);
    expect(await campaignOf(meanwhile.campaign).result()).to.equal('stopped');
  });
});
