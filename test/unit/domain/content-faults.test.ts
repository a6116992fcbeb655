import { expect } from 'chai';
import type { Audience, CampaignDefinition } from '../../../domain/campaign/campaign.ts';
import { addressWarnings } from '../../../domain/content/address-warnings.ts';
import { contentFaults, sizeFaults, templateFaults } from '../../../domain/content/content-faults.ts';
import type { WebhookContent, WebPushContent } from '../../../domain/content/content.ts';
import { learnProperties } from '../../../domain/content/known-properties.ts';
import type { KnownProperty } from '../../../domain/ports/properties.ts';
import { publishWarnings, type KnownAccount } from '../../../domain/content/publish-warnings.ts';
import { createTemplateEngine } from '../../../domain/content/template.ts';

const templates = createTemplateEngine();
const live: Audience = { live: { event: 'Added' } };
const past: Audience = { past: { all: [] } };
const api: Audience = { api: {} };

const webPush = (what: Partial<WebPushContent>, who: Audience = live): CampaignDefinition => ({
  name: 'x',
  labels: [],
  when: { start: 'now' },
  who,
  channel: 'webPush',
  siteId: 's',
  what: { title: 'Hi', ...what },
});
const webhook = (what: Partial<WebhookContent>, who: Audience = live): CampaignDefinition => ({
  name: 'x',
  labels: [],
  when: { start: 'now' },
  who,
  channel: 'webhook',
  what: { webhookId: 'w', ...what },
});

const variant = (name: string, content: Partial<WebPushContent> = {}) => ({ name, weight: 1, content });

const data = (keys: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, 'x']));

describe('contents that cannot be meant', () => {
  const table: [string, CampaignDefinition, [pointer: string, detail: string][]][] = [
    ['nothing special', webPush({ url: 'https://shop.example/{{ event.a }}' }), []],
    [
      'an expression in the host',
      webPush({ url: 'https://{{ event.a }}/', actions: [{ title: 'x', url: '{{ event.a }}/x' }] }),
      [
        ['/what/url', 'may stand in the path'],
        ['/what/actions/0/url', 'may stand in the path'],
      ],
    ],
    [
      'an image over http',
      webPush({ languages: { de: { image: 'http://shop.example/{{ event.a }}' } } }),
      [['/what/languages/de/image', 'must be an https URL']],
    ],
    [
      'two variants of one name',
      webPush({ variants: [variant('A'), variant('B'), variant('A')] }),
      [['/what/variants/2/name', 'another variant']],
    ],
    [
      'a winner of nobody, at once',
      webPush({ winner: { after: '0s', by: 'clicked' } }),
      [
        ['/what/winner', 'needs variants'],
        ['/what/winner/after', 'more than nothing'],
      ],
    ],
    [
      'a sample of a live campaign',
      webPush({
        variants: [variant('A'), variant('B')],
        winner: { after: '1h', by: 'viewed', sample: 10 },
      }),
      [['/what/winner/sample', 'past behaviour']],
    ],
    [
      'a sample of a run',
      webPush(
        { variants: [variant('A'), variant('B')], winner: { after: '1h', by: 'viewed', sample: 10 } },
        past,
      ),
      [],
    ],
    [
      'a language twice',
      webPush({ languages: { 'pt-BR': {}, 'pt-br': {} } }),
      [['/what/languages/pt-br', 'there already']],
    ],
    [
      'data of too many keys, wherever it stands',
      webPush({
        data: data(21),
        languages: { de: { data: data(20) }, fr: { data: data(21) } },
        variants: [variant('A'), variant('B', { data: data(21) })],
      }),
      [
        ['/what/data', 'more than 20 keys'],
        ['/what/languages/fr/data', 'more than 20 keys'],
        ['/what/variants/1/content/data', 'more than 20 keys'],
      ],
    ],
    [
      'a body beside the standard payload',
      webhook({ body: 'x', fields: ['email'], properties: [], keyValues: {}, batch: { size: 2 } }),
      [
        ['/what/fields', 'standard payload'],
        ['/what/properties', 'standard payload'],
        ['/what/keyValues', 'standard payload'],
        ['/what/batch/size', 'must be 1'],
        ['/what/properties', 'profileData'],
      ],
    ],
    ['a body with batches of one', webhook({ body: 'x', batch: { size: 1, maxWait: '1s' } }), []],
    [
      'properties of an event that there is not',
      webhook({ fields: ['email', 'eventProperties'], required: ['eventProperties'] }, past),
      [
        ['/what/fields/1', 'live campaigns'],
        ['/what/required/0', 'live campaigns'],
      ],
    ],
    ['properties of an event', webhook({ fields: ['eventProperties'], required: ['eventProperties'] }), []],
    ['a field twice', webhook({ fields: ['email', 'email'] }), [['/what/fields/1', 'there already']]],
    ['a batch that waits for less than a second', webhook({ batch: { maxWait: '250ms' } }), []],
    ['a batch that waits too long', webhook({ batch: { maxWait: '6s' } }), [['/what/batch/maxWait', '5s']]],
  ];
  for (const [what, definition, expected] of table) {
    it(`are faulted in their places, or not: ${what}`, () => {
      const faults = contentFaults(definition);
      expect(faults.map(({ pointer }) => pointer)).to.deep.equal(expected.map(([pointer]) => pointer));
      expected.forEach(([, detail], i) => expect(faults[i]?.detail).to.contain(detail));
    });
  }
});

