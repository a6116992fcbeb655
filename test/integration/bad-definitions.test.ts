import { expect } from 'chai';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';
const HOUR_MS = 3_600_000;

describe('a definition that cannot be meant', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 0 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const inFrom = (ms: number): string => new Date(Date.now() + ms).toISOString();
  const campaign = (more: object = {}) => ({
    name: 'Cart',
    channel: 'webPush',
    siteId: site.id,
    who: { live: { event: 'Added To Cart' } },
    what: { title: 'Hello' },
    ...more,
  });
  const live = (more: object) => campaign({ who: { live: { event: 'Added To Cart', ...more } } });
  const what = (more: object) => campaign({ what: { title: 'Hello', ...more } });
  const faults = async (path: string, body: object): Promise<string[]> => {
    const answer = await stack.client.post(path, body);
    return expectProblem(answer, 'validation_failed', JSON.stringify(body)).sort();
  };

  it('of a campaign is refused with the place of the fault', async () => {
    for (const [body, pointer] of [
      [campaign({ name: '' }), '/name'],
      [campaign({ channel: 'carrierPigeon' }), '/channel'],
      [campaign({ siteId: NO_SUCH_ID }), '/siteId'],
      [campaign({ labels: ['a', ''] }), '/labels/1'],
      [campaign({ who: {} }), '/who'],
      [campaign({ who: { live: { event: 'a' }, past: { all: [] } } }), '/who'],
      [campaign({ colour: 'red' }), '/colour'],
      [live({ event: '' }), '/who/live/event'],
      [live({ colour: 'red' }), '/who/live/colour'],
      [live({ inaction: { event: 'Charged' } }), '/who/live/inaction/within'],
      [live({ inaction: { event: 'Charged', within: '10 minutes' } }), '/who/live/inaction/within'],
      [live({ inaction: { event: 'Charged', within: '0s' } }), '/who/live/inaction/within'],
      [live({ onRepeat: 'explode' }), '/who/live/onRepeat'],
      [live({ where: [{ property: 'a', op: 'like', value: 1 }] }), '/who/live/where/0/op'],
      [live({ where: [{ property: 'a', op: 'between', value: 1 }] }), '/who/live/where/0'],
      [live({ where: [{ property: '__proto__', op: 'eq', value: 1 }] }), '/who/live/where/0'],
      [live({ cancelledBy: [{ event: 'a' }, { event: 7 }] }), '/who/live/cancelledBy/1/event'],
      [live({ filter: { property: 'a', op: 'in', value: 'x' } }), '/who/live/filter'],
      [campaign({ who: { past: { property: 'a', op: 'withinLast', value: 7 } } }), '/who/past'],
      [campaign({ who: { past: { all: [] } }, when: { delay: '1h' } }), '/when/delay'],
      [campaign({ when: { start: 'soon' } }), '/when/start'],
      [campaign({ when: { start: '2026-12-01T09:00' } }), '/when/start'],
      [campaign({ when: { end: 'never' } }), '/when/end'],
      [campaign({ when: { dnd: { from: '21:00', to: '24:00', action: 'delay' } } }), '/when/dnd/to'],
      [campaign({ when: { dnd: { from: '21:00', to: '21:00', action: 'delay' } } }), '/when/dnd'],
      [campaign({ when: { dnd: { from: '21:00', to: '09:00', action: 'wait' } } }), '/when/dnd/action'],
      [what({ title: '' }), '/what/title'],
      [what({ url: 'javascript:alert(1)' }), '/what/url'],
      [what({ url: 'https://user:secret@shop.example' }), '/what/url'],
      [what({ image: 'http://shop.example/a.png' }), '/what/image'],
      [what({ actions: [{ title: 'a' }, { title: 'b' }, { title: 'c' }] }), '/what/actions'],
      [what({ ttl: 'a while' }), '/what/ttl'],
      [what({ urgency: 'urgent' }), '/what/urgency'],
      [what({ data: { a: 1 } }), '/what/data/a'],
    ] as [object, string][]) {
      expect(await faults('/v1/campaigns', body), JSON.stringify(body)).to.deep.equal([pointer]);
    }
    expect((await stack.client.get('/v1/campaigns')).body.data).to.deep.equal([]);
  });

  it('of a campaign is refused with all of its faults at once', async () => {
    const body = campaign({
      name: 7,
      when: { start: 'soon', delay: 'later' },
      what: { title: 'Hello', body: 5, colour: 'red' },
    });
    expect(await faults('/v1/campaigns', body)).to.deep.equal([
      '/name',
      '/what/body',
      '/what/colour',
      '/when/delay',
      '/when/start',
    ]);
  });

  it('is not published, and everything that is missing is listed at once', async () => {
    const draft = campaign({
      who: { live: { event: 'Added To Cart' } },
      when: { start: inFrom(-HOUR_MS), end: inFrom(-2 * HOUR_MS) },
      what: {
        title: '{{ profile.name',
        body: '{% if %}',
        url: 'https://shop.example/{{ event.a | nope }}',
        actions: [{ title: '{% unheard-of %}' }],
        ttl: '29d',
        data: { key: '{{' },
      },
    });
    const { id } = await stack.client.must('/v1/campaigns', draft);
    const answer = await stack.client.post(`/v1/campaigns/${id}/publish`);
    expect(expectProblem(answer, 'not_publishable').sort()).to.deep.equal([
      '/what/actions/0/title',
      '/what/body',
      '/what/data/key',
      '/what/title',
      '/what/ttl',
      '/what/url',
      '/when/end',
      '/when/start',
    ]);
    expect((await stack.client.get(`/v1/campaigns/${id}`)).body).to.include({ status: 'draft', version: 0 });
    await stack.client.put(
      `/v1/campaigns/${id}`,
      campaign({ when: { start: inFrom(HOUR_MS), end: inFrom(HOUR_MS) } }),
    );
    expect(
      expectProblem(await stack.client.post(`/v1/campaigns/${id}/publish`), 'not_publishable'),
    ).to.deep.equal(['/when/end']);
  });

  it('cannot come about after the publish: what runs is published once and not deleted', async () => {
    const { id } = await stack.client.must('/v1/campaigns', campaign());
    const publish = () => stack.client.post(`/v1/campaigns/${id}/publish`);
    const answers = await Promise.all([publish(), publish(), publish()]);
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expectProblem(answer, 'wrong_status');
    expectProblem(await publish(), 'wrong_status');
    expectProblem(await stack.client.delete(`/v1/campaigns/${id}`), 'wrong_status');
    expect((await stack.client.get(`/v1/campaigns/${id}`)).body).to.include({ name: 'Cart', version: 1 });
  });

  it('is no trouble while it is a draft: it is replaced and deleted', async () => {
    const { id } = await stack.client.must('/v1/campaigns', campaign());
    const replaced = await stack.client.put(`/v1/campaigns/${id}`, campaign({ name: 'Better' }));
    expect([replaced.status, replaced.body.name]).to.deep.equal([200, 'Better']);
    expect((await stack.client.delete(`/v1/campaigns/${id}`)).status).to.equal(204);
    expectProblem(await stack.client.delete(`/v1/campaigns/${id}`), 'not_found');
  });

  it('of a site is refused', async () => {
    const wrongKeys = { publicKey: 'AAAA', privateKey: 'AAAA' };
    for (const [body, pointer] of [
      [{}, '/name'],
      [{ name: 'Shop', origins: ['https://shop.example/'] }, '/origins/0'],
      [{ name: 'Shop', origins: ['http://shop.example'] }, '/origins/0'],
      [{ name: 'Shop', origins: ['shop.example'] }, '/origins/0'],
      [{ name: 'Shop', timezone: 'Mars/Olympus' }, '/timezone'],
      [{ name: 'Shop', vapid: wrongKeys }, '/vapid'],
      [{ name: 'Shop', vapid: { publicKey: 'AAAA' } }, '/vapid/privateKey'],
    ] as [object, string][]) {
      expect(await faults('/v1/sites', body), JSON.stringify(body)).to.deep.equal([pointer]);
    }
  });

  it('of a site does not show its private key, nor does a good one', async () => {
    const made = await stack.client.must('/v1/sites', { name: 'Shop', timezone: 'Europe/Berlin' });
    expect(made.vapid).to.have.all.keys('publicKey');
    expect((await stack.client.get(`/v1/sites/${made.id}`)).body).to.deep.equal(made);
    const plain = await stack.client.must('/v1/sites', { name: 'Plain' });
    expect((await stack.client.get(`/v1/sites/${plain.id}`)).body).to.deep.equal(plain);
  });

  it('of a profile is refused, and none of its batch is stored', async () => {
    for (const [profile, pointer] of [
      [{}, '/profiles/1/identity'],
      [{ identity: 'x', email: 'nobody' }, '/profiles/1/email'],
      [{ identity: 'x', timezone: 'Berlin' }, '/profiles/1/timezone'],
      [{ identity: 'x', country: 'de' }, '/profiles/1/country'],
      [{ identity: 'x', language: 'german!' }, '/profiles/1/language'],
      [{ identity: 'x', testProfile: 'yes' }, '/profiles/1/testProfile'],
      [{ identity: 'x', properties: { $inc: 1 } }, '/profiles/1/properties/$inc'],
      [{ identity: 'x', plan: 'gold' }, '/profiles/1/plan'],
    ] as [object, string][]) {
      const body = { profiles: [{ identity: 'good' }, profile] };
      expect(await faults('/v1/profiles', body), JSON.stringify(profile)).to.deep.equal([pointer]);
    }
    const many = Array.from({ length: 1_001 }, (_, i) => ({ identity: `many-${i}` }));
    expect(await faults('/v1/profiles', { profiles: many })).to.deep.equal(['/profiles']);
    expectProblem(await stack.client.get('/v1/profiles/good'), 'not_found');
  });

  it('of a subscription is refused: above all an endpoint that is not of a push service', async () => {
    const { endpoint, keys } = stack.push.subscribe();
    const subscription = (more: object, push: object = {}) => ({
      siteId: site.id,
      identity: 'x',
      transport: 'vapid',
      pushSubscription: { endpoint, keys, ...push },
      ...more,
    });
    for (const address of [
      'https://localhost/push/1',
      'https://127.0.0.1/push/1',
      'https://169.254.169.254/latest/meta-data',
      'https://example.com/push/1',
      'https://fcm.googleapis.com.example.com/1',
      'https://fcm.googleapis.com:8443/1',
      'https://user@fcm.googleapis.com/1',
      'http://fcm.googleapis.com/1',
      endpoint.replace('https:', 'http:'),
      'file:///etc/passwd',
      'no url',
      '',
    ]) {
      const pointers = await faults('/v1/subscriptions', subscription({}, { endpoint: address }));
      expect(pointers, address).to.deep.equal(['/pushSubscription/endpoint']);
    }
    for (const [body, pointer] of [
      [subscription({ siteId: NO_SUCH_ID }), '/siteId'],
      [subscription({ objectId: NO_SUCH_ID }), ''],
      [subscription({ transport: 'pigeon' }), '/transport'],
      [subscription({ topics: [''] }), '/topics/0'],
      [subscription({ customAttributes: { $a: 1 } }), '/customAttributes/$a'],
      [subscription({}, { keys: { ...keys, auth: 'short' } }), '/pushSubscription/keys/auth'],
      [subscription({}, { keys: { ...keys, p256dh: 'AAAA' } }), '/pushSubscription/keys/p256dh'],
    ] as [object, string][]) {
      expect(await faults('/v1/subscriptions', body), JSON.stringify(body)).to.deep.equal([pointer]);
    }
    const { identity: _identity, ...nobody } = subscription({});
    expect(await faults('/v1/subscriptions', { ...nobody, objectId: NO_SUCH_ID })).to.deep.equal([
      '/objectId',
    ]);
    expect((await stack.client.get('/v1/subscriptions')).body.data).to.deep.equal([]);
  });

  it('of a browser is refused when its origin is not one of the site', async () => {
    const { endpoint, keys } = stack.push.subscribe();
    const body = JSON.stringify({
      siteId: site.id,
      anonymousId: 'visitor',
      transport: 'vapid',
      pushSubscription: { endpoint, keys },
    });
    const from = (origin?: string) =>
      stack.client.raw('POST', '/v1/sdk/subscriptions', body, origin === undefined ? {} : { origin });
    for (const origin of [undefined, 'null', 'https://other.example', 'https://shop.example.evil.example']) {
      expectProblem(await from(origin), 'origin_not_allowed', origin);
    }
    expect((await from('https://shop.example')).status).to.equal(201);
    expect((await from('https://shop.example')).status).to.equal(200);
  });
});
