import { expect } from 'chai';
import fc from 'fast-check';
import type { LiveAudience } from '../../../domain/campaign/campaign.ts';
import type { EventOrder } from '../../../domain/event.ts';
import {
  cancellationBy,
  cancellingNames,
  concerningNames,
  decideOpening,
  eligibility,
  matchesEvent,
  matchValueOf,
} from '../../../domain/audience/live-audience.ts';
import type { PassageState } from '../../../domain/audience/opening.ts';

const cart: LiveAudience = {
  event: 'Added To Cart',
  where: [{ property: 'price', op: 'gte', value: 20 }],
  matchOn: 'cartId',
  inaction: { event: 'Charged', within: '10m' },
  cancelledBy: [
    { event: 'Cart Emptied' },
    { event: 'Charged', where: [{ property: 'gift', op: 'eq', value: true }] },
  ],
};

/** The second `at`, received in the same order. */
const order = (at: number, index = 0): EventOrder => ({
  time: new Date(at * 1000),
  receivedAt: new Date(at * 1000),
  index,
});
const event = (name: string, at: number, properties: Record<string, unknown> = {}, index = 0) => ({
  name,
  properties,
  ...order(at, index),
});

describe('matchValueOf', () => {
  it('is empty when the campaign does not tell passages apart', () => {
    expect(matchValueOf({ event: 'A' }, { cartId: '1' })).to.equal('');
  });
  for (const [value, expected] of [
    ['42', '42'],
    [42, '42'],
    [true, 'true'],
    ['', null],
    [null, null],
    [{ a: 1 }, null],
    ['x'.repeat(257), null],
  ] as const) {
    it(`takes ${JSON.stringify(value).slice(0, 20)} as ${String(expected)}`, () => {
      expect(matchValueOf(cart, { cartId: value })).to.equal(expected);
    });
  }
  it('does not look into the prototype', () => {
    expect(matchValueOf({ event: 'A', matchOn: 'toString' }, {})).to.equal(null);
  });
});

describe('the names that concern a campaign', () => {
  it('are each named once', () => {
    expect(concerningNames(cart)).to.deep.equal(['Added To Cart', 'Charged', 'Cart Emptied']);
    expect(cancellingNames(cart)).to.deep.equal(['Charged', 'Cart Emptied']);
  });
});

describe('matchesEvent', () => {
  it('wants the name and every condition', () => {
    expect(matchesEvent(cart, event('Added To Cart', 0, { price: 20 }))).to.equal(true);
    expect(matchesEvent(cart, event('Added To Cart', 0, { price: 19 }))).to.equal(false);
    expect(matchesEvent(cart, event('Charged', 0, { price: 20 }))).to.equal(false);
  });
});

describe('cancellationBy', () => {
  const passage = { matchValue: '7', event: order(10, 1) };

  it('closes by the inaction event as inactionMet, by others as cancelled', () => {
    expect(cancellationBy(cart, event('Charged', 11, { cartId: 7 }), passage)).to.equal('inactionMet');
    expect(cancellationBy(cart, event('Cart Emptied', 11, { cartId: '7' }), passage)).to.equal('cancelled');
  });
  it('does not close by what came before, or by the very event', () => {
    expect(cancellationBy(cart, event('Charged', 9, { cartId: '7' }), passage)).to.equal(null);
    expect(cancellationBy(cart, event('Charged', 10, { cartId: '7' }, 1), passage)).to.equal(null);
  });
  it('tells events of the same instant apart by their place in the batch', () => {
    expect(cancellationBy(cart, event('Charged', 10, { cartId: '7' }, 0), passage)).to.equal(null);
    expect(cancellationBy(cart, event('Charged', 10, { cartId: '7' }, 2), passage)).to.equal('inactionMet');
  });
  it('does not close by another cart, or by an event that names none', () => {
    expect(cancellationBy(cart, event('Charged', 11, { cartId: '8' }), passage)).to.equal(null);
    expect(cancellationBy(cart, event('Charged', 11), passage)).to.equal(null);
  });
  it('does not close by an unrelated event', () => {
    expect(cancellationBy(cart, event('Page Viewed', 11, { cartId: '7' }), passage)).to.equal(null);
  });
});

