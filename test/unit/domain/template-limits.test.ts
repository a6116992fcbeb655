import { expect } from 'chai';
import { filters } from 'liquidjs';
import {
  createTemplateEngine,
  defaultTemplateLimits,
  TemplateError,
} from '../../../domain/content/template.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';

const engine = createTemplateEngine();
const hurried = createTemplateEngine({ ...defaultTemplateLimits, renderMs: 20 });
const now = '2026-06-10T22:30:00Z';
const scope = {
  profile: {
    big: 'x'.repeat(60_000),
    tags: ['a', 'b'],
    n: 2 ** 53,
    flat: Array.from({ length: 19_000 }, () => 'x'),
  },
  now,
};

/** Each level holds the one before it twice: 2^30 elements to whoever goes through them. */
const shared =
  '{% assign a = "x" | split: "," %}' +
  '{% for i in (1..30) %}{% assign b = "" | split: "," | push: a | push: a %}{% assign a = b %}{% endfor %}';
const deep =
  '{% for i in (1..5000) %}{% assign b = "" | split: "," | push: a %}{% assign a = b %}{% endfor %}';
const long = `{% assign x = 'a' %}${'{% assign x = x | append: x %}'.repeat(17)}`;
const nested = (n: number): string => `a${'[a'.repeat(n)}${']'.repeat(n)}`;

/** What an honest author never needs, and what took seconds to hours or all memory. */
const hostile: [string, string][] = [
  ['a list of shared lists', `${shared}{{ a }}`],
  ['the same through unshift', shared.replaceAll('push', 'unshift') + '{{ a }}'],
  ['the same as a condition', `${shared}{% if a == a %}x{% endif %}`],
  ['the same as a case', `${shared}{% case a %}{% when a, a, a %}x{% endcase %}`],
  ['the same in a capture', `${shared}{% capture c %}{{ a }}{% endcapture %}{{ c | size }}`],
  ['a list as deep as the stack', `${deep}{{ a }}`],
  ['a range that never counts up', '{% for i in (9007199254740992..9007199254740994) %}{% endfor %}'],
  ['such a range of values', '{% assign m = profile.n | plus: 2 %}{% for i in (profile.n..m) %}{% endfor %}'],
  ['such a range inside of a path', '{{ (profile.n..profile.n).size }}'],
  [
    'such a range as a property',
    "{{ profile.tags | where: '[(9007199254740992..9007199254740994)]' | size }}",
  ],
  [
    'ranges that are searched in a loop',
    '{% assign x = (1..30000) %}{% for i in x %}{% if x contains "q" %}1{% endif %}{% endfor %}',
  ],
  [
    'ranges that are compared in a case',
    `{% assign x = (1..400000) %}{% assign y = (1..400000) %}{% case x %}${'{% when y, y, y %}1'.repeat(500)}{% endcase %}`,
  ],
  [
    'a long text looked for in a longer one',
    `${long}{% assign y = profile.big | append: 'b' %}{{ x | split: y | size }}`,
  ],
  [
    'the same as a condition again and again',
    `${long}{% assign y = 'b' | append: x %}{% for i in (1..999) %}{% if x contains y %}{% endif %}{% endfor %}`,
  ],
  [
    'dates of many parts',
    `{% assign f = '%A%c%B' %}${'{% assign f = f | append: f %}'.repeat(12)}{{ 'now' | date: f }}`,
  ],
  [
    'a property that is a program',
    `{% assign p = 'a[a' %}${'{% assign p = p | append: p %}'.repeat(12)}{{ profile.flat | where: p | size }}`,
  ],
  [
    'captures kept in a list',
    `{% assign l = '' | split: '' %}{% for i in (1..9999) %}{% capture c %}${'x'.repeat(50_000)}{% endcapture %}{% assign c = c | upcase %}{% assign l = l | push: c %}{% endfor %}{{ l | size }}`,
  ],
  ['a text without end', `{% for i in (1..900000) %}${'x'.repeat(60_000)}{% endfor %}`],
  ['a table without end', '{% tablerow i in (1..900000) cols:2 %}{{ profile.big }}{% endtablerow %}'],
  ['indented JSON', `${'{% assign a = profile.flat | push: a %}'.repeat(20)}{{ a | json: 1000000000 }}`],
  ['a number too wide', "{{ 'now' | date: '%99999999999N' }}"],
];

/** @returns what came of it, within the time that a slow machine may need */
function ended(text: string, escape: 'none' | 'url' | 'json' = 'none', by = engine): string {
  const began = cpuSeconds();
  let outcome: string;
  try {
    outcome = by.render(text, scope, { escape });
  } catch (error) {
    expect(error).to.be.instanceOf(TemplateError);
    outcome = '';
  }
  expect(cpuSeconds() - began, text.slice(0, 80)).to.be.below(2);
  expect(outcome.length).to.be.at.most(defaultTemplateLimits.maxOutputLength);
  return outcome;
}

