import { expect } from 'chai';
import { makeSite, statsOf } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

type Transport = 'vapid' | 'apns' | 'fcmLegacy';

describe('statistics by transport', function () {
  this.timeout(60_000);
  let stack: TestStack;
  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  let count = 0;
  /** A campaign with one sent message for each list of devices, each with what it reported. */
  async function campaign(...messages: { transport: Transport; receipts: string[]; state?: string }[][]) {
    const site = await makeSite(stack);
    const { id } = (await stack.client.must('/v1/campaigns', {
      name: 'Cart',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: 'Added To Cart' } },
      what: { title: 'Hi', url: 'https://shop.example/' },
    })) as { id: string };
    const at = new Date();
    for (const devices of messages) {
      count += 1;
      await stack.db.collection('messages').insertOne({
        _id: `row-${count}` as never,
        campaignId: id,
        profileId: `profile-${count}`,
        state: 'sent',
        qualified: true,
        sentAt: at,
        devices: devices.map(({ transport, state = 'delivered' }, i) => ({
          subscriptionId: `s${i}`,
          ...(transport === 'vapid' ? {} : { transport }),
          state,
          tries: 1,
        })),
        receipts: devices.flatMap(({ receipts }, i) =>
          receipts.map((kind, j) => ({ id: `${i}-${j}`, kind, subscriptionId: `s${i}`, at })),
        ),
        attempts: [],
      });
    }
    return statsOf(stack, id);
  }
  const none = { sent: 0, delivered: 0, viewed: 0, clicked: 0, dismissed: 0 };
  const unknown = { delivered: null, viewed: null, dismissed: null };

  it('take devices apart, and say nothing of what Safari through APNs does not tell', async () => {
    const stats = await campaign(
      [
        { transport: 'vapid', receipts: ['delivered', 'viewed', 'clicked', 'clicked'] },
        { transport: 'apns', receipts: ['clicked', 'clicked'] },
        { transport: 'fcmLegacy', receipts: ['delivered', 'viewed', 'dismissed'] },
      ],
      [
        { transport: 'apns', receipts: [] },
        { transport: 'apns', receipts: [], state: 'gone' },
      ],
      [{ transport: 'vapid', receipts: ['delivered'] }],
    );
    expect(stats.devices).to.deep.equal({
      sent: 5,
      delivered: 3,
      viewed: 2,
      clicked: 2,
      dismissed: 1,
      transports: {
        vapid: { sent: 2, delivered: 2, viewed: 1, clicked: 1, dismissed: 0 },
        apns: { sent: 2, clicked: 1, ...unknown },
        fcmLegacy: { sent: 1, delivered: 1, viewed: 1, clicked: 0, dismissed: 1 },
      },
    });
    expect(stats).to.include({ sent: 3, delivered: 2, viewed: 1, clicked: 1, dismissed: 1 });
    expect(stats.totals).to.deep.equal({ delivered: 3, viewed: 2, clicked: 4, dismissed: 1 });
  });

  it('are null, and not 0, where all that was sent went through APNs', async () => {
    const stats = await campaign(
      [{ transport: 'apns', receipts: ['clicked'] }],
      [
        { transport: 'apns', receipts: [] },
        { transport: 'vapid', receipts: [], state: 'gone' },
      ],
    );
    expect(stats).to.include({ sent: 2, clicked: 1, ...unknown });
    expect(stats.totals).to.deep.equal({ clicked: 1, ...unknown });
    expect(stats.devices).to.deep.equal({
      sent: 2,
      clicked: 1,
      ...unknown,
      transports: { vapid: none, apns: { sent: 2, clicked: 1, ...unknown }, fcmLegacy: none },
    });
  });

  it('are 0 where nothing was sent', async () => {
    const stats = await campaign();
    expect(stats).to.include({ delivered: 0, viewed: 0, dismissed: 0 });
    expect(stats.devices.transports.apns).to.deep.equal({ sent: 0, clicked: 0, ...unknown });
  });
});
