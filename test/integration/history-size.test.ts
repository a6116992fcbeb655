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

  interface Size {
    events: number;
    activities: number;
    /** Workflow tasks that were given out and not answered in time. */
    timeouts: number;
  }

  /** How many events a closed workflow's history has, and how many of them are activities. */
  async function sizeOf(workflowId: unknown): Promise<Size> {
    const handle = stack.temporal.workflow.getHandle(workflowId as string);
    await handle.result();
    const { events = [] } = await handle.fetchHistory();
    const activities = events?.filter((event) => event.activityTaskScheduledEventAttributes) ?? [];
    const timeouts = events?.filter((event) => event.workflowTaskTimedOutEventAttributes) ?? [];
    return { events: events?.length ?? 0, activities: activities.length, timeouts: timeouts.length };
  }

  /**
   * Plays a scene once more, and a third time, when it shows what a machine that stalls leaves behind: a send that
   * could not begin before what was read of its gate ran out, and goes on in a regular activity, or a workflow task
   * that was answered too late. What is always so is so the third time as well.
   */
  async function sizeOfPassage(play: () => Promise<unknown>): Promise<Size> {
    for (let plays = 1; ; plays += 1) {
      const size = await sizeOf(await play());
      if ((size.activities === 0 && size.timeouts === 0) || plays === 3) return size;
    }
  }

  it('a passage that waits out its window and sends is at most 14 events, none of them a regular activity', async () => {
    const size = await sizeOfPassage(async () => {
      const scene = await cartScene(stack, site);
      await scene.post(scene.cart());
      const [row] = await scene.settled();
      expect(row?.state).to.equal('sent');
      return row?.workflowId;
    });
    expect(size.events).to.be.within(8, 14);
    expect(size.activities).to.equal(0);
  });

  it('a passage that is signalled away is at most 14 events', async () => {
    const size = await sizeOfPassage(async () => {
      const scene = await cartScene(stack, site, { within: '1h' });
      await scene.post(scene.cart());
      await scene.entered();
      await scene.post(scene.charged());
      const [row] = await scene.settled();
      expect(row?.reason).to.equal('inactionMet');
      return row?.workflowId;
    });
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
