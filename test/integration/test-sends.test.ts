import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { freePort } from '../../embedded/free-port.ts';
import { makeSite, messagesOf, post, publish, statsOf, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

type Site = Awaited<ReturnType<typeof makeSite>>;

interface Result {
  identity: string;
  objectId: string;
  sent: boolean;
  reason?: string;
  detail?: string;
  devices: { subscriptionId: string; outcome: { kind: string } }[];
}

interface Pushed {
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
  notification: { title: string; body: string; url?: string };
}

describe('a test send', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Site;
  let people = 0;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** A profile with so many browsers. */
  async function person(
    more: object = {},
    devices = 1,
  ): Promise<{ identity: string; objectId: string; endpoints: string[]; subscriptions: string[] }> {
    people += 1;
    const identity = `tester-${people}`;
    const body = { profiles: [{ identity, name: `Ada ${people}`, testProfile: true, ...more }] };
    const made = (await stack.client.must('/v1/profiles', body)) as { profiles: { objectId: string }[] };
    const browsers: { endpoint: string; id: string }[] = [];
    for (let i = 0; i < devices; i += 1) browsers.push(await subscribe(stack, site, identity));
    return {
      identity,
      objectId: made.profiles[0]?.objectId ?? '',
      endpoints: browsers.map(({ endpoint }) => endpoint),
      subscriptions: browsers.map(({ id }) => id),
    };
  }

  const draft = async (more: object = {}): Promise<string> => {
    const campaign = await stack.client.must('/v1/campaigns', {
      name: 'Hello',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { any: [] } },
      what: { title: 'Hello {{ profile.name }}', url: 'https://shop.example/{{ profile.identity }}' },
      ...more,
    });
    return (campaign as { id: string }).id;
  };
  const live = { live: { event: 'Added To Cart', where: [{ property: 'price', op: 'gt', value: 20 }] } };
  const cart = { title: 'Your cart', body: '{{ event.product }} is waiting', url: 'https://shop.example/a' };
  const test = async (campaign: string, body?: object): Promise<Result[]> =>
    ((await stack.client.must(`/v1/campaigns/${campaign}/test`, body)) as { results: Result[] }).results;
  const pushed = (...endpoints: string[]): Pushed[] =>
    stack.push
      .received()
      .filter(({ endpoint }) => endpoints.includes(endpoint))
      .map(({ payload }) => JSON.parse(payload) as Pushed);

  it('shows each device of the test profiles that are named the real message of a draft', async () => {
    const [ada, other] = [await person({}, 2), await person()];
    const campaign = await draft();
    const results = await test(campaign, { identities: [ada.identity] });
    expect(results).to.deep.equal([
      {
        identity: ada.identity,
        objectId: ada.objectId,
        sent: true,
        devices: ada.subscriptions.map((subscriptionId) => ({
          subscriptionId,
          outcome: { kind: 'delivered', status: 201 },
        })),
      },
    ]);
    const payloads = pushed(...ada.endpoints);
    expect(payloads.map(({ notification }) => notification.title)).to.deep.equal(
      ada.endpoints.map(() => `Hello Ada ${ada.identity.slice('tester-'.length)}`),
    );
    expect(payloads[0]?.notification.url).to.equal(`https://shop.example/${ada.identity}`);
    expect(pushed(...other.endpoints)).to.deep.equal([]);
    expect((await stack.client.get(`/v1/campaigns/${campaign}`)).body.status).to.equal('draft');
  });

  it('reaches all test profiles when none is named, and says why one got nothing', async () => {
    const own = await startStack();
    try {
      const shop = await makeSite(own);
      const profiles = ['reached', 'unreached', 'stranger'].map((identity) => ({
        identity,
        testProfile: identity !== 'stranger',
      }));
      const campaign = (await own.client.must('/v1/campaigns', {
        name: 'Hello',
        channel: 'webPush',
        siteId: shop.id,
        who: { past: { any: [] } },
        what: { title: 'Hello' },
      })) as { id: string };
      expectProblem(await own.client.post(`/v1/campaigns/${campaign.id}/test`), 'validation_failed');
      await own.client.must('/v1/profiles', { profiles });
      const { endpoint } = await subscribe(own, shop, 'reached');
      await subscribe(own, shop, 'stranger');
      const { results } = (await own.client.must(`/v1/campaigns/${campaign.id}/test`)) as {
        results: Result[];
      };
      expect(results.map(({ identity, sent, reason }) => [identity, sent, reason])).to.have.deep.members([
        ['reached', true, undefined],
        ['unreached', false, 'unreachable'],
      ]);
      expect(own.push.received().map((push) => push.endpoint)).to.deep.equal([endpoint]);
      const list = (await own.client.get('/v1/profiles?testProfile=true')).body as { data: object[] };
      expect(list.data.map((one) => (one as { identity: string }).identity)).to.have.members([
        'reached',
        'unreached',
      ]);
      expect(expectProblem(await own.client.get('/v1/profiles'), 'validation_failed')).to.deep.equal([
        '?testProfile',
      ]);
    } finally {
      await own.close();
    }
  });

  it('fills a live campaign with the sample, past its conditions, quiet hours and control group', async () => {
    const ada = await person({ timezone: FAR_ZONE });
    const campaign = await publish(stack, {
      name: 'Cart',
      channel: 'webPush',
      siteId: site.id,
      who: live,
      when: { start: 'now', dnd: quietNow('discard') },
      what: cart,
      setup: { controlGroup: { percent: 100 } },
    });
    const event = { properties: { product: 'Shoes', price: 1 } };
    const [result] = await test(campaign, { identities: [ada.identity], event });
    expect(result).to.include({ sent: true });
    expect(pushed(...ada.endpoints).map(({ notification }) => notification.body)).to.deep.equal([
      'Shoes is waiting',
    ]);
  });

  it('leaves no message and no figure behind, and its receipts are taken and counted nowhere', async () => {
    const ada = await person();
    const campaign = await publish(stack, {
      name: 'Cart',
      channel: 'webPush',
      siteId: site.id,
      who: live,
      what: cart,
    });
    const before = await statsOf(stack, campaign);
    await test(campaign, { identities: [ada.identity], event: { properties: { product: 'Shoes' } } });
    const [push] = pushed(...ada.endpoints);
    expect(push?.notification.url).to.equal('https://shop.example/a');
    for (const kind of ['delivered', 'viewed', 'clicked']) {
      const receipt = {
        messageId: push?.messageId,
        subscriptionId: push?.subscriptionId,
        token: push?.receiptToken,
        kind,
        receiptId: randomUUID(),
        at: new Date().toISOString(),
      };
      const answer = await fetch(push?.receiptUrl ?? '', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(receipt),
      });
      expect(answer.status).to.equal(204);
    }
    expect(await messagesOf(stack, campaign)).to.deep.equal([]);
    expect(await stack.db.collection('messages').countDocuments({ profileId: ada.objectId })).to.equal(0);
    expect(await statsOf(stack, campaign)).to.deep.equal(before);
    // A real one after it is neither stopped by the test nor mistaken for it.
    await post(stack, {
      identity: ada.identity,
      name: 'Added To Cart',
      properties: { price: 30, product: 'Hat' },
    });
    await waitFor('the real message', () => pushed(...ada.endpoints).length === 2);
  });

  it('is sent once however often its call is repeated with the same key', async () => {
    const ada = await person();
    const campaign = await draft();
    const body = { identities: [ada.identity] };
    const headers = { 'idempotency-key': randomUUID() };
    const call = () => stack.client.post(`/v1/campaigns/${campaign}/test`, body, headers);
    const first = await call();
    expect(first.status).to.equal(200);
    expect((await call()).body).to.deep.equal(first.body);
    // As if the answer had been lost before it was kept: the workflow remembers.
    await stack.db.collection('idempotency').deleteMany({});
    const again = await call();
    expect(again.headers.get('idempotent-replay')).to.equal(null);
    expect(again.body).to.deep.equal(first.body);
    expect(pushed(...ada.endpoints)).to.have.length(1);
    await test(campaign, body);
    expect(pushed(...ada.endpoints)).to.have.length(2);
  });

  it('marks a subscription that is gone as expired, and says how each device answered', async () => {
    const ada = await person({}, 2);
    const [gone = '', kept = ''] = ada.endpoints;
    stack.push.unsubscribe(gone);
    const [result] = await test(await draft(), { identities: [ada.identity] });
    expect(result?.sent).to.equal(true);
    expect(result?.devices.map(({ outcome }) => outcome.kind).sort()).to.deep.equal(['delivered', 'gone']);
    expect(pushed(kept)).to.have.length(1);
    const status = (await stack.client.get(`/v1/subscriptions/${ada.subscriptions[0]}`)).body.status;
    expect(status).to.equal('expired');
  });

  it('names the text that does not render', async () => {
    const ada = await person();
    const campaign = await draft({ what: { title: 'Hello', body: '{{ profile.name | nosuchfilter }}' } });
    const [result] = await test(campaign, { identities: [ada.identity] });
    expect(result).to.include({ sent: false, reason: 'renderError' });
    expect(result?.detail).to.match(/^\/what\/body: /);
    expect(pushed(...ada.endpoints)).to.deep.equal([]);
  });

  it('is refused with the place of each fault', async () => {
    const [ada, stranger] = [await person(), await person({ testProfile: false })];
    const past = await draft();
    const cartCampaign = await draft({ who: live, what: cart });
    const refused = async (campaign: string, body: object): Promise<string[]> =>
      expectProblem(await stack.client.post(`/v1/campaigns/${campaign}/test`, body), 'validation_failed');
    const identities = [ada.identity];
    expect(
      await refused(past, { identities: [ada.identity, stranger.identity, 'nobody'], event: {} }),
    ).to.deep.equal(['/identities/1', '/identities/2', '/event']);
    expect(await refused(cartCampaign, { identities })).to.deep.equal(['/event']);
    expect(
      await refused(cartCampaign, { identities, event: { name: 'Charged', properties: {} } }),
    ).to.deep.equal(['/event/name']);
    expect(await refused(past, { identities: [] })).to.deep.equal(['/identities']);
    const many = Array.from({ length: 21 }, () => ada.identity);
    expect(await refused(past, { identities: many })).to.deep.equal(['/identities']);
    const none = await stack.client.post(`/v1/campaigns/${'0'.repeat(24)}/test`, { identities });
    expectProblem(none, 'not_found');
    expect(pushed(...ada.endpoints, ...stranger.endpoints)).to.deep.equal([]);
  });

  it('that no worker takes is not known to be sent, and the same call sends it once there is one', async () => {
    const idle = await startStack({ workers: 0 });
    try {
      const shop = await makeSite(idle);
      await idle.client.must('/v1/profiles', { profiles: [{ identity: 'ada', testProfile: true }] });
      const { endpoint } = await subscribe(idle, shop, 'ada');
      const campaign = (await idle.client.must('/v1/campaigns', {
        name: 'Hello',
        channel: 'webPush',
        siteId: shop.id,
        who: { past: { any: [] } },
        what: { title: 'Hello' },
      })) as { id: string };
      const headers = { 'idempotency-key': randomUUID() };
      const call = () => idle.client.post(`/v1/campaigns/${campaign.id}/test`, undefined, headers);
      const unsent = await call();
      expectProblem(unsent, 'workflows_unavailable');
      // Whoever takes it later sends nothing, but nobody has said so yet.
      expect(unsent.body.detail).to.match(/^it is not known whether it was sent: /);
      await idle.startWorker();
      const sent = await call();
      expect(sent.status).to.equal(200);
      expect((sent.body as { results: Result[] }).results[0]).to.include({ identity: 'ada', sent: true });
      expect(idle.push.received().map((push) => push.endpoint)).to.deep.equal([endpoint]);
    } finally {
      await idle.close();
    }
  });

  it('that was terminated while it was sent is not sent again by the same call', async () => {
    const ada = await person();
    const campaign = await draft();
    const headers = { 'idempotency-key': randomUUID() };
    const call = () =>
      stack.client.post(`/v1/campaigns/${campaign}/test`, { identities: [ada.identity] }, headers);
    stack.push.setDelay(2_000);
    try {
      const answer = call();
      const workflowId = await waitFor('the push', () => {
        if (pushed(...ada.endpoints).length === 0) return null;
        const [{ messageId }] = pushed(...ada.endpoints) as [Pushed];
        return `test/${campaign}/${messageId.split('-')[1]}`;
      });
      await stack.temporal.workflow.getHandle(workflowId).terminate();
      for (const { status, body } of [await answer, await call()]) {
        expect(status).to.equal(503);
        expect(body.detail).to.match(/^it is not known whether it was sent: /);
      }
    } finally {
      stack.push.setDelay(0);
    }
    expect(pushed(...ada.endpoints)).to.have.length(1);
  });

  it('says that nothing works while Temporal is away', async () => {
    const temporalAddress = `127.0.0.1:${await freePort()}`;
    const alone = await startStack({ workers: 0, temporalAddress });
    try {
      const shop = await makeSite(alone);
      await alone.client.must('/v1/profiles', { profiles: [{ identity: 'ada', testProfile: true }] });
      const campaign = (await alone.client.must('/v1/campaigns', {
        name: 'Hello',
        channel: 'webPush',
        siteId: shop.id,
        who: { past: { any: [] } },
        what: { title: 'Hello' },
      })) as { id: string };
      const answer = await alone.client.post(`/v1/campaigns/${campaign.id}/test`);
      expectProblem(answer, 'workflows_unavailable');
      expect(answer.body.detail).to.match(/Temporal cannot be reached/);
    } finally {
      await alone.close();
    }
  });
});
