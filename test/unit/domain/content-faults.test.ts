import { expect } from 'chai';
import type { Audience, CampaignDefinition } from '../../../domain/campaign/campaign.ts';
import { contentFaults, sizeFaults, templateFaults } from '../../../domain/content/content-faults.ts';
import type { WebhookContent, WebPushContent } from '../../../domain/content/content.ts';
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

  it('say nothing of properties while it is not known which there are', () => {
    const unknown = { profile: null, event: null, site: null };
    expect(warned(webPush({ title: '{{ profile.plam }}{{ event.x }}' }), unknown)).to.deep.equal([]);
  });

  it('name texts that are long, and payloads that may be', () => {
    const found = warned(
      webPush({ title: '👍🏽'.repeat(51), body: `${'a'.repeat(3_150)}{{ profile.plan }}` }),
      {
        ...account,
        profile: [{ name: 'plan', types: ['string'], examples: ['x'.repeat(80)] }],
      },
    );
    expect(found[0]).to.match(/^\/what: with long values the message may have \d+ bytes/);
    expect(found[1]).to.equal('/what/title: has 51 characters: some browsers cut it after about 50 to 65');
    expect(found[2]).to.equal('/what/body: has 3150 characters: browsers cut it after about 120 to 180');
    expect(warned(webPush({ title: '👍🏽'.repeat(50) }))).to.deep.equal([]);
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
