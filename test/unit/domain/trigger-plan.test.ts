import { expect } from 'chai';
import fc from 'fast-check';
import { inQuietHours } from '../../../domain/schedule/quiet-hours.ts';
import { clockText, endsQuietHours, planTrigger } from '../../../domain/delivery/trigger-plan.ts';

const live = { event: 'Added To Cart', matchOn: 'cartId', inaction: { event: 'Charged', within: '10m' } };
const at = (iso: string): number => Date.parse(iso);
const plan = (more: {
  live?: Parameters<typeof planTrigger>[0]['live'];
  when?: object;
  time: string;
  now?: string;
  zone?: string;
}) =>
  planTrigger({
    live: more.live ?? live,
    when: { start: 'now', ...more.when },
    event: { time: new Date(more.time), properties: { cartId: 42 } },
    zone: more.zone ?? 'Europe/Berlin',
    nowMs: at(more.now ?? more.time),
  });

describe('planTrigger', () => {
  it('is due at once without window, delay and quiet hours', () => {
    const result = plan({ live: { event: 'A' }, time: '2026-06-01T10:00:00Z' });
    expect(result).to.deep.equal({
      qualifiesAtMs: at('2026-06-01T10:00:00Z'),
      dueAtMs: at('2026-06-01T10:00:00Z'),
      waits: [],
    });
  });

  it('waits for the window, then for the delay, both from the time of the event', () => {
    const result = plan({
      when: { delay: '30m' },
      time: '2026-06-01T10:00:00Z',
      now: '2026-06-01T10:05:00Z',
    });
    expect(result.qualifiesAtMs).to.equal(at('2026-06-01T10:10:00Z'));
    expect(result.dueAtMs).to.equal(at('2026-06-01T10:40:00Z'));
    expect(result.waits.map((wait) => wait.kind)).to.deep.equal(['window', 'delay']);
  });

  it('tells an operator what is waited for, in the local time of the user', () => {
    const [window] = plan({ time: '2026-06-01T10:00:00Z' }).waits;
    expect(window?.summary).to.equal(
      'waits until 2026-06-01 12:10:00 (Europe/Berlin) for Charged, cartId 42',
    );
  });

  it('moves what falls into quiet hours to their end', () => {
    const when = { dnd: { from: '21:00', to: '09:00', action: 'delay' } };
    const result = plan({ when, time: '2026-06-01T19:55:00Z' });
    expect(result.qualifiesAtMs).to.equal(at('2026-06-01T20:05:00Z'));
    expect(result.dueAtMs).to.equal(at('2026-06-02T07:00:00Z'));
    expect(result.waits.map((wait) => wait.kind)).to.deep.equal(['window', 'quietHours']);
  });

  it('judges quiet hours by now when the event came so late that its window is over', () => {
    const when = { dnd: { from: '21:00', to: '09:00', action: 'delay' } };
    const result = plan({ when, time: '2026-06-01T12:00:00Z', now: '2026-06-01T20:00:00Z' });
    expect(result.dueAtMs).to.equal(at('2026-06-02T07:00:00Z'));
  });

  it('leaves quiet hours that discard to the moment of sending', () => {
    const when = { dnd: { from: '21:00', to: '09:00', action: 'discard' } };
    expect(plan({ when, time: '2026-06-01T20:00:00Z' }).dueAtMs).to.equal(at('2026-06-01T20:10:00Z'));
  });

  it('counts the hour that is skipped in spring and the one that comes twice in autumn', () => {
    const when = { dnd: { from: '22:00', to: '08:00', action: 'delay' } };
    // 08:00 in Berlin is 06:00 UTC after the clocks went forward and 07:00 UTC after they went back.
    expect(plan({ when, time: '2026-03-28T22:00:00Z' }).dueAtMs).to.equal(at('2026-03-29T06:00:00Z'));
    expect(plan({ when, time: '2026-10-24T22:00:00Z' }).dueAtMs).to.equal(at('2026-10-25T07:00:00Z'));
  });

  it('never plans a send inside quiet hours, and its waits only grow', () => {
    const zones = fc.constantFrom(
      'Europe/Berlin',
      'America/New_York',
      'Australia/Lord_Howe',
      'Asia/Kathmandu',
      'UTC',
    );
    const clock = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map(([h, m]) => `${String(h).padStart(2, '0')}:${String(m).padStart(2, '0')}`);
    const instant = fc.integer({ min: at('2026-01-01T00:00:00Z'), max: at('2027-01-01T00:00:00Z') });
    fc.assert(
      fc.property(
        zones,
        clock,
        clock,
        instant,
        fc.constantFrom('5m', '3h', '2d'),
        (zone, from, to, time, delay) => {
          fc.pre(from !== to);
          const dnd = { from, to, action: 'delay' as const };
          const result = planTrigger({
            live,
            when: { start: 'now', delay, dnd },
            event: { time: new Date(time), properties: {} },
            zone,
            nowMs: time,
          });
          expect(inQuietHours(result.dueAtMs, dnd, zone)).to.equal(false);
          const untils = result.waits.map((wait) => wait.untilMs);
          expect(untils).to.deep.equal([...untils].sort((a, b) => a - b));
          expect(untils.at(-1)).to.equal(result.dueAtMs);
        },
      ),
    );
  });
});

