import { expect } from 'chai';
import fc from 'fast-check';
import { MAX_PAYLOAD_BYTES } from '../../../channels/web-push/encrypt.ts';
import { displayLimits } from '../../../domain/content/browser-families.ts';
import { payloadFor } from '../../../domain/content/compose-push.ts';
import type { WebPushContent } from '../../../domain/content/content.ts';
import { graphemes } from '../../../domain/content/display-length.ts';
import {
  MAX_PUSH_PAYLOAD_BYTES,
  payloadEstimates,
  payloadFault,
  payloadFaults,
  PUSH_FRAME,
  utf8Bytes,
} from '../../../domain/content/payload-size.ts';

const nothing = { profile: null, event: null };
const text = (name: string, ...examples: unknown[]) => ({ name, types: ['string' as const], examples });

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

  it('takes an output for twice the longest value that is known, else for 64 bytes', () => {
    const what: WebPushContent = { title: '{{ profile.name }}{{ event.other }}' };
    const [without] = payloadEstimates({ title: '' }, nothing);
    const known = { profile: [text('name', 'Ada', 'Grüße')], event: [] };
    const [with_] = payloadEstimates(what, known);
    expect((with_?.most ?? 0) - (without?.most ?? 0)).to.equal(2 * 7 + 64);
    expect(with_?.least).to.equal(without?.least);
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
