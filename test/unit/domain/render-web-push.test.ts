import { expect } from 'chai';
import fc from 'fast-check';
import type { WebPushDefinition } from '../../../domain/campaign/campaign.ts';
import type { WebPushContent } from '../../../domain/content/content.ts';
import { languageOf, matchLanguage } from '../../../domain/content/languages.ts';
import type { RenderContext } from '../../../domain/content/render-scope.ts';
import { RenderError, renderWebPush, type RenderOptions } from '../../../domain/content/render-web-push.ts';
import { createTemplateEngine, defaultTemplateLimits } from '../../../domain/content/template.ts';
import { withParameters } from '../../../domain/content/web-address.ts';

const templates = createTemplateEngine();
const definition = (what: WebPushContent): WebPushDefinition => ({
  name: 'Cart',
  channel: 'webPush',
  siteId: 's',
  labels: [],
  who: { live: { event: 'Added' } },
  when: { start: 'now' },
  what,
});
const profile = {
  id: 'p1',
  name: 'Ada',
  testProfile: false,
  properties: { plan: 'gold' },
  createdAt: new Date(0),
  updatedAt: new Date(0),
};
const context = (changes: Partial<RenderContext> = {}): RenderContext => ({
  profile,
  event: { product: 'Shoes & more' },
  site: { id: 's', name: 'Shop' },
  campaign: { id: 'c1', name: 'Cart' },
  nowMs: 0,
  ...changes,
});
const render = (what: WebPushContent, changes: Partial<RenderContext> = {}, options: RenderOptions = {}) =>
  renderWebPush(templates, definition(what), context(changes), options);

async function faultOf(work: Promise<unknown>): Promise<RenderError> {
  return work.then(
    () => expect.fail('it was rendered'),
    (error: unknown) => {
      expect(error).to.be.instanceOf(RenderError);
      return error as RenderError;
    },
  );
}

describe('languages', () => {
  const tags = ['de', 'pt', 'pt-BR', 'zh-Hant'];
  const table: [string | undefined, string | undefined][] = [
    ['de', 'de'],
    ['DE-at', 'de'],
    ['pt-br', 'pt-BR'],
    ['pt_BR', 'pt-BR'],
    ['pt-PT', 'pt'],
    ['zh-Hant-TW', 'zh-Hant'],
    ['zh', undefined],
    ['zh-Hans', undefined],
    ['d', undefined],
    ['', undefined],
    [undefined, undefined],
  ];
  for (const [wanted, found] of table) {
    it(`find ${found ?? 'the default'} for ${wanted ?? 'nobody knows what'}`, () => {
      expect(matchLanguage(tags, wanted)).to.equal(found);
    });
  }

  it('are those of the profile, else of the subscription synced last that has one', () => {
    const at = (id: string, ms: number, language?: string) => ({ id, syncedAt: new Date(ms), language });
    const subscriptions = [at('a', 1, 'de'), at('b', 3), at('c', 2, 'fr'), at('d', 2, 'it')];
    expect(languageOf({ language: 'en' }, subscriptions)).to.equal('en');
    expect(languageOf({}, subscriptions)).to.equal('it');
    expect(languageOf({}, subscriptions.toReversed())).to.equal('it');
    expect(languageOf({}, [at('b', 3)])).to.equal(undefined);
  });
});

