import { expect } from 'chai';
import fc from 'fast-check';
import {
  checkCondition,
  matchesAll,
  operators,
  parseInstant,
  type Condition,
  type Operator,
} from '../../../domain/audience/conditions.ts';

const nowMs = Date.parse('2026-06-10T12:00:00Z');

describe('conditions', () => {
  const properties: Record<string, unknown> = {
    price: 20,
    name: 'Red Shoes',
    paid: false,
    tags: ['new', 'sale', 7],
    when: '2026-06-10T11:00:00Z',
    stored: new Date('2026-06-10T11:00:00Z'),
    'cart.id': 42,
    cart: { id: 43 },
    nothing: null,
    empty: '',
    zero: 0,
  };
  const table: [string, Operator, unknown, boolean][] = [
    ['price', 'eq', 20, true],
    ['price', 'eq', '20', false],
    ['zero', 'eq', false, false],
    ['empty', 'eq', '', true],
    ['paid', 'eq', false, true],
    ['tags', 'eq', 'sale', true],
    ['tags', 'eq', 'sal', false],
    ['when', 'eq', '2026-06-10T13:00:00+02:00', true],
    ['stored', 'eq', '2026-06-10T11:00:00.000Z', true],
    ['price', 'ne', 20, false],
    ['price', 'ne', '20', true],
    ['missing', 'ne', 20, true],
    ['nothing', 'ne', 20, true],
    ['tags', 'ne', 'sale', false],
    ['tags', 'ne', 'old', true],
    ['price', 'gt', 19.5, true],
    ['price', 'gt', 20, false],
    ['price', 'gt', '19', false],
    ['name', 'gt', 'A', false],
    ['missing', 'gt', -1, false],
    ['nothing', 'gte', 0, false],
    ['paid', 'gte', 0, false],
    ['price', 'gte', 20, true],
    ['price', 'lt', 20, false],
    ['price', 'lt', 21, true],
    ['price', 'lte', 20, true],
    ['missing', 'lt', 5, false],
    ['when', 'gt', '2026-06-10T10:59:59Z', true],
    ['when', 'lt', '2026-06-10T12:00:00+02:00', false],
    ['price', 'between', [20, 30], true],
    ['price', 'between', [10, 20], true],
    ['price', 'between', [21, 30], false],
    ['price', 'between', ['10', '30'], false],
    ['when', 'between', ['2026-06-10T00:00:00Z', '2026-06-11T00:00:00Z'], true],
    ['name', 'in', ['Red Shoes', 'Hat'], true],
    ['price', 'in', ['20'], false],
    ['missing', 'in', ['a'], false],
    ['tags', 'in', ['old', 'new'], true],
    ['name', 'notIn', ['Hat'], true],
    ['name', 'notIn', ['Red Shoes'], false],
    ['missing', 'notIn', ['a'], true],
    ['tags', 'notIn', ['old', 'new'], false],
    ['name', 'contains', 'Shoe', true],
    ['name', 'contains', 'shoe', false],
    ['tags', 'contains', 'sal', true],
    ['tags', 'contains', 'old', false],
    ['price', 'contains', '2', false],
    ['name', 'startsWith', 'Red', true],
    ['name', 'startsWith', 'Shoes', false],
    ['missing', 'startsWith', 'a', false],
    ['paid', 'exists', undefined, true],
    ['empty', 'exists', undefined, true],
    ['nothing', 'exists', undefined, false],
    ['missing', 'exists', undefined, false],
    ['missing', 'notExists', undefined, true],
    ['zero', 'notExists', undefined, false],
    ['when', 'before', '2026-06-10T11:00:00.001Z', true],
    ['when', 'before', '2026-06-10T11:00:00Z', false],
    ['stored', 'after', '2026-06-10T10:00:00Z', true],
    ['when', 'after', '2026-06-10T12:30:00+02:00', true],
    ['name', 'after', '2026-06-10T10:00:00Z', false],
    ['price', 'before', '2026-06-10T10:00:00Z', false],
    ['when', 'withinLast', '1h', true],
    ['when', 'withinLast', '59m', false],
    ['stored', 'withinLast', '2h', true],
    ['missing', 'withinLast', '2h', false],
    ['cart.id', 'eq', 42, true],
    ['cart.id', 'eq', 43, false],
    ['toString', 'exists', undefined, false],
    ['hasOwnProperty', 'notExists', undefined, true],
  ];
  for (const [property, op, value, expected] of table) {
    it(`${property} ${op} ${JSON.stringify(value) ?? ''} ${expected ? 'holds' : 'does not hold'}`, () => {
      expect(matchesAll([{ property, op, value }], properties, nowMs)).to.equal(expected);
    });
  }

  it('hold all together, and when there are none', () => {
    const price: Condition = { property: 'price', op: 'gte', value: 20 };
    const name: Condition = { property: 'name', op: 'contains', value: 'Hat' };
    expect(matchesAll([], properties, nowMs)).to.equal(true);
    expect(matchesAll([price, price], properties, nowMs)).to.equal(true);
    expect(matchesAll([price, name], properties, nowMs)).to.equal(false);
  });

  it('do not count the future as the last hours', () => {
    const soon: Condition = { property: 'at', op: 'withinLast', value: '1h' };
    expect(matchesAll([soon], { at: '2026-06-10T12:00:00Z' }, nowMs)).to.equal(true);
    expect(matchesAll([soon], { at: '2026-06-10T12:00:00.001Z' }, nowMs)).to.equal(false);
  });

  it('see a property of an object without a prototype, and none that was inherited', () => {
    const bare = Object.assign(Object.create(null), { plan: 'gold' }) as Record<string, unknown>;
    const heir = Object.create({ plan: 'gold' }) as Record<string, unknown>;
    const gold: Condition = { property: 'plan', op: 'eq', value: 'gold' };
    expect(matchesAll([gold], bare, nowMs)).to.equal(true);
    expect(matchesAll([gold], heir, nowMs)).to.equal(false);
  });

  it('give the same answer for eq and in of one value, and the opposite for ne and notIn', () => {
    const scalar = fc.oneof(fc.string({ maxLength: 2 }), fc.integer({ min: 0, max: 3 }), fc.boolean());
    const held = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.constant(null));
    fc.assert(
      fc.property(held, scalar, (actual, value) => {
        const ask = (op: Operator, wanted: unknown): boolean =>
          matchesAll([{ property: 'p', op, value: wanted }], { p: actual }, nowMs);
        const same = Array.isArray(actual) ? actual.includes(value) : actual === value;
        expect(ask('eq', value)).to.equal(same);
        expect(ask('in', [value])).to.equal(same);
        expect(ask('ne', value)).to.equal(!same);
        expect(ask('notIn', [value])).to.equal(!same);
      }),
    );
  });

  it('never throw, whatever the value and the property are', () => {
    fc.assert(
      fc.property(
        fc.anything(),
        fc.anything(),
        fc.constantFrom(...operators, 'like'),
        (actual, value, op) => {
          const condition = { property: 'p', op, value } as Condition;
          expect(matchesAll([condition], { p: actual }, nowMs)).to.be.a('boolean');
          expect(checkCondition(condition)).to.be.an('array');
        },
      ),
    );
  });
});

