import { expect } from 'chai';
import fc from 'fast-check';
import { defaultRetryPolicy, nextTry, type RetryQuestion } from '../../../domain/delivery/retry.ts';

const nowMs = Date.parse('2026-06-01T12:00:00Z');
const hour = 3_600_000;
const unreachable = { kind: 'unreachable', reason: 'timeout' } as const;
const throttled = (retryAfterMs: number) => ({ kind: 'throttled', status: 429, retryAfterMs }) as const;

/** Milliseconds from now to the next try, or why there is none. */
function waitFor(question: Partial<RetryQuestion>): number | string {
  const base = { tries: 1, outcome: unreachable, nowMs, expiresAtMs: Infinity, random: 0 };
  const decision = nextTry({ ...base, ...question });
  return decision.kind === 'retryAt' ? decision.atMs - nowMs : decision.reason;
}

describe('the next try', () => {
  it('comes after three times the time each time, and never after more than the cap', () => {
    const policy = { ...defaultRetryPolicy, capMs: 60_000 };
    const waits = [1, 2, 3, 4, 5, 6, 7].map((tries) => waitFor({ tries, policy }));
    expect(waits).to.deep.equal([5_000, 15_000, 45_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it('comes earlier by chance, so that not all come back at once', () => {
    expect(waitFor({ random: 0.5 })).to.equal(3_000);
    expect(waitFor({ random: 0.999 })).to.equal(1_004);
  });

  it('is not made when all tries are spent', () => {
    expect(waitFor({ tries: 7 })).to.be.a('number');
    expect(waitFor({ tries: 8 })).to.equal('triesSpent');
    expect(waitFor({ tries: 9 })).to.equal('triesSpent');
  });

  it('is not made at or after the expiry', () => {
    expect(waitFor({ expiresAtMs: nowMs + 5_001 })).to.equal(5_000);
    expect(waitFor({ expiresAtMs: nowMs + 5_000 })).to.equal('expired');
    expect(waitFor({ expiresAtMs: nowMs })).to.equal('expired');
    expect(waitFor({ expiresAtMs: nowMs - 1, tries: 8 })).to.equal('expired');
  });

  it('waits at least as long as the other side asks, and a little longer by chance', () => {
    expect(waitFor({ outcome: throttled(60_000) })).to.equal(60_000);
    expect(waitFor({ outcome: throttled(60_000), random: 0.5 })).to.equal(63_000);
    expect(waitFor({ outcome: throttled(60_000), expiresAtMs: nowMs + 30_000 })).to.equal('expired');
  });

  it('keeps its own wait when less is asked', () => {
    expect(waitFor({ outcome: throttled(1_000) })).to.equal(5_000);
    expect(waitFor({ outcome: throttled(-1_000) })).to.equal(5_000);
    expect(waitFor({ outcome: throttled(Number.NaN) })).to.equal(5_000);
    expect(waitFor({ outcome: { kind: 'throttled', status: 503 } })).to.equal(5_000);
  });

  it('takes no more than a day from the other side', () => {
    expect(waitFor({ outcome: throttled(900 * hour) })).to.equal(24 * hour);
  });

  it('lies between now and the expiry, and not before what was asked, whatever the case', () => {
    const cases = fc.record({
      tries: fc.integer({ min: 1, max: 10 }),
      asked: fc.integer({ min: 0, max: 30 * hour }),
      lifeMs: fc.integer({ min: 0, max: 40 * hour }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(cases, ({ tries, asked, lifeMs, random }) => {
        const wait = waitFor({ tries, outcome: throttled(asked), expiresAtMs: nowMs + lifeMs, random });
        if (typeof wait === 'string') return;
        expect(wait).to.satisfy(Number.isInteger);
        expect(wait).to.be.at.least(Math.min(asked, 24 * hour));
        expect(wait).to.be.above(0).and.below(lifeMs);
        expect(wait).to.be.at.most(Math.max(15 * 60_000, 24 * hour * 1.1));
      }),
    );
  });
});
