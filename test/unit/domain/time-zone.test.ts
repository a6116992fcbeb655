import { expect } from 'chai';
import fc from 'fast-check';
import {
  isTimeZone,
  localParts,
  localTimeOnOrAfter,
  localToInstant,
} from '../../../domain/schedule/time-zone.ts';
import { aroundChange, changes, iso, minute, shown, shownByIntl, somewhere, zones } from './intl-clock.ts';

/** `2026-03-29 02:30` as the fields of a local time. */
function local(text: string) {
  const [year = 0, month = 0, date = 0, hours = 0, minutes = 0] = text.split(/[- :]/).map(Number);
  return { year, month, day: date, hour: hours, minute: minutes };
}

describe('time zones', () => {
  it('knows every zone that Intl lists, and the old names of some', () => {
    expect(zones.filter((zone) => !isTimeZone(zone))).to.deep.equal([]);
    for (const name of [
      'UTC',
      'Etc/GMT+2',
      'Asia/Kolkata',
      'Asia/Calcutta',
      'US/Pacific',
      'CET',
      'EST5EDT',
    ]) {
      expect(isTimeZone(name), name).to.equal(true);
    }
  });

  it('takes offsets, abbreviations and anything else for no zone', () => {
    const others = [
      '+02:00',
      '-0200',
      '+2',
      'UTC+2',
      'GMT+2',
      'BST',
      'ist',
      'PST',
      'SystemV/AST4',
      '',
      'Mars/Base',
    ];
    for (const name of [
      ...others,
      'Europe/Berlin ',
      'Europe/Berlin\n',
      '__proto__',
      'Z',
      '../UTC',
      null,
      undefined,
      2,
    ]) {
      expect(isTimeZone(name as string), String(name)).to.equal(false);
    }
  });

  it('refuses to compute with an unknown zone, an instant that is none or a time that is none', () => {
    expect(() => localParts(0, 'Mars/Base')).to.throw(RangeError, 'Mars/Base');
    expect(() => localParts(Number.NaN, 'UTC')).to.throw(RangeError);
    expect(() => localToInstant(local('2026-x-01 00:00'), 'UTC')).to.throw(RangeError);
    for (const time of ['24:00', '9:00', '09:60', '0900', '09:00:00']) {
      expect(() => localTimeOnOrAfter(0, time, 'UTC'), time).to.throw(RangeError, time);
    }
  });
});

describe('local parts of an instant', () => {
  const table: [string, string, string, number][] = [
    ['Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29 01:59:59', 7],
    ['Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29 03:00:00', 7],
    ['Europe/Berlin', '2026-10-25T00:59:59Z', '2026-10-25 02:59:59', 7],
    ['Europe/Berlin', '2026-10-25T01:00:00Z', '2026-10-25 02:00:00', 7],
    ['Europe/Berlin', '1890-01-01T00:00:00Z', '1890-01-01 00:53:28', 3],
    ['America/New_York', '2026-11-01T05:59:59Z', '2026-11-01 01:59:59', 7],
    ['America/New_York', '2026-11-01T06:00:00Z', '2026-11-01 01:00:00', 7],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00Z', '2026-10-04 02:30:00', 7],
    ['Asia/Kathmandu', '2025-12-31T18:15:00Z', '2026-01-01 00:00:00', 4],
    ['Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29 23:59:59', 4],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31 00:00:00', 6],
    ['America/Nuuk', '2026-03-29T00:59:59Z', '2026-03-28 22:59:59', 6],
    ['America/Nuuk', '2026-03-29T01:00:00Z', '2026-03-29 00:00:00', 7],
    ['Asia/Tokyo', '2028-02-28T15:00:00Z', '2028-02-29 00:00:00', 2],
    ['UTC', '1969-12-31T23:59:59Z', '1969-12-31 23:59:59', 3],
  ];
  for (const [zone, instant, expected, weekday] of table) {
    it(`are ${expected} in ${zone} at ${instant}`, () => {
      const parts = localParts(Date.parse(instant), zone);
      expect(iso(shown(Date.parse(instant), zone))).to.equal(`${expected.replace(' ', 'T')}Z`);
      expect(parts.weekday).to.equal(weekday);
    });
  }

  it('are what Intl shows, in every zone, at instants of two centuries', () => {
    let state = 7;
    for (const zone of zones) {
      for (let count = 0; count < 60; count += 1) {
        state = (state * 48_271) % 2_147_483_647;
        const instant = (Date.UTC(1880) / 1000 + (state % 6_900_000_000)) * 1000;
        if (shown(instant, zone) !== shownByIntl(instant, zone)) expect.fail(`${zone} at ${iso(instant)}`);
      }
    }
  }).timeout(20_000);

  it('are what Intl shows in the second before and after every change of some clocks', () => {
    for (const [zone, at] of changes) {
      const instant = Date.parse(at);
      expect(shown(instant, zone) - shown(instant - 1000, zone), `${zone} changes`).not.to.equal(1000);
      for (const near of [instant - 1000, instant, instant + 1000]) {
        expect(iso(shown(near, zone))).to.equal(iso(shownByIntl(near, zone)));
      }
    }
  });

  it('do not depend on what was asked before', () => {
    fc.assert(
      fc.property(fc.array(aroundChange, { minLength: 2, maxLength: 30 }), (questions) => {
        for (const { zone, instant } of questions) {
          expect(shown(instant, zone)).to.equal(shownByIntl(instant, zone));
        }
      }),
    );
  });
});

