import { expect } from 'chai';
import fc from 'fast-check';
import type { Variant } from '../../../domain/content/content.ts';
import { variantOf } from '../../../domain/content/variants.ts';

const variant = (name: string, weight: number): Variant => ({ name, weight, content: { title: name } });
const PROFILES = Array.from(
  { length: 100_000 },
  (_, i) => `6745c0e1a1b2c3d4e5${i.toString(16).padStart(6, '0')}`,
);

function shares(campaignId: string, variants: Variant[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const profile of PROFILES) {
    const name = variantOf(campaignId, profile, { variants })?.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1 / PROFILES.length);
  }
  return counts;
}

describe('variants', () => {
  const tables: [string, number[]][] = [
    ['halves', [1, 1]],
    ['a tenth', [9, 1]],
    ['a hundredth', [99, 1]],
    ['three', [50, 30, 20]],
    ['ten', [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ['weights that are no whole numbers', [0.2, 0.3, 0.7]],
  ];
  for (const [what, weights] of tables) {
    it(`go to as many of 100,000 profiles as their weight says: ${what}`, function () {
      this.timeout(20_000);
      const variants = weights.map((weight, i) => variant(`v${i}`, weight));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const found = shares('campaign-1', variants);
      weights.forEach((weight, i) => {
        const share = weight / total;
        // Five standard deviations of so many draws.
        const tolerance = 5 * Math.sqrt((share * (1 - share)) / PROFILES.length);
        expect(found.get(`v${i}`) ?? 0, `v${i}`).to.be.closeTo(share, tolerance);
      });
    });
  }

  it('are the same for a profile every time, in any order of the variants, and independent of another campaign’s', () => {
    const variants = [variant('A', 1), variant('B', 1)];
    const alike = PROFILES.slice(0, 10_000).filter((profile) => {
      const one = variantOf('c1', profile, { variants })?.name;
      expect(variantOf('c1', profile, { variants })?.name).to.equal(one);
      expect(variantOf('c1', profile, { variants: variants.toReversed() })?.name).to.equal(one);
      return variantOf('c2', profile, { variants })?.name === one;
    });
    expect(alike.length / 10_000).to.be.closeTo(0.5, 0.025);
  });

  it('keep their profiles when another one is added or taken away', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.double({ min: 0.01, max: 100, noNaN: true }), (profile, weight) => {
        const two = [variant('A', 3), variant('B', 2)];
        const before = variantOf('c', profile, { variants: two })?.name;
        const after = variantOf('c', profile, { variants: [variant('C', weight), ...two] })?.name;
        expect([before, 'C']).to.include(after);
      }),
    );
  });

  it('keep their profiles when a content changes', () => {
    const changed = { ...variant('A', 1), content: { title: 'other' } };
    for (const profile of PROFILES.slice(0, 1_000)) {
      const before = variantOf('c', profile, { variants: [variant('A', 1), variant('B', 1)] })?.name;
      expect(variantOf('c', profile, { variants: [changed, variant('B', 1)] })?.name).to.equal(before);
    }
  });

  it('give way to the winner, and not to one that is not there any more', () => {
    const variants = [variant('A', 1), variant('B', 1)];
    for (const profile of PROFILES.slice(0, 100)) {
      expect(variantOf('c', profile, { variants }, 'B')?.name).to.equal('B');
      expect(variantOf('c', profile, { variants }, 'gone')).to.equal(variantOf('c', profile, { variants }));
    }
  });

  it('are none where there are none', () => {
    expect(variantOf('c', 'p', {}, 'A')).to.equal(undefined);
  });
});