describe('the content of a web push', () => {
  const what: WebPushContent = {
    title: 'Hello {{ profile.name }}',
    body: 'default body',
    languages: { de: { title: 'Hallo {{ profile.name }}' } },
    variants: [
      { name: 'A', weight: 1, content: {} },
      { name: 'B', weight: 1, content: { body: 'B', languages: { 'de-AT': { body: 'B aus Wien' } } } },
    ],
  };
  const shown = async (language: string | undefined, winner: string) => {
    const { content, ...chosen } = await render(what, { language }, { winner });
    return [content.title, content.body, chosen.variant, chosen.language];
  };

  it('is that of the language, over it of the variant, over it of the variant in that language', async () => {
    expect(await shown(undefined, 'A')).to.deep.equal(['Hello Ada', 'default body', 'A', undefined]);
    expect(await shown('de', 'A')).to.deep.equal(['Hallo Ada', 'default body', 'A', 'de']);
    expect(await shown('de', 'B')).to.deep.equal(['Hallo Ada', 'B', 'B', 'de']);
    expect(await shown('de-AT', 'B')).to.deep.equal(['Hallo Ada', 'B aus Wien', 'B', 'de-AT']);
    expect(await shown('fr', 'B')).to.deep.equal(['Hello Ada', 'B', 'B', undefined]);
  });

  it('has the icon of the site where it has none of its own', async () => {
    const site = { id: 's', name: 'Shop', defaultIcon: 'https://shop.example/i.png' };
    expect((await render({ title: 'x' }, { site })).content.icon).to.equal(site.defaultIcon);
    const own = 'https://shop.example/own.png';
    expect((await render({ title: 'x', icon: own }, { site })).content.icon).to.equal(own);
  });

  it('names the place of the text that cannot be shown', async () => {
    const table: [WebPushContent, string, string][] = [
      [{ title: '{{ profile.nobody }}' }, '/what/title', 'nothing is left'],
      [{ title: 'x', body: '{{ "now" | date: "%d", "No/Where" }}' }, '/what/body', ''],
      [{ title: 'x', url: '{{ event.product }}' }, '/what/url', 'no https:// or http:// address'],
      [{ title: 'x', url: '{{ event.js }}' }, '/what/url', 'no https:// or http:// address'],
      [{ title: 'x', url: '{{ event.login }}' }, '/what/url', 'credentials'],
      [{ title: 'x', url: '{{ event.lines }}' }, '/what/url', 'control characters'],
      [{ title: 'x', image: '{{ event.http }}' }, '/what/image', 'no https:// address'],
      [
        { title: 'x', actions: [{ title: 'ok' }, { title: ' ' }] },
        '/what/actions/1/title',
        'nothing is left',
      ],
      [
        { title: 'x', languages: { de: { title: '{{ profile.nobody }}' } } },
        '/what/languages/de/title',
        'nothing is left',
      ],
    ];
    const event = {
      product: 'Dinner',
      js: 'javascript:alert(1)',
      login: 'https://me:secret@shop.example/',
      lines: 'https://shop.example/\r\nx',
      http: 'http://shop.example/i.png',
    };
    for (const [content, pointer, detail] of table) {
      const fault = await faultOf(render(content, { event, language: 'de' }));
      expect(fault.pointer).to.equal(pointer);
      expect(fault.message).to.contain(`${pointer}: `).and.contain(detail);
    }
  });

  it('takes an address that is one expression only as an http(s) address without credentials', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.webUrl(), fc.string({ unit: 'binary' })), async (link) => {
        let url: string | undefined;
        try {
          url = (await render({ title: 'x', url: '{{ event.link }}' }, { event: { link } })).content.url;
        } catch (error) {
          expect(error).to.be.instanceOf(RenderError);
          return;
        }
        if (url === undefined) return;
        const address = new URL(url);
        expect(['https:', 'http:']).to.include(address.protocol);
        expect(address.username + address.password).to.equal('');
        expect(url).to.equal(link.trim());
      }),
    );
  });
});

describe('UTM parameters', () => {
  it('are added to the link and to those of buttons, rendered and encoded', async () => {
    const { content } = await render({
      title: 'x',
      url: 'https://shop.example/a#top',
      actions: [{ title: 'y', url: 'https://shop.example/b?utm_source=mine' }],
      utm: {
        source: 'beckon',
        campaign: '{{ campaign.name }} {{ event.product }}',
        term: '{{ event.none }}',
      },
    });
    expect(content.url).to.equal(
      'https://shop.example/a?utm_source=beckon&utm_campaign=Cart%20Shoes%20%26%20more#top',
    );
    expect(content.actions?.[0]?.url).to.equal(
      'https://shop.example/b?utm_source=mine&utm_campaign=Cart%20Shoes%20%26%20more',
    );
  });

  it('leave everything else of a link as it is, whatever their values', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ withFragments: true, withQueryParameters: true }),
        fc.string({ unit: 'binary', minLength: 1 }),
        (link, value) => {
          const before = new URL(link);
          const after = new URL(withParameters(link, [['utm_source', value]]));
          expect(after.origin + after.pathname + after.hash).to.equal(
            before.origin + before.pathname + before.hash,
          );
          expect(after.searchParams.get('utm_source')).to.equal(Buffer.from(value).toString());
          after.searchParams.delete('utm_source');
          expect([...after.searchParams]).to.deep.equal([...before.searchParams]);
        },
      ),
    );
  });

  it('are not added twice', () => {
    const link = 'https://shop.example/?utm_source=a';
    expect(withParameters(link, [['utm_source', 'b']])).to.equal(link);
  });
});

describe('the texts of a web push', () => {
  it('share the limits of one message, however many they are', async () => {
    const strict = createTemplateEngine({ ...defaultTemplateLimits, memory: 10_000, renderMs: 60_000 });
    const loop = '{% for i in (1..3000) %}{% endfor %}x';
    const data = (keys: number) =>
      Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, loop]));
    const shown = (keys: number) =>
      renderWebPush(strict, definition({ title: 'x', data: data(keys) }), context());
    expect((await shown(3)).content.data).to.deep.equal({ k0: 'x', k1: 'x', k2: 'x' });
    expect((await faultOf(shown(4))).message).to.contain('/what/data/k3: the limit');
  });
});
