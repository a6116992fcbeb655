import { expect } from 'chai';
import type { PushPayload } from '../../../domain/content/push-payload.ts';
import { bundleWebAssets } from '../../../web/bundle.ts';
import { createCaches } from './caches.ts';
import { createWorkerWorld } from './worker-world.ts';
import type { WorkerWorld, WorldOptions } from './worker-world.ts';

const payload: PushPayload = {
  v: 1,
  messageId: 'm1',
  subscriptionId: 's1',
  receiptUrl: 'https://beckon.example/v1/receipts',
  receiptToken: 't1',
  notification: {
    title: 'Still thinking it over?',
    body: 'Your cart is waiting',
    icon: 'https://shop.example/icon.png',
    tag: 'm1',
    url: 'https://shop.example/cart',
    actions: [
      { action: 'buy', title: 'Check out', url: '/checkout' },
      { action: 'later', title: 'Later' },
    ],
    requireInteraction: true,
    data: { k: 'v' },
  },
};

const json = (value: unknown) => ({ data: { json: () => JSON.parse(JSON.stringify(value)) as unknown } });
const networkDown = () => Promise.reject(new TypeError('Failed to fetch'));

describe('the service worker', () => {
  let source: string;
  before(async () => {
    source = (await bundleWebAssets()).serviceWorkerJs;
  });
  const world = (options: WorldOptions = {}) => createWorkerWorld(source, options);

  /** Pushes the payload and gives the notification that the browser would hand to a click. */
  async function shownNotification(at: WorkerWorld, value: unknown = payload) {
    await at.fire('push', json(value));
    at.fetches.length = 0;
    let closed = 0;
    const data = at.shown[0]?.options.data;
    return { notification: { data, close: () => (closed += 1) }, timesClosed: () => closed };
  }

  describe('on a push', () => {
    it('shows the notification under the tag of its message', async () => {
      const at = world();
      await at.fire('push', json(payload));
      expect(at.shown).to.have.length(1);
      expect(at.shown[0]?.title).to.equal('Still thinking it over?');
      expect(at.shown[0]?.options).to.deep.include({
        body: 'Your cart is waiting',
        icon: 'https://shop.example/icon.png',
        tag: 'm1',
        requireInteraction: true,
        actions: [
          { action: 'buy', title: 'Check out' },
          { action: 'later', title: 'Later' },
        ],
      });
      expect(at.shown[0]?.options.data).to.deep.include({ custom: { k: 'v' } });
    });

    it('shows what legacy FCM brought, with the payload as a text of data', async () => {
      const at = world();
      await at.fire('push', json({ from: '1234567890', data: { payload: JSON.stringify(payload) } }));
      expect(at.shown[0]?.title).to.equal('Still thinking it over?');
      expect(at.kinds()).to.deep.equal(['delivered', 'viewed']);
    });

    it('posts the receipts delivered and viewed, each with an id of its own', async () => {
      const at = world();
      await at.fire('push', json(payload));
      expect(at.kinds()).to.deep.equal(['delivered', 'viewed']);
      const [delivered, viewed] = at.fetches;
      expect(delivered?.url).to.equal('https://beckon.example/v1/receipts');
      expect(delivered?.init).to.include({ method: 'POST', keepalive: true, credentials: 'omit' });
      expect(delivered?.body).to.include({ messageId: 'm1', subscriptionId: 's1', token: 't1' });
      expect(delivered?.body).to.not.have.property('action');
      expect(new Date(String(delivered?.body.at)).toISOString()).to.equal(delivered?.body.at);
      expect(delivered?.body.receiptId).to.match(/^[\da-f-]{36}$/);
      expect(viewed?.body.receiptId).to.not.equal(delivered?.body.receiptId);
    });

    it('shows the notification before a receipt is answered', async () => {
      let answer: (status: number) => void = () => {};
      const held = new Promise<number>((resolve) => (answer = resolve));
      const at = world({ respond: () => held });
      const done = at.fire('push', json(payload));
      expect(at.shown).to.have.length(1);
      answer(204);
      await done;
    });

    it('posts viewed only once the notification is shown', async () => {
      let show: () => void = () => {};
      const at = world({ showNotification: () => new Promise<void>((resolve) => (show = resolve)) });
      const done = at.fire('push', json(payload));
      await new Promise((resolve) => setImmediate(resolve));
      expect(at.kinds()).to.deep.equal(['delivered']);
      show();
      await done;
      expect(at.kinds()).to.deep.equal(['delivered', 'viewed']);
    });

    it('shows the notification though the network is down, and gives up after four tries', async () => {
      const at = world({ respond: networkDown });
      await at.fire('push', json(payload));
      expect(at.shown).to.have.length(1);
      const delivered = at.fetches.filter((call) => call.body.kind === 'delivered');
      expect(delivered).to.have.length(4);
      expect(new Set(delivered.map((call) => call.body.receiptId)).size).to.equal(1);
      expect([...at.pauses].sort((a, b) => a - b)).to.deep.equal([500, 500, 2000, 2000, 6000, 6000]);
    });

    it('posts a receipt again until the server takes it', async () => {
      const answers = [networkDown, () => 503, () => 429, () => 204];
      const at = world({
        respond: (call) => (call.body.kind === 'viewed' ? 204 : answers.shift()?.()) ?? 500,
      });
      await at.fire('push', json(payload));
      expect(at.kinds().filter((kind) => kind === 'delivered')).to.have.length(4);
      expect(at.kinds().filter((kind) => kind === 'viewed')).to.have.length(1);
    });

    it('does not repeat a receipt that is refused for good', async () => {
      const at = world({ respond: () => 401 });
      await at.fire('push', json(payload));
      expect(at.kinds()).to.deep.equal(['delivered', 'viewed']);
      expect(at.pauses).to.deep.equal([]);
    });

    it('reports a notification that could not be shown as delivered, not as viewed', async () => {
      const at = world({
        showNotification: () => Promise.reject(new TypeError('no permission')),
        respond: (_call, count) => (count < 3 ? networkDown() : 204),
      });
      await at.fire('push', json(payload));
      expect(at.kinds()).to.deep.equal(['delivered', 'delivered', 'delivered']);
    });

    for (const [name, event] of [
      ['without data', { data: null }],
      ['that is no JSON', { data: { json: () => JSON.parse('hello') as unknown } }],
      ['of null', json(null)],
      ['of another sender', json({ title: 'x', body: 'y' })],
      ['of another version', json({ ...payload, v: 2 })],
      ['without a notification', json({ ...payload, notification: undefined })],
      [
        'whose actions are no list',
        json({ ...payload, notification: { ...payload.notification, actions: 'x' } }),
      ],
    ] as const) {
      it(`${name} shows and posts nothing`, async () => {
        const at = world();
        await at.fire('push', { ...event });
        expect(at.shown).to.deep.equal([]);
        expect(at.fetches).to.deep.equal([]);
      });
    }
  });

  describe('on a click', () => {
    it('closes the notification, opens its page and posts the receipt', async () => {
      const at = world({ windows: ['https://shop.example/other'] });
      const { notification, timesClosed } = await shownNotification(at);
      await at.fire('notificationclick', { notification, action: '' });
      expect(timesClosed()).to.equal(1);
      expect(at.opened).to.deep.equal(['https://shop.example/cart']);
      expect(at.kinds()).to.deep.equal(['clicked']);
      expect(at.fetches[0]?.body).to.not.have.property('action');
    });

    it('brings a window to the front that shows the page already', async () => {
      const at = world({ windows: ['https://shop.example/', 'https://shop.example/cart'] });
      const { notification } = await shownNotification(at);
      await at.fire('notificationclick', { notification, action: '' });
      expect(at.focused).to.deep.equal(['https://shop.example/cart']);
      expect(at.opened).to.deep.equal([]);
    });

    it('of a button goes where the button leads and names it in the receipt', async () => {
      const at = world();
      const { notification } = await shownNotification(at);
      await at.fire('notificationclick', { notification, action: 'buy' });
      expect(at.opened).to.deep.equal(['https://shop.example/checkout']);
      expect(at.fetches[0]?.body).to.include({ kind: 'clicked', action: 'buy' });
    });

    it('of a button without an address goes where the notification leads', async () => {
      const at = world();
      const { notification } = await shownNotification(at);
      await at.fire('notificationclick', { notification, action: 'later' });
      expect(at.opened).to.deep.equal(['https://shop.example/cart']);
    });

    it('of a notification that leads nowhere opens the site', async () => {
      const at = world();
      const bare = { ...payload, notification: { title: 'Hi', body: 'there', tag: 'm1' } };
      const { notification } = await shownNotification(at, bare);
      await at.fire('notificationclick', { notification, action: '' });
      expect(at.opened).to.deep.equal(['https://shop.example/']);
    });

    it('never opens an address that is not of the web', async () => {
      const at = world();
      const evil = { ...payload, notification: { ...payload.notification, url: 'javascript:alert(1)' } };
      const { notification } = await shownNotification(at, evil);
      await at.fire('notificationclick', { notification, action: '' });
      expect(at.opened).to.deep.equal([]);
      expect(at.kinds()).to.deep.equal(['clicked']);
    });

    it('is reported though the window is refused, and opens though the network is down', async () => {
      const refusing = world({ openWindow: () => Promise.reject(new Error('not allowed')) });
      const first = await shownNotification(refusing);
      await refusing.fire('notificationclick', { notification: first.notification, action: '' });
      expect(refusing.kinds()).to.deep.equal(['clicked']);

      const offline = world({ respond: networkDown });
      const second = await shownNotification(offline);
      await offline.fire('notificationclick', { notification: second.notification, action: '' });
      expect(offline.opened).to.deep.equal(['https://shop.example/cart']);
    });

    it('on a notification of somebody else does nothing', async () => {
      const at = world();
      const notification = { data: { url: 'https://shop.example/' }, close: () => {} };
      await at.fire('notificationclick', { notification, action: '' });
      expect(at.opened).to.deep.equal([]);
      expect(at.fetches).to.deep.equal([]);
    });
  });

  it('reports a notification that is closed as dismissed', async () => {
    const at = world();
    const { notification } = await shownNotification(at);
    await at.fire('notificationclose', { notification, action: '' });
    expect(at.kinds()).to.deep.equal(['dismissed']);
  });

  describe('when the browser changes its subscription', () => {
    const href =
      'https://shop.example/service-worker.js?site=site1&server=https%3A%2F%2Fbeckon.example&key=BKey&visitor=v1';

    it('subscribes again with the same key and reports the new address', async () => {
      const at = world({ href });
      const applicationServerKey = new Uint8Array([1, 2]).buffer;
      await at.fire('pushsubscriptionchange', { oldSubscription: { options: { applicationServerKey } } });
      expect(at.subscribedWith[0]).to.deep.equal({ userVisibleOnly: true, applicationServerKey });
      expect(at.fetches[0]?.url).to.equal('https://beckon.example/v1/sdk/subscriptions');
      expect(at.fetches[0]?.body).to.deep.include({
        siteId: 'site1',
        transport: 'vapid',
        pushSubscription: { endpoint: 'https://push.example/again' },
        browserType: 'Firefox',
        platformName: 'Linux',
        language: 'de',
        anonymousId: 'v1',
      });
    });

    it('takes the key of its own address when the old subscription is not known', async () => {
      const at = world({ href });
      await at.fire('pushsubscriptionchange');
      expect(at.subscribedWith[0]).to.include({ applicationServerKey: 'BKey' });
    });

    it('reports the subscription that the browser made itself', async () => {
      const at = world({ href });
      const newSubscription = { toJSON: () => ({ endpoint: 'https://push.example/new' }) };
      await at.fire('pushsubscriptionchange', { newSubscription });
      expect(at.subscribedWith).to.deep.equal([]);
      expect(at.fetches[0]?.body).to.deep.include({
        pushSubscription: { endpoint: 'https://push.example/new' },
      });
    });

    it('says which key the new one was made under, and whose place it takes', async () => {
      const at = world({ href });
      const applicationServerKey = Uint8Array.from([4, 250, 255, 1]).buffer;
      await at.fire('pushsubscriptionchange', {
        oldSubscription: { endpoint: 'https://push.example/old', toJSON: () => ({}) },
        newSubscription: {
          options: { applicationServerKey },
          toJSON: () => ({ endpoint: 'https://push.example/new' }),
        },
      });
      expect(at.fetches[0]?.body).to.include({
        vapidPublicKey: Buffer.from(applicationServerKey).toString('base64url'),
        replaces: 'https://push.example/old',
      });
    });

    it('keeps whose place it takes until the server has answered', async () => {
      const { caches, kept } = createCaches();
      let up = false;
      const at = world({ href, caches, respond: () => (up ? 201 : networkDown()) });
      const change = (oldSubscription?: object) => at.fire('pushsubscriptionchange', { oldSubscription });
      await change({ endpoint: 'https://push.example/1', options: {}, toJSON: () => ({}) });
      expect([...kept.values()]).to.deep.equal(['https://push.example/1']);
      await change({ endpoint: 'https://push.example/2', options: {}, toJSON: () => ({}) });
      up = true;
      await change();
      expect(at.fetches.map(({ body }) => body.replaces)).to.deep.equal(
        Array.from({ length: 3 }, () => 'https://push.example/1'),
      );
      expect([...kept.values()]).to.deep.equal([]);
    });

    it('does nothing when it does not know the site, and survives a network that is down', async () => {
      const unknown = world();
      await unknown.fire('pushsubscriptionchange');
      expect(unknown.subscribedWith).to.deep.equal([]);
      expect(unknown.fetches).to.deep.equal([]);
      const offline = world({ href, respond: networkDown });
      await offline.fire('pushsubscriptionchange');
      expect(offline.fetches).to.not.deep.equal([]);
    });
  });
});
