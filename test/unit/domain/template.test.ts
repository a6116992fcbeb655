import { expect } from 'chai';
import {
  createTemplateEngine,
  defaultTemplateLimits,
  TemplateError,
} from '../../../domain/content/template.ts';

const scope = {
  profile: { name: 'Ada', tags: ['new', 'sale'] },
  event: { product: 'Shoes', price: 12.5 },
  now: '2026-06-10T22:30:00Z',
};

describe('templates', () => {
  const engine = createTemplateEngine();

  const table: [string, string][] = [
    ['Hello', 'Hello'],
    ['100 % { of } everything }}', '100 % { of } everything }}'],
    ['', ''],
    ["Hi {{ profile.name | default: 'you' }}", 'Hi Ada'],
    ["Hi {{ profile.nick | default: 'you' }}", 'Hi you'],
    ['[{{ missing }}{{ missing.deep.er }}{{ profile.nick }}]', '[]'],
    ['{% if event.price > 10 %}dear{% else %}cheap{% endif %}', 'dear'],
    ['{% for tag in profile.tags %}{{ tag }};{% endfor %}', 'new;sale;'],
    ['{{ profile.tags.size }} {{ profile.tags.first }}', '2 new'],
    ['{{ event | json }}', '{"product":"Shoes","price":12.5}'],
    ['{{ profile.name }} <b> & 🛒', 'Ada <b> & 🛒'],
    ["{{ 'now' | date: '%Y-%m-%d %H:%M' }}", '2026-06-10 22:30'],
    ["{{ 'today' | date: '%H:%M', 'Europe/Berlin' }}", '00:30'],
    ["{{ '2026-01-02T03:04:05Z' | date: '%d.%m. %H:%M' }}", '02.01. 03:04'],
    ['{{ constructor }}{{ profile.constructor }}{{ profile.__proto__ }}{{ profile.name.constructor }}', ''],
    ['{{ profile.toString }}{{ profile.tags.map }}{{ __proto__.toString }}', ''],
  ];
  for (const [text, expected] of table) {
    it(`renders ${JSON.stringify(text)}`, () => {
      expect(engine.check(text)).to.equal(null);
      expect(engine.render(text, scope)).to.equal(expected);
    });
  }

  it('renders nothing for the time when the scope has none', () => {
    expect(engine.render("[{{ 'now' | date: '%Y' }}]", {})).to.equal('[]');
  });

  const faulty: [string, string][] = [
    ['Hi {{ profile.name', 'not closed'],
    ['{% if a %}', 'not closed'],
    ['{{ a | shout }}', 'shout'],
    ['{{ profile.tags | sample }}', 'sample'],
    ["{% include 'x' %}", 'include'],
    ["{% render 'x' %}", 'render'],
    ["{% layout 'x' %}", 'layout'],
    ['{% block a %}{% endblock %}', 'block'],
    ["{% if false %}{% render 'x' %}{% endif %}", 'render'],
    ["{% liquid\n render 'x' %}", 'render'],
    ['{% frobnicate %}', 'frobnicate'],
    [`{{ a }}${'x'.repeat(defaultTemplateLimits.maxTemplateLength)}`, 'limit'],
    [`${'{%if a%}'.repeat(200)}${'{%endif%}'.repeat(200)}`, 'deeper than 100 levels'],
  ];
  for (const [text, expected] of faulty) {
    it(`faults ${JSON.stringify(text.slice(0, 50))} in one line, before and when it is rendered`, () => {
      const fault = engine.check(text);
      expect(fault).to.contain(expected).and.not.contain('\n');
      expect(() => engine.render(text, scope))
        .to.throw(TemplateError)
        .with.property('stage', 'parse');
    });
  }

  it('leave the scope as it was', () => {
    const before = JSON.stringify(scope);
    engine.render(
      '{% assign now = 1 %}{% increment profile %}{% decrement x %}{% capture event %}a{% endcapture %}',
      scope,
    );
    expect(JSON.stringify(scope)).to.equal(before);
  });

  it('do not see each other’s assignments', () => {
    expect(engine.render('{% assign secret = 1 %}{{ secret }}', {})).to.equal('1');
    expect(engine.render('{{ secret }}', {})).to.equal('');
    expect(engine.render('{% increment counter %}', {})).to.equal(
      engine.render('{% increment counter %}', {}),
    );
  });

  const endless: [string, string][] = [
    ['a range too long', '{% for i in (1..100000000) %}x{% endfor %}'],
    [
      'a loop too slow',
      '{% for i in (1..900) %}{% for j in (1..900) %}{% for k in (1..900) %}{% endfor %}{% endfor %}{% endfor %}',
    ],
    ['a text that doubles', `{% assign a = 'xxxxxxxx' %}${'{% assign a = a | append: a %}'.repeat(40)}`],
    [
      'a capture that doubles',
      `{% assign a = 'xxxxxxxx' %}${'{% capture a %}{{ a }}{{ a }}{% endcapture %}'.repeat(40)}{{ a }}`,
    ],
    ['an output too long', `{% for i in (1..9000) %}${'x'.repeat(100)}{% endfor %}`],
    ['a date too wide', "{{ 'now' | date: '%999999999d' }}"],
    ['a time zone that is none', "{{ 'now' | date: '%d', 'Mars/Base' }}"],
  ];
  for (const [what, text] of endless) {
    it(`are stopped in rendering ${what}`, () => {
      expect(engine.check(text)).to.equal(null);
      expect(() => engine.render(text, scope))
        .to.throw(TemplateError)
        .with.property('stage', 'render');
    });
  }

  it('render alike when the cache holds one template only', () => {
    const small = createTemplateEngine({ ...defaultTemplateLimits, cachedTemplates: 1 });
    for (const name of ['a', 'b', 'a', 'c', 'b']) {
      expect(small.render(`${name} {{ profile.name }}`, scope)).to.equal(`${name} Ada`);
    }
  });

  it('render alike when a template is longer than the whole cache', () => {
    const tiny = createTemplateEngine({ ...defaultTemplateLimits, cachedLength: 5 });
    expect(tiny.render('x {{ profile.name }}', scope)).to.equal('x Ada');
    expect(tiny.render('x {{ profile.name }}', scope)).to.equal('x Ada');
  });
});
