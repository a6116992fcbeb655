import { expect } from 'chai';
import { startApnsService, type ApnsService } from '../support/apns-service/apns-service.ts';
import { apnsKey, safariSettings, websiteCertificate } from '../support/apns-service/credentials.ts';
import { startFcmLegacyService, type FcmLegacyService } from '../support/fcm-legacy-service.ts';
import { makeSite, messagesOf, publish, pushesTo, statsOf, subscribe } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const SERVER_KEY = 'AAAA-legacy-server-key';
const DEVICE = 'ab'.repeat(32);

interface SiteView {
  id: string;
  vapid: { publicKey: string };
}

describe('a campaign over every transport of a site', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let apns: ApnsService;
  let fcm: FcmLegacyService;
  let safari: ReturnType<typeof safariSettings>;
  let count = 0;

  before(async () => {
    const key = apnsKey();
    apns = await startApnsService({ tokenKey: key.publicKey });
    fcm = await startFcmLegacyService(SERVER_KEY);
    safari = safariSettings(await websiteCertificate(), key.pem);
    const { host, port, ca } = apns;
    stack = await startStack({ standIns: { apns: { host, port, ca }, fcmLegacy: { url: fcm.url } } });
  });
  after(async () => {
    await stack?.close();
    await Promise.all([apns, fcm].map((service) => service?.close()));
  });

  async function site(): Promise<SiteView> {
    count += 1;
    return makeSite(stack, {
      fcmLegacy: { senderId: '123456789012', serverKey: SERVER_KEY },
      safari: { ...safari, websitePushId: `web.example.shop${count}` },
    });
  }

  async function legacy(siteId: string, identity: string, more: object): Promise<void> {
    await stack.client.must('/v1/subscriptions', { siteId, identity, ...more });
  }

  function send(siteId: string, identity: string, what: object = {}): Promise<string> {
    return publish(stack, {
      name: 'News',
      channel: 'webPush',
      siteId,
      who: { past: { property: 'identity', op: 'eq', value: identity } },
      what: {
        title: 'News',
        body: 'for {{ profile.identity }}',
        url: 'https://shop.example/news?id=1',
        image: 'https://shop.example/image.png',
        ...what,
      },
    });
  }

  async function settledRow(campaignId: string): Promise<Record<string, any>> {
    return waitFor(
      'the message to be settled',
      async () => {
        const [row] = await messagesOf(stack, campaignId);
        return row && !['waiting', 'due', 'sending'].includes(row.state as string) ? row : false;
      },
      30_000,
    );
  }

  it('reaches web push, legacy FCM and Safari, and tells what each of them cannot say', async () => {
    const shop = await site();
    const { endpoint } = await subscribe(stack, shop, 'everywhere');
    await legacy(shop.id, 'everywhere', { transport: 'fcmLegacy', token: 'fcm-token-of-everywhere' });
    await legacy(shop.id, 'everywhere', { transport: 'apns', deviceToken: DEVICE });
    const campaignId = await send(shop.id, 'everywhere');
    const row = await settledRow(campaignId);
    expect(row).to.include({ state: 'sent' });
    expect(row.devices.map(({ transport = 'vapid', state }: any) => `${transport} ${state}`)).to.have.members(
      ['vapid delivered', 'fcmLegacy delivered', 'apns delivered'],
    );
    expect(pushesTo(stack, endpoint)).to.have.length(1);
    const message = fcm.received().at(-1)!.body;
    expect(message).to.include({ to: 'fcm-token-of-everywhere' });
    const shown = JSON.parse(message.data.payload as string) as { notification: object };
    expect(shown.notification).to.include({ title: 'News', body: 'for everywhere' });
    const push = apns.received().at(-1)!;
    expect(push.headers).to.include({ 'apns-topic': `web.example.shop${count}` });
    const { aps } = JSON.parse(push.body) as { aps: Record<string, any> };
    expect(aps.alert).to.deep.equal({ title: 'News', body: 'for everywhere' });
    expect(aps['url-args']).to.have.length(1);
    expect(aps['url-args'][0]).to.match(/^news\?id=1&/);
    const { transports } = (await statsOf(stack, campaignId)).devices as { transports: Record<string, any> };
    expect(transports.apns).to.deep.include({
      sent: 1,
      delivered: null,
      viewed: null,
      dismissed: null,
      clicked: 0,
    });
    expect(transports.vapid).to.include({ sent: 1, delivered: 0 });
  });

  it('counts a click on a landing page that Safari led to', async () => {
    const shop = await site();
    await legacy(shop.id, 'clicks', { transport: 'apns', deviceToken: DEVICE });
    const campaignId = await send(shop.id, 'clicks');
    await settledRow(campaignId);
    const { aps } = JSON.parse(apns.received().at(-1)!.body) as { aps: { 'url-args': [string] } };
    const query = new URL(`https://shop.example/${aps['url-args'][0]}`).searchParams;
    const [messageId, subscriptionId, token] = ['message', 'subscription', 'token'].map((name) =>
      query.get(`beckon_${name}`),
    );
    const receiptId = '0b9d3a52-6b2f-4f6e-9a39-1d1a1f0c7a11';
    const receipt = {
      messageId,
      subscriptionId,
      token,
      kind: 'clicked',
      receiptId,
      at: new Date().toISOString(),
    };
    const report = (kind: string) =>
      stack.client.raw('POST', '/v1/sdk/receipts', JSON.stringify({ ...receipt, kind }));
    for (const kind of ['delivered', 'viewed', 'dismissed']) {
      const refused = await report(kind);
      expect(refused.status, kind).to.equal(403);
      expect(refused.body, kind).to.include({ code: 'receipt_refused' });
    }
    const answer = await report('clicked');
    expect(answer.status, JSON.stringify(answer.body)).to.equal(204);
    const stats = await statsOf(stack, campaignId);
    expect(stats).to.include({ clicked: 1, delivered: null, viewed: null, dismissed: null });
  });

  it('names what Apple refuses in the statistics and to whoever asks, and expires what is gone', async () => {
    const cases = [
      [{ status: 403, reason: 'ExpiredProviderToken' }, 'InvalidAuthentication'],
      [{ status: 403, reason: 'BadCertificateEnvironment' }, 'InvalidAuthentication'],
      [{ status: 400, reason: 'PayloadEmpty' }, 'BadRequest'],
      [{ status: 410, reason: 'DeviceTokenInactiveForTopic' }, 'DeviceTokenInactiveForTopic'],
    ] as const;
    for (const [answer, named] of cases) {
      const shop = await site();
      const identity = `refused ${count}`;
      await legacy(shop.id, identity, { transport: 'apns', deviceToken: DEVICE });
      apns.answer(answer);
      const campaignId = await send(shop.id, identity);
      const row = await settledRow(campaignId);
      expect(row).to.include({ state: 'failed', reason: named });
      expect((await statsOf(stack, campaignId)).failed).to.deep.equal({ [named]: 1 });
      const asked = encodeURIComponent(identity);
      const said = (await stack.client.get(`/v1/campaigns/${campaignId}/explain?identity=${asked}`)).body;
      expect(said.summary).to.contain(named);
      const status = answer.status === 410 ? 'expired' : 'active';
      // Written after the row.
      await waitFor(`the subscription to be ${status}`, async () => {
        const listed = await stack.client.get(`/v1/subscriptions?siteId=${shop.id}`);
        return listed.body.data[0].status === status;
      });
    }
  });

  it('tries again what Apple was not available for', async () => {
    const shop = await site();
    await legacy(shop.id, 'later', { transport: 'apns', deviceToken: DEVICE });
    apns.answer({ status: 503, reason: 'ServiceUnavailable' });
    const before = apns.received().length;
    const campaignId = await send(shop.id, 'later');
    const row = await settledRow(campaignId);
    expect(row).to.include({ state: 'sent', tries: 2 });
    expect(row.attempts[0].outcome).to.include({ kind: 'throttled', reason: 'ServerUnavailable' });
    expect(apns.received().length - before).to.equal(2);
  });

  it('fails by name where Safari would show nothing', async () => {
    const shop = await site();
    await legacy(shop.id, 'elsewhere', { transport: 'apns', deviceToken: DEVICE });
    const campaignId = await send(shop.id, 'elsewhere', { url: 'https://other.example/' });
    expect(await settledRow(campaignId)).to.include({ state: 'failed', reason: 'urlNotAllowed' });
  });

  it('signs pushes by the keys that each browser subscribed under, before and after they were changed', async () => {
    const shop = await site();
    const old = await subscribe(stack, shop, 'rotated');
    const rotated = (await stack.client.must(`/v1/sites/${shop.id}/rotate-vapid`, {})) as SiteView;
    expect(rotated.vapid.publicKey).to.not.equal(shop.vapid.publicKey);
    const fresh = await subscribe(stack, rotated, 'rotated');
    const campaignId = await send(shop.id, 'rotated');
    const row = await settledRow(campaignId);
    // The push service takes a push only when it is signed by the key of its subscription.
    expect(row.devices.map(({ state }: any) => state as string)).to.deep.equal(['delivered', 'delivered']);
    expect(pushesTo(stack, old.endpoint)).to.have.length(1);
    expect(pushesTo(stack, fresh.endpoint)).to.have.length(1);
    const { vapidKeys } = (await stack.client.get(`/v1/sites/${shop.id}/subscribers`)).body;
    expect(vapidKeys.map(({ active }: any) => active as number)).to.deep.equal([1, 1]);
  });
});
