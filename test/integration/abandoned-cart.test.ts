import { expect } from 'chai';
import {
  makeSite,
  messagesOf,
  post,
  publishCart,
  pushesTo,
  statsOf,
  subscribe,
} from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

describe('an abandoned cart', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** Every passage of the campaign is settled: from here on nothing more is sent. */
  const settled = (campaignId: string, count: number): Promise<unknown> =>
    waitFor(`${count} settled messages`, async () => {
      const rows = await messagesOf(stack, campaignId);
      return rows.length === count && rows.every((row) => row.settledAt !== undefined);
    });

  it('sends one push within 2 s after the window when nothing was bought', async () => {
    const campaign = await publishCart(stack, site.id);
    const { endpoint } = await subscribe(stack, site, 'not-buying');
    const time = new Date();
    await post(stack, {
      identity: 'not-buying',
      name: 'Added To Cart',
      properties: { product: 'Lamp' },
      time: time.toISOString(),
    });
    await settled(campaign, 1);
    const pushes = pushesTo(stack, endpoint);
    expect(pushes).to.have.length(1);
    expect(pushes[0]?.body).to.equal(' Lamp');
    const late = (pushes[0]?.at ?? 0) - (time.getTime() + 1_000);
    expect(late).to.be.within(-300, 2_000);
    expect(await statsOf(stack, campaign)).to.include({ entered: 1, qualified: 1, sent: 1, waiting: 0 });
  });

  it('sends nothing, ever, when it was bought in time', async () => {
    const campaign = await publishCart(stack, site.id, {
      live: { inaction: { event: 'Charged', within: '2s' } },
    });
    const { endpoint } = await subscribe(stack, site, 'buying');
    await post(stack, { identity: 'buying', name: 'Added To Cart' });
    await waitFor('the open trigger', async () => (await messagesOf(stack, campaign)).length === 1);
    await post(stack, { identity: 'buying', name: 'Charged' });
    await settled(campaign, 1);
    const [row] = await messagesOf(stack, campaign);
    expect(row).to.include({ state: 'suppressed', reason: 'inactionMet', qualified: false });
    expect(pushesTo(stack, endpoint)).to.have.length(0);
    expect((await statsOf(stack, campaign)).notQualified).to.deep.equal({ inactionMet: 1 });
  });
});
