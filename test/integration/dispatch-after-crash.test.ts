import { expect } from 'chai';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories } from '../../db/repositories.ts';
import { followServerClock } from '../../db/server-clock.ts';
import { createApiClient } from '../support/api-client.ts';
import { startApiProcess } from '../support/api-process.ts';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite, messagesOf, pushesTo, subscribe, sweepAnew } from '../support/fixtures.ts';
import { ADMIN_KEY, startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

describe('what a lost process leaves behind', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  it('is taken up: events that an API stored and had no time to dispatch', async () => {
    const scene = await cartScene(stack, site, { within: null });
    const connection = await connectDatabase(stack.mongoUri);
    const clock = await followServerClock(connection);
    try {
      const { events, catalogue, profiles } = await createRepositories(connection, clock);
      const profileId = (await profiles.byIdentity(scene.identity))?.id ?? '';
      const event = { profileId, eventId: 'left', name: scene.names.cart, properties: { cartId: 'left' } };
      await events.insertMany(
        [{ ...event, time: clock.now(), index: 0, pending: true }],
        await catalogue.version(),
      );
    } finally {
      clock.stop();
      await connection.close();
    }
    await scene.settled();
    expect(scene.pushes()).to.deep.equal(['left']);
  });

  it('is started again by the sweep: a trigger that Temporal lost, once it is overdue', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    await scene.post(scene.cart({ cartId: 'lost' }));
    const [row] = await scene.entered();
    await waitFor('its workflow', async () => {
      await stack.temporal.workflow.getHandle(row?.workflowId as string).terminate('lost');
      return true;
    });
    // Not overdue yet: the sweep leaves it alone.
    await sweepAnew(stack);
    expect(
      (await stack.temporal.workflow.getHandle(row?.workflowId as string).describe()).status.name,
    ).to.equal('TERMINATED');
    // Due now, and overdue in 2 s.
    await stack.db.collection('messages').updateOne({ _id: row?.id }, [{ $set: { dueAt: '$$NOW' } }]);
    const [due] = await scene.rows();
    await waitFor('the message', async () => {
      await stack.api.sweepNow();
      return (await scene.rows())[0]?.state === 'sent';
    });
    await stack.api.sweepNow();
    expect(scene.pushes()).to.deep.equal(['lost']);
    const [push] = pushesTo(stack, scene.endpoints[0] ?? '');
    expect(push?.at).to.be.at.least(Date.parse(due?.dueAt as string) + 2_000 - 50);
  });

  it('is started again by the sweep: a campaign that Temporal lost, which then ends as it should', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    const workflow = stack.temporal.workflow.getHandle(`campaign/${scene.campaign}`);
    await waitFor('its workflow', () => workflow.terminate('lost'));
    await scene.post(scene.cart());
    await scene.entered();
    // A sweep may join one that had begun before.
    await waitFor('the campaign to run again', async () => {
      await stack.api.sweepNow();
      return (await workflow.describe()).status.name === 'RUNNING';
    });
    await stack.client.must(`/v1/campaigns/${scene.campaign}/stop`);
    const [row] = await scene.settled();
    expect(row).to.include({ state: 'suppressed', reason: 'stopped' });
  });

  // The last one: the killed API may hold the lease of the sweep.
  it('is taken up once: every trigger of 200 events when the API was killed right after its answer', async () => {
    const scene = await cartScene(stack, site);
    const identities = Array.from({ length: 200 }, (_, i) => `survivor-${i}`);
    const endpoints = await Promise.all(
      identities.map(async (identity) => (await subscribe(stack, site, identity)).endpoint),
    );
    const other = await startApiProcess(stack);
    const client = createApiClient(other.url, ADMIN_KEY);
    const half = (from: number) =>
      client.must('/v1/events', {
        events: identities.slice(from, from + 100).map((identity) => ({ ...scene.cart(), identity })),
      });
    expect(await Promise.all([half(0), half(100)])).to.deep.equal([
      { accepted: 100, duplicates: 0 },
      { accepted: 100, duplicates: 0 },
    ]);
    await other.kill();
    const left = await stack.db.collection('events').countDocuments({ pending: true });
    expect(left, 'events that were not dispatched when it was killed').to.be.at.least(1);

    const rows = await waitFor(
      'every message',
      async () => {
        const found = await messagesOf(stack, scene.campaign);
        return found.length === 200 && found.every((row) => row.state === 'sent') && found;
      },
      60_000,
    );
    expect(new Set(rows.map((row) => row.objectId as string)).size).to.equal(200);
    expect(endpoints.map((endpoint) => pushesTo(stack, endpoint).length)).to.deep.equal(
      endpoints.map(() => 1),
    );
    const query = `CampaignId = '${scene.campaign}' AND WorkflowType = 'liveTrigger'`;
    // Each has its one workflow. A step that is repeated may start one again that had just finished, which then
    // finds its row settled: so ids are counted, and not executions.
    await waitFor('the workflows in the list', async () => {
      const ids = new Set<string>();
      for await (const { workflowId } of stack.temporal.workflow.list({ query })) ids.add(workflowId);
      expect(ids.size).to.be.at.most(200);
      return ids.size === 200;
    });
  });
});
