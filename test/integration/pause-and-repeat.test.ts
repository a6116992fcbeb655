import { expect } from 'chai';
import {
  makeSite,
  messagesOf,
  post,
  publish,
  publishCart,
  pushesTo,
  statsOf,
  subscribe,
} from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

describe('pauses, late closings and runs that are over', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const settled = (campaignId: string, count: number): Promise<unknown> =>
    waitFor(`${count} settled messages`, async () => {
      const rows = await messagesOf(stack, campaignId);
      return rows.length === count && rows.every((row) => row.settledAt !== undefined);
    });

  it('closes a trigger by a purchase during a pause, so that the next cart opens another', async () => {
    const live = { inaction: { event: 'Charged', within: '3s' } };
    const campaign = await publishCart(stack, site.id, { live });
    const { endpoint } = await subscribe(stack, site, 'pauses');
    await post(stack, { identity: 'pauses', name: 'Added To Cart' });
    await waitFor('the trigger', async () => (await messagesOf(stack, campaign)).length === 1);
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    await post(stack, { identity: 'pauses', name: 'Charged' });
    await settled(campaign, 1);
    await stack.client.must(`/v1/campaigns/${campaign}/resume`);
    await post(stack, { identity: 'pauses', name: 'Added To Cart', properties: { product: 'second' } });
    await settled(campaign, 2);
    expect(pushesTo(stack, endpoint).map((push) => push.body)).to.deep.equal([' second']);
  });

  it('opens nothing for what comes while it is paused', async () => {
    const campaign = await publishCart(stack, site.id);
    await subscribe(stack, site, 'during');
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    await post(stack, { identity: 'during', name: 'Added To Cart' });
    await waitFor(
      'the dispatch',
      async () => (await stack.db.collection('events').countDocuments({ pending: true })) === 0,
    );
    expect(await messagesOf(stack, campaign)).to.deep.equal([]);
  });

  it('goes on with a run at once however soon it is resumed after it looked', async () => {
    for (let i = 0; i < 20; i += 1) await subscribe(stack, site, `soon-${i}`);
    const campaign = await publish(stack, {
      name: 'Soon',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'identity', op: 'startsWith', value: 'soon-' } },
      // So slow that something is left when it is paused.
      when: { throughput: { perMinute: 240 } },
      what: { title: 'Soon' },
    });
    const history = stack.temporal.workflow.getHandle(`campaign/${campaign}`);
    await waitFor('a first message', async () => (await statsOf(stack, campaign)).sent > 0);
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    const { data } = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body;
    const run = stack.temporal.workflow.getHandle(data[0].workflowId as string);
    await waitFor('the run to look at the gate', async () => {
      const { events } = await run.fetchHistory();
      return (events ?? []).some((event) =>
        (event.activityTaskCompletedEventAttributes?.result?.payloads ?? []).some((payload) =>
          Buffer.from(payload.data ?? []).includes('"paused"'),
        ),
      );
    });
    await stack.client.must(`/v1/campaigns/${campaign}/resume`);
    await settled(campaign, 20);
    expect((await statsOf(stack, campaign)).sent).to.equal(20);
    expect(await history.result()).to.equal('completed');
  });

  it('counts a message as sent that one device took, when a purchase closes it before the other', async () => {
    const campaign = await publishCart(stack, site.id, {
      live: { inaction: { event: 'Charged', within: '1s' } },
    });
    const first = await subscribe(stack, site, 'two-devices');
    const second = await subscribe(stack, site, 'two-devices');
    const away = stack.push.answer({
      answer: { status: 503, retryAfter: '3' },
      subscription: second.endpoint,
    });
    await post(stack, { identity: 'two-devices', name: 'Added To Cart' });
    await waitFor('the first device', () => pushesTo(stack, first.endpoint).length === 1);
    await waitFor('the retry', async () => (await messagesOf(stack, campaign))[0]?.state === 'due');
    await post(stack, { identity: 'two-devices', name: 'Charged' });
    await settled(campaign, 1);
    away();
    const stats = await statsOf(stack, campaign);
    expect(stats).to.deep.include({ sent: 1, qualified: 1, suppressed: {}, notQualified: {} });
    expect(stats.devices.sent).to.equal(1);
  });

  it('does not take a run up again that is over', async () => {
    await subscribe(stack, site, 'over-1');
    const campaign = await publish(stack, {
      name: 'Over',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'identity', op: 'startsWith', value: 'over-' } },
      when: { start: 'now' },
      what: { title: 'Over' },
    });
    await settled(campaign, 1);
    const [run] = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data;
    await waitFor(
      'the end of the run',
      async () =>
        (await stack.temporal.workflow.getHandle(run.workflowId).describe()).status.name === 'COMPLETED',
    );
    await subscribe(stack, site, 'over-2');
    // As the sweep would that read the run a moment before it was over: everything of it starts anew.
    await stack.temporal.workflow.start('run', {
      workflowId: run.workflowId,
      taskQueue: stack.taskQueue,
      args: [{ campaignId: campaign, name: 'Over', runId: run.id, instantMs: Date.parse(run.instant) }],
    });
    expect(await stack.temporal.workflow.getHandle(run.workflowId).result()).to.equal('completed');
    expect((await statsOf(stack, campaign)).entered).to.equal(1);
  });
});
