import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_PAYLOAD_BYTES } from '../../../channels/web-push/encrypt.ts';
import { displayLimits } from '../../../domain/content/browser-families.ts';
import { payloadFor } from '../../../domain/content/compose-push.ts';
import type { WebPushContent } from '../../../domain/content/content.ts';
import { learnProperties } from '../../../domain/content/known-properties.ts';
import { percentEncoded } from '../../../domain/content/web-address.ts';
import { graphemes } from '../../../domain/content/display-length.ts';
import {
  MAX_PUSH_PAYLOAD_BYTES,
  payloadEstimates,
  payloadFault,
  payloadFaults,
  type KnownProperties,
  PUSH_FRAME,
  utf8Bytes,
} from '../../../domain/content/payload-size.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';

const nothing = { profile: null, event: null };
const learned = (name: string, ...values: unknown[]) =>
  learnProperties(values.map((value) => ({ [name]: value })));
/** What the first content has more than one without any text. */
const added = (what: WebPushContent, known: KnownProperties): number =>
  (payloadEstimates(what, known)[0]?.most ?? 0) -
  (payloadEstimates({ ...what, title: '' }, nothing)[0]?.most ?? 0);

describe('the size of a payload', () => {
  it('may be what the channel sends', () => {
    expect(MAX_PUSH_PAYLOAD_BYTES).to.equal(MAX_PAYLOAD_BYTES);
    expect(payloadFault(MAX_PUSH_PAYLOAD_BYTES)).to.equal(null);
    expect(payloadFault(MAX_PUSH_PAYLOAD_BYTES + 7)).to.contain('4000 bytes, 7 more than the 3993');
  });

  it('is known exactly where nothing is filled in, in UTF-8 and with the escapes of JSON', () => {
    const shown = fc.string({ unit: 'grapheme', minLength: 1 }).filter((one) => !/[{}]/.test(one));
    fc.assert(
      fc.property(shown, shown, shown, (title, body, value) => {
        const what: WebPushContent = { title, body, data: { value }, actions: [{ title: value }] };
        const { title: _, ...rest } = what;
        const content = { ...rest, title, actions: [{ title: value }], data: { value } };
        const bytes = Buffer.byteLength(JSON.stringify(payloadFor({ content, ...PUSH_FRAME })));
        expect(payloadEstimates(what, nothing)).to.deep.equal([
          { pointer: '/what', least: bytes, most: bytes },
        ]);
      }),
    );
  });

  it('counts bytes as UTF-8 has them', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (one) => {
        expect(utf8Bytes(one)).to.equal(Buffer.byteLength(one));
      }),
    );
  });

  it('takes an output for the longest value that was seen, uncut, else for 64 bytes', () => {
    const known = {
      profile: learned('name', 'Ada', 'Bob', 'Cleo', 'Grüße '.repeat(100), 'Dora'),
      event: learned('items', [{ name: 'x' }]),
    };
    expect(added({ title: '{{ profile.name }}{{ event.other }}' }, known)).to.equal(800 + 64);
    expect(added({ title: '{{ profile.properties.name | upcase }}' }, known)).to.equal(800);
    expect(added({ title: '{{ profile.name | append: profile.name }}' }, known)).to.equal(1_600);
    // The list, with the escapes of its quotation marks.
    expect(added({ title: '{{ event.items[0].name }}' }, known)).to.equal(18);
    const [with_] = payloadEstimates({ title: '{{ profile.name }}' }, known);
    const [without] = payloadEstimates({ title: '' }, nothing);
    expect(with_?.least).to.equal(without?.least);
  });

  const bio = learned('bio.long', 'x'.repeat(3_900));
  const known = {
    profile: [...bio, ...learned('plan', 'gold'), ...learned('größe', 'x'.repeat(90))],
    event: [
      ...learned('say "hi"', 'x'.repeat(700)),
      ...learned('items', [{ name: 'x' }]),
      ...learned('a', { 'b c': 'x'.repeat(300) }),
    ],
  };
  const outputs: [string, number][] = [
    ['{{ profile["bio.long"] }}', 3_900],
    ["{{- profile['bio.long'] | upcase -}}", 3_900],
    ['{{ profile[ "bio.long" ].size }}', 3_900],
    ['{{ profile.properties["bio.long"] }}', 3_900],
    ['{{ profile["properties"]["bio.long"] }}', 3_900],
    ['{{ profile["bio.long"] | append: profile.plan }}', 3_904],
    ['{{ profile["bio.long"] | append: profile["bio.long"] }}', 7_800],
    ['{{ event["say \\"hi\\""] }}', 700],
    ['{{ event[\'say "hi"\'] }}', 700],
    ['{{ event.a["b c"] }}', 300],
    ['{{ event["items"][0]["name"] }}', 18],
    ['{{ profile.größe }}', 90],
    // Dots between names are a path, and there is none.
    ['{{ profile.bio.long }}', 64],
    ['{{ profile[data.name] }}', 64],
    ['{{ profile["bio.long"] | append: profile }}', 3_964],
    // What stands in quotes names nothing.
    ['{{ profile.plan | append: "event.items" }}', 4],
    ['{{ data["profile.plan"] }}', 64],
  ];
  for (const [title, bytes] of outputs) {
    it(`takes ${title} for ${bytes} bytes`, () => expect(added({ title }, known)).to.equal(bytes));
  }

  it('is estimated in time, whatever stands in quotes and brackets', () => {
    const began = cpuSeconds();
    const much = ['\\"', 'profile["', '["\\"profile', "profile['\\", 'profile . [ ', 'profile.a['];
    for (const part of much)
      payloadEstimates(
        { title: `{{ " ${part.repeat(10_000)} }}`, body: `{{ ${part.repeat(10_000)} }}` },
        known,
      );
    expect(cpuSeconds() - began).to.be.below(2);
  });

  it('takes an output in an address for three times as long', () => {
    const known = { profile: null, event: learned('word', 'ü'.repeat(100)) };
    const most = (url: string): number => payloadEstimates({ title: 'x', url }, known)[0]?.most ?? 0;
    expect(most('https://s.example/{{ event.word }}') - most('https://s.example/')).to.equal(600);
  });

  it('is at least that of every message made of values that were seen', () => {
    const value = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const what = { title: '{{ profile.a }}!', url: 'https://s.example/?q={{ profile.a }}' };
        const [estimate] = payloadEstimates(what, { profile: learned('a', ...values), event: null });
        for (const one of values) {
          const url = `https://s.example/?q=${percentEncoded(one)}`;
          const content = { title: `${one}!`, url, actions: [], data: {} };
          const bytes = Buffer.byteLength(JSON.stringify(payloadFor({ content, ...PUSH_FRAME })));
          expect(bytes).to.be.at.most(estimate?.most ?? 0);
        }
      }),
    );
  });

  it('counts what the site and the instance add', () => {
    const most = (around: object): number => payloadEstimates({ title: 'x' }, nothing, around)[0]?.most ?? 0;
    const icon = 'https://s.example/icon.png';
    expect(most({ defaultIcon: icon }) - most({})).to.equal(`,"icon":"${icon}"`.length);
    expect(most({ receiptUrl: 'u'.repeat(100) }) - most({ receiptUrl: 'u' })).to.equal(99);
  });

  it('counts the text of every branch as possible, and of none as certain', () => {
    const [estimate] = payloadEstimates({ title: '{% if a %}12345{% else %}123{% endif %}' }, nothing);
    expect((estimate?.most ?? 0) - (estimate?.least ?? 0)).to.equal(8);
  });

  it('is looked at for every variant in every language', () => {
    const what: WebPushContent = {
      title: 'x',
      languages: { de: { body: 'a'.repeat(4_000) } },
      variants: [
        { name: 'A', weight: 1, content: { title: 'A' } },
        {
          name: 'B',
          weight: 1,
          content: { languages: { de: { body: 'short' }, fr: { body: 'b'.repeat(5_000) } } },
        },
      ],
    };
    expect(payloadEstimates(what, nothing).map(({ pointer }) => pointer)).to.deep.equal([
      '/what/variants/0/content',
      '/what/languages/de',
      '/what/variants/1/content',
      '/what/variants/1/content/languages/de',
      '/what/variants/1/content/languages/fr',
    ]);
    const faults = payloadFaults(what);
    expect(faults.map(({ pointer }) => pointer)).to.deep.equal([
      '/what/languages/de',
      '/what/variants/1/content/languages/fr',
    ]);
    expect(faults[0]?.detail).to.match(/has \d+ bytes, \d+ more than the 3993/);
  });
});

describe('the length of a text', () => {
  const table: [string, number][] = [
    ['', 0],
    ['abc', 3],
    ['👩‍👩‍👧‍👦', 1],
    ['🇩🇪🇦🇹', 2],
    ['👍🏽', 1],
    ['e\u0301', 1],
    ['🛒!', 2],
  ];
  for (const [shown, length] of table) {
    it(`is ${length} for ${JSON.stringify(shown)}, as a reader counts`, () => {
      expect(graphemes(shown)).to.equal(length);
    });
  }

  it('is recommended within what browsers show', () => {
    expect(displayLimits('title')).to.deep.equal({ all: 50, widest: 65 });
    expect(displayLimits('body')).to.deep.equal({ all: 120, widest: 180 });
  });
});
