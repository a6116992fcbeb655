import { expect } from 'chai';
import fc from 'fast-check';
import { addLocalDays, localTimeOnOrAfter } from '../../../domain/schedule/time-zone.ts';
import { aroundChange, day, iso, minute, shownByIntl, somewhere } from './intl-clock.ts';

describe('the next time a clock shows HH:mm', () => {
  const table: [string, string, string, string, string][] = [
    [
      'is the instant itself when it does',
      'Europe/Berlin',
      '2026-06-01T07:00:00Z',
      '09:00',
      '2026-06-01T07:00:00Z',
    ],
    ['is tomorrow a second later', 'Europe/Berlin', '2026-06-01T07:00:01Z', '09:00', '2026-06-02T07:00:00Z'],
    [
      'is the end of the gap when skipped',
      'Europe/Berlin',
      '2026-03-28T12:00:00Z',
      '02:30',
      '2026-03-29T01:00:00Z',
    ],
    [
      'is the end of the gap at that instant',
      'Europe/Berlin',
      '2026-03-29T01:00:00Z',
      '02:30',
      '2026-03-29T01:00:00Z',
    ],
    ['is tomorrow after the gap', 'Europe/Berlin', '2026-03-29T01:00:01Z', '02:30', '2026-03-30T00:30:00Z'],
    ['is the first of two', 'Europe/Berlin', '2026-10-24T12:00:00Z', '02:30', '2026-10-25T00:30:00Z'],
    [
      'is the second of two between them',
      'Europe/Berlin',
      '2026-10-25T00:45:00Z',
      '02:30',
      '2026-10-25T01:30:00Z',
    ],
    ['is tomorrow after both', 'Europe/Berlin', '2026-10-25T01:31:00Z', '02:30', '2026-10-26T01:30:00Z'],
    [
      'counts 23 hours over a gap',
      'America/New_York',
      '2026-03-07T14:00:01Z',
      '09:00',
      '2026-03-08T13:00:00Z',
    ],
    [
      'counts 25 hours over an overlap',
      'America/New_York',
      '2026-10-31T13:00:01Z',
      '09:00',
      '2026-11-01T14:00:00Z',
    ],
    ['is the end of a skipped day', 'Pacific/Apia', '2011-12-29T19:00:01Z', '09:00', '2011-12-30T10:00:00Z'],
    ['goes on after a skipped day', 'Pacific/Apia', '2011-12-30T10:00:01Z', '09:00', '2011-12-30T19:00:00Z'],
    [
      'is one o’clock for a skipped midnight',
      'America/Sao_Paulo',
      '2018-11-03T12:00:00Z',
      '00:00',
      '2018-11-04T03:00:00Z',
    ],
    ['knows half hours', 'Australia/Lord_Howe', '2026-10-03T12:00:00Z', '02:15', '2026-10-03T15:30:00Z'],
    ['knows quarters', 'Asia/Kathmandu', '2026-01-01T00:00:00Z', '09:00', '2026-01-01T03:15:00Z'],
    ['comes on a leap day', 'America/New_York', '2028-02-28T14:00:01Z', '09:00', '2028-02-29T14:00:00Z'],
  ];
  for (const [what, zone, from, time, expected] of table) {
    it(`${what} (${time} in ${zone} from ${from})`, () => {
      expect(iso(localTimeOnOrAfter(Date.parse(from), time, zone))).to.equal(expected);
    });
  }

  /** Minute by minute, asking Intl each time. */
  function scanned(instant: number, wanted: number, zone: string): number {
    let before = shownByIntl(instant - minute, zone);
    for (let at = instant; at < instant + 4 * day; at += minute) {
      const now = shownByIntl(at, zone);
      for (let passed = before + minute; passed <= now; passed += minute) {
        if (((passed % day) + day) % day === wanted) return at;
      }
      // After a step back the clock's own minute alone counts.
      if (now <= before && ((now % day) + day) % day === wanted) return at;
      before = now;
    }
    throw new Error('not found');
  }

  it('is what a scan of every minute finds', () => {
    const wanted = fc.oneof(fc.integer({ min: 0, max: 180 }), fc.integer({ min: 0, max: 1_439 }));
    fc.assert(
      fc.property(aroundChange, wanted, ({ zone, instant }, minutes) => {
        const time = iso(minutes * minute).slice(11, 16);
        const found = localTimeOnOrAfter(instant, time, zone);
        expect(iso(found)).to.equal(iso(scanned(instant, minutes * minute, zone)));
      }),
      { numRuns: 300 },
    );
  }).timeout(30_000);

  it('is never earlier than the given instant, whatever its milliseconds', () => {
    fc.assert(
      fc.property(somewhere, fc.integer({ min: 0, max: 59_999 }), ({ zone, instant }, extra) => {
        const found = localTimeOnOrAfter(instant + extra, '02:00', zone);
        expect(found).to.be.within(instant + extra, instant + extra + 2 * day);
        expect(localTimeOnOrAfter(found, '02:00', zone)).to.equal(found);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('adding local days', () => {
  const table: [string, string, number, string][] = [
    ['Europe/Berlin', '2026-03-28T08:00:00Z', 1, '2026-03-29T07:00:00Z'],
    ['Europe/Berlin', '2026-03-28T01:30:15Z', 1, '2026-03-29T01:00:00Z'],
    ['Europe/Berlin', '2026-10-24T00:30:15Z', 1, '2026-10-25T00:30:15Z'],
    ['Europe/Berlin', '2026-10-26T01:30:00Z', -1, '2026-10-25T00:30:00Z'],
    ['Europe/Berlin', '2026-10-25T01:30:00Z', 0, '2026-10-25T01:30:00Z'],
    ['Europe/Berlin', '2028-02-28T08:00:00Z', 2, '2028-03-01T08:00:00Z'],
    ['Pacific/Apia', '2011-12-29T19:00:00Z', 1, '2011-12-30T10:00:00Z'],
    ['Pacific/Apia', '2011-12-29T19:00:00Z', 2, '2011-12-30T19:00:00Z'],
    ['America/New_York', '2026-02-28T12:34:56Z', 365, '2027-02-28T12:34:56Z'],
  ];
  for (const [zone, from, days, expected] of table) {
    it(`takes ${from} in ${zone} by ${days} to ${expected}`, () => {
      expect(iso(addLocalDays(Date.parse(from), days, zone))).to.equal(expected);
    });
  }
});
