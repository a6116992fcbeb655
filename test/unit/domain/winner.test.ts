import { expect } from 'chai';
import fc from 'fast-check';
import { isInSample, waitsForWinnerMs } from '../../../domain/content/variants-sample.ts';
import { variantReports } from '../../../domain/content/variant-report.ts';
import { decidedAtMs, pickWinner, triedSinceMs } from '../../../domain/content/winner.ts';

const START = Date.UTC(2026, 10, 21, 12);
const variant = (name: string, weight = 1) => ({ name, weight, content: {} });
const variants = [variant('A'), variant('B'), variant('C')];
const counts = (sent: number, clicked: number, viewed = 0) => ({ sent, clicked, viewed });

describe('the winner among variants', () => {
  it('has the largest share of its sent messages, not the most of them', () => {
    const known = new Map([
      ['A', counts(1_000, 100)],
      ['B', counts(10, 2)],
      ['C', counts(10, 1)],
    ]);
    expect(pickWinner({ variants }, known, 'clicked')).to.equal('B');
  });

  it('is chosen by the receipt that the rule names', () => {
    const known = new Map([
      ['A', counts(10, 5, 5)],
      ['C', counts(10, 1, 9)],
    ]);
    expect(pickWinner({ variants }, known, 'clicked')).to.equal('A');
    expect(pickWinner({ variants }, known, 'viewed')).to.equal('C');
  });

  it('is the one named first of those that are equal, or when nothing was sent', () => {
    expect(pickWinner({ variants }, new Map(), 'clicked')).to.equal('A');
    const tie = new Map([
      ['C', counts(10, 5)],
      ['B', counts(2, 1)],
      ['A', counts(10, 4)],
    ]);
    expect(pickWinner({ variants }, tie, 'clicked')).to.equal('B');
  });

  it('is never a variant that the campaign does not have any more, and nobody without variants', () => {
    expect(pickWinner({ variants }, new Map([['gone', counts(10, 10)]]), 'clicked')).to.equal('A');
    expect(pickWinner({}, new Map([['A', counts(1, 1)]]), 'clicked')).to.equal(undefined);
  });

  it('is decided the set time after the start of a campaign, or of the first run', () => {
    const startsAt = new Date(START);
    expect(decidedAtMs({ after: '2h' }, START)).to.equal(START + 7_200_000);
    const live = { definition: { who: { live: { event: 'E' } } } as never, startsAt };
    expect(triedSinceMs(live, null)).to.equal(START);
    const past = { definition: { who: { past: { all: [] } } } as never, startsAt };
    expect(triedSinceMs(past, null)).to.equal(null);
    const at = (ms: number): Date => new Date(START + ms);
    const first = { instant: at(1), plannedAt: at(5), createdAt: at(2) };
    expect(triedSinceMs(past, first)).to.equal(START + 5);
    expect(triedSinceMs(past, { ...first, createdAt: at(9) })).to.equal(START + 9);
  });
});

describe('the sample that variants are tried with', () => {
  it('is a stable share of the profiles, and another one for each campaign', () => {
    const profiles = Array.from({ length: 20_000 }, (_, i) => `profile-${i}`);
    const sample = profiles.filter((profile) => isInSample('one', profile, 20));
    expect(sample.length / profiles.length).to.be.closeTo(0.2, 0.01);
    expect(profiles.filter((profile) => isInSample('one', profile, 20))).to.deep.equal(sample);
    const both = sample.filter((profile) => isInSample('two', profile, 20));
    expect(both.length / sample.length).to.be.closeTo(0.2, 0.03);
  });

  it('grows with its percentage: nobody leaves it', () => {
    const percent = fc.integer({ min: 1, max: 99 });
    fc.assert(
      fc.property(fc.uuid(), percent, percent, (profile, a, b) => {
        if (!isInSample('c', profile, Math.min(a, b))) return;
        expect(isInSample('c', profile, Math.max(a, b))).to.equal(true);
      }),
    );
  });

  it('does not wait, and the others do until the winner is decided', () => {
    const winner = { after: '1h', by: 'clicked', sample: 50 } as const;
    const waits = Array.from({ length: 200 }, (_, i) => `p-${i}`).map((profileId) => {
      const about = { campaignId: 'c', profileId };
      expect(waitsForWinnerMs({ winner, won: true }, about, START)).to.equal(null);
      const { sample: _, ...withoutSample } = winner;
      expect(waitsForWinnerMs({ winner: withoutSample, won: false }, about, START)).to.equal(null);
      const ms = waitsForWinnerMs({ winner, won: false }, about, START);
      expect(ms === null).to.equal(isInSample('c', profileId, 50));
      return ms;
    });
    expect(new Set(waits)).to.deep.equal(new Set([null, START + 3_600_000]));
  });
});

describe('the report of variants', () => {
  const some = { sent: 4, failed: 1, delivered: 3, viewed: 2, clicked: 1, dismissed: 0 };

  it('lists each in the order of the definition, with nothing as null rates, and earlier ones last', () => {
    const reports = variantReports(
      [variant('B', 3), variant('A')],
      new Map([
        ['A', some],
        ['old', some],
      ]),
      true,
    );
    expect(reports.map(({ name, weight, sent }) => [name, weight, sent])).to.deep.equal([
      ['B', 3, 0],
      ['A', 1, 4],
      ['old', 0, 4],
    ]);
    expect(reports[0]?.rates).to.deep.equal({
      delivered: null,
      viewed: null,
      clicked: null,
      dismissed: null,
    });
    expect(reports[1]?.rates).to.deep.equal({ delivered: 0.75, viewed: 0.5, clicked: 0.25, dismissed: 0 });
  });

  it('claims nothing but clicks where nobody can know more', () => {
    const [report] = variantReports([variant('A')], new Map([['A', some]]), false);
    expect(report).to.include({ delivered: null, viewed: null, dismissed: null, clicked: 1, failed: 1 });
    expect(report?.rates).to.deep.equal({ delivered: null, viewed: null, clicked: 0.25, dismissed: null });
  });
});
