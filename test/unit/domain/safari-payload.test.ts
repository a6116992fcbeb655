import { expect } from 'chai';
import fc from 'fast-check';
import {
  CLICK_PARAMETERS,
  MAX_SAFARI_PAYLOAD_BYTES,
  safariPayload,
  type SafariPush,
} from '../../../domain/content/safari-payload.ts';
import { previewInBrowsers } from '../../../domain/content/browser-preview.ts';
import type { SafariSettings } from '../../../domain/site.ts';

const safari = { allowedDomains: ['https://shop.example', 'https://www.shop.example'] };
const click = { messageId: 'm1', subscriptionId: 's1', token: 't_-1' };
const TAG = 'beckon_message=m1&beckon_subscription=s1&beckon_token=t_-1';
const make = (push: Partial<SafariPush>) =>
  safariPayload({ title: 'Hi', body: 'There', url: 'https://shop.example/', ...push }, safari, click);

describe('the payload of Safari', () => {
  const exact: [string, Partial<SafariPush>, string][] = [
    [
      'a whole push',
      { url: 'https://shop.example/cart/7', action: 'View' },
      `{"aps":{"alert":{"title":"Hi","body":"There","action":"View"},"url-args":["cart/7?${TAG}"]}}`,
    ],
    ['no body', { body: undefined }, `{"aps":{"alert":{"title":"Hi","body":""},"url-args":["?${TAG}"]}}`],
    [
      'a query and a fragment, which keep their escapes',
      { url: 'https://shop.example/s?q=a%20b+c&l=%C3%BC#top' },
      `{"aps":{"alert":{"title":"Hi","body":"There"},"url-args":["s?q=a%20b+c&l=%C3%BC&${TAG}#top"]}}`,
    ],
    [
      'quotes, line breaks and emoji',
      { title: '"Jörg"', body: 'a\nb 👩‍👩‍👧' },
      `{"aps":{"alert":{"title":"\\"Jörg\\"","body":"a\\nb 👩‍👩‍👧"},"url-args":["?${TAG}"]}}`,
    ],
  ];
  for (const [name, push, payload] of exact) {
    it(`is exact: ${name}`, () => {
      expect(make(push)).to.deep.equal({ kind: 'ready', payload, cut: false });
    });
  }

  it('leaves out whatever Safari has no place for', () => {
    const push = {
      image: 'https://shop.example/i.png',
      icon: 'x',
      badge: 'x',
      actions: [],
      data: { k: 'v' },
    };
    expect(make(push as Partial<SafariPush>)).to.deep.equal(make({}));
  });

  it('needs a link', () => {
    for (const url of [undefined, '']) {
      expect(make({ url })).to.deep.include({ kind: 'rejected', reason: 'urlMissing' });
    }
  });

  for (const url of [
    'https://www.shop.example/',
    'http://shop.example/',
    'https://shop.example:8443/',
    'https://shop.example.evil.example/',
    'https://evil.example/?https://shop.example/',
    'javascript:alert(1)',
    '/cart',
  ]) {
    it(`does not lead to ${url}, which is not on the first allowed domain`, () => {
      expect(make({ url })).to.deep.include({ kind: 'rejected', reason: 'urlNotAllowed' });
    });
  }

  it('is cut between whole characters where the body is too long, and always fits', () => {
    const family = '👩‍👩‍👧‍👦';
    const made = make({ body: family.repeat(1_000) });
    if (made.kind !== 'ready') throw new Error(made.detail);
    expect(made.cut).to.equal(true);
    const { body } = (JSON.parse(made.payload) as { aps: { alert: { body: string } } }).aps.alert;
    expect(body.endsWith('…')).to.equal(true);
    const kept = body.slice(0, -1);
    expect(kept).to.equal(family.repeat(kept.length / family.length));
    const bytes = Buffer.byteLength(made.payload);
    expect(bytes).to.be.at.most(MAX_SAFARI_PAYLOAD_BYTES);
    expect(bytes + Buffer.byteLength(family), 'one more would fit').to.be.greaterThan(
      MAX_SAFARI_PAYLOAD_BYTES,
    );
  });

  it('is refused where title and link alone are too long', () => {
    expect(make({ title: 'ü'.repeat(2_048) })).to.deep.include({
      kind: 'rejected',
      reason: 'payloadTooLarge',
    });
  });

  it('fits or is refused, whatever the texts are, and keeps the beginning of the body', () => {
    const texts = fc.string({ unit: 'grapheme', maxLength: 3_000 });
    fc.assert(
      fc.property(texts, texts, (title, body) => {
        const made = make({ title, body });
        if (made.kind === 'rejected') return made.reason === 'payloadTooLarge';
        const { alert } = (JSON.parse(made.payload) as { aps: { alert: { title: string; body: string } } })
          .aps;
        const shown = made.cut ? alert.body.slice(0, -1) : alert.body;
        return (
          Buffer.byteLength(made.payload) <= MAX_SAFARI_PAYLOAD_BYTES &&
          alert.title === title &&
          body.startsWith(shown) &&
          (made.cut || shown === body)
        );
      }),
      { numRuns: 200 },
    );
  });

  describe('as it is previewed', () => {
    const shownAt = (push: Partial<SafariPush>, site = safari) => {
      const content = { title: 'Hi', url: 'https://shop.example/', ...push };
      const { browsers } = previewInBrowsers(content, {
        safari: site as SafariSettings,
      });
      return browsers.find(({ family }) => family === 'safariLegacy');
    };

    it('shows the body as it is cut, and says so', () => {
      const body = 'ü'.repeat(2_000);
      const preview = shownAt({ body, url: `https://shop.example/?${'q'.repeat(500)}` });
      const shown = preview?.shown?.body ?? '';
      expect(shown).to.match(/^ü+…$/);
      expect(shown.length).to.be.within(1_500, 1_999);
      expect(preview?.notes.map(({ field }) => field)).to.deep.equal(['body']);
      expect(shownAt({ body: 'short' })).to.deep.include({ notes: [] });
      expect(shownAt({ body: 'short' })?.shown).to.include({ body: 'short' });
    });

    it('shows nothing where title and link alone are too long', () => {
      const preview = shownAt({ title: '👍'.repeat(500), url: `https://shop.example/${'q'.repeat(2_000)}` });
      expect(preview).to.include({ shown: null });
      expect(preview?.notShown).to.match(/^payloadTooLarge: title and link alone take more than 4096 bytes/);
    });

    it('says the other reasons why it shows nothing', () => {
      expect(shownAt({ url: 'https://other.example/' })?.notShown).to.match(/only leads to/);
    });
  });

  it('is tagged by the names that the SDK reads', () => {
    expect(Object.values(CLICK_PARAMETERS)).to.deep.equal([
      'beckon_message',
      'beckon_subscription',
      'beckon_token',
    ]);
  });
});