describe('eligibility', () => {
  const campaign = { publishedAt: new Date(100_000), startsAt: new Date(100_000), catalogueVersion: 5 };
  const at = (seconds: number, more: { time?: number; version?: number } = {}) => ({
    time: new Date((more.time ?? seconds) * 1000),
    receivedAt: new Date(seconds * 1000),
    catalogueVersion: more.version ?? 4,
  });

  it('takes what was received since the publish', () => {
    expect(eligibility(campaign, at(100))).to.equal('eligible');
    expect(eligibility(campaign, at(99.999))).to.equal('beforePublish');
  });
  it('takes what a view with the campaign judged, whatever the clock of that instance says', () => {
    expect(eligibility(campaign, at(99, { version: 5 }))).to.equal('eligible');
  });
  it('opens nothing before a later start or from the end on', () => {
    const window = { ...campaign, startsAt: new Date(200_000), endsAt: new Date(300_000) };
    expect(eligibility(window, at(199))).to.equal('notStarted');
    expect(eligibility(window, at(200))).to.equal('eligible');
    expect(eligibility(window, at(299.999))).to.equal('eligible');
    expect(eligibility(window, at(300))).to.equal('ended');
  });
  it('opens nothing for an event that is more than a day old', () => {
    const old = at(200_000, { time: 200_000 - 86_400 });
    expect(eligibility(campaign, old)).to.equal('eligible');
    expect(eligibility(campaign, { ...old, time: new Date(old.time.getTime() - 1) })).to.equal('backfill');
  });
});

describe('decideOpening', () => {
  const passage = (id: string, opened: number, more: Partial<PassageState> = {}): PassageState => ({
    id,
    state: 'waiting',
    firstDueAt: new Date(opened * 1000),
    openedBy: order(opened),
    event: order(opened),
    ...more,
  });
  const decide = (live: LiveAudience, at: number, passages: PassageState[]) =>
    decideOpening(live, order(at), `m${at}`, passages);

  it('opens when there is nothing yet', () => {
    expect(decide(cart, 10, [])).to.deep.equal({ kind: 'open' });
  });
  it('ignores the event again while its passage is open, in each open state', () => {
    for (const state of ['waiting', 'due', 'sending'] as const) {
      expect(decide(cart, 11, [passage('m10', 10, { state })])).to.include({ kind: 'ignore' });
    }
  });
  it('restarts a waiting passage when the campaign says so, with later events only', () => {
    const restart: LiveAudience = { ...cart, onRepeat: 'restart' };
    expect(decide(restart, 11, [passage('m10', 10)])).to.deep.equal({ kind: 'restart', messageId: 'm10' });
    expect(decide(restart, 11, [passage('m10', 10, { event: order(12) })])).to.include({ kind: 'ignore' });
    expect(decide(restart, 11, [passage('m10', 10, { state: 'sending' })])).to.include({ kind: 'ignore' });
  });
  it('opens again after the event that closed the passage before', () => {
    const closed = passage('m10', 10, {
      state: 'suppressed',
      settledAt: new Date(99_000),
      closedBy: order(12),
    });
    expect(decide(cart, 13, [closed])).to.deep.equal({ kind: 'open' });
    expect(decide(cart, 11, [closed])).to.include({ because: 'repeatedWhileOpen' });
  });
  it('ignores what came while a passage was open that has been sent since', () => {
    const sent = passage('m10', 10, { state: 'sent', settledAt: new Date(20_000) });
    expect(decide(cart, 15, [sent])).to.include({ because: 'repeatedWhileOpen' });
    expect(decide(cart, 21, [sent])).to.deep.equal({ kind: 'open' });
  });
  it('ignores an event that is earlier than a passage that is there', () => {
    expect(decide(cart, 5, [passage('m10', 10)])).to.include({ because: 'earlierThanPassage' });
  });

  it('answers the same when the whole history is taken in once more', () => {
    // Whatever a repeat of the step sees, it opens, restarts or closes nothing that the first time did not.
    const happening = fc.record({
      kind: fc.constantFrom('cart', 'bought'),
      at: fc.integer({ min: 0, max: 50 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(happening, { selector: (h) => h.at, maxLength: 12 }),
        fc.boolean(),
        (events, restarts) => {
          const live: LiveAudience = { ...cart, onRepeat: restarts ? 'restart' : 'ignore' };
          const sorted = [...events].sort((a, b) => a.at - b.at);
          const rows: PassageState[] = [];
          const take = (): void => {
            for (const { kind, at } of sorted) {
              if (kind === 'bought') {
                for (const row of rows) {
                  const closes = row.state === 'waiting' && row.event.time.getTime() < at * 1000;
                  if (closes)
                    Object.assign(row, {
                      state: 'suppressed',
                      closedBy: order(at),
                      settledAt: new Date(at * 1000),
                    });
                }
                continue;
              }
              const decision = decideOpening(live, order(at), `m${at}`, rows);
              if (decision.kind === 'open') rows.push(passage(`m${at}`, at));
              if (decision.kind === 'restart')
                Object.assign(rows.find((row) => row.id === decision.messageId) ?? {}, { event: order(at) });
            }
          };
          take();
          const once = JSON.stringify(rows);
          take();
          expect(JSON.stringify(rows)).to.equal(once);
          expect(rows.filter((row) => row.state === 'waiting')).to.have.length.at.most(1);
        },
      ),
      { numRuns: 500 },
    );
  });
});
