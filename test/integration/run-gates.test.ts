import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { allSettled, audience, balancedStats, countsOf, finished, publishTo } from '../support/audience.ts';
import { makeSite, publish } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const SIZE = 150;

describe('in the middle of a run', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    // Slow enough that a stop or pause comes in the middle: about 40 pushes a second.
    stack = await startStack({ limits: { concurrency: 8, pageSize: 64 } });
    stack.push.setDelay(200);
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const received = (endpoints: string[]): number => countsOf(stack, endpoints).reduce((a, b) => a + b, 0);
  const act = (campaign: string, what: string) => stack.client.must(`/v1/campaigns/${campaign}/${what}`);
  const untilSent = (endpoints: string[], count: number) =>
    waitFor(`${count} pushes`, () => received(endpoints) >= count);

  it('a stop lets nothing leave any more once it has returned, and the rest is counted as stopped', async () => {
    const all = await audience(stack, site, 'stop', { profiles: SIZE, subscribed: SIZE });
    const campaign = await publishTo(stack, site, all);
    await untilSent(all.endpoints, 20);
    await act(campaign, 'stop');
    const then = received(all.endpoints);
    expect(then).to.be.below(SIZE);
    const rows = await allSettled(stack, campaign);
    expect(received(all.endpoints)).to.equal(then);
    expect(rows).to.have.length(SIZE);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      qualified: SIZE,
      waiting: 0,
      sent: then,
      failed: {},
      suppressed: { stopped: SIZE - then },
    });
    const run = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data[0] as Record<
      string,
      any
    >;
    expect(await stack.temporal.workflow.getHandle(run.workflowId as string).result()).to.equal('stopped');
    expect(received(all.endpoints)).to.equal(then);
  });

  it('a stop ends it also while its audience can not be judged, its segment deleted meanwhile', async () => {
    const segment = { property: 'group', op: 'eq', value: 'whoever' };
    const { id } = await stack.client.must('/v1/segments', { name: 'Whoever', segment });
    const campaign = await publish(stack, {
      name: 'Unjudged',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { segment: id as string } },
      when: { start: new Date(Date.now() + 3_000).toISOString() },
      what: { title: 'Hello' },
    });
    // The API would refuse to delete it before the stop; materialising comes upon it later in the same way.
    await stack.db.collection('savedSegments').deleteOne({ _id: id as never });
    await waitFor('a page that failed', async () => {
      const runs = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data as {
        workflowId: string;
      }[];
      if (!runs[0]) return false;
      const { raw } = await stack.temporal.workflow.getHandle(runs[0].workflowId).describe();
      return raw.pendingActivities?.some(({ lastFailure }) => lastFailure?.message?.includes('segment'));
    });
    await act(campaign, 'stop');
    expect(await finished(stack, campaign)).to.equal('stopped');
    await waitFor('the end of the run', async () => {
      const runs = await stack.db.collection('runs').find({ campaignId: campaign }).toArray();
      return runs.every(({ status }) => status === 'stopped');
    });
  });

  it('a pause lets nothing leave until it is resumed, and then each of the rest goes out once', async () => {
    const all = await audience(stack, site, 'pause', { profiles: SIZE, subscribed: SIZE });
    const campaign = await publishTo(stack, site, all);
    for (const count of [20, 60]) {
      await untilSent(all.endpoints, count);
      await act(campaign, 'pause');
      const then = received(all.endpoints);
      expect(then).to.be.below(SIZE);
      // Nothing to wait for: it is about what does not happen.
      await delay(1_000);
      await balancedStats(stack, campaign);
      expect(received(all.endpoints)).to.equal(then);
      await act(campaign, 'resume');
    }
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(countsOf(stack, all.endpoints)).to.deep.equal(all.endpoints.map(() => 1));
    expect(await balancedStats(stack, campaign)).to.deep.include({ sent: SIZE, waiting: 0, suppressed: {} });
  });

  it('a stop while it is paused closes what is left', async () => {
    const all = await audience(stack, site, 'pause-stop', { profiles: 60, subscribed: 60 });
    const campaign = await publishTo(stack, site, all);
    await untilSent(all.endpoints, 5);
    await act(campaign, 'pause');
    const then = received(all.endpoints);
    await act(campaign, 'stop');
    await allSettled(stack, campaign);
    expect(received(all.endpoints)).to.equal(then);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      sent: then,
      suppressed: then === 60 ? {} : { stopped: 60 - then },
    });
  });

  it('a run that Temporal lost goes on by the sweep, and nobody gets it twice', async () => {
    const all = await audience(stack, site, 'lost', { profiles: 100, subscribed: 100 });
    const campaign = await publishTo(stack, site, all);
    await untilSent(all.endpoints, 20);
    // The rest is slow enough that the run goes on until it is lost.
    stack.push.setDelay(1_000);
    const { data } = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body as {
      data: { workflowId: string }[];
    };
    const run = stack.temporal.workflow.getHandle(data[0]?.workflowId ?? '');
    await stack.temporal.workflow.getHandle(`campaign/${campaign}`).terminate('lost');
    await run.terminate('lost');
    stack.push.setDelay(200);
    await waitFor(
      'every message',
      async () => {
        await stack.api.sweepNow();
        return (await balancedStats(stack, campaign)).sent === 100;
      },
      60_000,
    );
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(countsOf(stack, all.endpoints)).to.deep.equal(all.endpoints.map(() => 1));
    const audienceOfIt = await stack.db.collection('messages').countDocuments({ campaignId: campaign });
    expect(audienceOfIt).to.equal(100);
  });
});
