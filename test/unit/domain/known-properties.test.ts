import { expect } from 'chai';
import fc from 'fast-check';
import { learnProperties, propertyAt } from '../../../domain/content/known-properties.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';

/** Of as many as make a value nobody's own. */
const shared = (...samples: Record<string, unknown>[]): Record<string, unknown>[] => [
  ...samples,
  ...samples,
  ...samples,
];
const shownOf = (samples: Record<string, unknown>[]): unknown[] =>
  learnProperties(samples).flatMap(({ examples }) => examples);

describe('the properties that are known', () => {
  it('are named with their types and some values, nested ones by their path, three levels deep', () => {
    expect(
      learnProperties(
        shared(
          {
            plan: 'gold',
            age: 30,
            geo: { city: 'Ulm', at: { lat: 48.4, deep: { er: 1 } } },
            tags: ['a', 'b'],
          },
          {
            plan: 'silver',
            age: '30',
            active: true,
            since: '2024-05-01T00:00:00Z',
            day: '2024-05-01',
            none: null,
          },
        ),
      ).map(({ name, types, examples }) => ({ name, types, examples })),
    ).to.deep.equal([
      { name: 'active', types: ['boolean'], examples: [true] },
      { name: 'age', types: ['number', 'string'], examples: [30, '30'] },
      { name: 'day', types: ['date'], examples: ['2024-05-01'] },
      { name: 'geo', types: ['object'], examples: [] },
      { name: 'geo.at', types: ['object'], examples: [] },
      { name: 'geo.at.deep', types: ['object'], examples: [] },
      { name: 'geo.at.lat', types: ['number'], examples: [48.4] },
      { name: 'geo.city', types: ['string'], examples: ['Ulm'] },
      { name: 'plan', types: ['string'], examples: ['gold', 'silver'] },
      { name: 'since', types: ['date'], examples: ['2024-05-01T00:00:00Z'] },
      { name: 'tags', types: ['array'], examples: [['a', 'b']] },
    ]);
  });

  it('are told apart when a name holds a dot, and lead where their path says', () => {
    const known = learnProperties([{ 'a.b': 1, a: { b: 'x' } }, { 'a.b': 2 }]);
    expect(known.map(({ name, path, types }) => ({ name, path, types }))).to.deep.equal([
      { name: 'a', path: ['a'], types: ['object'] },
      { name: 'a.b', path: ['a.b'], types: ['number'] },
      { name: 'a.b', path: ['a', 'b'], types: ['string'] },
    ]);
    expect(propertyAt(known, ['a', 'b'])?.types).to.deep.equal(['string']);
    expect(propertyAt(known, ['a.b'])?.types).to.deep.equal(['number']);
    expect(propertyAt(known, ['a.b', 'c'])).to.equal(undefined);
    const secret = { 'customer.name': 'Ada' };
    expect(JSON.stringify(learnProperties(shared(secret))), 'masked as a name').to.not.include('Ada');
  });

  it('have at most three values, each once and cut to 80 characters', () => {
    const texts = ['x', 'x', 'y'.repeat(300), 'z', 'later'].map((text) => ({ text }));
    const [one] = learnProperties(shared(...texts));
    expect(one?.examples).to.deep.equal(['x', `${'y'.repeat(79)}…`, 'z']);
    const [emoji] = learnProperties(shared({ text: '🛒'.repeat(100) }));
    expect([...(emoji?.examples[0] as string)]).to.have.length(80);
    expect(emoji?.examples[0]).to.not.match(/\p{Surrogate}/u);
  });

  it('show a list as a list, as much of it as there is room for', () => {
    const examples = (value: unknown): unknown => learnProperties(shared({ tags: value }))[0]?.examples[0];
    const many = examples(Array.from({ length: 10_000 }, (_, i) => i)) as number[];
    expect(many.slice(0, 3)).to.deep.equal([0, 1, 2]);
    expect(JSON.stringify(many).length).to.be.within(70, 80);
    expect(examples(['y'.repeat(300), 'z'])).to.deep.equal([`${'y'.repeat(79)}…`]);
    expect(examples([{ sku: 'a', at: { row: 1 } }, null])).to.deep.equal([
      { sku: 'a', at: { row: 1 } },
      null,
    ]);
    expect(examples([{ text: 'y'.repeat(300), more: 'z'.repeat(80) }])).to.deep.equal([]);
    expect(examples([{ lastName: 'Lovelace', visits: 3 }])).to.deep.equal([{ lastName: 'L***', visits: 3 }]);
  });

  it('mask what says who somebody is, by the name or by the value', () => {
    const shown = (properties: Record<string, unknown>): unknown[] => shownOf(shared(properties));
    const secrets = {
      ...{
        email: 'ada@shop.example',
        workEmail: 'x',
        name: 'Ada Lovelace',
        firstName: 'Ada',
        identity: '42',
      },
      ...{ phone: '+49 151 1234567', password: 'hunter22', apiKey: 'k-1', shippingAddress: 'Way 1' },
      ...{ note: 'write to ada@shop.example', call: '+49 151 1234567', emails: ['ada@shop.example'] },
      ...{ list: ['ada@shop.example'], customer: { last_name: 'Lovelace' }, phoneNumber: 4915112345 },
    };
    const text = JSON.stringify(shown(secrets));
    for (const secret of ['ada', 'Ada', 'Lovelace', '42', '151', 'hunter', 'k-1', 'Way']) {
      expect(text, secret).to.not.include(secret);
    }
    expect(shown({ email: 'ada@shop.example' })).to.deep.equal(['a***']);
    const plain = { productName: 'Shoes', price: 20, orderedOn: '2024-05-01', ratio: '3/4', verified: true };
    expect(shown(plain)).to.deep.equal(['2024-05-01', 20, 'Shoes', '3/4', true]);
  });

  it('show nothing of one person alone: what fewer than three have is masked', () => {
    const secrets = ['CUST-8842-X', 'Bahnhofstr. 12', 'sk_live_abcdef', 'DE44500105175407324931', 'hello'];
    for (const secret of secrets) {
      expect(shownOf([{ note: secret }, { note: secret }]), secret).to.deep.equal([`${secret[0]}***`]);
      expect(shownOf([{ list: [secret] }, { list: [{ x: secret }] }])).to.deep.equal([
        [`${secret[0]}***`],
        [{ x: `${secret[0]}***` }],
      ]);
    }
    expect(shownOf(shared({ note: 'hello' }))).to.deep.equal(['hello']);
    expect(shownOf([{ a: true, b: 1.5, c: '2024-05-01' }])).to.deep.equal([true, 1.5, '2024-05-01']);
  });

  it('count whose values they are, not how often they came', () => {
    const samples = shared({ page: 'mine' });
    const known = (owner: (i: number) => string): unknown => learnProperties(samples, owner)[0]?.examples;
    expect(known(() => 'one')).to.deep.equal(['m***']);
    expect(known(String)).to.deep.equal(['mine']);
  });

  it('show no long numbers, whoever has them', () => {
    const samples = shared({
      ...{ card: 4111111111111111, account: 'no. 4111 1111 1111 1111 at the bank', order: 'order 12345678' },
      ...{ list: [4915112345678], code: 123456, place: 48.4039167 },
    });
    const text = JSON.stringify(shownOf(samples));
    expect(text).to.not.match(/4111|12345678|49151|40391/);
    expect(text).to.include('no. *** at the bank').and.include('123456');
  });

  it('know the longest value, of all and uncut, as it stands in JSON', () => {
    const bytes = (...values: unknown[]): unknown =>
      learnProperties(values.map((value) => ({ value })))[0]?.maxBytes;
    expect(bytes('a', 'b', 'c', 'ü'.repeat(3_000), 'd')).to.equal(6_000);
    expect(bytes('"')).to.equal(2);
    expect(bytes(12.5, true)).to.equal(4);
  });

  it('are learned quickly, whatever is looked at', function () {
    this.timeout(10_000);
    const began = cpuSeconds();
    const text = { a: 'a@'.repeat(16_000), b: '0 '.repeat(16_000), c: ['x@'.repeat(8_000)] };
    learnProperties(Array.from({ length: 1_000 }, () => text));
    expect(cpuSeconds() - began).to.be.below(2);
  });

  it('are bounded, whatever is looked at', function () {
    this.timeout(20_000);
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, i]));
    expect(learnProperties([wide])).to.have.length(1_000);
    // A text is cut after so many characters, also when it is all of a list that is shown.
    const charactersOf = (shown: unknown): number => {
      const only = Array.isArray(shown) && shown.length === 1 ? (shown[0] as unknown) : shown;
      return typeof only === 'string' ? [...only].length : JSON.stringify(shown).length;
    };
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue())), (samples) => {
        for (const { name, types, examples } of learnProperties(samples)) {
          expect(name).to.not.equal('');
          expect(types).to.not.be.empty;
          expect(examples.length).to.be.at.most(3);
          for (const one of examples) expect(charactersOf(one)).to.be.at.most(80);
        }
      }),
    );
  });
});