describe('the check of a condition', () => {
  const good: [Operator, unknown][] = [
    ['eq', 'x'],
    ['eq', 0],
    ['ne', false],
    ['gt', 1],
    ['lte', '2026-06-10T10:00:00Z'],
    ['between', [1, 2]],
    ['between', ['2026-06-10T10:00:00+02:00', '2026-06-10T10:00:00Z']],
    ['in', ['a', 1, true]],
    ['contains', 'a'],
    ['startsWith', 'a'],
    ['exists', undefined],
    ['before', '2026-06-10T10:00Z'],
    ['withinLast', '30d'],
  ];
  for (const [op, value] of good) {
    it(`passes ${op} ${JSON.stringify(value) ?? ''}`, () => {
      expect(checkCondition({ property: 'a.b', op, value })).to.deep.equal([]);
    });
  }

  const bad: [Operator, unknown][] = [
    ['eq', undefined],
    ['eq', null],
    ['eq', Number.NaN],
    ['ne', ['a']],
    ['gt', 'abc'],
    ['gt', Number.POSITIVE_INFINITY],
    ['gte', true],
    ['lt', '2026-06-10'],
    ['between', [2, 1]],
    ['between', [1]],
    ['between', [1, 2, 3]],
    ['between', [1, '2026-06-10T10:00:00Z']],
    ['between', '1,2'],
    ['in', []],
    ['in', 'a'],
    ['notIn', [['a']]],
    ['contains', ''],
    ['contains', 5],
    ['startsWith', undefined],
    ['exists', true],
    ['before', '2026-06-10T10:00:00'],
    ['before', '2026-02-30T10:00:00Z'],
    ['after', 1_750_000_000_000],
    ['withinLast', '1.5h'],
    ['withinLast', 60],
  ];
  for (const [op, value] of bad) {
    it(`faults ${op} ${JSON.stringify(value) ?? ''}`, () => {
      const faults = checkCondition({ property: 'a', op, value });
      expect(faults).to.have.length(1);
      expect(faults[0]).to.match(new RegExp(`^value of ${op} must be `));
    });
  }

  const names = ['', 'a\0b', '$where', '__proto__', 'constructor', 'prototype', 'x'.repeat(129)];
  for (const property of names) {
    it(`faults the name ${JSON.stringify(property.slice(0, 20))} of ${property.length} characters`, () => {
      expect(checkCondition({ property, op: 'exists' })).to.have.length(1);
    });
  }

  it('says of a reserved name that it is one, in the words that the API has for a field', () => {
    for (const property of ['__proto__', 'constructor', 'prototype'])
      expect(checkCondition({ property, op: 'exists' })).to.deep.equal([
        'property is a reserved name, as constructor, prototype and __proto__ are',
      ]);
  });

  it('passes a name of 128 characters and one with a dollar inside', () => {
    expect(checkCondition({ property: 'x'.repeat(128), op: 'exists' })).to.deep.equal([]);
    expect(checkCondition({ property: 'price$', op: 'exists' })).to.deep.equal([]);
  });

  it('names every fault at once', () => {
    expect(checkCondition({ property: '$a\0', op: 'gt', value: 'x' })).to.have.length(3);
  });

  it('faults an operator that there is not, inherited names included', () => {
    for (const op of ['like', 'toString', '', undefined]) {
      expect(checkCondition({ property: 'a', op: op as Operator, value: 1 })[0]).to.match(
        /^op must be one of eq, /,
      );
    }
  });
});

describe('ISO instants', () => {
  it('are read with any offset and to the millisecond', () => {
    expect(parseInstant('2028-02-29T09:00+05:45')).to.equal(Date.UTC(2028, 1, 29, 3, 15));
    expect(parseInstant('2026-12-31T23:59:59.123456Z')).to.equal(Date.UTC(2026, 11, 31, 23, 59, 59, 123));
    expect(parseInstant('0000-01-01T00:00:00Z')).to.equal(-62_167_219_200_000);
  });

  const none = [
    '2026-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
  ];
  for (const text of [
    ...none,
    '2026-06-00T00:00:00Z',
    '2026-06-10T24:00:00Z',
    '2026-06-10 10:00:00Z',
    'now',
    '2026',
  ]) {
    it(`are not read from ${text}`, () => expect(parseInstant(text)).to.equal(null));
  }
});