describe('templates that cannot be rendered', () => {
  it('are faulted wherever they stand', () => {
    const bad = '{{ x';
    const what: Partial<WebPushContent> = {
      title: bad,
      actions: [{ title: 'x', url: `https://shop.example/${bad}` }],
      data: { 'a/b~c': bad },
      languages: { de: { body: bad } },
      variants: [variant('A'), variant('B', { title: bad, languages: { fr: { url: bad } } })],
      utm: { source: bad },
    };
    expect(templateFaults(webPush(what), templates).map(({ pointer }) => pointer)).to.deep.equal([
      '/what/title',
      '/what/actions/0/url',
      '/what/data/a~1b~0c',
      '/what/languages/de/body',
      '/what/variants/1/content/title',
      '/what/variants/1/content/languages/fr/url',
      '/what/utm/source',
    ]);
    const hook = webhook({ keyValues: { 'k/v': bad } });
    expect(templateFaults(hook, templates).map(({ pointer }) => pointer)).to.deep.equal([
      '/what/keyValues/k~1v',
    ]);
    expect(templateFaults(webhook({ body: bad }), templates)[0]?.pointer).to.equal('/what/body');
  });

  const audiences: [string, Audience, string[]][] = [
    ['live', live, ['data']],
    ['past', past, ['event', 'data']],
    ['api', api, []],
  ];
  for (const [kind, who, refused] of audiences) {
    it(`are those of ${kind} campaigns that name ${refused.join(' or ') || 'nothing'}`, () => {
      const found = ['profile', 'event', 'data', 'campaign', 'site'].filter((root) => {
        const deep = `{% if ${root}.a %}{% assign x = ${root}.b | upcase %}{{ x }}{% endif %}`;
        return templateFaults(webPush({ body: deep }, who), templates).length > 0;
      });
      expect(found).to.deep.equal(refused);
      expect(templateFaults(webPush({ body: "{{ 'event.x' }} event.y" }, who), templates)).to.deep.equal([]);
    });
  }

  it('are those of pairs that name a person', () => {
    const [fault] = templateFaults(
      webhook({ keyValues: { a: '{{ profile.name }}', b: '{{ site.name }}' } }),
      templates,
    );
    expect(fault).to.deep.include({ pointer: '/what/keyValues/a' });
  });

  it('are those whose fixed text alone is too large', () => {
    expect(sizeFaults(webPush({ body: 'a'.repeat(4_000) }))[0]?.pointer).to.equal('/what');
    expect(sizeFaults(webPush({ body: 'a'.repeat(3_000) }))).to.deep.equal([]);
  });
});

