import { createContext, runInContext } from 'node:vm';
import { webcrypto } from 'node:crypto';
import { expect } from 'chai';
import { bundleWebAssets } from '../../../web/bundle.ts';
import type { Beckon } from '../../../web/sdk/beckon.ts';
import { safariPayload } from '../../../domain/content/safari-payload.ts';

const settings = {
  siteId: 'site1',
  serverUrl: 'https://beckon.example/',
  vapidPublicKey: 'BAAA',
  safariWebsitePushId: 'web.example.shop',
};

interface SafariOptions {
  href?: string;
  /** What Safari knows of the permission before anybody asks. */
  known?: { permission: string; deviceToken?: string };
  /** What the user answers. */
  answer?: { permission: string; deviceToken?: string };
  /** Safari 16 and later. */
  standard?: boolean;
  /** What the server answers; default 204. */
  server?: { status: number; body?: object };
}

/** A page in Safari, with its own website push, without UUIDs and without service workers. */
function openPage(source: string, options: SafariOptions = {}) {
  const asked: unknown[][] = [];
  const calls: { url: string; method: string; body: Record<string, unknown> }[] = [];
  const addresses: string[] = [];
  const storage = new Map<string, string>();
  let known = options.known ?? { permission: 'default' };
  const window = {
    location: { href: options.href ?? 'https://shop.example/' },
    history: {
      state: { page: 7 },
      replaceState(state: unknown, _title: string, href: string) {
        expect(state).to.deep.equal({ page: 7 });
        addresses.push(href);
        window.location.href = href;
      },
    },
    navigator: { userAgent: 'Macintosh Version/13 Safari/605', language: 'de' },
    crypto: { getRandomValues: (bytes: Uint8Array) => webcrypto.getRandomValues(bytes) },
    localStorage: {
      getItem: (key: string) => storage.get(key) ?? null,
      setItem: (key: string, value: string) => storage.set(key, value),
    },
    safari: {
      pushNotification: {
        permission: () => known,
        requestPermission(...given: unknown[]) {
          asked.push(given.slice(0, 3));
          known = options.answer ?? { permission: 'denied' };
          (given[3] as (answer: object) => void)(known);
        },
      },
    },
    ...(options.standard ? { PushManager: {}, Notification: { requestPermission: () => 'denied' } } : {}),
    fetch(url: string, init: { method: string; body: string }) {
      calls.push({ url, method: init.method, body: JSON.parse(init.body) as Record<string, unknown> });
      const { status, body = {} } = options.server ?? { status: 204 };
      return Promise.resolve({ ok: status < 300, status, json: () => Promise.resolve(body) });
    },
  };
  if (options.standard) Object.assign(window.navigator, { serviceWorker: {} });
  runInContext(source, createContext({ window, URL, atob, btoa }));
  const { beckon } = window as unknown as { beckon: Beckon };
  return { beckon, asked, calls, addresses };
}

