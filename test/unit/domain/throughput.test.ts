import { expect } from 'chai';
import * as fc from 'fast-check';
import type { CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import { bucketsOf, GRANT_MS, groupsFor, nextTokenMs, paceOf } from '../../../domain/delivery/throughput.ts';
import { createTokenBucket } from '../../support/token-bucket.ts';

const MINUTE = 60_000;

/** The largest number of instants in any half-open minute. */
function mostInAMinute(instants: number[]): number {
  const sorted = [...instants].sort((a, b) => a - b);
  let most = 0;
  for (let from = 0, to = 0; from < sorted.length; from += 1) {
    while (to < sorted.length && (sorted[to] ?? 0) < (sorted[from] ?? 0) + MINUTE) to += 1;
    most = Math.max(most, to - from);
  }
  return most;
}

describe('the pace of a rate', () => {
  it('lets at once leave what a second brings, and at least one', () => {
    expect([1, 59, 60, 61, 600, 30_000].map((rate) => paceOf(rate).burst)).to.deep.equal([
      1, 1, 1, 2, 10, 500,
    ]);
  });

  it('with what may be in the bucket and in hand at first never comes to more than the rate in a minute', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (rate) => {
        const { burst, most, perMs } = paceOf(rate);
        expect(burst).to.be.within(1, most);
        // A window is half-open: its last millisecond brings nothing in any more.
        expect(Math.floor(most + perMs * (MINUTE - 1))).to.be.at.most(rate);
        expect(perMs * MINUTE).to.be.at.least(rate * 0.94);
      }),
    );
  });

  it('is kept in every minute, whoever takes how much when, and however late it leaves', () => {
    const step = fc.record({
      afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 1_500 })),
      wanted: fc.integer({ min: 1, max: 5 }),
      heldForMs: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: GRANT_MS - 1 })),
      // None at all, all at once at the end, or one here and one there.
      leaving: fc.constantFrom('none' as const, 'late' as const, 'spread' as const),
      settles: fc.boolean(),
    });
    const steps = fc.array(step, { minLength: 50, maxLength: 250, size: 'max' });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 45 }), steps, (perMinute, all) => {
        const bucket = createTokenBucket(() => perMinute);
        const left: number[] = [];
        let ends: { atMs: number; grant: string; left: number }[] = [];
        const settleUntil = (untilMs: number): void => {
          const over = ends.filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
          ends = ends.filter(({ atMs }) => atMs > untilMs);
          for (const end of over) bucket.settle(end.grant, end.left, end.atMs);
        };
        let nowMs = 0;
        for (const [i, { afterMs, wanted, heldForMs, leaving, settles }] of all.entries()) {
          nowMs += afterMs;
          settleUntil(nowMs);
          const { granted } = bucket.take(wanted, nowMs, String(i));
          const count = leaving === 'none' ? 0 : granted;
          for (let n = 1; n <= count; n += 1)
            left.push(nowMs + (leaving === 'late' ? heldForMs : Math.floor((heldForMs * n) / (count + 1))));
          if (settles) ends.push({ atMs: nowMs + heldForMs, grant: String(i), left: count });
        }
        expect(mostInAMinute(left)).to.be.at.most(perMinute);
      }),
      { numRuns: 400 },
    );
  });

  it('is nearly used up over a long time by whoever takes all there is', () => {
    for (const perMinute of [1, 2, 7, 59, 60, 61, 600, 6_000]) {
      const bucket = createTokenBucket(() => perMinute);
      const end = 30 * MINUTE;
      let left = 0;
      let steps = 0;
      for (let nowMs = 0; nowMs < end; steps += 1) {
        const { granted, nextAtMs } = bucket.take(256, nowMs, String(steps));
        // Sending takes a moment.
        if (granted > 0) bucket.settle(String(steps), granted, nowMs + 50);
        left += granted;
        nowMs = Math.max(nextAtMs, nowMs + 50);
      }
      expect(left, `${perMinute} a minute`).to.be.within(perMinute * 30 * 0.92, perMinute * 30);
      expect(steps, 'looks').to.be.at.most(2 * left + 1);
    }
  });

  it('of a bucket that is empty says when the next token can be taken, and then it can', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (perMinute) => {
        const bucket = createTokenBucket(() => perMinute);
        const first = bucket.take(1_000_000, 0, 'a');
        bucket.settle('a', first.granted, 0);
        expect(bucket.take(1, Math.max(first.nextAtMs - 1, 0), 'b').granted).to.equal(0);
        expect(bucket.take(1, first.nextAtMs + 1, 'c').granted).to.equal(1);
      }),
    );
  });

  it('does not look for the next token all the time while all are in hand', () => {
    expect(nextTokenMs(paceOf(6_000), 0, paceOf(6_000).most)).to.equal(200);
    expect(nextTokenMs(paceOf(6_000), 1.5, 0)).to.equal(0);
  });
});

describe('the rates that a message leaves under', () => {
  const dnd = { from: '21:00', to: '09:00', action: 'delay' as const };
  const of = (when: Partial<CampaignSchedule>, released: boolean, account = {}) =>
    bucketsOf({ id: 'c', definition: { when: { start: 'now', ...when } } }, account, released);

  it('are none where nothing is set', () => {
    expect(of({}, false)).to.deep.equal([]);
    expect(of({ dnd }, false)).to.deep.equal([]);
  });

  it("are the campaign's, and that of its quiet hours or the account's for what waited for their end", () => {
    const throughput = { perMinute: 60 };
    expect(of({ throughput }, false)).to.deep.equal([{ name: 'c', perMinute: 60 }]);
    const own = { ...dnd, releasePerMinute: 20 };
    expect(of({ throughput, dnd: own }, true)).to.deep.equal([
      { name: 'release/c', perMinute: 20 },
      { name: 'c', perMinute: 60 },
    ]);
    expect(of({ dnd }, true)).to.deep.equal([{ name: 'release/c', perMinute: 30_000 }]);
    expect(of({}, true, { dnd: { ...dnd, releasePerMinute: 500 } })).to.deep.equal([
      { name: 'release/account', perMinute: 500 },
    ]);
    expect(of({}, true)).to.deep.equal([{ name: 'release/account', perMinute: 30_000 }]);
  });

  it('decide in how many parts a run is drained', () => {
    const groups = [1, 600, 601, 6_000, 1_000_000].map((perMinute) => groupsFor(16, { perMinute }));
    expect(groups).to.deep.equal([1, 1, 2, 10, 16]);
    expect(groupsFor(3, undefined)).to.equal(3);
    expect(groupsFor(0, { perMinute: 60 })).to.equal(0);
  });
});
