import { createContext, runInContext } from 'node:vm';
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { bundleWebAssets } from '../../../web/bundle.ts';
import { describeBrowser } from '../../../web/sdk/browser-info.ts';
import type { Beckon } from '../../../web/sdk/beckon.ts';
import { createCaches } from './caches.ts';

const KEY = Buffer.from([4, ...Array.from({ length: 64 }, (_, i) => i)]);
const settings = {
  siteId: 'site1',
  serverUrl: 'https://beckon.example/',
  vapidPublicKey: KEY.toString('base64url'),
};

interface PageOptions {
  permission?: string;
  /** The key of a subscription that the browser has already. */
  existingKey?: Buffer;
  storage?: Map<string, string> | 'blocked';
  status?: number;
  /** The first calls fail for want of a network. */
  offline?: number;
  /** The first so many times, the browser makes no subscription. */
  refuses?: number;
  caches?: object;
  supported?: boolean;
}

/** A page's window with a push manager, in which the bundled SDK has been loaded. */
function openPage(source: string, options: PageOptions = {}) {
  const calls: { url: string; method: string; body: Record<string, unknown> }[] = [];
  const registered: URL[] = [];
  let [refusals, outages] = [options.refuses ?? 0, options.offline ?? 0];
  const subscribedWith: { userVisibleOnly: boolean; applicationServerKey: Uint8Array }[] = [];
  let current = options.existingKey ? subscription('https://push.example/old', options.existingKey) : null;

  function subscription(endpoint: string, key: Uint8Array) {
    return {
      endpoint,
      options: { applicationServerKey: Uint8Array.from(key).buffer },
      toJSON: () => ({ endpoint, keys: { p256dh: 'p', auth: 'a' } }),
      unsubscribe() {
        current = null;
        return Promise.resolve(true);
      },
    };
  }
  const pushManager = {
    getSubscription: () => Promise.resolve(current),
    subscribe(given: (typeof subscribedWith)[number]) {
      if (current) throw new Error('a subscription with another key exists');
      if (refusals-- > 0) return Promise.reject(new Error('AbortError'));
      subscribedWith.push(given);
      const nth = subscribedWith.length === 1 ? '' : subscribedWith.length;
      current = subscription(`https://push.example/new${nth}`, given.applicationServerKey);
      return Promise.resolve(current);
    },
  };
  const serviceWorker = {
    register: (url: string) => Promise.resolve(registered.push(new URL(url))),
    ready: Promise.resolve({ pushManager }),
    getRegistration: () => Promise.resolve({ pushManager }),
  };
  const { storage = new Map<string, string>() } = options;
  const window = {
    location: { href: 'https://shop.example/page' },
    navigator: {
      userAgent: 'x Chrome/130 Windows',
      language: 'de',
      ...(options.supported === false ? {} : { serviceWorker }),
    },
    Notification: { requestPermission: () => Promise.resolve(options.permission ?? 'granted') },
    PushManager: {},
    crypto: { randomUUID },
    ...(options.caches ? { caches: options.caches } : {}),
    get localStorage() {
      if (storage === 'blocked') throw new Error('SecurityError');
      return {
        getItem: (key: string) => storage.get(key) ?? null,
        setItem: (key: string, value: string) => storage.set(key, value),
        removeItem: (key: string) => storage.delete(key),
      };
    },
    fetch(url: string, init: { method: string; body: string }) {
      calls.push({ url, method: init.method, body: JSON.parse(init.body) as Record<string, unknown> });
      if (outages-- > 0) return Promise.reject(new Error('offline'));
      const status = options.status ?? 201;
      return Promise.resolve({ ok: status < 300, status });
    },
  };
  runInContext(source, createContext({ window, URL, atob }));
  const { beckon } = window as unknown as { beckon: Beckon };
  return { beckon, calls, registered, subscribedWith, subscribed: () => current?.endpoint };
}

