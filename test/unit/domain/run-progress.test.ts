import { expect } from 'chai';
import fc from 'fast-check';
import {
  progressOf,
  progressText,
  totalsText,
  type RunCounts,
} from '../../../domain/delivery/run-progress.ts';

const at = new Date('2026-11-21T10:00:00Z');
const after = (seconds: number): Date => new Date(at.getTime() + seconds * 1_000);
const none: RunCounts = {
  at,
  due: 0,
  waiting: 0,
  sending: 0,
  sent: 0,
  failed: 0,
  suppressed: 0,
  controlGroup: 0,
  settledLately: 0,
  lastDueAt: null,
};
const draining = (seconds: number) => ({ status: 'draining' as const, drainingAt: after(-seconds) });
const judged = (
  counts: Partial<RunCounts>,
  {
    seconds = 120,
    paused = false,
    perMinute,
  }: { seconds?: number; paused?: boolean; perMinute?: number } = {},
) => progressOf({ ...none, ...counts }, { run: draining(seconds), paused, perMinute });

describe('progressOf', () => {
  it('adds up to what was materialised', () => {
    const figure = fc.nat(1_000_000);
    fc.assert(
      fc.property(fc.tuple(figure, figure, figure, figure, figure, figure, figure), (n) => {
        const [due, waiting, sending, sent, failed, suppressed, controlGroup] = n;
        const counts = { due, waiting, sending, sent, failed, suppressed, controlGroup };
        const { materialised, ratePerMinute: _rate, expectedEnd: _end, ...figures } = judged(counts);
        expect(figures).to.deep.equal(counts);
        expect(materialised).to.equal(n.reduce((a, b) => a + b));
      }),
    );
  });

  it('takes the rate from the last minute, and from less once it has drained for less', () => {
    const rateAfter = (seconds: number, settledLately: number) =>
      judged({ due: 100, lastDueAt: at, settledLately }, { seconds }).ratePerMinute;
    expect(rateAfter(600, 90)).to.equal(90);
    expect(rateAfter(60, 90)).to.equal(90);
    expect(rateAfter(20, 90)).to.equal(270);
    expect(rateAfter(1, 5)).to.equal(300);
    expect(rateAfter(0.9, 5)).to.equal(null);
    expect(progressOf({ ...none, due: 5 }, { run: { status: 'materialising' }, paused: false })).to.include({
      ratePerMinute: null,
      expectedEnd: null,
    });
  });

  it('expects the end when what is open has gone at the rate, and not before the last is due', () => {
    const endOf = (counts: Partial<RunCounts>, more = {}) =>
      judged({ lastDueAt: at, ...counts }, more).expectedEnd;
    expect(endOf({ due: 300, sending: 50, waiting: 50, settledLately: 200 })).to.deep.equal(after(120));
    expect(endOf({ due: 300, settledLately: 200, lastDueAt: after(3_600) })).to.deep.equal(after(3_600));
    // A rate that was never reached is no promise, and a faster one than the throughput is none either.
    expect(endOf({ due: 300, settledLately: 200 }, { perMinute: 100 })).to.deep.equal(after(180));
    expect(endOf({ due: 300, settledLately: 50 }, { perMinute: 100 })).to.deep.equal(after(360));
  });

  it('tells no end that it cannot know', () => {
    const open = { due: 300, lastDueAt: at };
    expect(judged(open).expectedEnd).to.equal(null);
    expect(judged({ ...open, settledLately: 200 }, { paused: true }).expectedEnd).to.equal(null);
    expect(judged({ sent: 5, settledLately: 5 }).expectedEnd).to.equal(null);
    // Nothing leaves in the night: that says nothing about the morning but that it is not over before.
    expect(judged({ waiting: 300, lastDueAt: after(3_600) }).expectedEnd).to.deep.equal(after(3_600));
    expect(judged(open, { perMinute: 100 }).expectedEnd).to.deep.equal(after(180));
    const over = progressOf(
      { ...none, sent: 5, settledLately: 5 },
      { run: { status: 'completed', drainingAt: after(-60) }, paused: false },
    );
    expect([over.ratePerMinute, over.expectedEnd]).to.deep.equal([null, null]);
  });
});

describe('the text of a run', () => {
  it('says how far it has come, how fast it is and when it will be over', () => {
    const progress = judged({
      due: 3_766,
      sent: 1_100,
      suppressed: 134,
      settledLately: 600,
      lastDueAt: at,
    });
    expect(progressText(progress)).to.equal(
      'Draining: 1,234 of 5,000 settled, 1,100 sent, 134 suppressed; 600 a minute; expected end 2026-11-21 10:06 UTC.',
    );
    expect(progressText(judged({ due: 2 }, { seconds: 0 }))).to.equal('Draining: 0 of 2 settled, 0 sent.');
  });

  it('says what became of all', () => {
    const figures = { sent: 1_234_567, failed: 1, suppressed: 20, controlGroup: 3 };
    expect(totalsText(judged(figures))).to.equal(
      '1,234,591 messages: 1,234,567 sent, 1 failed, 20 suppressed, 3 in a control group',
    );
    expect(totalsText(judged({ sent: 1 }))).to.equal('1 message: 1 sent');
    expect(totalsText(judged({}))).to.equal('no messages');
  });
});