describe('the browser SDK in Safari', () => {
  let source: string;
  before(async () => {
    source = (await bundleWebAssets()).sdkJs;
  });

  it('asks by website push where there is nothing else, and says who the visitor is', async () => {
    const answer = { permission: 'granted', deviceToken: 'ABCD' };
    const page = openPage(source, { answer });
    page.beckon.init(settings);
    expect(await page.beckon.subscribe()).to.deep.equal({ status: 'subscribed', endpoint: 'abcd' });
    expect(page.asked).to.have.length(1);
    const [url, websitePushId, userInfo] = page.asked[0] ?? [];
    expect(url).to.equal('https://beckon.example/v1/safari');
    expect(websitePushId).to.equal('web.example.shop');
    const { anonymousId, timezone, ...rest } = userInfo as Record<string, string>;
    expect(anonymousId).to.match(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(timezone).to.be.a('string');
    expect(rest).to.deep.equal({ language: 'de' });
    expect(page.calls, 'Safari tells the server by itself').to.deep.equal([]);
  });

  it('asks nobody who has answered already', async () => {
    const page = openPage(source, { known: { permission: 'denied' } });
    page.beckon.init(settings);
    expect(await page.beckon.subscribe()).to.deep.equal({ status: 'denied' });
    expect(page.asked).to.deep.equal([]);
  });

  it('subscribes again after it unsubscribed, when Safari tells the server nothing', async () => {
    const page = openPage(source, { answer: { permission: 'granted', deviceToken: 'ABCD' } });
    page.beckon.init(settings);
    await page.beckon.subscribe();
    await page.beckon.unsubscribe();
    const again = await page.beckon.subscribe({ topics: ['news'] });
    expect(again).to.deep.equal({ status: 'subscribed', endpoint: 'abcd' });
    expect(page.asked, 'Safari is asked once').to.have.length(1);
    const [{ anonymousId }] = page.asked[0]?.slice(2) as [{ anonymousId: string }];
    expect(page.calls.map(({ method }) => method)).to.deep.equal(['DELETE', 'POST']);
    expect(page.calls[1]?.url).to.equal('https://beckon.example/v1/sdk/subscriptions');
    expect(page.calls[1]?.body).to.include({
      siteId: 'site1',
      transport: 'apns',
      deviceToken: 'ABCD',
      anonymousId,
    });
    expect(page.calls[1]?.body.topics).to.deep.equal(['news']);
  });

  it('is subscribed when the server knows the device by another id, and tells any other refusal', async () => {
    const known = { permission: 'granted', deviceToken: 'ABCD' };
    const lost = openPage(source, { known, server: { status: 403, body: { code: 'other_visitor' } } });
    lost.beckon.init(settings);
    expect(await lost.beckon.subscribe()).to.deep.equal({ status: 'subscribed', endpoint: 'abcd' });
    const server = { status: 403, body: { code: 'origin_not_allowed' } };
    const refused = openPage(source, { known, server });
    refused.beckon.init(settings);
    expect(await refused.beckon.subscribe().catch(String)).to.match(/answered 403/);
  });

  it('uses standard web push where Safari has it', async () => {
    const page = openPage(source, { standard: true });
    page.beckon.init(settings);
    expect(await page.beckon.subscribe()).to.deep.equal({ status: 'denied' });
    expect(page.asked).to.deep.equal([]);
  });

  it('cannot subscribe without the website push id', async () => {
    const page = openPage(source);
    const { safariWebsitePushId: _left, ...rest } = settings;
    page.beckon.init(rest);
    expect(await page.beckon.subscribe()).to.deep.equal({ status: 'unsupported' });
  });

  it('unsubscribes by the device token', async () => {
    const page = openPage(source, { known: { permission: 'granted', deviceToken: 'ABCD' } });
    page.beckon.init(settings);
    expect(await page.beckon.unsubscribe()).to.equal(true);
    expect(page.calls).to.have.length(1);
    const { url, method, body } = page.calls[0]!;
    expect({ url, method }).to.deep.equal({
      url: 'https://beckon.example/v1/sdk/subscriptions',
      method: 'DELETE',
    });
    expect(body).to.include({ siteId: 'site1', endpoint: 'abcd' });
    expect(body.anonymousId, 'proves who registered it').to.match(/^[\da-f-]{36}$/);
    const never = openPage(source);
    never.beckon.init(settings);
    expect(await never.beckon.unsubscribe()).to.equal(false);
  });

  it('reports the click that a push led here with, and takes its marks off the address', () => {
    const link = 'https://shop.example/s?q=a%20b+c#top';
    const made = safariPayload(
      { title: 'Hi', url: link },
      { allowedDomains: ['https://shop.example'] },
      { messageId: 'm1', subscriptionId: 's1', token: 't_-1' },
    );
    if (made.kind !== 'ready') throw new Error(made.detail);
    const { aps } = JSON.parse(made.payload) as { aps: { 'url-args': [string] } };
    const page = openPage(source, { href: `https://shop.example/${aps['url-args'][0]}` });
    page.beckon.init(settings);
    expect(page.addresses).to.deep.equal([link]);
    expect(page.calls).to.have.length(1);
    const [{ url, method, body } = { url: '', method: '', body: {} }] = page.calls;
    expect({ url, method }).to.deep.equal({
      url: 'https://beckon.example/v1/sdk/receipts',
      method: 'POST',
    });
    const { receiptId, at, ...rest } = body as Record<string, string>;
    expect(rest).to.deep.equal({ messageId: 'm1', subscriptionId: 's1', token: 't_-1', kind: 'clicked' });
    expect(receiptId).to.match(/^[\da-f-]{36}$/);
    expect(Number.isNaN(Date.parse(at ?? ''))).to.equal(false);

    page.beckon.init(settings);
    expect(page.calls, 'a second time').to.have.length(1);
  });

  for (const query of ['', '?q=1', '?beckon_message=m1&beckon_token=t1', '?beckon_message=&beckon_token=']) {
    it(`reports nothing at ${query || 'an address without marks'}`, () => {
      const page = openPage(source, { href: `https://shop.example/${query}` });
      page.beckon.init(settings);
      expect(page.calls).to.deep.equal([]);
      expect(page.addresses).to.have.length(query.includes('beckon') ? 1 : 0);
    });
  }
});
