import { expect } from 'chai';
import { visitorToken } from '../../api/safari/visitor-token.ts';
import { createReceiptSigner } from '../../channels/web-push/receipt-signer.ts';
import { MAX_DEVICES, type Site } from '../../domain/site.ts';
import { safariSettings, websiteCertificate } from '../support/apns-service/credentials.ts';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const DAY_MS = 86_400_000;

describe('the visitors of Safari', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let siteId: string;
  let site: Site;
  before(async () => {
    stack = await startStack({ workers: 0 });
    const safari = safariSettings(await websiteCertificate());
    siteId = (await makeSite(stack, { safari: { ...safari } })).id;
    site = (await stack.db.collection('sites').findOne({ _id: siteId as never })) as unknown as Site;
  });
  after(() => stack?.close());

  let count = 0;
  const newDevice = (): string => (count += 1).toString(16).padStart(64, 'a');
  const tokenOf = (id: string, ageDays = 0, of = site): string =>
    visitorToken(createReceiptSigner(), of, { id }, Date.now() - ageDays * DAY_MS);
  /** Calls as Safari does. */
  const safari = async (method: string, device: string, token: string): Promise<number> => {
    const url = `${stack.api.url}/v1/safari/v2/devices/${device}/registrations/web.example.shop`;
    const headers = { authorization: `ApplePushNotifications ${token}` };
    return (await fetch(url, { method, headers })).status;
  };
  /** Calls as the SDK does. */
  const sdk = async (
    method: string,
    body: object,
  ): Promise<{ status: number; body: Record<string, any> }> => {
    const response = await fetch(`${stack.api.url}/v1/sdk/subscriptions`, {
      method,
      headers: { 'content-type': 'application/json', origin: 'https://shop.example' },
      body: JSON.stringify({ siteId, ...body }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Record<string, any>) };
  };
  const found = (device: string) =>
    stack.db.collection('subscriptions').findOne({ siteId, endpoint: device }) as Promise<any>;
  const statusOf = async (device: string): Promise<unknown> => (await found(device))?.status;

  it('subscribe again from the page after they unsubscribed there', async () => {
    const device = newDevice();
    await safari('POST', device, tokenOf('again'));
    const { profileId } = await found(device);
    expect((await sdk('DELETE', { endpoint: device, anonymousId: 'again' })).status).to.equal(204);
    expect(await statusOf(device)).to.equal('optedOut');
    const body = {
      transport: 'apns',
      deviceToken: device.toUpperCase(),
      anonymousId: 'again',
      topics: ['news'],
    };
    const answer = await sdk('POST', body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(answer.body).to.include({ status: 'active', endpoint: device, objectId: profileId });
    expect(answer.body).to.not.have.property('visitor');
  });

  it('neither opt out nor take over the device of another, by whatever way', async () => {
    const device = newDevice();
    await safari('POST', device, tokenOf('owner'));
    const before = await found(device);
    const thief = tokenOf('thief');
    expect(await safari('DELETE', device, thief)).to.equal(403);
    expect(await safari('POST', device, thief)).to.equal(403);
    for (const who of [{}, { anonymousId: 'thief' }]) {
      const refused = await sdk('DELETE', { endpoint: device, ...who });
      expect(refused.status).to.equal(403);
      expect(refused.body.code).to.equal('other_visitor');
    }
    const taking = { transport: 'apns', deviceToken: device, anonymousId: 'thief' };
    expect((await sdk('POST', taking)).status).to.equal(403);
    const { endpoint, keys } = stack.push.subscribe();
    const replacing = { transport: 'vapid', pushSubscription: { endpoint, keys }, replaces: device };
    const beside = await sdk('POST', { ...replacing, anonymousId: 'thief' });
    expect(beside.body.objectId).to.be.a('string').and.not.equal(before.profileId);
    expect(await found(device)).to.deep.equal(before);

    expect(await safari('DELETE', device, tokenOf('owner')), 'the owner').to.equal(200);
    expect(await statusOf(device)).to.equal('optedOut');
    // Whoever lost the id of this browser, and is asked anew, is not turned away.
    expect(await safari('POST', device, tokenOf('owner-anew'))).to.equal(200);
    expect(await found(device)).to.include({ status: 'active', profileId: before.profileId });
    expect(await safari('DELETE', device, tokenOf('owner'))).to.equal(403);
  });

  it('opt out a device that was registered before visitors were noted', async () => {
    const device = newDevice();
    await safari('POST', device, tokenOf('early'));
    await stack.db.collection('subscriptions').updateOne({ endpoint: device }, { $unset: { visitor: 1 } });
    expect(await safari('DELETE', device, tokenOf('early'))).to.equal(200);
    expect(await statusOf(device)).to.equal('optedOut');
  });

  it('register nothing new by an old push package, and still opt out and come back by it', async () => {
    const device = newDevice();
    expect(await safari('POST', device, tokenOf('old', 29))).to.equal(200);
    const old = tokenOf('old', 31);
    expect(await safari('POST', newDevice(), old)).to.equal(401);
    expect(await safari('DELETE', device, old)).to.equal(200);
    expect(await statusOf(device)).to.equal('optedOut');
    expect(await safari('POST', device, old)).to.equal(200);
    expect(await statusOf(device)).to.equal('active');
  });

  it('are those of one site', async () => {
    const other = await makeSite(stack);
    const foreign = (await stack.db
      .collection('sites')
      .findOne({ _id: other.id as never })) as unknown as Site;
    expect(await safari('POST', newDevice(), tokenOf('foreign', 0, foreign))).to.equal(401);
  });

  it(`have at most ${MAX_DEVICES} devices: those synced longest ago expire`, async () => {
    const token = tokenOf('many');
    const devices = Array.from({ length: MAX_DEVICES + 3 }, newDevice);
    for (const device of devices) expect(await safari('POST', device, token)).to.equal(200);
    const gone = await Promise.all(devices.slice(0, 3).map(statusOf));
    expect(gone).to.deep.equal(['expired', 'expired', 'expired']);
    const { profileId } = await found(devices[0]!);
    const active = (): Promise<number> =>
      stack.db.collection('subscriptions').countDocuments({ profileId, siteId, status: 'active' });
    expect(await active()).to.equal(MAX_DEVICES);

    const { endpoint, keys } = stack.push.subscribe();
    const web = { transport: 'vapid', pushSubscription: { endpoint, keys }, anonymousId: 'many' };
    expect((await sdk('POST', web)).status).to.equal(201);
    expect(await active(), 'over all transports').to.equal(MAX_DEVICES);
    expect(await statusOf(devices[3]!)).to.equal('expired');
    const profile = await stack.db.collection('profiles').findOne({ _id: profileId });
    expect(profile?.pushSites).to.deep.equal([siteId]);
  });

  it('get only so many push packages, and tell only so much, from one address', async () => {
    const post = (path: string, body: object, address: string): Promise<Response> =>
      fetch(`${stack.api.url}/v1/safari${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
        body: JSON.stringify(body),
      });
    for (const [path, body] of [
      ['/pushPackages/web.example.shop', { anonymousId: 'x' }],
      ['/log', { logs: [] }],
    ] as const) {
      const answers: Response[] = [];
      // How many more come in meanwhile depends on how long it takes.
      for (let i = 0; i < 100 && answers.at(-1)?.status !== 429; i += 1)
        answers.push(await post(`/v${1 + (i % 2)}${path}`, body, '198.51.100.7'));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.slice(0, 30), path).to.deep.equal(Array.from({ length: 30 }, () => 200));
      const last = answers.at(-1)!;
      expect(last.status, path).to.equal(429);
      expect(Number(last.headers.get('retry-after')), path).to.be.within(1, 60);
      expect(((await last.json()) as { code: string }).code).to.equal('too_many_requests');
      expect((await post(`/v2${path}`, body, '198.51.100.8')).status, 'of another address').to.equal(200);
    }
  });
});
