import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { createCampaignRepository } from '../../db/campaigns.ts';
import { connectDatabase } from '../../db/connection.ts';
import { createMessageRepository } from '../../db/messages.ts';
import { createRunRepository } from '../../db/runs.ts';
import { contestOf } from '../../domain/content/winner.ts';
import { makeSite, statsOf } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

type Transport = 'vapid' | 'apns';

describe('what variants win', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let connection: Connection;
  let site: Awaited<ReturnType<typeof makeSite>>;
  before(async () => {
    stack = await startStack({ workers: 0 });
    connection = await connectDatabase(stack.mongoUri);
    site = await makeSite(stack);
  });
  after(async () => {
    await connection?.close();
    await stack?.close();
  });

  const variants = ['A', 'B'].map((name) => ({ name, weight: 1, content: { title: name } }));
  const winner = { after: '1h', by: 'clicked' };
  const what = { title: 'Hi', url: 'https://shop.example/', variants, winner };
  const input = {
    name: 'Cart',
    channel: 'webPush',
    who: { live: { event: 'Added To Cart' } },
    when: { start: 'now' },
    what,
  };
  const make = async (): Promise<string> =>
    (await stack.client.must('/v1/campaigns', { ...input, siteId: site.id })).id as string;

  let count = 0;
  const sent = (
    campaignId: string,
    variant: string,
    version: number,
    transports: Transport[],
    kinds: string[],
  ) => {
    count += 1;
    const at = new Date();
    return stack.db.collection('messages').insertOne({
      ...{ _id: `row-${count}` as never, campaignId, profileId: `profile-${count}`, variant, version },
      ...{ state: 'sent', qualified: true, sentAt: at, attempts: [] },
      devices: transports.map((transport, i) => ({
        ...{ subscriptionId: `s${i}`, state: 'delivered', tries: 1 },
        ...(transport === 'vapid' ? {} : { transport }),
      })),
      receipts: kinds.map((kind) => ({ id: kind, kind, subscriptionId: 's0', at })),
    });
  };

  it('holds for the contest that it came of, decided once, and is shown only while it does', async () => {
    const id = await make();
    const campaigns = createCampaignRepository(connection);
    const contest = contestOf((await campaigns.byId(id))!.definition)!;
    expect(await campaigns.setWinner(id, 'another', 'B')).to.equal('B');
    expect((await statsOf(stack, id)).winner).to.equal(null);
    expect(await Promise.all([1, 2].map(() => campaigns.setWinner(id, contest, 'A')))).to.deep.equal([
      'A',
      'A',
    ]);
    expect(await campaigns.setWinner(id, contest, 'B')).to.equal('A');
    expect((await statsOf(stack, id)).winner.variant).to.equal('A');
    const shown = await stack.client.get(`/v1/campaigns/${id}`);
    expect(shown.body.winner).to.have.all.keys('variant', 'at');
    expect(shown.body).to.not.have.property('winners');

    const edited = { ...input, siteId: site.id, what: { ...what, title: 'New' } };
    expect((await stack.client.put(`/v1/campaigns/${id}`, edited)).status).to.equal(200);
    expect((await statsOf(stack, id)).winner).to.equal(null);
    expect((await stack.client.get(`/v1/campaigns/${id}`)).body).to.not.have.property('winner');
    const { winner: _, ...withoutRule } = what;
    await stack.client.put(`/v1/campaigns/${id}`, { ...edited, what: withoutRule });
    expect(await statsOf(stack, id)).to.not.have.property('winner');
  });

  it('is counted from the versions that are asked for, and from devices that report', async () => {
    const id = await make();
    await sent(id, 'A', 1, ['vapid'], ['viewed']);
    await sent(id, 'A', 2, ['vapid', 'apns'], ['viewed']);
    await sent(id, 'A', 3, ['apns'], ['clicked']);
    await sent(id, 'B', 2, ['apns'], ['clicked']);
    const { variantStats } = createMessageRepository(connection);
    const counted = await variantStats(id, { from: 2, to: 3 });
    expect(counted.get('A')).to.include({ sent: 2, reporting: 1, viewed: 1, clicked: 1 });
    expect(counted.get('B')).to.include({ sent: 1, reporting: 0, clicked: 1 });
    expect((await variantStats(id)).get('A')).to.include({ sent: 3, reporting: 2 });
    // Only the variant that went to APNs alone says nothing of views.
    const [a, b] = (await statsOf(stack, id)).variants;
    expect(a).to.include({ sent: 3, delivered: 0, viewed: 2, clicked: 1 });
    expect(a.rates).to.deep.equal({ delivered: 0, viewed: 1, clicked: 1 / 3, dismissed: 0 });
    expect(b).to.include({ sent: 1, delivered: null, viewed: null, clicked: 1 });
  });

  it('counts from the first run of a version', async () => {
    const runs = createRunRepository(connection);
    const at = (ms: number) => new Date(1_000_000 + ms);
    for (const [i, status, version] of [
      [1, 'completed', 1],
      [2, 'missed', 2],
      [3, 'completed', 2],
      [4, 'completed', 3],
    ] as const)
      await stack.db.collection('runs').insertOne({
        _id: `run-${i}` as never,
        ...{ campaignId: 'past', version, status, instant: at(i), createdAt: at(i) },
      });
    expect((await runs.first('past', 1))?.id).to.equal('run-1');
    expect((await runs.first('past', 2))?.id).to.equal('run-3');
    expect(await runs.first('past', 4)).to.equal(null);
  });

  it('is no matter of transports where a webhook is called', async () => {
    const target = await stack.client.must('/v1/webhooks', { name: 'CRM', url: 'https://crm.example/in' });
    const campaign = await stack.client.must('/v1/campaigns', {
      ...{ name: 'CRM', channel: 'webhook', who: { live: { event: 'Added To Cart' } } },
      ...{ when: { start: 'now' }, what: { webhookId: target.id } },
    });
    const { devices } = await statsOf(stack, campaign.id as string);
    expect(devices).to.not.have.property('transports');
    expect(devices).to.include({ sent: 0 });
  });
});
