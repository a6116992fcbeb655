import { expect } from 'chai';
import { audience, finished, publishTo } from '../support/audience.ts';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('the history of', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** How many events a closed workflow's history has, and how many of them are activities. */
  async function sizeOf(workflowId: unknown): Promise<{ events: number; activities: number }> {
    const handle = stack.temporal.workflow.getHandle(workflowId as string);
    await handle.result();
    const { events = [] } = await handle.fetchHistory();
    const activities = events?.filter((event) => event.activityTaskScheduledEventAttributes) ?? [];
    return { events: events?.length ?? 0, activities: activities.length };
  }

  it('a passage that waits out its window and sends is at most 14 events, none of them a regular activity', async () => {
    const scene = await cartScene(stack, site);
    await scene.post(scene.cart());
    const [row] = await scene.settled();
    expect(row?.state).to.equal('sent');
    const size = await sizeOf(row?.workflowId);
    expect(size.events).to.be.within(8, 14);
    expect(size.activities).to.equal(0);
  });

  it('a passage that is signalled away is at most 14 events', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    await scene.post(scene.cart());
    await scene.entered();
    await scene.post(scene.charged());
    const [row] = await scene.settled();
    expect(row?.reason).to.equal('inactionMet');
    const size = await sizeOf(row?.workflowId);
    expect(size.events).to.be.within(6, 14);
    expect(size.activities).to.equal(0);
  });

  it('a run to 300 profiles is under 80 events', async () => {
    const people = await audience(stack, site, 'many', { profiles: 300, subscribed: 300 });
    const campaign = await publishTo(stack, site, people);
    expect(await finished(stack, campaign)).to.equal('completed');
    const { data } = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body;
    const size = await sizeOf(data[0].workflowId);
    expect(size.events).to.be.within(10, 79);
    expect((await stack.client.get(`/v1/campaigns/${campaign}/stats`)).body.sent).to.equal(300);
  });
});
