import { expect } from 'chai';
import fc from 'fast-check';
import { createTemplateEngine, defaultTemplateLimits } from '../../../domain/content/template.ts';
import { addressTemplateFault } from '../../../domain/content/template-output.ts';

const engine = createTemplateEngine();
const url = (text: string, scope: Record<string, unknown>): string =>
  engine.render(text, scope, { escape: 'url' });
const json = (text: string, scope: Record<string, unknown>): string =>
  engine.render(text, scope, { escape: 'json' });

/** Texts that mean something to whoever reads addresses or JSON, and any others. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('..', '.', '%2e%2E', '/../', '@evil.example/', '//evil.example', '\\evil', '?a=1', '&a=1'),
  fc.constantFrom('#x', 'javascript:alert(1)', '\r\nX: y', '"},"x":{"', '\\"', '\u2028', '\ud800', '\0', '%'),
  fc.string({ unit: fc.constantFrom('/', '.', '%', '2', 'e', '\\', '?', '#', '&', '=', '@', ':', '"', ' ') }),
);

describe('outputs in addresses', () => {
  it('never change origin, folder, parameters or fragment, whatever their value', () => {
    let shown = 0;
    fc.assert(
      fc.property(hostile, hostile, hostile, (a, b, c) => {
        const template = 'https://shop.example/p/{{ a }}/x-{{ b }}?q={{ c }}&r={{ b }}#{{ a }}';
        let address: URL;
        try {
          address = new URL(url(template, { a, b, c }));
        } catch (error) {
          // Nothing can be encoded so that it is no step to another folder: such a value is refused.
          expect(String(error)).to.contain('another folder');
          expect(['.', '..']).to.include(a.replace(/%2e/gi, '.'));
          return;
        }
        shown += 1;
        expect(address.origin).to.equal('https://shop.example');
        expect(address.username + address.password).to.equal('');
        const parts = address.pathname.split('/');
        expect(parts.slice(0, 2)).to.deep.equal(['', 'p']);
        expect(parts).to.have.length(4);
        expect([...address.searchParams.keys()]).to.deep.equal(['q', 'r']);
        expect(decodeURIComponent(parts[2] ?? '')).to.equal(wellFormed(a));
        expect(decodeURIComponent(parts[3] ?? '')).to.equal(`x-${wellFormed(b)}`);
        expect(address.searchParams.get('q')).to.equal(wellFormed(c));
        expect(decodeURIComponent(address.hash.slice(1))).to.equal(wellFormed(a));
      }),
      { numRuns: 2_000 },
    );
    expect(shown).to.be.greaterThan(1_000);
  });

  it('never change the host by the filter raw either', () => {
    fc.assert(
      fc.property(hostile, (a) => {
        let address: URL;
        try {
          address = new URL(url('https://shop.example/{{ a | raw }}', { a }));
        } catch {
          return;
        }
        expect(address.origin).to.equal('https://shop.example');
      }),
      { numRuns: 2_000 },
    );
  });

  const scope = { a: 'x y&b=1', path: 'a/b?c=d', link: 'https://shop.example/a?b=c#d', empty: '' };
  const table: [string, string][] = [
    ['https://s.example/?q={{ a | url_encode }}', 'https://s.example/?q=x+y%26b%3D1'],
    ['https://s.example/?q={{ a | cgi_escape }}', 'https://s.example/?q=x+y%26b%3D1'],
    [
      'https://s.example/{{ path | uri_escape }}&q={{ a | uri_escape }}',
      'https://s.example/a/b?c=d&q=x%20y&b=1',
    ],
    ["https://s.example/?q={{ a | url_encode | default: 'none' }}", 'https://s.example/?q=x+y%26b%3D1'],
    ["https://s.example/?q={{ nobody | url_encode | default: 'none' }}", 'https://s.example/?q=none'],
    // What the other value holds is not known: it is encoded, and the first one twice.
    ['https://s.example/?q={{ nobody | url_encode | default: a }}', 'https://s.example/?q=x%20y%26b%3D1'],
    ['https://s.example/{{ path | raw }}', 'https://s.example/a/b?c=d'],
    ['{{ link }}', 'https://shop.example/a?b=c#d'],
    [' {{ link }}\n', 'https://shop.example/a?b=c#d'],
    ['{{ empty }}', ''],
    ['{% if empty == "" %}{{ link }}{% else %}https://s.example/{% endif %}', 'https://shop.example/a?b=c#d'],
    ['{% assign b = a %}\nhttps://s.example/{{ b }}', 'https://s.example/x%20y%26b%3D1'],
    ['https://s.example/{% echo a %}', 'https://s.example/x%20y%26b%3D1'],
    ['https://s.example/{% cycle a, link %}', 'https://s.example/x%20y%26b%3D1'],
    [
      'https://s.example/{% capture c %}{{ a }}{% endcapture %}{% if c == a %}same/{% endif %}{{ c }}',
      'https://s.example/same/x%20y%26b%3D1',
    ],
    ['https://s.example/{{ "a b" | append: "&" }}', 'https://s.example/a%20b%26'],
  ];
  for (const [text, expected] of table) {
    it(`come out of ${JSON.stringify(text)} as ${expected}`, () => {
      expect(url(text, scope)).to.equal(expected);
    });
  }

  const refused = [
    'https://{{ a }}/x',
    'https://s.example{{ a }}',
    'https://s.example:{{ a }}/',
    '{{ a }}://s.example/',
    '{{ link }}?utm=1',
    '{{ link }}{{ a }}',
    'https://me@{{ a }}/',
    'https://s.example\\{{ a }}',
  ];
  for (const text of refused) {
    it(`are refused by ${JSON.stringify(text)}, when it is written and when it is rendered`, () => {
      expect(addressTemplateFault(text)).to.contain('may stand in the path');
      expect(() => url(text, scope)).to.throw('may stand in the path');
    });
  }

  for (const text of [
    'https://s.example/{{ a }}',
    '{{ link }}',
    "{{ link | default: 'https://s.example/}' }}",
  ]) {
    it(`are taken where ${JSON.stringify(text)} has them`, () => {
      expect(addressTemplateFault(text)).to.equal(null);
    });
  }
});

describe('outputs in JSON', () => {
  const anything = fc.oneof(hostile, fc.jsonValue());

  it('keep it JSON and come back as they were, whatever their value', () => {
    fc.assert(
      fc.property(hostile, anything, (text, value) => {
        const template =
          '{"in": "a {{ text }} b", "out": {{ value }}, "json": {{ value | json }}, "s": "{{ value | json }}"}';
        const read = JSON.parse(json(template, { text, value })) as Record<string, unknown>;
        expect(Object.keys(read)).to.deep.equal(['in', 'out', 'json', 's']);
        expect(read.in).to.equal(`a ${text} b`);
        expect(read.out).to.deep.equal(JSON.parse(JSON.stringify(value)));
        expect(read.json).to.deep.equal(JSON.parse(JSON.stringify(value)));
        expect(JSON.parse(read.s as string)).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 2_000 },
    );
  });

  it('are null where nothing is there, and an empty text inside of a string', () => {
    expect(json('{"a": {{ none }}, "b": "{{ none }}"}', {})).to.equal('{"a": null, "b": ""}');
  });

  it('stand as they are with raw', () => {
    expect(json('{{ body | raw }}', { body: '{"a":1}' })).to.equal('{"a":1}');
  });

  it('are refused after a backslash', () => {
    expect(() => json('{"a": "\\{{ x }}"}', { x: '"' })).to.throw('backslash');
  });
});

describe('outputs in plain text', () => {
  it('are not escaped, with or without raw', () => {
    const scope = { a: 'a "b" & <c>' };
    expect(engine.render('{{ a }}|{{ a | raw }}', scope)).to.equal('a "b" & <c>|a "b" & <c>');
  });

  it('cannot pretend to be marks', () => {
    expect(url('https://s.example/{{ a }}/{{ b }}', { a: '\ufdd01\ufdd1', b: 'b' })).to.equal(
      'https://s.example/%EF%B7%901%EF%B7%91/b',
    );
    expect(engine.check('{{ a }}\ufdd00\ufdd1')).to.contain('no character');
  });
});

describe('escaped rendering', () => {
  it('keeps the limit of what comes out', () => {
    const long = '"'.repeat(200_000);
    expect(() => json('{"a": "{{ a }}"}', { a: long })).to.throw('more than 262144 characters');
    expect(() => url('https://s.example/{{ a }}', { a: long })).to.throw('more than 262144 characters');
  });

  const many: [string, 'url' | 'json', string][] = [
    ['an address', 'url', 'https://s.example/{% for i in (1..20000) %}{{ a }}{% endfor %}'],
    ['JSON', 'json', '"{% for i in (1..20000) %}{{ a }}{% endfor %}"'],
    [
      'a capture',
      'json',
      '{% capture c %}{% for i in (1..20000) %}{{ a }}{% endfor %}{% endcapture %}"{{ c }}"',
    ],
  ];
  const patient = createTemplateEngine({ ...defaultTemplateLimits, renderMs: 30_000 });
  for (const [what, escape, text] of many) {
    it(`stops at the first output too many of ${what}, whatever the others would have taken`, function () {
      this.timeout(10_000);
      // 4 GB altogether.
      const a = 'ä'.repeat(200_000);
      expect(() => patient.render(text, { a }, { escape })).to.throw('more than 262144 characters');
    });
  }

  it('stops a capture that doubles', () => {
    const text = `{% assign a = 'xxxxxxxx' %}${'{% capture a %}{{ a }}{{ a }}{% endcapture %}'.repeat(40)}{{ a }}`;
    expect(() => json(`"${text}"`, {})).to.throw('more than');
  });
});

function wellFormed(text: string): string {
  return Buffer.from(text).toString();
}
