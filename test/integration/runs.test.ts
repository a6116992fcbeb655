import { expect } from 'chai';
import { allSettled, audience, balancedStats, countsOf, finished, publishTo } from '../support/audience.ts';
import { makeSite, messagesOf, pushesTo, runsOf } from '../support/fixtures.ts';
import { FAR_ZONE, farTime, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const ones = (endpoints: string[]): number[] => endpoints.map(() => 1);

describe('a run', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 2 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  // First, while there is nobody else.
  it('to everyone sends one push to each of 250 subscribed profiles, and counts the other 50 as unreachable', async () => {
    const { endpoints } = await audience(stack, site, 'all', { profiles: 300, subscribed: 250 });
    const campaign = await publishTo(stack, site, 'everyone');
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(countsOf(stack, endpoints)).to.deep.equal(ones(endpoints));
    expect(await balancedStats(stack, campaign)).to.deep.include({
      entered: 300,
      qualified: 300,
      waiting: 0,
      sent: 250,
      failed: {},
      suppressed: { unreachable: 50 },
    });
    const titles = endpoints.map((endpoint) => pushesTo(stack, endpoint)[0]?.title);
    expect(titles[7]).to.equal('Hello all-7');
    expect(new Set(titles).size).to.equal(250);
    const [run, ...more] = await runsOf(stack, campaign);
    expect(more).to.have.length(0);
    expect(run).to.include({ status: 'completed', version: 1 });
    expect(await stack.temporal.workflow.getHandle(run?.workflowId as string).result()).to.equal('completed');
  });

  it('to a segment reaches those who have the property and nobody else', async () => {
    const chosen = await audience(stack, site, 'chosen', { profiles: 20, subscribed: 20 });
    const others = await audience(stack, site, 'others', { profiles: 20, subscribed: 20 });
    const campaign = await publishTo(stack, site, chosen);
    await finished(stack, campaign);
    expect(countsOf(stack, chosen.endpoints)).to.deep.equal(ones(chosen.endpoints));
    expect(countsOf(stack, others.endpoints)).to.deep.equal(others.endpoints.map(() => 0));
    expect(await messagesOf(stack, campaign)).to.have.length(20);
  });

  it('to nobody completes at once', async () => {
    const nobody = { group: 'no such group', identities: [], endpoints: [], subscriptions: [] };
    const campaign = await publishTo(stack, site, nobody);
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(await balancedStats(stack, campaign)).to.include({ entered: 0, qualified: 0 });
  });

  it('starts at the instant that was set and not before', async () => {
    const later = await audience(stack, site, 'later', { profiles: 5, subscribed: 5 });
    const start = Date.now() + 2_000;
    const campaign = await publishTo(stack, site, later, { when: { start: new Date(start).toISOString() } });
    await finished(stack, campaign);
    expect(countsOf(stack, later.endpoints)).to.deep.equal(ones(later.endpoints));
    const first = Math.min(...later.endpoints.map((endpoint) => pushesTo(stack, endpoint)[0]?.at ?? 0));
    expect(first).to.be.at.least(start - 50);
    expect(Date.parse((await runsOf(stack, campaign))[0]?.instant as string)).to.equal(start);
  });

  it('drops those who have quiet hours now when these discard, by their own time zone', async () => {
    const asleep = await audience(
      stack,
      site,
      'discard',
      { profiles: 5, subscribed: 5 },
      { timezone: FAR_ZONE },
    );
    const awake = await audience(stack, site, 'discard-utc', { profiles: 5, subscribed: 5 });
    await stack.client.must('/v1/profiles', {
      profiles: awake.identities.map((identity) => ({ identity, properties: { group: 'discard' } })),
    });
    const campaign = await publishTo(stack, site, asleep, { when: { dnd: quietNow('discard') } });
    await finished(stack, campaign);
    expect(countsOf(stack, awake.endpoints)).to.deep.equal(ones(awake.endpoints));
    expect(countsOf(stack, asleep.endpoints)).to.deep.equal(asleep.endpoints.map(() => 0));
    expect(await balancedStats(stack, campaign)).to.deep.include({ qualified: 10, suppressed: { dnd: 5 } });
  });

  it('keeps those who have quiet hours now until these end, and is stopped while it waits', async () => {
    const asleep = await audience(
      stack,
      site,
      'delay',
      { profiles: 3, subscribed: 3 },
      { timezone: FAR_ZONE },
    );
    const awake = await audience(stack, site, 'delay-utc', { profiles: 2, subscribed: 2 });
    await stack.client.must('/v1/profiles', {
      profiles: awake.identities.map((identity) => ({ identity, properties: { group: 'delay' } })),
    });
    const quiet = quietNow('delay');
    const campaign = await publishTo(stack, site, asleep, { when: { dnd: quiet } });
    await waitFor('those who are awake', async () => (await balancedStats(stack, campaign)).sent === 2);
    const waiting = (await messagesOf(stack, campaign)).filter((row) => row.state === 'waiting');
    expect(waiting.map((row) => farTime(Date.parse(row.dueAt as string)))).to.deep.equal([
      quiet.to,
      quiet.to,
      quiet.to,
    ]);
    const [run] = await runsOf(stack, campaign);
    const handle = stack.temporal.workflow.getHandle(run?.workflowId as string);
    const timer = await waitFor('the timer', async () =>
      (await handle.fetchHistory()).events?.findLast((event) => event.timerStartedEventAttributes),
    );
    const seconds = Number(timer.timerStartedEventAttributes?.startToFireTimeout?.seconds);
    expect(seconds * 1_000).to.be.within(HOUR_MS - 180_000, HOUR_MS);
    expect(String(timer.userMetadata?.summary?.data)).to.match(/^"next messages due at /);

    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    const rows = await allSettled(stack, campaign);
    expect(rows.map((row) => (row.reason ?? row.state) as string).sort()).to.deep.equal([
      'sent',
      'sent',
      'stopped',
      'stopped',
      'stopped',
    ]);
    expect(await handle.result()).to.equal('stopped');
    expect(countsOf(stack, asleep.endpoints)).to.deep.equal([0, 0, 0]);
  });

  it('counts what is gone, and tries again what is throttled, each once', async () => {
    const mixed = await audience(stack, site, 'mixed', { profiles: 20, subscribed: 20 });
    const gone = mixed.endpoints.slice(0, 5);
    const slow = mixed.endpoints.slice(5, 10);
    for (const endpoint of gone) stack.push.unsubscribe(endpoint);
    for (const subscription of slow) {
      stack.push.answer({ subscription, answer: { status: 429, retryAfter: '1' }, times: 1 });
    }
    const campaign = await publishTo(stack, site, mixed);
    await finished(stack, campaign);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      sent: 15,
      failed: { gone: 5 },
      suppressed: {},
    });
    expect(countsOf(stack, gone)).to.deep.equal(ones(gone));
    expect(countsOf(stack, slow)).to.deep.equal([2, 2, 2, 2, 2]);
    expect(countsOf(stack, mixed.endpoints.slice(10))).to.deep.equal(ones(mixed.endpoints.slice(10)));
    for (const endpoint of slow) {
      const [first, second] = pushesTo(stack, endpoint);
      expect((second?.at ?? 0) - (first?.at ?? 0)).to.be.at.least(1_000);
      expect(second?.messageId).to.equal(first?.messageId);
    }
    const listed = await stack.client.get(`/v1/subscriptions?siteId=${site.id}&limit=1000`);
    const expired = (listed.body.data as Record<string, any>[]).filter(({ status }) => status === 'expired');
    expect(expired.map(({ id }) => id as string).sort()).to.deep.equal(
      mixed.subscriptions.slice(0, 5).sort(),
    );
  });
});
