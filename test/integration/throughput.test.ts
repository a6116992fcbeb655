import { expect } from 'chai';
import { paceOf } from '../../domain/delivery/throughput.ts';
import { workflowIds } from '../../workflows/contract.ts';
import { allSettled, audience, countsOf, finished, publishTo, type Audience } from '../support/audience.ts';
import { dispatched, makeSite, messagesOf, post, publish, pushesTo } from '../support/fixtures.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

/** Expects that of what left no window, however long, holds more than the rate allows. */
function expectPace(instants: number[], perMinute: number): void {
  const { most, perMs } = paceOf(perMinute);
  const sorted = [...instants].sort((a, b) => a - b);
  for (const [i, from] of sorted.entries()) {
    for (const [j, to] of sorted.entries()) {
      // Half a second for how unevenly pushes may travel.
      const allowed = most + perMs * (to - from + 500);
      expect(j - i + 1, `messages in ${Math.round(to - from)} ms`).to.be.at.most(allowed);
    }
  }
}

describe('the throughput of a campaign', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 2 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const instantsOf = (who: Audience): number[] =>
    who.endpoints.flatMap((endpoint) => pushesTo(stack, endpoint).map(({ at }) => at));
  const rowsIn = (filter: object): Promise<Record<string, any>[]> =>
    stack.db.collection('messages').find(filter).toArray();
  const publishLive = (event: string, when: object, live: object = {}): Promise<string> =>
    publish(stack, {
      name: event,
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event, ...live } },
      when: { start: 'now', ...when },
      what: { title: 'Hello' },
    });
  /** Holds whatever may be out, so that no more leaves under the campaign's rate. @returns what gives it back */
  const withhold = async (campaign: string): Promise<() => Promise<unknown>> => {
    const bucket = { _id: campaign as never };
    const hand = { id: 'withheld', count: 1_000, until: new Date(Date.now() + 3_600_000) };
    const buckets = stack.db.collection<{ held: object[] }>('throughputs');
    await buckets.updateOne(bucket, { $push: { held: hand } }, { upsert: true });
    return () => buckets.updateOne(bucket, { $pull: { held: { id: hand.id } } });
  };
  const queueOf = (campaign: string) => stack.temporal.workflow.getHandle(workflowIds.queue(campaign));
  const everybody = (who: Audience): Promise<boolean> =>
    waitFor('a push to everybody', () => countsOf(stack, who.endpoints).every((count) => count > 0), 30_000);

  it('is shared by all workers of a run: everybody gets it once, and never more at a time', async () => {
    const who = await audience(stack, site, 'paced', { profiles: 40, subscribed: 40 });
    const campaign = await publishTo(stack, site, who, { when: { throughput: { perMinute: 600 } } });
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
    expectPace(instantsOf(who), 600);
  });

  it('holds for live messages too: those that come at once go through the queue, which ends', async () => {
    const who = await audience(stack, site, 'rush', { profiles: 20, subscribed: 20 });
    const campaign = await publishLive('Rushed In', { throughput: { perMinute: 120 } });
    await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Rushed In' })));
    await waitFor('a queue', async () => {
      const { status, staticDetails } = await describeQueue(campaign);
      return status === 'RUNNING' && staticDetails.includes('Queue of Rushed In');
    });
    await everybody(who);
    expect(await queueOf(campaign).result()).to.equal('emptied');
    expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
    expectPace(instantsOf(who), 120);
    await allSettled(stack, campaign);
    const rows = await rowsIn({ campaignId: campaign });
    expect(rows.map(({ state }) => state as string)).to.deep.equal(who.identities.map(() => 'sent'));
    const [queued] = rows.filter((row) => row.queued === true);
    expect(queued, 'a message that was queued').not.to.equal(undefined);
    // However long they took to come: beside the queue no more left than there was, and came in meanwhile.
    const direct = rows.filter((row) => row.queued !== true).map(({ sentAt }) => (sentAt as Date).getTime());
    const cameAt = Math.min(...rows.map(({ createdAt }) => (createdAt as Date).getTime()));
    const { burst, perMs } = paceOf(120);
    expect(direct.length).to.be.at.most(burst + Math.ceil(perMs * (Math.max(...direct) - cameAt)));
    const trigger = workflowIds.trigger(campaign, queued?.profileId as string, String(queued?._id));
    expect(await stack.temporal.workflow.getHandle(trigger).result()).to.equal('queued');
    const outcome = (await queueOf(campaign).describe()).typedSearchAttributes;
    expect(JSON.stringify(outcome)).to.include('emptied').and.to.include(campaign);
  });

  const describeQueue = async (campaign: string): Promise<{ status: string; staticDetails: string }> => {
    const description = await queueOf(campaign).describe();
    return {
      status: description.status.name,
      staticDetails: JSON.stringify(await description.staticSummary()),
    };
  };

  it('lets a cancelling event reach a message that is queued', async () => {
    const who = await audience(stack, site, 'cancelled', { profiles: 3, subscribed: 3 });
    const campaign = await publishLive(
      'Looked Around',
      { throughput: { perMinute: 1 } },
      { cancelledBy: [{ event: 'Left' }] },
    );
    await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Looked Around' })));
    const open = { campaignId: campaign, queued: true, state: 'waiting' };
    await waitFor('two queued messages', async () => (await rowsIn(open)).length === 2);
    const sent = { campaignId: campaign, state: 'sent' };
    await waitFor('a sent message', async () => (await rowsIn(sent)).length === 1);
    await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Left' })));
    await dispatched(stack);
    const rows = await messagesOf(stack, campaign);
    expect(rows.map((row) => row.reason ?? row.state).sort()).to.deep.equal([
      'cancelled',
      'cancelled',
      'sent',
    ]);
    expect(instantsOf(who)).to.have.lengthOf(1);
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
  });

  it('lets a message that is queued wait for its new window when its event comes again', async () => {
    const who = await audience(stack, site, 'again', { profiles: 3, subscribed: 3 });
    const campaign = await publishLive(
      'Came Again',
      { throughput: { perMinute: 120 }, delay: '3s' },
      { onRepeat: 'restart' },
    );
    // None leaves before the event has come again.
    const giveBack = await withhold(campaign);
    await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Came Again' })));
    const [queued] = await waitFor('a queued message', async () => {
      const rows = await rowsIn({ campaignId: campaign, queued: true, state: 'waiting' });
      return rows.length > 0 && rows;
    });
    const profile = await stack.db.collection('profiles').findOne({ _id: queued?.profileId as never });
    const [again] = who.identities.filter((identity) => identity === profile?.identity);
    await post(stack, { identity: again ?? '', name: 'Came Again' });
    await dispatched(stack);
    await giveBack();
    await everybody(who);
    await queueOf(campaign).result();
    expect(countsOf(stack, who.endpoints)).to.deep.equal([1, 1, 1]);
    const [row] = await rowsIn({ _id: queued?._id });
    expect(row?.state).to.equal('sent');
    expect((row?.sentAt as Date).getTime()).to.be.at.least((row?.dueAt as Date).getTime());
    const opened = row?.passage as { openedBy: { time: Date }; event: { time: Date } };
    expect(opened.event.time > opened.openedBy.time, 'the later event fills it').to.equal(true);
  });

  it('goes on by the sweep when Temporal has lost the queue', async () => {
    const who = await audience(stack, site, 'lost', { profiles: 8, subscribed: 8 });
    const campaign = await publishLive('Got Lost', { throughput: { perMinute: 120 } });
    await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Got Lost' })));
    await waitFor('a queue', async () => (await describeQueue(campaign)).status === 'RUNNING');
    await queueOf(campaign).terminate('lost');
    await dispatched(stack);
    await waitFor('the end of the triggers', async () => {
      const open = {
        campaignId: campaign,
        queued: { $ne: true },
        state: { $in: ['waiting', 'due', 'sending'] },
      };
      return (await rowsIn(open)).length === 0;
    });
    await stack.api.sweepNow();
    await everybody(who);
    expect(await queueOf(campaign).result()).to.equal('emptied');
    expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
    expectPace(instantsOf(who), 120);
  });

  it('drops what is queued when it falls to its turn while the campaign is paused', async () => {
    const who = await audience(stack, site, 'paused', { profiles: 6, subscribed: 6 });
    const campaign = await publishLive('Was Paused', { throughput: { perMinute: 60 } });
    const [first, ...others] = who.identities.map((identity) => ({ identity, name: 'Was Paused' }));
    await post(stack, first!);
    const sent = { campaignId: campaign, state: 'sent' };
    await waitFor('a sent message', async () => (await rowsIn(sent)).length === 1);
    // All others are queued, and none has left, when it is paused.
    const giveBack = await withhold(campaign);
    await post(stack, ...others);
    const open = { campaignId: campaign, queued: true, state: 'waiting' };
    await waitFor('queued messages', async () => (await rowsIn(open)).length === others.length);
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    await giveBack();
    const rows = await allSettled(stack, campaign);
    expect(await queueOf(campaign).result()).to.equal('emptied');
    const reasons = rows.map((row) => (row.reason ?? row.state) as string).sort();
    expect(reasons).to.deep.equal([...others.map(() => 'paused'), 'sent']);
    expect(instantsOf(who)).to.have.length(1);
  });

  describe('after quiet hours', () => {
    /** Everybody goes where it is day, and what they wait for is due at once. */
    const wakeUp = async (who: Audience, campaign: string): Promise<void> => {
      await stack.client.must('/v1/profiles', {
        profiles: who.identities.map((identity) => ({ identity, timezone: 'UTC' })),
      });
      const now = new Date();
      const waiting = { campaignId: campaign, state: 'waiting', released: true };
      const moved = await stack.db.collection('messages').updateMany(waiting, { $set: { dueAt: now } });
      expect(moved.modifiedCount, 'messages that waited').to.equal(who.identities.length);
    };
    const dnd = () => ({ ...quietNow('delay'), releasePerMinute: 120 });
    const asleep = (group: string): Promise<Audience> =>
      audience(stack, site, group, { profiles: 12, subscribed: 12 }, { timezone: FAR_ZONE });

    it('lets the messages of a run leave at the rate of the release', async () => {
      const who = await asleep('night');
      const campaign = await publishTo(stack, site, who, { when: { dnd: dnd() } });
      await waitFor('the messages', async () => (await rowsIn({ campaignId: campaign })).length === 12);
      await waitFor('the run to wait', async () => {
        const { data } = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body;
        return data[0].status === 'draining';
      });
      await wakeUp(who, campaign);
      const [run] = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data;
      await waitFor('a push', async () => {
        await stack.temporal.workflow.getHandle(run.workflowId as string).signal('wake');
        return instantsOf(who).length > 0;
      });
      await everybody(who);
      expect(await finished(stack, campaign)).to.equal('completed');
      expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
      expectPace(instantsOf(who), 120);
    });

    it('lets live messages leave at the rate of the release', async () => {
      const who = await asleep('night-live');
      const campaign = await publishLive('Came By Night', { dnd: dnd() });
      await post(stack, ...who.identities.map((identity) => ({ identity, name: 'Came By Night' })));
      await dispatched(stack);
      await wakeUp(who, campaign);
      for (const row of await rowsIn({ campaignId: campaign })) {
        const id = workflowIds.trigger(campaign, row.profileId as string, String(row._id));
        const action = { kind: 'restart', waits: [], text: 'it is day' };
        await stack.temporal.workflow.getHandle(id).signal('userAction', action);
      }
      await everybody(who);
      expect(countsOf(stack, who.endpoints)).to.deep.equal(who.endpoints.map(() => 1));
      expectPace(instantsOf(who), 120);
    });
  });
});