describe('planTrigger for a reminder', () => {
  const reminder = (
    departure: unknown,
    more: { dnd?: object; now?: string; at?: string | undefined } = {},
  ) => {
    const time = '2026-06-01T10:00:00Z';
    const dateProperty = { property: 'departure', offset: '-2d', at: 'at' in more ? more.at : '09:00' };
    return planTrigger({
      live: { event: 'Booked', matchOn: 'trip', dateProperty },
      when: { start: 'now', ...(more.dnd ? { dnd: more.dnd } : {}) } as never,
      event: { time: new Date(time), properties: { trip: 'rome', departure } },
      zone: 'Europe/Berlin',
      nowMs: at(more.now ?? time),
    });
  };

  it('qualifies at the event, and waits until its local time of the day', () => {
    const result = reminder('2026-12-03');
    expect(result.qualifiesAtMs).to.equal(at('2026-06-01T10:00:00Z'));
    expect(result.dueAtMs).to.equal(at('2026-12-01T08:00:00Z'));
    expect(result.waits.at(-1)).to.deep.equal({
      kind: 'date',
      untilMs: at('2026-12-01T08:00:00Z'),
      summary: 'waits until 2026-12-01 09:00:00 (Europe/Berlin), 2 days before departure, trip rome',
    });
  });

  it('looks at the time zone again while nobody can have travelled past the date', () => {
    const [look, ...rest] = reminder('2026-12-03').waits;
    expect(look).to.include({ kind: 'date', untilMs: at('2026-11-30T06:00:00Z') });
    expect(look?.summary).to.include('until 2026-12-01 09:00:00').and.include('26 hours before');
    expect(rest).to.have.length(1);
    expect(reminder('2026-06-04').waits).to.have.length(1);
  });

  it('comes after the end of quiet hours that hold then', () => {
    const result = reminder('2026-12-03', { dnd: { from: '21:00', to: '10:30', action: 'delay' } });
    expect(result.dueAtMs).to.equal(at('2026-12-01T09:30:00Z'));
    expect(result.waits.map(({ kind }) => kind)).to.deep.equal(['date', 'date', 'quietHours']);
    expect(endsQuietHours(result)).to.equal(true);
    expect(endsQuietHours(reminder('2026-12-03'))).to.equal(false);
  });

  it('of a date that went by since the event is due at it, and waits for nothing', () => {
    const result = reminder('2026-06-03T13:00:00+02:00', { at: undefined, now: '2026-06-01T12:00:00Z' });
    expect(result.dueAtMs).to.equal(at('2026-06-01T11:00:00Z'));
    expect(result.waits.filter(({ untilMs }) => untilMs > at('2026-06-01T12:00:00Z'))).to.deep.equal([]);
  });

  it('cannot be made of an event that names no date', () => {
    expect(() => reminder('soon')).to.throw(RangeError, /no date/);
  });
});

describe('clockText', () => {
  it('is the local date and time', () => {
    expect(clockText(at('2026-12-31T23:30:05Z'), 'Asia/Kathmandu')).to.equal('2027-01-01 05:15:05');
  });
});