describe('the instant of a local time', () => {
  const table: [string, string, string, string][] = [
    ['before the gap', 'Europe/Berlin', '2026-03-29 01:59', '2026-03-29T00:59:00Z'],
    ['at the start of the gap', 'Europe/Berlin', '2026-03-29 02:00', '2026-03-29T01:00:00Z'],
    ['in the gap', 'Europe/Berlin', '2026-03-29 02:30', '2026-03-29T01:00:00Z'],
    ['after the gap', 'Europe/Berlin', '2026-03-29 03:01', '2026-03-29T01:01:00Z'],
    ['shown twice', 'Europe/Berlin', '2026-10-25 02:30', '2026-10-25T00:30:00Z'],
    ['at the end of the overlap', 'Europe/Berlin', '2026-10-25 03:00', '2026-10-25T02:00:00Z'],
    ['in the gap', 'America/New_York', '2026-03-08 02:15', '2026-03-08T07:00:00Z'],
    ['shown twice', 'America/New_York', '2026-11-01 01:30', '2026-11-01T05:30:00Z'],
    ['in a gap of half an hour', 'Australia/Lord_Howe', '2026-10-04 02:15', '2026-10-03T15:30:00Z'],
    ['in an overlap of half an hour', 'Australia/Lord_Howe', '2026-04-05 01:45', '2026-04-04T14:45:00Z'],
    ['on a day that was skipped', 'Pacific/Apia', '2011-12-30 09:00', '2011-12-30T10:00:00Z'],
    ['after a day that was skipped', 'Pacific/Apia', '2011-12-31 00:00', '2011-12-30T10:00:00Z'],
    ['before a day that was skipped', 'Pacific/Apia', '2011-12-29 23:59', '2011-12-30T09:59:00Z'],
    ['at an offset of 5:45', 'Asia/Kathmandu', '2026-01-01 00:00', '2025-12-31T18:15:00Z'],
    ['at a midnight that is skipped', 'America/Sao_Paulo', '2018-11-04 00:00', '2018-11-04T03:00:00Z'],
    ['at a midnight that is skipped', 'Asia/Beirut', '2026-03-29 00:00', '2026-03-28T22:00:00Z'],
    ['in a gap before midnight', 'America/Nuuk', '2026-03-28 23:30', '2026-03-29T01:00:00Z'],
    ['of a midnight shown twice', 'America/St_Johns', '2010-11-07 00:00', '2010-11-07T02:30:00Z'],
    ['of local mean time', 'Europe/Berlin', '1890-01-01 00:00', '1889-12-31T23:06:32Z'],
    ['on a leap day', 'Europe/Berlin', '2028-02-29 09:00', '2028-02-29T08:00:00Z'],
    ['whose day carries over', 'Europe/Berlin', '2026-01-32 09:00', '2026-02-01T08:00:00Z'],
    ['in the year 50', 'UTC', '0050-01-01 00:00', '0050-01-01T00:00:00Z'],
  ];
  for (const [what, zone, text, expected] of table) {
    it(`${what}: ${text} in ${zone} is ${expected}`, () => {
      expect(iso(localToInstant(local(text), zone))).to.equal(expected);
    });
  }

  it('shows that local time again, and never later than an instant that shows it', () => {
    fc.assert(
      fc.property(somewhere, ({ zone, instant }) => {
        const parts = localParts(instant, zone);
        const back = localToInstant(parts, zone);
        expect(shown(back, zone)).to.equal(shown(instant - parts.second * 1000, zone));
        expect(back).to.be.at.most(instant);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the first at which the clock has come that far, where a local time does not exist', () => {
    fc.assert(
      fc.property(aroundChange, ({ zone, instant }) => {
        const wanted = local(iso(instant).slice(0, 16).replace('T', ' '));
        const found = localToInstant(wanted, zone);
        expect(shownByIntl(found, zone)).to.be.at.least(instant);
        for (let before = 1; before <= 26 * 60; before += 7) {
          expect(shownByIntl(found - before * minute, zone)).to.be.below(instant);
        }
      }),
      { numRuns: 150 },
    );
  }).timeout(20_000);

  it('never runs backwards as the local time runs on', () => {
    fc.assert(
      fc.property(aroundChange, fc.integer({ min: 1, max: 3_000 }), ({ zone, instant }, minutes) => {
        const earlier = local(iso(instant).slice(0, 16).replace('T', ' '));
        const later = { ...earlier, minute: earlier.minute + minutes };
        expect(localToInstant(later, zone)).to.be.at.least(localToInstant(earlier, zone));
      }),
    );
  });
});
