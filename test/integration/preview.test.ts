import { expect } from 'chai';
import { makeSite, messagesOf, post, publish, statsOf, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

type Json = Record<string, any>;
type Site = Awaited<ReturnType<typeof makeSite>>;

describe('content', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Site;
  const ICON = 'https://shop.example/icon.png';

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack, { defaultIcon: ICON });
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'ada', name: 'Ada', language: 'de-AT', properties: { plan: 'gold' } }],
    });
    // What several people have is shown as an example.
    const properties = { cartId: 'a/b', product: 'Schuhe' };
    const people = ['ada', 'bo', 'cy'].map((identity) => ({ identity, name: 'Added To Cart', properties }));
    await post(stack, ...people);
    await subscribe(stack, site, 'ada');
  });
  after(() => stack?.close());

  const what = {
    title: 'Hello {{ profile.name }}',
    body: '{{ event.product }} is waiting 👩‍👩‍👧‍👦',
    url: 'https://shop.example/cart/{{ event.cartId }}',
    image: 'https://shop.example/a.png',
    actions: [{ title: 'Buy', url: 'https://shop.example/buy' }],
    requireInteraction: true,
    utm: { source: 'beckon' },
    languages: { de: { title: 'Hallo {{ profile.name }}' } },
    variants: [
      { name: 'A', weight: 1, content: {} },
      { name: 'B', weight: 1, content: { body: 'B: {{ event.product }}' } },
    ],
  };
  const draft = async (more: object = {}): Promise<string> => {
    const campaign = (await stack.client.must('/v1/campaigns', {
      name: 'Cart',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: 'Added To Cart' } },
      what,
      ...more,
    })) as { id: string };
    return campaign.id;
  };
  const preview = (campaign: string, body?: object): Promise<Json> =>
    stack.client.must(`/v1/campaigns/${campaign}/preview`, body);

  describe('a preview', () => {
    it('shows what a profile would be sent, and what each browser leaves out of it', async () => {
      const shown = await preview(await draft(), {
        identity: 'ada',
        event: { properties: { cartId: '../x', product: 'Hut' } },
        variant: 'A',
      });
      expect(shown.webPush).to.deep.include({ variant: 'A', language: 'de' });
      expect(shown.webPush.content).to.deep.include({
        title: 'Hallo Ada',
        body: 'Hut is waiting 👩‍👩‍👧‍👦',
        url: 'https://shop.example/cart/..%2Fx?utm_source=beckon',
        icon: ICON,
      });
      expect(shown.webPush.lengths).to.deep.equal({ title: 9, body: 16 });
      expect(shown.webPush.payload.bytes).to.be.within(400, 1_500);
      expect(shown.webPush.payload).to.deep.include({ limit: 3993, fault: null });
      const family = (id: string): Json =>
        (shown.webPush.browsers as Json[]).find((one) => one.family === id) ?? expect.fail(id);
      const leftOut = (id: string): string[] =>
        (family(id).leftOut as Json[]).map(({ field }) => field as string).sort();
      expect((shown.webPush.browsers as Json[]).map((one) => one.family)).to.have.length(10);
      expect(leftOut('chromeDesktop')).to.deep.equal([]);
      expect(leftOut('firefoxDesktop')).to.deep.equal(['actions', 'image', 'requireInteraction']);
      expect(leftOut('safariIos')).to.deep.equal(['actions', 'icon', 'image', 'requireInteraction']);
      expect(family('firefoxDesktop').shown).to.have.keys('title', 'body', 'url', 'icon');
      expect(family('chromeDesktop').shown.actions).to.deep.equal([
        { title: 'Buy', url: 'https://shop.example/buy?utm_source=beckon' },
      ]);
      expect(family('safariLegacy').shown).to.equal(null);
      expect(family('safariLegacy').notShown).to.contain('no Safari');
    });

    it('agrees with what is sent', async () => {
      const campaign = await draft({
        who: { past: { property: 'identity', op: 'eq', value: 'ada' } },
        what: { ...what, body: 'x', url: 'https://shop.example/', variants: undefined },
      });
      const shown = await preview(campaign, { identity: 'ada' });
      await stack.client.must(`/v1/campaigns/${campaign}/publish`);
      const [row] = await waitFor('the message', async () => {
        const rows = await messagesOf(stack, campaign);
        return rows[0]?.state === 'sent' ? rows : null;
      });
      const sent = stack.push.received().map(({ payload }) => JSON.parse(payload) as Json);
      const payload = sent.find(({ messageId }) => messageId === row?.id);
      const { title, body, url, icon, image, actions } = shown.webPush.content as Json;
      expect(payload?.notification).to.deep.include({ title, body, url, icon, image });
      expect(payload?.notification.actions[0]).to.deep.include(actions[0]);
    });

    it('is filled with known examples where nothing is given', async () => {
      const shown = await preview(await draft(), { variant: 'B', language: 'fr' });
      expect(shown).to.deep.include({ objectId: null });
      expect(shown.filledWith.event).to.deep.include({ product: 'Schuhe' });
      expect(shown.webPush.content.body).to.equal('B: Schuhe');
      expect(shown.webPush.language).to.equal(null);
    });

    it('is filled with the profile that is given', async () => {
      const profile = { name: 'Zoë', language: 'de', properties: { plan: 'x' } };
      const shown = await preview(await draft({ what: { title: '{{ profile.name }} {{ profile.plan }}' } }), {
        profile,
      });
      expect(shown.webPush.content.title).to.equal('Zoë x');
    });

    it('names the text that cannot be rendered, and says by how much a message is too large', async () => {
      const campaign = await draft({
        what: { title: 'x', url: '{{ event.link }}', body: '{{ event.long }}' },
      });
      const refused = await preview(campaign, { event: { properties: { link: 'javascript:alert(1)' } } });
      expect(refused.webPush).to.equal(undefined);
      expect(refused.renderError.pointer).to.equal('/what/url');
      expect(refused.renderError.detail).to.contain('no https:// or http:// address');
      const long = await preview(campaign, { event: { properties: { long: 'ä'.repeat(2_000) } } });
      expect(long.webPush.payload.fault).to.match(/has \d+ bytes, \d+ more than the 3993/);
    });

    it('shows the exact request of a webhook campaign, its secrets masked', async () => {
      const target = (await stack.client.must('/v1/webhooks', {
        name: 'CRM',
        url: 'https://crm.example.com/hook?a=1',
        query: [{ name: 'b', value: '2 3' }],
        headers: [
          { name: 'X-Open', value: 'seen', secret: false },
          { name: 'Authorization', value: 'Bearer 5f2c9e', secret: true },
        ],
      })) as { id: string };
      const webhook = (more: object): Promise<string> =>
        draft({ channel: 'webhook', siteId: undefined, what: { webhookId: target.id, ...more } });
      const event = { properties: { product: 'a "b"', cartId: 'c' } };

      const standard = await webhook({
        fields: ['identity', 'profileData', 'eventProperties', 'email'],
        required: ['email'],
        keyValues: { k: '{{ campaign.name }}' },
      });
      const shown = await preview(standard, { identity: 'ada', event });
      expect(shown.webhook).to.deep.include({
        method: 'POST',
        url: 'https://crm.example.com/hook?a=1&b=2+3',
        missing: 'email',
      });
      expect(shown.webhook.headers.map((header: Json) => header.value === 'Bearer 5f2c9e')).to.deep.equal([
        false,
        false,
      ]);
      expect(JSON.stringify(shown)).to.not.contain('5f2c9e');
      const body = JSON.parse(shown.webhook.body as string) as Json;
      expect(body).to.deep.include({ key_values: { k: 'Cart' } });
      expect(body.profiles).to.deep.equal([
        { Identity: 'ada', ProfileData: { plan: 'gold' }, Event_properties: event.properties },
      ]);

      const custom = await webhook({ body: '{"text": "{{ event.product }}", "n": {{ profile.none }}}' });
      const own = await preview(custom, { identity: 'ada', event });
      expect(own.webhook.body).to.equal('{"text": "a \\"b\\"", "n": null}');
      const broken = await preview(await webhook({ body: '{' }), { event });
      expect(broken.renderError.pointer).to.equal('/what/body');
    });

    it('of what cannot be previewed is refused with every place', async () => {
      const past = await draft({ who: { past: { all: [] } }, what: { title: 'x' } });
      const faults = async (body: object): Promise<string[]> =>
        expectProblem(
          await stack.client.post(`/v1/campaigns/${past}/preview`, body),
          'validation_failed',
        ).sort();
      expect(await faults({ event: { properties: {} }, data: {}, variant: 'A' })).to.deep.equal([
        '/data',
        '/event',
        '/variant',
      ]);
      expect(await faults({ identity: 'nobody' })).to.deep.equal(['/identity']);
      expect(await faults({ objectId: 'ffffffffffffffffffffffff' })).to.deep.equal(['/objectId']);
      expect(await faults({ identity: 'ada', profile: { properties: {} } })).to.deep.equal(['']);
      const missing = await stack.client.post('/v1/campaigns/ffffffffffffffffffffffff/preview', {});
      expect(missing.status).to.equal(404);
    });
  });

  describe('publishing', () => {
    it('warns of what is probably not meant, and publishes it', async () => {
      const campaign = await draft({
        what: { title: '{{ profile.plam }} {{ event.prodct }}', url: 'http://shop.example/' },
      });
      const published = (await stack.client.must(`/v1/campaigns/${campaign}/publish`)) as Json;
      expect(published.status).to.equal('running');
      expect(published.warnings).to.deep.equal([
        { pointer: '/what/title', detail: 'names profile.plam, which no profile that was looked at has' },
        {
          pointer: '/what/title',
          detail: 'names event.prodct, which no event Added To Cart that was looked at has',
        },
        { pointer: '/what/url', detail: 'leads to a page without encryption (http)' },
      ]);
      const read = (await stack.client.get(`/v1/campaigns/${campaign}`)).body as Json;
      expect(read).to.not.have.property('warnings');
    });

    it('warns of nothing where nothing is to be warned of', async () => {
      const published = (await stack.client.must(`/v1/campaigns/${await draft()}/publish`)) as Json;
      expect(published.warnings).to.deep.equal([]);
    });

    it('refuses texts that do not parse in any language or variant, and messages that cannot fit', async () => {
      const campaign = await draft({
        what: {
          title: 'x',
          body: 'a'.repeat(1_900),
          data: Object.fromEntries(['a', 'b', 'c'].map((key) => [key, 'a'.repeat(1_000)])),
          languages: { de: { title: '{{ x' } },
        },
      });
      const answer = await stack.client.post(`/v1/campaigns/${campaign}/publish`);
      expect(expectProblem(answer, 'not_publishable')).to.include.members([
        '/what',
        '/what/languages/de/title',
      ]);
    });
  });

  it('that cannot be rendered suppresses that message as renderError, and no other', async () => {
    const links = {
      fine: 'https://shop.example/a',
      hostile: 'javascript:alert(1)',
      login: 'https://me:pw@shop.example/',
    };
    for (const [identity, link] of Object.entries(links)) {
      await stack.client.must('/v1/profiles', {
        profiles: [{ identity, properties: { cohort: 'links', link } }],
      });
      await subscribe(stack, site, identity);
    }
    const campaign = await publish(stack, {
      name: 'Links',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'cohort', op: 'eq', value: 'links' } },
      what: { title: 'x', url: '{{ profile.link }}' },
    });
    const rows = await waitFor('three messages', async () => {
      const all = await messagesOf(stack, campaign);
      return all.length === 3 && all.every(({ settledAt }) => settledAt) ? all : null;
    });
    expect(rows.map(({ state, reason }) => reason ?? state).sort()).to.deep.equal([
      'renderError',
      'renderError',
      'sent',
    ]);
    const details = rows.flatMap(({ detail }) => (detail ? [detail as string] : [])).sort();
    expect(details[0]).to.match(/^\/what\/url: came out as "javascript:/);
    expect(details[1]).to.equal('/what/url: came out with credentials in it');
    expect(await statsOf(stack, campaign)).to.deep.include({ sent: 1, suppressed: { renderError: 2 } });
  });

  it('that is too large fails as payloadTooLarge with how much, before anything is sent', async () => {
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'long', properties: { essay: 'x'.repeat(5_000) } }],
    });
    const { endpoint } = await subscribe(stack, site, 'long');
    const campaign = await publish(stack, {
      name: 'Essay',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'identity', op: 'eq', value: 'long' } },
      what: { title: 'x', body: '{{ profile.essay }}' },
    });
    const [row] = await waitFor('the message', async () => {
      const all = await messagesOf(stack, campaign);
      return all[0]?.settledAt ? all : null;
    });
    expect(row).to.deep.include({ state: 'failed', reason: 'payloadTooLarge' });
    expect(row?.attempts[0].outcome.detail).to.match(/has 5\d{3} bytes, 1\d{3} more than the 3993/);
    expect(stack.push.received().some((push) => push.endpoint === endpoint)).to.equal(false);
  });

  describe('the default icons', () => {
    it('are listed with addresses that anyone can fetch, for ever', async () => {
      const { data } = (await stack.client.get('/v1/icons')).body as { data: Json[] };
      expect(data.length).to.be.at.least(12);
      for (const { url, size } of data) {
        const answer = await fetch(url as string);
        expect(answer.status, url as string).to.equal(200);
        expect(answer.headers.get('content-type')).to.equal('image/png');
        expect(answer.headers.get('cache-control')).to.contain('immutable');
        const png = Buffer.from(await answer.arrayBuffer());
        expect(png.subarray(1, 4).toString()).to.equal('PNG');
        expect([png.readUInt32BE(16), png.readUInt32BE(20)]).to.deep.equal([size, size]);
      }
    });

    it('are no others', async () => {
      for (const name of ['nothing', 'constructor', '__proto__']) {
        expect((await stack.client.get(`/v1/icons/${name}.png`)).status, name).to.equal(404);
      }
      expect((await fetch(`${stack.client.url}/v1/icons`)).status).to.equal(401);
    });
  });
});
