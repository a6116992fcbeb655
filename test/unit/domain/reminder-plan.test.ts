import { expect } from 'chai';
import fc from 'fast-check';
import type { LiveAudience } from '../../../domain/campaign/campaign.ts';
import type { EventOrder } from '../../../domain/event.ts';
import { decideOpening, isCancelling } from '../../../domain/audience/live-audience.ts';
import type { PassageState } from '../../../domain/audience/opening.ts';
import { reminderDate, reminderText, type ReminderDate } from '../../../domain/schedule/reminder-plan.ts';

const live: LiveAudience = {
  event: 'Booked',
  matchOn: 'trip',
  cancelledBy: [{ event: 'Booked', where: [{ property: 'status', op: 'eq', value: 'cancelled' }] }],
  dateProperty: { property: 'departure' },
};
const order = (at: number): EventOrder => ({
  time: new Date(at * 1_000),
  receivedAt: new Date(at * 1_000),
  index: 0,
});
/** The reminder that the event of second `at` names: due at second `due`. */
const named = (at: number, due: number): ReminderDate => ({
  kind: due < at ? 'past' : 'due',
  dueMs: due * 1_000,
});
const passage = (opened: number, due: number, more: Partial<PassageState> = {}): PassageState => ({
  id: `m${opened}`,
  state: 'waiting',
  firstDueAt: new Date(due * 1_000),
  openedBy: order(opened),
  event: order(opened),
  ...more,
});
const decide = (at: number, due: number, passages: PassageState[]) =>
  decideOpening(live, order(at), `m${at}`, passages, named(at, due));

describe('the date of a reminder', () => {
  const time = new Date('2026-06-01T10:00:00Z');
  const dateOf = (properties: Record<string, unknown>) => reminderDate(live, { time, properties }, 'UTC');

  it('is none of a campaign that is no reminder', () => {
    expect(reminderDate({ event: 'Booked' }, { time, properties: {} }, 'UTC')).to.equal(undefined);
  });
  it('is past when it lies before the event, not before now', () => {
    expect(dateOf({ departure: '2026-06-01T10:00:00Z' })).to.include({ kind: 'due' });
    expect(dateOf({ departure: '2026-06-01T09:59:59.999Z' })).to.include({ kind: 'past' });
  });
  it('is read from the own properties of the event alone', () => {
    expect(dateOf({})).to.deep.equal({ kind: 'none', fault: 'departure is missing' });
    const inherited = { ...live, dateProperty: { property: 'constructor' } };
    expect(reminderDate(inherited, { time, properties: {} }, 'UTC')).to.include({ kind: 'none' });
  });
});

describe('the text of a reminder', () => {
  for (const [date, text] of [
    [{ offset: '-2d' }, '2 days before departure'],
    [{ offset: '-1w', at: '09:00' }, '1 week before departure'],
    [{ offset: '+3h' }, '3 hours after departure'],
    [{ offset: '1m' }, '1 minute after departure'],
    [{ at: '09:00' }, 'on the day of departure'],
    [{}, 'at departure'],
  ] as const) {
    it(`is "${text}"`, () => {
      expect(reminderText({ property: 'departure', ...date })).to.equal(text);
    });
  }
});

describe('an event that cancels', () => {
  it('is told from one of the same name that does not', () => {
    const event = (status: string) => ({ name: 'Booked', time: new Date(0), properties: { status } });
    expect(isCancelling(live, event('cancelled'))).to.equal(true);
    expect(isCancelling(live, event('changed'))).to.equal(false);
    expect(isCancelling({ event: 'Booked' }, event('cancelled'))).to.equal(false);
  });
});

describe('deciding what an event does to a reminder', () => {
  it('opens one for a date to come, and none for one that has passed or that is none', () => {
    expect(decide(10, 50, [])).to.deep.equal({ kind: 'open' });
    expect(decide(10, 9, [])).to.deep.equal({ kind: 'ignore', because: 'pastDate' });
    const none = decideOpening(live, order(10), 'm10', [passage(5, 50)], { kind: 'none', fault: '' });
    expect(none).to.deep.equal({ kind: 'ignore', because: 'noDate' });
  });
  it('moves one that waits, to an earlier date as to a later, and withdraws it for one that has passed', () => {
    for (const due of [20, 90])
      expect(decide(11, due, [passage(10, 50)])).to.deep.equal({ kind: 'restart', messageId: 'm10' });
    expect(decide(11, 9, [passage(10, 50)])).to.deep.equal({ kind: 'withdraw', messageId: 'm10' });
  });
  it('does not move back what a later event has moved', () => {
    const moved = passage(10, 90, { event: order(20) });
    expect(decide(15, 50, [moved])).to.deep.equal({ kind: 'ignore', because: 'movedByLater' });
    expect(decide(5, 50, [moved])).to.deep.equal({ kind: 'ignore', because: 'earlierThanPassage' });
  });
  it('makes sure once more that the workflow knows of the move', () => {
    const moved = passage(10, 90, { event: order(20) });
    expect(decide(20, 90, [moved])).to.deep.equal({ kind: 'alreadyMoved', messageId: 'm10' });
    expect(decide(10, 50, [moved])).to.include({ kind: 'alreadyOpened', stillWaiting: true });
  });
  it('leaves one alone that is being sent', () => {
    for (const state of ['due', 'sending'] as const)
      expect(decide(11, 60, [passage(10, 50, { state })])).to.include({ because: 'alreadyOpen' });
  });
  it('opens another after the send for a later date alone', () => {
    const sent = passage(10, 50, { state: 'sent', settledAt: new Date(51_000) });
    expect(decide(52, 90, [sent])).to.deep.equal({ kind: 'open' });
    expect(decide(49, 90, [sent])).to.deep.equal({ kind: 'open' });
    expect(decide(49, 50, [sent])).to.include({ because: 'reminded' });
    expect(decide(40, 45, [sent])).to.include({ because: 'reminded' });
  });
  it('opens another after it was withdrawn, by events after that alone', () => {
    const closed = passage(10, 50, { state: 'suppressed', closedBy: order(20) });
    expect(decide(21, 50, [closed])).to.deep.equal({ kind: 'open' });
    expect(decide(15, 50, [closed])).to.include({ because: 'repeatedWhileOpen' });
  });

  it('comes to the same date in whatever order the events come, and however often', () => {
    // Seconds 0 to 30 of events, dates from 40 on: none has passed, so that each event leaves a trace.
    const happening = fc.record({
      at: fc.integer({ min: 0, max: 30 }),
      due: fc.integer({ min: 40, max: 99 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(happening, { selector: ({ at }) => at, minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(7), { maxLength: 16 }),
        (events, more) => {
          const rows: PassageState[] = [];
          const taken = [...events, ...more.flatMap((i) => events.slice(i, i + 1))];
          for (const { at, due } of taken) {
            const decision = decide(at, due, rows);
            if (decision.kind === 'open') rows.push(passage(at, due));
            const row = rows.find(({ id }) => 'messageId' in decision && id === decision.messageId);
            if (decision.kind === 'restart' && row)
              Object.assign(row, { event: order(at), firstDueAt: new Date(due * 1_000) });
          }
          const latest = [...events].sort((a, b) => b.at - a.at)[0];
          expect(rows).to.have.length(1);
          expect(rows[0]?.firstDueAt.getTime()).to.equal((latest?.due ?? 0) * 1_000);
        },
      ),
    );
  });
});