describe('the warnings of publishing', () => {
  const property = (name: string, ...types: ('string' | 'object' | 'array')[]) => ({
    name,
    path: name.split('.'),
    types,
    examples: ['x'],
  });
  const account: KnownAccount = {
    profile: [property('plan', 'string'), property('address', 'object'), property('address.city', 'string')],
    event: [property('product', 'string'), property('items', 'array')],
    site: null,
  };
  const warned = (definition: CampaignDefinition, known = account): string[] =>
    publishWarnings(definition, templates, known).map(({ pointer, detail }) => `${pointer}: ${detail}`);

  it('are none for what is known', () => {
    const body =
      '{{ profile.name }}{{ profile.objectId }}{{ profile.plan }}{{ profile.properties.plan }}{{ profile.address.city }}' +
      '{{ event.product }}{{ event.product.size }}{{ event.items[0].name }}{{ campaign.name }}{{ site.id }}{{ now | date }}';
    expect(warned(webPush({ body }))).to.deep.equal([]);
  });

  it('name the properties that nobody has', () => {
    const found = warned(
      webPush({
        title: '{{ profile.plam | default: "x" }}',
        body: '{{ profile.address.zip }}{{ event.prodct }}{{ user.name }}{{ campaign.title }}',
      }),
    );
    expect(found).to.deep.equal([
      '/what/title: names profile.plam, which no profile that was looked at has',
      '/what/body: names profile.address.zip, which no profile that was looked at has',
      '/what/body: names event.prodct, which no event Added that was looked at has',
      '/what/body: names user, which is none of profile, event, data, campaign, site, now',
      '/what/body: names campaign.title; there are campaign.id and campaign.name',
    ]);
  });

  it('take a dot in a name for a dot, and dots between names for a path', () => {
    const [dotted, nested] = [learnProperties([{ 'a.b': 'y' }]), learnProperties([{ a: { b: 'y' } }])];
    const [asName, asPath] = ['{{ profile["a.b"] }}{{ event["a.b"] }}', '{{ profile.a.b }}{{ event.a.b }}'];
    const named = (title: string, known: KnownProperty[]): string[] =>
      warned(webPush({ title }), { profile: known, event: known, site: null });
    expect(named(asName, dotted)).to.deep.equal([]);
    expect(named(asPath, nested)).to.deep.equal([]);
    expect(named(asPath, dotted)).to.deep.equal([
      '/what/title: names profile.a.b, which no profile that was looked at has',
      '/what/title: names event.a.b, which no event Added that was looked at has',
    ]);
    expect(named(asName, nested)).to.deep.equal([
      '/what/title: names profile["a.b"], which no profile that was looked at has',
      '/what/title: names event["a.b"], which no event Added that was looked at has',
    ]);
    const chosen = webhook({ properties: ['a.b'], body: undefined });
    expect(warned(chosen, { profile: dotted, event: null, site: null })).to.deep.equal([]);
    expect(warned(chosen, { profile: nested, event: null, site: null })).to.deep.equal([
      '/what/properties/0: names a.b, which no profile that was looked at has',
    ]);
  });

  it('name what cannot stand behind a dot as a text has to name it', () => {
    const title =
      '{{ profile["first name"] }}{{ profile["say \\"hi\\""].x-y }}{{ event[\'a"."b\'] }}{{ site["a b"] }}';
    expect(warned(webPush({ title }))).to.deep.equal([
      '/what/title: names profile["first name"], which no profile that was looked at has',
      '/what/title: names profile["say \\"hi\\""].x-y, which no profile that was looked at has',
      '/what/title: names event["a\\".\\"b"], which no event Added that was looked at has',
      '/what/title: names site["a b"]; there are site.id and site.name',
    ]);
  });

  it('say nothing of texts that do not parse', () => {
    expect(warned(webPush({ title: '{{ x', body: '{{ profile.plam }}' }))).to.deep.equal([
      '/what/body: names profile.plam, which no profile that was looked at has',
    ]);
  });

  it('name the properties of a webhook that nobody has', () => {
    expect(warned(webhook({ properties: ['plan', 'plam'], body: undefined }))).to.deep.equal([
      '/what/properties/1: names plam, which no profile that was looked at has',
    ]);
  });

  it('name required data of calls that the standard payload does not tell', () => {
    const called: Audience = { api: { requiredData: ['orderId'] } };
    const [one, ...rest] = warned(webhook({}, called));
    expect(one).to.match(/^\/who\/api\/requiredData: is not told by the standard payload/);
    expect(rest).to.deep.equal([]);
    expect(warned(webhook({ body: '{{ data.orderId }}' }, called))).to.deep.equal([]);
    expect(warned(webhook({}, api))).to.deep.equal([]);
    expect(warned(webPush({}, called))).to.deep.equal([]);
  });

  it('say nothing of properties while it is not known which there are', () => {
    const unknown = { profile: null, event: null, site: null };
    expect(warned(webPush({ title: '{{ profile.plam }}{{ event.x }}' }), unknown)).to.deep.equal([]);
  });

  it('name texts that are long, and payloads that may be', () => {
    const found = warned(
      webPush({ title: '👍🏽'.repeat(51), body: `${'a'.repeat(3_150)}{{ profile.plan }}` }),
      {
        ...account,
        profile: [{ name: 'plan', path: ['plan'], types: ['string'], examples: [], maxBytes: 800 }],
      },
    );
    expect(found[0]).to.match(/^\/what: with long values the message may have \d+ bytes/);
    expect(found[1]).to.equal('/what/title: has 51 characters: some browsers cut it after about 50 to 65');
    expect(found[2]).to.equal('/what/body: has 3150 characters: browsers cut it after about 120 to 180');
    expect(warned(webPush({ title: '👍🏽'.repeat(50) }))).to.deep.equal([]);
  });

  const addresses: [string, string[]][] = [
    ["{% assign base = 'https://shop.example' %}{{ base }}/cart", ['may stand in the path']],
    ['{% if event.vip %}{% assign a = event.link %}{% endif %}{{ a }}?b=1', ['may stand in the path']],
    ['{{ "ftp://shop.example/" | append: event.product }}', ['which is no']],
    ["{{ event.product | prepend: 'https://shop.example/' }}", []],
    ['https://shop.example/{{ event.product }}', []],
    ['{{ event.link }}', []],
    ['{% if event.vip %}https://shop.example/vip{% endif %}', []],
    ['https://shop.example/{% if event.n > 3 %}{{ event.n | times: 2 }}{% endif %}', []],
    ['{{ event.__proto__.x }}', []],
  ];
  for (const [url, expected] of addresses) {
    it(`${expected.length > 0 ? 'name' : 'do not name'} an address that never is one: ${url}`, async () => {
      const found = await addressWarnings(webPush({ url }), templates, account);
      expect(found.map(({ pointer }) => pointer)).to.deep.equal(expected.map(() => '/what/url'));
      expected.forEach((detail, i) => expect(found[i]?.detail).to.contain(detail));
    });
  }

  it('count the default icon of the site and the address of receipts', () => {
    const definition = webPush({ body: 'a'.repeat(3_500) });
    expect(warned(definition).some((one) => one.includes('with long values'))).to.equal(false);
    const site = { defaultIcon: `https://shop.example/${'i'.repeat(300)}` };
    expect(warned(definition, { ...account, site })[0]).to.contain('with long values');
    expect(warned(definition, { ...account, receiptUrl: 'u'.repeat(400) })[0]).to.contain('with long values');
  });

  it('name links without encryption, and texts of variants that languages lack', () => {
    const found = warned(
      webPush({
        url: 'http://shop.example/',
        languages: { de: { title: 'Hallo' }, fr: { title: 'Salut' } },
        variants: [variant('A'), variant('B', { title: 'Hey', languages: { DE: { title: 'He' } } })],
      }),
    );
    expect(found).to.deep.equal([
      '/what/url: leads to a page without encryption (http)',
      '/what/variants/1/content/title: is shown in fr too: the variant has no title of its own there',
    ]);
  });

  it('name contents whose title and link alone are too long for Safari, on a site that has it', () => {
    const safari = { allowedDomains: ['https://shop.example'] } as NonNullable<
      NonNullable<KnownAccount['site']>['safari']
    >;
    const url = `https://shop.example/${'q'.repeat(2_000)}`;
    const long = '\u0001'.repeat(450);
    const definition = webPush({
      url,
      languages: {
        de: { title: `${long}{{ profile.plan }}` },
        fr: { title: `{% if x %}${long}{% endif %}` },
      },
    });
    const tooLong = (known: KnownAccount): string[] =>
      warned(definition, known).filter((one) => one.includes('payloadTooLarge') && one.includes('Safari'));
    expect(tooLong(account)).to.deep.equal([]);
    const found = tooLong({ ...account, site: { safari } });
    expect(found.map((one) => one.split(':')[0])).to.deep.equal(['/what/languages/de']);
  });

  it('name what Safari leaves out, and where it does not lead, on a site that has it', () => {
    const safari = { allowedDomains: ['https://shop.example'] } as NonNullable<
      NonNullable<KnownAccount['site']>['safari']
    >;
    const definition = webPush({
      url: 'https://other.example/{{ event.product }}',
      image: 'https://shop.example/a.png',
      actions: [],
      requireInteraction: true,
    });
    expect(warned(definition)).to.deep.equal([]);
    const found = warned(definition, { ...account, site: { safari } });
    expect(found.map((one) => one.split(':')[0])).to.deep.equal([
      '/what/image',
      '/what/requireInteraction',
      '/what/url',
    ]);
  });
});
