import { expect } from 'chai';
import { learnProperties } from '../../../domain/content/known-properties.ts';
import { sampleProperties } from '../../../domain/content/sample-properties.ts';

describe('a sample of what is known', () => {
  it('has every value in the type that it was seen with', () => {
    const seen = {
      tags: ['a', 'b'],
      lines: [{ sku: 'x', count: 2 }],
      geo: { city: 'Ulm', at: [48.4, 10] },
      price: 30,
      vip: true,
    };
    // What three have is nobody's own, and is shown as it is.
    expect(sampleProperties(learnProperties([seen, seen, seen]))).to.deep.equal(seen);
  });

  it('takes a dot in a name for a dot, beside a path of the same names', () => {
    const seen = { 'a.b': 1, a: { b: 2, 'c.d': 3 }, 'x.y': 4 };
    expect(sampleProperties(learnProperties([seen]))).to.deep.equal(seen);
  });
});
