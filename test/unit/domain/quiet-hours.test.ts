import { expect } from 'chai';
import fc from 'fast-check';
import { endOfQuietHours, inQuietHours, type QuietHours } from '../../../domain/schedule/quiet-hours.ts';
import { localParts } from '../../../domain/schedule/time-zone.ts';

const minute = 60_000;
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
const quiet = (span: string): QuietHours => ({ from: span.slice(0, 5), to: span.slice(6), action: 'delay' });

describe('quiet hours', () => {
  const table: [string, string, string, string, string][] = [
    [
      'holds from the evening',
      '21:00-09:00',
      'Europe/Berlin',
      '2026-06-01T19:00:00Z',
      '2026-06-02T07:00:00Z',
    ],
    ['lets the minute before pass', '21:00-09:00', 'Europe/Berlin', '2026-06-01T18:59:59.999Z', '='],
    [
      'holds until the last moment',
      '21:00-09:00',
      'Europe/Berlin',
      '2026-06-02T06:59:59.999Z',
      '2026-06-02T07:00:00Z',
    ],
    ['lets the end itself pass', '21:00-09:00', 'Europe/Berlin', '2026-06-02T07:00:00Z', '='],
    ['holds within one day', '12:00-14:00', 'Asia/Kathmandu', '2026-06-01T06:15:00Z', '2026-06-01T08:15:00Z'],
    ['ends at midnight', '22:00-00:00', 'Europe/Berlin', '2026-06-01T21:00:00Z', '2026-06-01T22:00:00Z'],
    ['begins at midnight', '00:00-06:00', 'Europe/Berlin', '2026-05-31T22:00:00Z', '2026-06-01T04:00:00Z'],
    [
      'is an hour shorter over a gap',
      '21:00-09:00',
      'Europe/Berlin',
      '2026-03-28T20:00:00Z',
      '2026-03-29T07:00:00Z',
    ],
    [
      'is an hour longer over an overlap',
      '21:00-09:00',
      'Europe/Berlin',
      '2026-10-24T19:00:00Z',
      '2026-10-25T08:00:00Z',
    ],
    [
      'ends after a gap that swallows its end',
      '22:00-02:30',
      'Europe/Berlin',
      '2026-03-29T00:59:00Z',
      '2026-03-29T01:00:00Z',
    ],
    [
      'begins after a gap that swallows its start',
      '02:30-05:00',
      'Europe/Berlin',
      '2026-03-29T01:00:00Z',
      '2026-03-29T03:00:00Z',
    ],
    ['never comes when a gap swallows it', '02:10-02:50', 'Europe/Berlin', '2026-03-29T01:00:00Z', '='],
    [
      'ends the first time its end is shown',
      '22:00-02:30',
      'Europe/Berlin',
      '2026-10-25T00:29:59Z',
      '2026-10-25T00:30:00Z',
    ],
    [
      'does not begin again in the hour repeated',
      '22:00-02:30',
      'Europe/Berlin',
      '2026-10-25T01:15:00Z',
      '=',
    ],
    [
      'stays through the hour repeated',
      '02:30-05:00',
      'Europe/Berlin',
      '2026-10-25T01:15:00Z',
      '2026-10-25T04:00:00Z',
    ],
    ['comes once within the hour repeated', '02:15-02:45', 'Europe/Berlin', '2026-10-25T01:20:00Z', '='],
    [
      'begins before a midnight shown twice',
      '00:00-06:00',
      'America/St_Johns',
      '2010-11-07T02:45:00Z',
      '2010-11-07T09:30:00Z',
    ],
    ['ends at the first of two midnights', '20:00-00:00', 'America/St_Johns', '2010-11-07T02:45:00Z', '='],
    [
      'begins where midnight is skipped',
      '00:00-06:00',
      'America/Sao_Paulo',
      '2018-11-04T03:00:00Z',
      '2018-11-04T08:00:00Z',
    ],
    [
      'goes on over a day that is skipped',
      '22:00-08:00',
      'Pacific/Apia',
      '2011-12-30T09:00:00Z',
      '2011-12-30T18:00:00Z',
    ],
    [
      'ends after half an hour less',
      '01:45-02:15',
      'Australia/Lord_Howe',
      '2026-10-03T15:20:00Z',
      '2026-10-03T15:30:00Z',
    ],
    ['never comes when both ends are equal', '09:00-09:00', 'Europe/Berlin', '2026-06-01T07:00:00Z', '='],
    [
      'goes on where the waking hour is skipped',
      '03:00-02:00',
      'Europe/Berlin',
      '2026-03-29T00:30:00Z',
      '2026-03-30T00:00:00Z',
    ],
  ];
  for (const [what, span, zone, at, end] of table) {
    it(`${what} (${span} in ${zone} at ${at})`, () => {
      const instant = Date.parse(at);
      const expected = end === '=' ? instant : Date.parse(end);
      expect(iso(endOfQuietHours(instant, quiet(span), zone))).to.equal(iso(expected));
      expect(inQuietHours(instant, quiet(span), zone)).to.equal(end !== '=');
    });
  }

  it('refuses times and zones that are none', () => {
    expect(() => inQuietHours(0, quiet('9:00-21:00'), 'UTC')).to.throw(RangeError);
    expect(() => endOfQuietHours(0, quiet('21:00-09:00'), 'Mars/Base')).to.throw(RangeError);
  });

  const time = fc
    .oneof(fc.integer({ min: 0, max: 240 }), fc.integer({ min: 0, max: 1_439 }))
    .map((minutes) => iso(minutes * minute).slice(11, 16));
  const hours = fc.record({ from: time, to: time, action: fc.constant('delay' as const) });
  const nights: [string, string][] = [
    ['Europe/Berlin', '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-10-25T01:00:00Z'],
    ['America/New_York', '2026-11-01T06:00:00Z'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
    ['America/St_Johns', '2010-11-07T02:31:00Z'],
    ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
    ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
    ['Pacific/Apia', '2011-12-30T10:00:00Z'],
    ['America/Nuuk', '2026-03-29T01:00:00Z'],
  ];
  const night = fc
    .tuple(fc.constantFrom(...nights), fc.integer({ min: -1_600, max: 1_600 }))
    .map(([[zone, at], minutes]) => ({ zone, instant: Date.parse(at) + minutes * minute }));

  it('have an end that is outside, with everything before it inside', () => {
    fc.assert(
      fc.property(night, hours, ({ zone, instant }, span) => {
        const end = endOfQuietHours(instant, span, zone);
        expect(end).to.be.at.least(instant);
        expect(inQuietHours(end, span, zone)).to.equal(false);
        for (let at = instant; at < end; at += 3 * minute) {
          expect(inQuietHours(at, span, zone), iso(at)).to.equal(true);
        }
        if (end > instant) expect(inQuietHours(end - 1, span, zone)).to.equal(true);
      }),
      { numRuns: 400 },
    );
  }).timeout(20_000);

  it('are what the clock says on nights when it does not change', () => {
    const calm = fc
      .integer({ min: 0, max: 60 * 24 * 60 })
      .map((count) => Date.UTC(2026, 5, 1) + count * minute);
    fc.assert(
      fc.property(
        calm,
        hours,
        fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'UTC'),
        (instant, span, zone) => {
          const parts = localParts(instant, zone);
          const clock = `${String(parts.hour).padStart(2, '0')}:${String(parts.minute).padStart(2, '0')}`;
          const overnight = span.from > span.to;
          const inside = overnight
            ? clock >= span.from || clock < span.to
            : clock >= span.from && clock < span.to;
          expect(inQuietHours(instant, span, zone)).to.equal(inside);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
