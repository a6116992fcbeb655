import { expect } from 'chai';
import fc from 'fast-check';
import { learnProperties } from '../../../domain/content/known-properties.ts';

describe('the properties that are known', () => {
  it('are named with their types and some values, nested ones by their path, three levels deep', () => {
    expect(
      learnProperties([
        { plan: 'gold', age: 30, geo: { city: 'Ulm', at: { lat: 48.4, deep: { er: 1 } } }, tags: ['a', 'b'] },
        {
          plan: 'silver',
          age: '30',
          active: true,
          since: '2024-05-01T00:00:00Z',
          day: '2024-05-01',
          none: null,
        },
      ]),
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
      { name: 'tags', types: ['array'], examples: ['["a","b"]'] },
    ]);
  });

  it('have at most three values, each once and cut to 80 characters', () => {
    const [one] = learnProperties(['x', 'x', 'y'.repeat(300), 'z', 'later'].map((text) => ({ text })));
    expect(one?.examples).to.deep.equal(['x', `${'y'.repeat(79)}…`, 'z']);
    const [emoji] = learnProperties([{ text: '🛒'.repeat(100) }]);
    expect([...(emoji?.examples[0] as string)]).to.have.length(80);
    expect(emoji?.examples[0]).to.not.match(/\p{Surrogate}/u);
  });

  it('mask what says who somebody is, by the name or by the value', () => {
    const shown = (properties: Record<string, unknown>): unknown[] =>
      learnProperties([properties]).flatMap(({ examples }) => examples);
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

  it('are bounded, whatever is looked at', () => {
    const wide = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`p${i}`, i]));
    expect(learnProperties([wide])).to.have.length(1_000);
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue())), (samples) => {
        for (const { name, types, examples } of learnProperties(samples)) {
          expect(name).to.not.equal('');
          expect(types).to.not.be.empty;
          expect(examples.length).to.be.at.most(3);
          for (const one of examples) expect([...String(one)].length).to.be.at.most(80);
        }
      }),
    );
  });
});
