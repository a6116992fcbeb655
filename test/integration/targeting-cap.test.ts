import { expect } from 'chai';
import { audience, balancedStats, finished, type Audience } from '../support/audience.ts';
import { makeSite, messagesOf, post, publish, pushesTo } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const GONE = { status: 410 } as const;

describe('a targeting cap', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 2, limits: { concurrency: 8 } });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const publishCapped = (who: Audience, limit: number, more: object = {}): Promise<string> =>
    publish(stack, {
      name: who.group,
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'group', op: 'eq', value: who.group } },
      what: { title: 'Hello' },
      setup: { targetingCap: { limit, ifExceeded: 'truncate', ...more } },
    });
  const runOf = async (campaign: string): Promise<Record<string, any>> =>
    (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data[0] as Record<string, any>;
  const arrived = (who: Audience): number =>
    who.endpoints.reduce((sum, endpoint) => sum + pushesTo(stack, endpoint).length, 0);
  const refuse = (endpoints: string[]): void => {
    for (const subscription of endpoints) stack.push.answer({ subscription, answer: GONE });
  };

  it('sends exactly so many of a larger audience, and fills slots of failed messages again', async () => {
    const who = await audience(stack, site, 'truncate', { profiles: 520, subscribed: 500 });
    const gone = who.endpoints.filter((_, i) => i % 5 === 0);
    refuse(gone);
    const campaign = await publishCapped(who, 50);
    expect(await finished(stack, campaign)).to.equal('completed');
    const stats = await balancedStats(stack, campaign);
    const failed = stats.failed.gone as number;
    expect(failed).to.be.above(0);
    expect(stats).to.deep.include({ qualified: 520, sent: 50, waiting: 0, failed: { gone: failed } });
    expect(stats.suppressed).to.deep.equal({ unreachable: 20, targetingCap: 450 - failed });
    const live = who.endpoints.filter((endpoint) => !gone.includes(endpoint));
    const counts = live.map((endpoint) => pushesTo(stack, endpoint).length);
    expect(counts.filter((count) => count === 1)).to.have.length(50);
    expect(Math.max(...counts)).to.equal(1);
    const kept = (await messagesOf(stack, campaign)).find((row) => row.reason === 'targetingCap');
    expect(kept?.detail).to.equal('not among those drawn for the targeting cap of 50');
    const cap = await stack.db.collection('targetingCaps').findOne({ _id: campaign as never });
    expect(cap?.taken, 'slots that stay taken').to.equal(50);
  });

  it('sends to everybody when they are fewer', async () => {
    const who = await audience(stack, site, 'few', { profiles: 30, subscribed: 30 });
    refuse(who.endpoints.slice(0, 3));
    const campaign = await publishCapped(who, 50, { ifExceeded: 'abort' });
    await finished(stack, campaign);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      sent: 27,
      failed: { gone: 3 },
      suppressed: {},
    });
    expect(await runOf(campaign)).not.to.have.property('aborted');
  });

  it('with abort sends nothing at all when more can be reached, and says so', async () => {
    const who = await audience(stack, site, 'abort', { profiles: 60, subscribed: 51 });
    const campaign = await publishCapped(who, 50, { ifExceeded: 'abort' });
    await finished(stack, campaign);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      sent: 0,
      waiting: 0,
      suppressed: { unreachable: 9, targetingCap: 51 },
    });
    expect(arrived(who)).to.equal(0);
    const run = await runOf(campaign);
    expect(run).to.include({ status: 'completed', aborted: 'targetingCap' });
    const handle = stack.temporal.workflow.getHandle(run.workflowId as string);
    expect(await handle.query('__temporal_workflow_metadata')).to.have.property(
      'currentDetails',
      'Completed, nothing was sent: more could be reached than the targeting cap of 50 allows.',
    );
  });

  it('with abort does not count who cannot be reached', async () => {
    const who = await audience(stack, site, 'abort-not', { profiles: 60, subscribed: 50 });
    const campaign = await publishCapped(who, 50, { ifExceeded: 'abort' });
    await finished(stack, campaign);
    expect(await balancedStats(stack, campaign)).to.deep.include({ sent: 50 });
  });

  it('gives no slot to a control group, whose members are recorded beside those who get it', async () => {
    const who = await audience(stack, site, 'control', { profiles: 200, subscribed: 200 });
    const campaign = await publish(stack, {
      name: 'control',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'group', op: 'eq', value: 'control' } },
      what: { title: 'Hello' },
      setup: { targetingCap: { limit: 20, ifExceeded: 'truncate' }, controlGroup: { percent: 20 } },
    });
    await finished(stack, campaign);
    const stats = await balancedStats(stack, campaign);
    expect(stats.controlGroup).to.be.within(15, 70);
    expect(stats).to.deep.include({ sent: 20, suppressed: { targetingCap: 180 - stats.controlGroup } });
    expect(arrived(who)).to.equal(20);
  });

  it('that is stopped closes also those who were not drawn', async () => {
    const who = await audience(stack, site, 'stop', { profiles: 300, subscribed: 300 });
    stack.push.setDelay(600);
    const campaign = await publishCapped(who, 200);
    await waitFor('a push', () => arrived(who) > 0);
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    stack.push.setDelay(0);
    expect(await finished(stack, campaign)).to.equal('stopped');
    await waitFor('the run', async () => (await runOf(campaign)).status === 'stopped');
    const stats = await balancedStats(stack, campaign);
    expect(stats).to.deep.include({ waiting: 0, suppressed: { stopped: 300 - stats.sent } });
    expect(stats.sent).to.equal(arrived(who)).and.to.be.below(200);
    const held = { campaignId: campaign, held: true, state: 'waiting' };
    expect(await stack.db.collection('messages').countDocuments(held)).to.equal(0);
  });

  it('goes on by the sweep after Temporal has lost its run, and still sends exactly so many', async () => {
    const who = await audience(stack, site, 'lost', { profiles: 120, subscribed: 120 });
    refuse(who.endpoints.slice(0, 40));
    // Slow enough that the run goes on until it is lost.
    stack.push.setDelay(2_000);
    const campaign = await publishCapped(who, 60);
    await waitFor('a push', () => arrived(who) > 0);
    const run = await runOf(campaign);
    await stack.temporal.workflow.getHandle(`campaign/${campaign}`).terminate('lost');
    await stack.temporal.workflow.getHandle(run.workflowId as string).terminate('lost');
    stack.push.setDelay(0);
    await waitFor(
      'the end of the run',
      async () => {
        await stack.api.sweepNow();
        return (await runOf(campaign)).status === 'completed';
      },
      60_000,
    );
    expect(await balancedStats(stack, campaign)).to.deep.include({ sent: 60, waiting: 0 });
    const ids = who.endpoints.slice(40).flatMap((endpoint) => pushesTo(stack, endpoint));
    expect(new Set(ids.map(({ messageId }) => messageId)).size).to.equal(60);
  });

  describe('in a live campaign', () => {
    const publishLive = (event: string, limit: number): Promise<string> =>
      publish(stack, {
        name: event,
        channel: 'webPush',
        siteId: site.id,
        who: { live: { event } },
        what: { title: 'Hello' },
        setup: { targetingCap: { limit, ifExceeded: 'truncate' } },
      });
    const settledRows = (campaign: string, count: number): Promise<Record<string, any>[]> =>
      waitFor('the messages', async () => {
        const rows = await messagesOf(stack, campaign);
        return rows.filter((row) => row.settledAt !== undefined).length === count && rows;
      });

    it('lets exactly so many of those through who come at the same time', async () => {
      const who = await audience(stack, site, 'live', { profiles: 20, subscribed: 20 });
      const campaign = await publishLive('Came At Once', 5);
      await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Came At Once' })));
      await settledRows(campaign, 20);
      expect(await balancedStats(stack, campaign)).to.deep.include({
        sent: 5,
        suppressed: { targetingCap: 15 },
      });
      expect(arrived(who)).to.equal(5);
    });

    it('gives the slot of a failed message to the next', async () => {
      const who = await audience(stack, site, 'live-gone', { profiles: 8, subscribed: 8 });
      refuse(who.endpoints.slice(0, 3));
      const campaign = await publishLive('Came One By One', 2);
      for (const [i, identity] of who.identities.entries()) {
        await post(stack, { identity, name: 'Came One By One' });
        await settledRows(campaign, i + 1);
      }
      const rows = await messagesOf(stack, campaign);
      const byProfile = await stack.db.collection('profiles').find({}).toArray();
      const endOf = (identity: string): unknown => {
        const profile = byProfile.find((one) => one.identity === identity);
        const row = rows.find((one) => one.objectId === String(profile?._id));
        return row?.reason ?? row?.state;
      };
      expect(who.identities.map(endOf)).to.deep.equal([
        ...['gone', 'gone', 'gone'],
        ...['sent', 'sent'],
        ...['targetingCap', 'targetingCap', 'targetingCap'],
      ]);
    });
  });
});
