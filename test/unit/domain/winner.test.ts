import { expect } from 'chai';
import fc from 'fast-check';
import { isInSample, waitsForWinnerMs } from '../../../domain/content/variants-sample.ts';
import { variantReports } from '../../../domain/content/variant-report.ts';
import { publishWarnings } from '../../../domain/content/publish-warnings.ts';
import {
  contestOf,
  decidedAtMs,
  pickWinner,
  triedSinceMs,
  wilsonLowerBound,
  winnerIn,
} from '../../../domain/content/winner.ts';
import type { WebPushContent } from '../../../domain/content/content.ts';
import type { WebPushDefinition } from '../../../domain/campaign/campaign.ts';

const START = Date.UTC(2026, 10, 21, 12);
const variant = (name: string, weight = 1) => ({ name, weight, content: {} });
const variants = [variant('A'), variant('B'), variant('C')];
const counts = (sent: number, clicked: number, viewed = 0, reporting = sent) => ({
  sent,
  reporting,
  clicked,
  viewed,
});

describe('the winner among variants', () => {
  it('has the largest share of its sent messages, not the most of them', () => {
    const known = new Map([
      ['A', counts(2_000, 100)],
      ['B', counts(1_000, 90)],
      ['C', counts(1_000, 10)],
    ]);
    expect(pickWinner({ variants }, known, 'clicked')).to.equal('B');
  });

  it('is not the one with a lucky message or two', () => {
    const lucky = new Map([
      ['A', counts(100_000, 60_000)],
      ['B', counts(1, 1)],
      ['C', counts(4, 3)],
    ]);
    expect(pickWinner({ variants }, lucky, 'clicked')).to.equal('A');
  });

  it('is judged by the messages that can report: views never come from APNs, clicks do', () => {
    const known = new Map([
      ['A', counts(1_000, 90, 100)],
      ['B', counts(1_000, 80, 90, 200)],
    ]);
    expect(pickWinner({ variants }, known, 'viewed')).to.equal('B');
    expect(pickWinner({ variants }, known, 'clicked')).to.equal('A');
  });

  it('goes by the Wilson score interval', () => {
    // By hand for 1 of 1: 1 / (1 + z²), and for 50 of 100 the interval that is known as 0.404 to 0.596.
    expect(wilsonLowerBound(1, 1)).to.be.closeTo(1 / (1 + 1.959964 ** 2), 1e-6);
    expect(wilsonLowerBound(50, 100)).to.be.closeTo(0.4038, 0.0001);
    expect(wilsonLowerBound(0, 0)).to.equal(0);
    const some = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(some, some, (a, b) => {
        const [hits, of] = [Math.min(a, b), Math.max(a, b)];
        const bound = wilsonLowerBound(hits, of);
        expect(bound).to.be.within(0, hits / of);
        expect(wilsonLowerBound(hits * 2, of * 2)).to.be.above(bound);
        expect(wilsonLowerBound(0, of)).to.equal(0);
      }),
    );
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
      ['B', counts(10, 5)],
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
    expect(triedSinceMs(live, undefined, null)).to.equal(START);
    expect(triedSinceMs(live, new Date(START + 7), null)).to.equal(START + 7);
    expect(triedSinceMs(live, new Date(START - 7), null)).to.equal(START);
    expect(triedSinceMs({ ...live, startsAt: undefined }, new Date(START), null)).to.equal(null);
    const past = { definition: { who: { past: { all: [] } } } as never, startsAt };
    expect(triedSinceMs(past, new Date(START), null)).to.equal(null);
    const at = (ms: number): Date => new Date(START + ms);
    const first = { instant: at(1), plannedAt: at(5), createdAt: at(2) };
    expect(triedSinceMs(past, undefined, first)).to.equal(START + 5);
    expect(triedSinceMs(past, undefined, { ...first, createdAt: at(9) })).to.equal(START + 9);
  });

  it('holds for the rule and the texts that it came of, and for no others', () => {
    const winner = { after: '1h', by: 'clicked' } as const;
    const what: WebPushContent = { title: 'T', data: { a: '1', b: '2' }, variants, winner };
    const definition = (more: Partial<WebPushContent>): WebPushDefinition => ({
      name: 'Cart',
      channel: 'webPush',
      siteId: 's',
      labels: [],
      who: { live: { event: 'E' } },
      when: { start: 'now' },
      what: { ...what, ...more },
    });
    const contest = contestOf(definition({})) ?? '';
    const winners = [{ contest, variant: 'A', at: new Date(START) }];
    const won = (more: Partial<WebPushContent>): string | undefined =>
      winnerIn({ winners }, definition(more))?.variant;

    expect(contest).to.match(/^[0-9a-f]{16}$/);
    expect(won({})).to.equal('A');
    expect(won({ data: { b: '2', a: '1' }, body: undefined, ttl: '1h' })).to.equal('A');
    expect(won({ variants: variants.map((one) => ({ ...one, weight: 7 })).toReversed() })).to.equal('A');

    expect(won({ winner: undefined })).to.equal(undefined);
    expect(won({ winner: { ...winner, after: '2h' } })).to.equal(undefined);
    expect(won({ winner: { ...winner, by: 'viewed' } })).to.equal(undefined);
    expect(won({ title: 'new' })).to.equal(undefined);
    expect(won({ languages: { de: { title: 'neu' } } })).to.equal(undefined);
    expect(won({ variants: [variant('A'), variant('B')] })).to.equal(undefined);
    const texts = [{ ...variant('A'), content: { title: 'new' } }, variant('B'), variant('C')];
    expect(won({ variants: texts })).to.equal(undefined);
    expect(winnerIn({}, definition({}))).to.equal(undefined);
  });

  it('by views is warned of where Safari never reports them', () => {
    const templates = { check: () => null, references: () => [] };
    const warned = (by: 'clicked' | 'viewed', safari: object | undefined): string[] =>
      publishWarnings(
        {
          channel: 'webPush',
          who: { api: {} },
          what: { title: 'T', variants, winner: { after: '1h', by } },
        } as never,
        templates as never,
        { profile: null, event: null, site: { safari } } as never,
      ).map(({ pointer }) => pointer);
    const safari = { allowedDomains: ['https://shop.example'] };
    expect(warned('viewed', safari)).to.include('/what/winner/by');
    expect(warned('clicked', safari)).to.not.include('/what/winner/by');
    expect(warned('viewed', undefined)).to.not.include('/what/winner/by');
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
  const some = { sent: 4, reporting: 4, failed: 1, delivered: 3, viewed: 2, clicked: 1, dismissed: 0 };

  it('lists each in the order of the definition, with nothing as null rates, and earlier ones last', () => {
    const reports = variantReports(
      [variant('B', 3), variant('A')],
      new Map([
        ['A', some],
        ['old', some],
      ]),
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
    const apnsAlone = { ...some, reporting: 0, delivered: 0, viewed: 0 };
    const known = new Map([
      ['A', apnsAlone],
      ['B', { ...some, reporting: 3 }],
    ]);
    const [report, other] = variantReports([variant('A'), variant('B')], known);
    expect(other).to.include({ delivered: 3, viewed: 2, dismissed: 0 });
    expect(other?.rates).to.deep.equal({ delivered: 1, viewed: 2 / 3, clicked: 0.25, dismissed: 0 });
    expect(report).to.include({ delivered: null, viewed: null, dismissed: null, clicked: 1, failed: 1 });
    expect(report?.rates).to.deep.equal({ delivered: null, viewed: null, clicked: 0.25, dismissed: null });
  });
});