describe('the browser SDK', () => {
  let source: string;
  before(async () => {
    source = (await bundleWebAssets()).sdkJs;
  });

  it('subscribes the browser with the key of the site and tells the server', async () => {
    const page = openPage(source);
    page.beckon.init(settings);
    const result = await page.beckon.subscribe({ topics: ['news'], customAttributes: { plan: 'gold' } });
    expect(result).to.deep.equal({ status: 'subscribed', endpoint: 'https://push.example/new' });
    expect(Buffer.from(page.subscribedWith[0]?.applicationServerKey ?? []).equals(KEY)).to.equal(true);
    expect(page.subscribedWith[0]?.userVisibleOnly).to.equal(true);
    expect(page.calls).to.have.length(1);
    expect(page.calls[0]).to.include({ url: 'https://beckon.example/v1/sdk/subscriptions', method: 'POST' });
    const { anonymousId, timezone, ...body } = page.calls[0]?.body ?? {};
    expect(anonymousId).to.match(/^[\da-f-]{36}$/);
    expect(timezone).to.be.a('string');
    expect(body).to.deep.equal({
      siteId: 'site1',
      transport: 'vapid',
      pushSubscription: { endpoint: 'https://push.example/new', keys: { p256dh: 'p', auth: 'a' } },
      vapidPublicKey: settings.vapidPublicKey,
      browserType: 'Chrome',
      platformName: 'Windows',
      language: 'de',
      topics: ['news'],
      customAttributes: { plan: 'gold' },
    });
  });

  it('registers the worker under an address that says what the worker needs', async () => {
    const page = openPage(source);
    page.beckon.init({ ...settings, serviceWorkerPath: '/push/sw.js' });
    await page.beckon.subscribe();
    expect(page.registered[0]?.pathname).to.equal('/push/sw.js');
    expect(Object.fromEntries(page.registered[0]?.searchParams ?? [])).to.deep.equal({
      site: 'site1',
      server: 'https://beckon.example',
      key: settings.vapidPublicKey,
      visitor: page.calls[0]?.body.anonymousId,
    });
  });

  it('keeps a subscription that has the key of the site', async () => {
    const page = openPage(source, { existingKey: KEY });
    page.beckon.init(settings);
    await page.beckon.subscribe();
    expect(page.subscribedWith).to.deep.equal([]);
    expect(page.calls[0]?.body).to.deep.include({
      pushSubscription: { endpoint: 'https://push.example/old', keys: { p256dh: 'p', auth: 'a' } },
    });
  });

  it('replaces a subscription that has another key', async () => {
    const page = openPage(source, { existingKey: Buffer.alloc(65, 9) });
    page.beckon.init(settings);
    await page.beckon.subscribe();
    expect(page.subscribed()).to.equal('https://push.example/new');
    expect(page.calls[0]?.body).to.include({
      vapidPublicKey: settings.vapidPublicKey,
      replaces: 'https://push.example/old',
    });
  });

  it('moves a subscription of legacy FCM, which has no key, over to VAPID', async () => {
    const page = openPage(source, { existingKey: Buffer.alloc(0) });
    page.beckon.init(settings);
    await page.beckon.subscribe();
    expect(page.calls[0]?.body).to.include({ transport: 'vapid', replaces: 'https://push.example/old' });
    await page.beckon.subscribe();
    expect(page.calls[1]?.body, 'once it has').to.not.have.property('replaces');
  });

  const OTHER = Buffer.alloc(65, 9);
  const old = 'https://push.example/old';
  const replacing = (page: ReturnType<typeof openPage>) => page.calls.map(({ body }) => body.replaces);

  it('names whose place it takes until the server has answered, also on a later page', async () => {
    const storage = new Map<string, string>();
    const page = openPage(source, { storage, existingKey: OTHER, offline: 2 });
    page.beckon.init(settings);
    for (const _try of [1, 2]) expect(await page.beckon.subscribe().catch(String)).to.match(/offline/);
    await page.beckon.subscribe();
    await page.beckon.subscribe();
    expect(replacing(page)).to.deep.equal([old, old, old, undefined]);

    const first = openPage(source, { storage, existingKey: OTHER, offline: 1 });
    first.beckon.init(settings);
    await first.beckon.subscribe().catch(String);
    const later = openPage(source, { storage });
    later.beckon.init(settings);
    await later.beckon.subscribe();
    expect(replacing(later)).to.deep.equal([old]);
  });

  it('names the one that the server knows after several changes that it did not hear of', async () => {
    const storage = new Map<string, string>();
    const page = openPage(source, { storage, existingKey: OTHER, offline: 1 });
    page.beckon.init(settings);
    await page.beckon.subscribe().catch(String);
    page.beckon.init({ ...settings, vapidPublicKey: OTHER.toString('base64url') });
    await page.beckon.subscribe();
    expect(page.subscribed()).to.equal('https://push.example/new2');
    expect(replacing(page)).to.deep.equal([old, old]);
  });

  for (const storage of [new Map<string, string>(), 'blocked'] as const) {
    const where = storage === 'blocked' ? ', where storage is blocked' : '';
    it(`does not forget whose place it takes when the browser gives no new subscription${where}`, async () => {
      const page = openPage(source, { storage, existingKey: OTHER, refuses: 1 });
      page.beckon.init(settings);
      expect(await page.beckon.subscribe().catch(String)).to.match(/AbortError/);
      await page.beckon.subscribe();
      expect(replacing(page)).to.deep.equal([old]);
    });
  }

  it('opts out the subscription that the server knows when it did not hear of the next', async () => {
    const page = openPage(source, { existingKey: OTHER, offline: 1 });
    page.beckon.init(settings);
    await page.beckon.subscribe().catch(String);
    expect(await page.beckon.unsubscribe()).to.equal(true);
    const deleted = page.calls.filter(({ method }) => method === 'DELETE').map(({ body }) => body.endpoint);
    expect(deleted).to.deep.equal(['https://push.example/new', old]);
    expect(await page.beckon.unsubscribe()).to.equal(false);
  });

  it('takes over what the worker could not tell the server', async () => {
    const { caches, kept } = createCaches();
    kept.set('/beckon-replaces/site1', 'https://push.example/before');
    const page = openPage(source, { existingKey: KEY, caches });
    page.beckon.init(settings);
    await page.beckon.subscribe();
    expect(replacing(page)).to.deep.equal(['https://push.example/before']);
    expect([...kept]).to.deep.equal([]);
  });

  for (const permission of ['denied', 'default'] as const) {
    it(`does not subscribe when the user's answer is ${permission}`, async () => {
      const page = openPage(source, { permission });
      page.beckon.init(settings);
      expect(await page.beckon.subscribe()).to.deep.equal({ status: permission });
      expect(page.registered).to.deep.equal([]);
      expect(page.calls).to.deep.equal([]);
    });
  }

  it('says so where the browser has no service workers', async () => {
    const page = openPage(source, { supported: false });
    page.beckon.init(settings);
    expect(await page.beckon.subscribe()).to.deep.equal({ status: 'unsupported' });
    expect(await page.beckon.unsubscribe()).to.equal(false);
  });

  it('knows the browser again on its next visit, and within one page where storage is blocked', async () => {
    const storage = new Map<string, string>();
    const ids: unknown[] = [];
    for (const _visit of [1, 2]) {
      const page = openPage(source, { storage });
      page.beckon.init(settings);
      await page.beckon.subscribe();
      ids.push(page.calls[0]?.body.anonymousId);
    }
    expect(ids[0]).to.be.a('string').and.equal(ids[1]);

    const blocked = openPage(source, { storage: 'blocked' });
    blocked.beckon.init(settings);
    await blocked.beckon.subscribe();
    await blocked.beckon.subscribe();
    const [first, second] = blocked.calls.map((call) => call.body.anonymousId);
    expect(first).to.be.a('string').and.equal(second);
  });

  it('rejects when the server refuses, and before init', async () => {
    const page = openPage(source, { status: 403 });
    expect(await page.beckon.subscribe().catch(String)).to.match(/init\(\) comes first/);
    page.beckon.init(settings);
    expect(await page.beckon.subscribe().catch(String)).to.match(/answered 403/);
  });

  for (const name of ['siteId', 'serverUrl', 'vapidPublicKey'] as const) {
    it(`refuses to begin without ${name}, and says so`, () => {
      const { beckon } = openPage(source);
      const { [name]: _left, ...rest } = settings;
      const wrong = rest as typeof settings;
      expect(() => beckon.init(wrong)).to.throw(new RegExp(`^beckon\\.init: ${name} is missing$`));
      const empty = { ...settings, [name]: '' };
      expect(() => beckon.init(empty)).to.throw(`beckon.init: ${name} must be a text that is not empty`);
    });
  }

  it('names every option that is missing and every one that it does not know', () => {
    const { beckon } = openPage(source);
    const init = beckon.init as (options?: object) => void;
    const { siteId: siteID, ...rest } = settings;
    expect(() => init({ siteID, ...rest })).to.throw(
      /siteId is missing; siteID is not an option \(there are siteId, serverUrl, /,
    );
    expect(() => init()).to.throw('siteId is missing; serverUrl is missing; vapidPublicKey is missing');
    expect(() => init({ ...settings, serviceWorkerPath: undefined })).not.to.throw();
  });

  it('is not configured by options that it refused', async () => {
    const { beckon } = openPage(source);
    expect(() => (beckon.init as (options: object) => void)({ ...settings, key: 'x' })).to.throw(
      'key is not an option',
    );
    expect(await beckon.subscribe().catch(String)).to.match(/init\(\) comes first/);
  });

  it('unsubscribes the browser and tells the server', async () => {
    const page = openPage(source, { existingKey: KEY });
    page.beckon.init(settings);
    expect(await page.beckon.unsubscribe()).to.equal(true);
    expect(page.subscribed()).to.equal(undefined);
    expect(page.calls).to.deep.equal([
      {
        url: 'https://beckon.example/v1/sdk/subscriptions',
        method: 'DELETE',
        body: { siteId: 'site1', endpoint: 'https://push.example/old' },
      },
    ]);
    expect(await page.beckon.unsubscribe()).to.equal(false);
  });
});

describe('the description of a browser', () => {
  for (const [userAgent, browserType, platformName] of [
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0',
      'Edge',
      'Windows',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36',
      'Chrome',
      'Android',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1',
      'Safari',
      'iOS',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox',
      'macOS',
    ],
    ['', 'Unknown', 'Unknown'],
  ] as const) {
    it(`finds ${browserType} on ${platformName}`, () => {
      expect(describeBrowser({ userAgent, language: 'en' })).to.include({ browserType, platformName });
    });
  }
});
