import { expect } from 'chai';
import fc from 'fast-check';
import { drawSize, notDrawn, rankOf } from '../../../domain/audience/cap.ts';

/** Ids as profiles have them: made one after the other, so that neighbours differ in a few digits only. */
const PROFILES = Array.from({ length: 5_000 }, (_, i) =>
  (0x6b01939be3202a07n * 65_536n + BigInt(i)).toString(16),
);

function drawnOf(runId: string, count: number): Set<string> {
  const byRank = [...PROFILES].sort((a, b) => rankOf(runId, a) - rankOf(runId, b));
  return new Set(byRank.slice(0, count));
}

describe('the draw for a targeting cap', () => {
  it('gives a profile the same place in a run again and again', () => {
    expect(rankOf('r1', 'p1')).to.equal(rankOf('r1', 'p1')).and.not.to.equal(rankOf('r2', 'p1'));
    expect(rankOf('r1', 'p1')).to.be.within(0, 2 ** 32 - 1);
  });

  it('favours neither early nor late profiles, nor any last digit of an id', () => {
    const drawn = drawnOf('6a1ff9b8c1d2e3f405060708', 500);
    // Tenths of the audience in order of id, and the 16 last digits: 500 fall evenly into each.
    const tenths = countsBy(drawn, 10, (id) => Math.floor((PROFILES.indexOf(id) * 10) / PROFILES.length));
    const digits = countsBy(drawn, 16, (id) => Number.parseInt(id.at(-1) ?? '', 16));
    // Chi-square with 9 and 15 degrees of freedom, exceeded by one fair draw in 10,000.
    expect(chiSquare(tenths)).to.be.below(33.7);
    expect(chiSquare(digits)).to.be.below(44.3);
  });

  it('draws others in another run, as many of the same as chance gives', () => {
    const first = drawnOf('run-1', 500);
    const both = [...drawnOf('run-2', 500)].filter((id) => first.has(id)).length;
    // 50 are expected, with a standard deviation of 6.4.
    expect(both).to.be.within(25, 75);
  });

  it('gives every profile about the same number of wins over many runs', () => {
    const few = PROFILES.slice(0, 50);
    const wins = new Map(few.map((id) => [id, 0]));
    for (let run = 0; run < 400; run += 1) {
      const byRank = [...few].sort((a, b) => rankOf(`run-${run}`, a) - rankOf(`run-${run}`, b));
      for (const id of byRank.slice(0, 5)) wins.set(id, (wins.get(id) ?? 0) + 1);
    }
    // 40 each are expected, with a standard deviation of 6.
    expect(Math.min(...wins.values())).to.be.above(12);
    expect(Math.max(...wins.values())).to.be.below(68);
  });

  it('draws no more than slots are left, and all when they fit', () => {
    const any = fc.nat(1_000);
    fc.assert(
      fc.property(any, any, any, (limit, taken, held) => {
        const drawn = drawSize({ limit, ifExceeded: 'truncate' }, taken, held) as number;
        expect(drawn).to.equal(Math.min(held, Math.max(limit - taken, 0)));
        const all = drawSize({ limit, ifExceeded: 'abort' }, taken, held);
        expect(all).to.equal(held > Math.max(limit - taken, 0) ? 'abort' : held);
      }),
    );
  });

  it('says why somebody was not drawn', () => {
    const cap = { limit: 500, ifExceeded: 'abort' } as const;
    expect(notDrawn(cap, false)).to.equal('not among those drawn for the targeting cap of 500');
    expect(notDrawn(cap, true)).to.equal('more could be reached than the targeting cap of 500 allows');
  });
});

function countsBy(ids: Set<string>, classes: number, classOf: (id: string) => number): number[] {
  const counts = Array<number>(classes).fill(0);
  for (const id of ids) counts[classOf(id)]! += 1;
  return counts;
}

function chiSquare(counts: number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
