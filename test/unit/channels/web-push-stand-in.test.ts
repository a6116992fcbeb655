import { request } from 'node:https';
import { expect } from 'chai';
import webPush from 'web-push';
import { generateVapidKeys } from '../../../channels/web-push/vapid-keys.ts';
import { startPushService } from '../../support/push-service/push-service.ts';
import type { PushService } from '../../support/push-service/push-service.ts';

const keys = generateVapidKeys();
const inHours = (hours: number) => Math.floor(Date.now() / 1000) + hours * 3600;

describe('the stand-in for a push service', () => {
  let service: PushService;
  beforeEach(async () => {
    service = await startPushService();
  });
  afterEach(() => service.close());

  function sign(aud: string, exp = inHours(12), privateKey = keys.privateKey): string {
    const subject = 'mailto:ops@shop.example';
    return webPush.getVapidHeaders(aud, subject, keys.publicKey, privateKey, 'aes128gcm', exp).Authorization;
  }

  /** Posts as any sender would, by an HTTP client that is not the channel's. */
  function post(
    endpoint: string,
    headers: Record<string, string>,
    body: Buffer = Buffer.alloc(0),
  ): Promise<{ status: number; retryAfter: string | undefined }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(endpoint, { method: 'POST', headers, ca: service.ca, agent: false });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        response.resume();
        resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] });
      });
      outgoing.end(body);
    });
  }

  async function statusOf(headers: Record<string, string>, body?: Buffer): Promise<number> {
    return (await post(service.subscribe().endpoint, headers, body)).status;
  }

  const good = (more: Record<string, string> = {}) => ({
    Authorization: sign(service.url),
    TTL: '60',
    ...more,
  });

  it('accepts a signed push without a body', async () => {
    expect(await statusOf(good())).to.equal(201);
  });

  it('asks for a VAPID token when there is none', async () => {
    expect(await statusOf({ TTL: '60' })).to.equal(401);
    expect(await statusOf({ TTL: '60', Authorization: 'Bearer x' })).to.equal(401);
  });

  it('refuses a token that is for another origin, or expired, or signed by another key', async () => {
    const withToken = (Authorization: string) => statusOf({ TTL: '60', Authorization });
    expect(await withToken(sign('https://push.example'))).to.equal(403);
    expect(await withToken(sign(service.url, inHours(-1)))).to.equal(403);
    expect(await withToken(sign(service.url, inHours(12), generateVapidKeys().privateKey))).to.equal(403);
    expect(await withToken('vapid t=a.b.c, k=AAAA')).to.equal(403);
  });

  it('refuses a push without TTL, or with a Topic that is too long', async () => {
    expect(await statusOf({ Authorization: sign(service.url) })).to.equal(400);
    expect(await statusOf(good({ TTL: 'soon' }))).to.equal(400);
    expect(await statusOf(good({ Topic: 'x'.repeat(33) }))).to.equal(400);
  });

  it('refuses a body it cannot decrypt, and one that is too long', async () => {
    const encoded = good({ 'Content-Encoding': 'aes128gcm' });
    expect(await statusOf(encoded, Buffer.alloc(200, 1))).to.equal(400);
    expect(await statusOf(encoded, Buffer.alloc(4_097))).to.equal(413);
    const other = service.subscribe().keys;
    const misaddressed = webPush.encrypt(other.p256dh, other.auth, 'hello', 'aes128gcm').cipherText;
    expect(await statusOf(encoded, misaddressed)).to.equal(400);
  });

  it('knows no subscription but its own, and takes leave of one that is given up', async () => {
    const { endpoint } = service.subscribe();
    expect((await post(`${service.url}/push/unknown`, good())).status).to.equal(404);
    service.unsubscribe(endpoint);
    expect((await post(endpoint, good())).status).to.equal(410);
  });

  it('answers by the newest rule that fits, as often as the rule says', async () => {
    const [one, two] = [service.subscribe(), service.subscribe()];
    service.answer({ answer: { status: 503 } });
    service.answer({ answer: { status: 429, retryAfter: '9' }, subscription: one.endpoint, times: 1 });
    expect(await post(one.endpoint, good())).to.deep.equal({ status: 429, retryAfter: '9' });
    expect((await post(one.endpoint, good())).status).to.equal(503);
    expect((await post(two.endpoint, good())).status).to.equal(503);
    service.answer({ answer: { status: 202 }, when: (push) => push.headers['x-mark'] === 'y' });
    expect((await post(two.endpoint, good({ 'X-Mark': 'y' }))).status).to.equal(202);
    expect(service.received().map((push) => push.answered)).to.deep.equal([429, 503, 503, 202]);
    expect(service.delivered()).to.have.length(1);
  });

  it('keeps the latest of a topic for a browser that is away, and delivers it on its return', async () => {
    const { endpoint } = service.subscribe();
    const delivered: (string | undefined)[] = [];
    service.onDelivered((push) => delivered.push(push.headers['x-mark']?.toString()));
    service.withhold(3);
    await post(endpoint, good({ Topic: 'a', 'X-Mark': 'first' }));
    await post(endpoint, good({ Topic: 'b', 'X-Mark': 'other' }));
    await post(endpoint, good({ Topic: 'a', 'X-Mark': 'second' }));
    expect(delivered).to.deep.equal([]);
    service.release();
    expect(delivered).to.deep.equal(['other', 'second']);
    expect(service.received().map((push) => push.state)).to.deep.equal([
      'replaced',
      'delivered',
      'delivered',
    ]);
  });

  it('tells a waiting test when so many pushes have come, and when they do not', async () => {
    const arrived = service.waitForReceived(2);
    await Promise.all([statusOf(good()), statusOf(good())]);
    await arrived;
    const missing = await service.waitForReceived(3, { timeoutMs: 10 }).catch((error: unknown) => error);
    expect(missing).to.match(/2 of 3 pushes came/);
  });
});