describe('hostile templates', function () {
  this.timeout(60_000);
  let atMostBytes = 0;
  before(() => {
    // Much of it is garbage that was not collected yet; without a limit, there are 700 MB in a few seconds.
    atMostBytes = process.resourceUsage().maxRSS * 1_024 + 500_000_000;
  });
  afterEach(() => {
    expect(process.resourceUsage().maxRSS * 1_024).to.be.lessThan(atMostBytes);
  });

  for (const [what, text] of hostile) {
    it(`come to an end in time and memory, whatever they become part of: ${what}`, () => {
      ended(text);
      ended(`https://shop.example/?q=${text}`, 'url');
      ended(`{"a": ${text}}`, 'json');
      ended(`{"a": "${text}"}`, 'json');
    });
  }

  const own = Object.keys(filters).filter((name) => engine.check(`{{ a | ${name} }}`) === null);
  for (const name of own) {
    it(`come to an end with the filter ${name}, whatever it is given`, () => {
      const values = [
        `${shared}{% assign v = a %}`,
        `${long}{% assign v = x %}`,
        '{% assign v = profile.flat %}',
        '{% assign v = (1..90000) %}',
      ];
      for (const value of values) {
        for (const args of ['', ': v', ": 'a', v"]) ended(`${value}{{ v | ${name}${args} }}`);
        const again = `{% assign w = v | ${name}: v %}`;
        ended(`${value}{% for i in (1..90000) %}${again}{% endfor %}{{ w }}`, 'none', hurried);
      }
    });
  }

  it('cannot run an expression for each element', () => {
    for (const name of Object.keys(filters).filter((one) => one.endsWith('_exp'))) {
      expect(engine.check(`{{ profile.tags | ${name}: 'i', 'i' }}`)).to.contain(name);
    }
  });

  const parts: [string, string][] = [
    ['brackets in each other', `{{ ${nested(51)} }}`],
    ['brackets as deep as the stack', `{{ ${nested(8_000)} }}`],
    ['brackets in the arguments of a filter', `{{ a | default: ${nested(2_000)} }}`],
    ['brackets in a tag', `{% case a %}{% when ${nested(2_000)} %}{% endcase %}`],
    ['ranges in each other', `{% for i in ${'(1..'.repeat(60)}2${')'.repeat(60)} %}{% endfor %}`],
    ['filters', `{{ a${' | upcase'.repeat(52)} }}`],
    ['filters in a cycle', `{% cycle a${' | upcase'.repeat(52)}, b %}`],
    ['arguments', `{{ a | default: ${'a,'.repeat(20_000)}a }}`],
    ['parts of a path', `{{ a${'.b'.repeat(60)} }}`],
    ['conditions', `{% if ${'a or '.repeat(9_000)}a %}x{% endif %}`],
  ];
  for (const [what, text] of parts) {
    it(`are faults when they have too many ${what}, and nothing else is said of them`, () => {
      const began = cpuSeconds();
      expect(engine.check(text)).to.match(/more than|deeper than|too deeply|too many/);
      expect(engine.references(text)).to.deep.equal([]);
      expect(cpuSeconds() - began).to.be.below(2);
    });
  }

  it('are followed in time, however many values they name', () => {
    const began = cpuSeconds();
    const names = Array.from({ length: 5_000 }, (_, i) => `{{ p.a${i} }}`).join('');
    const comment = (last: string): string => `{% # x${'\n'.repeat(60_000)}${last} %}`;
    expect(engine.check(names)).to.equal(null);
    expect(engine.references(names)).to.have.length(5_000);
    expect(engine.check(comment('# y'))).to.equal(null);
    expect(engine.check(comment('y'))).to.contain('inline comment');
    expect(cpuSeconds() - began).to.be.below(2);
  });
});

describe('what a template reads', () => {
  const table: [string, string[][]][] = [
    [
      '{{ a.b[0]["c d"] | default: e.f }}',
      [
        ['a', 'b', '0', 'c d'],
        ['e', 'f'],
      ],
    ],
    [
      '{{ a.b[c.d].e }}',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['{% assign x = a.b %}{{ x.c }}', [['a', 'b']]],
    [
      '{% for i in a.list limit: n %}{{ i.b }}{{ forloop.index }}{% else %}{{ c }}{% endfor %}{{ i.d }}',
      [['a', 'list'], ['n'], ['c'], ['i', 'd']],
    ],
    ['{% for i in (a..b) %}{% endfor %}', [['a'], ['b']]],
    [
      '{% capture x %}{{ a }}{% endcapture %}{{ x }}{% if b contains c %}{% elsif d %}{% endif %}',
      [['a'], ['b'], ['c'], ['d']],
    ],
    [
      '{% case a %}{% when b, "c" %}{{ d }}{% endcase %}{% cycle e, f %}{% echo g %}',
      [['a'], ['b'], ['d'], ['e'], ['f'], ['g']],
    ],
    [
      '{% liquid\n assign y = a\n echo y\n echo b %}{% tablerow r in c %}{{ r }}{% endtablerow %}{% unless e %}{% endunless %}',
      [['a'], ['b'], ['c'], ['e']],
    ],
    ['{{ "a.b" }}{% raw %}{{ c }}{% endraw %}{% comment %}{{ d }}{% endcomment %}', []],
  ];
  for (const [text, expected] of table) {
    it(`is told for ${JSON.stringify(text)}`, () => {
      expect(engine.references(text)).to.have.deep.members(expected);
      expect(engine.references(text)).to.have.length(expected.length);
    });
  }
});

describe('the texts of one message', () => {
  const loop = '{% for i in (1..3000) %}{{ i | plus: 1 | size }}{% endfor %}';

  it('share time and memory', () => {
    const strict = createTemplateEngine({ ...defaultTemplateLimits, memory: 10_000, renderMs: 60_000 });
    const budget = strict.budget();
    expect(() => [1, 2, 3].map(() => strict.render(loop, {}, { budget }))).to.not.throw();
    expect(() => strict.render(loop, {}, { budget })).to.throw(TemplateError, 'may make');
    expect(() => strict.render(loop, {})).to.not.throw();
    const roomy = createTemplateEngine({ ...defaultTemplateLimits, renderMs: 20, memory: Infinity });
    const endless = '{% for i in (1..900000) %}{% endfor %}';
    const short = roomy.budget();
    expect(() => roomy.render(endless, {}, { budget: short })).to.throw(TemplateError, 'time');
    expect(() => roomy.render('{{ a }}', {}, { budget: short })).to.throw(TemplateError, 'time');
  });
});
