import type { WorkflowHandle } from '@temporalio/client';
import { expect } from 'chai';
import { ago, cartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

type History = Awaited<ReturnType<WorkflowHandle['fetchHistory']>>;

/** @returns how many of the events are there only because the machine stalled for seconds */
function stallsIn(events: NonNullable<History['events']>): number {
  return events.reduce((sum, event, i) => {
    // A task that timed out is there once more; its own beginning counts for that of the other.
    const timedOut = event.workflowTaskTimedOutEventAttributes;
    if (timedOut) return sum + (Number(timedOut.startedEventId) > 0 ? 3 : 2);
    // One that ended with nothing but the wish for another: a local activity still went on, as a heartbeat says.
    const goesOn = event.workflowTaskCompletedEventAttributes;
    return goesOn && events[i + 1]?.workflowTaskScheduledEventAttributes ? sum + 3 : sum;
  }, 0);
}

describe('what an operator sees of a live campaign in Temporal', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const handle = (workflowId: unknown) => stack.temporal.workflow.getHandle(workflowId as string);
  const list = async (query: string) => {
    const found = [];
    for await (const one of stack.temporal.workflow.list({ query })) found.push(one);
    return found;
  };
  const currentDetails = async (workflowId: unknown): Promise<string> => {
    const metadata = await handle(workflowId).query('__temporal_workflow_metadata');
    return (metadata as { currentDetails?: string }).currentDetails ?? '';
  };

  it('is the campaign and each trigger by readable ids, found by the campaign', async () => {
    const scene = await cartScene(stack, site, { within: '1h', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(scene.cart({ cartId: 'a' }), scene.cart({ cartId: 'b' }));
    const rows = await scene.entered(2);
    const workflows = await waitFor('three workflows', async () => {
      const found = await list(`CampaignId = '${scene.campaign}'`);
      return found.length === 3 && found;
    });
    const triggers = rows.map((row) => `trigger/${scene.campaign}/${row.objectId}/${row.id}`);
    expect(workflows.map(({ workflowId }) => workflowId).sort()).to.deep.equal(
      [`campaign/${scene.campaign}`, ...triggers].sort(),
    );
    expect(rows.map((row) => row.workflowId as string).sort()).to.deep.equal(triggers.sort());
    const byProfile = await list(`ProfileId = '${rows[0]?.objectId}' AND CampaignId = '${scene.campaign}'`);
    expect(byProfile).to.have.length(2);
  });

  it('is, on an open trigger, what opened it, by which version, and what it waits for', async () => {
    const scene = await cartScene(stack, site, { within: '1h', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(scene.cart({ cartId: '42' }));
    const [row] = await scene.entered();
    const described = await waitFor('the workflow', () => handle(row?.workflowId).describe());
    expect(described.memo).to.deep.equal({ campaign: 'Abandoned cart', version: 1, event: scene.names.cart });
    expect(described.searchAttributes).to.deep.include({
      CampaignId: [scene.campaign],
      CampaignName: ['Abandoned cart'],
      Channel: ['webPush'],
      ProfileId: [row?.objectId as string],
    });
    expect(await described.staticSummary()).to.equal(`Abandoned cart: opened by ${scene.names.cart}`);
    const waits = await waitFor('its details', () => currentDetails(row?.workflowId));
    expect(waits).to.match(
      new RegExp(`^waits until [\\d: -]+ \\([\\w/]+\\) for ${scene.names.charged}, cartId 42$`),
    );
    await waitFor('what the campaign does', async () => {
      const details = await currentDetails(`campaign/${scene.campaign}`);
      return details === 'Live: each qualifying event opens a trigger until it is stopped.';
    });
  });

  it('is, on a closed trigger, why it ended', async () => {
    const scene = await cartScene(stack, site, { within: '1h', live: () => ({ matchOn: 'cartId' }) });
    await scene.post(scene.cart({ cartId: 'bought' }));
    await scene.entered();
    await scene.post(
      scene.charged({ cartId: 'bought' }),
      scene.cart({ cartId: 'late' }, { time: ago(3_600_000) }),
    );
    const rows = await scene.settled(2);
    const ends = await Promise.all(
      rows.map(async ({ workflowId }) => {
        await handle(workflowId).result();
        const { searchAttributes } = await handle(workflowId).describe();
        return [searchAttributes.Outcome?.[0], await currentDetails(workflowId)];
      }),
    );
    expect(ends.sort()).to.deep.equal([
      ['inactionMet', `closed by ${scene.names.charged}: inactionMet`],
      ['sent', 'sent'],
    ]);
    await waitFor('the outcomes in the list', async () => {
      const found = await list(`CampaignId = '${scene.campaign}' AND Outcome = 'inactionMet'`);
      return found.length === 1;
    });
  });

  it('is at most 14 history events for an ordinary passage, sent or bought', async () => {
    const scene = await cartScene(stack, site, { live: () => ({ matchOn: 'cartId' }) });
    const lengthOf = async (workflowId: unknown): Promise<number> => {
      await handle(workflowId).result();
      const { events } = await handle(workflowId).fetchHistory();
      if (!events) throw new Error('no history');
      return events.length - stallsIn(events);
    };
    await scene.post(scene.cart({ cartId: 'sent' }));
    const [sent] = await scene.settled();
    expect(await lengthOf(sent?.workflowId)).to.be.at.most(14);

    const bought = await cartScene(stack, site, { within: '1h' });
    await bought.post(bought.cart());
    const [open] = await bought.entered();
    await waitFor('its timer', () => currentDetails(open?.workflowId));
    await bought.post(bought.charged());
    await bought.settled();
    expect(await lengthOf(open?.workflowId)).to.be.at.most(14);
  });
});
