import { expect } from 'chai';
import fc from 'fast-check';
import type { DateProperty } from '../../../domain/campaign/campaign.ts';
import { parseOffset, reminderInstant } from '../../../domain/schedule/reminder.ts';

const BERLIN = 'Europe/Berlin';
const NEW_YORK = 'America/New_York';

function due(value: unknown, rest: Omit<DateProperty, 'property'>, zone: string): string {
  const found = reminderInstant(value, { property: 'departure', ...rest }, zone);
  return 'fault' in found ? found.fault : new Date(found.dueMs).toISOString().replace('.000Z', 'Z');
}

describe('the offset of a reminder', () => {
  it('has a sign, and counts days and weeks by the calendar', () => {
    expect(parseOffset('-2d')).to.deep.equal({ sign: -1, days: 2, ms: 0 });
    expect(parseOffset('+1w')).to.deep.equal({ sign: 1, days: 7, ms: 0 });
    expect(parseOffset('3h')).to.deep.equal({ sign: 1, days: 0, ms: 10_800_000 });
    expect(parseOffset('-90s')).to.deep.equal({ sign: -1, days: 0, ms: 90_000 });
  });

  for (const text of ['', '-', '2', 'd', '--2d', '0d', '-0h', '02d', '1.5d', '2 d', '1d2h', '99999d', '2D']) {
    it(`is not ${JSON.stringify(text)}`, () => expect(parseOffset(text)).to.equal(null));
  }
});

describe('a reminder', () => {
  // Berlin's clock goes forward on 2027-03-28 at 01:00Z, and back on 2027-10-31 at 01:00Z.
  const CASES: [string, unknown, Omit<DateProperty, 'property'>, string, string][] = [
    ['at the instant itself', '2027-06-10T18:00:00+02:00', {}, BERLIN, '2027-06-10T16:00:00Z'],
    ['at the second', '2027-06-10T16:00:30Z', {}, BERLIN, '2027-06-10T16:00:30Z'],
    [
      'two days before, at nine',
      '2027-06-10T18:00:00+02:00',
      { offset: '-2d', at: '09:00' },
      BERLIN,
      '2027-06-08T07:00:00Z',
    ],
    [
      "on the date that the user's own calendar has",
      '2027-06-10T23:30:00Z',
      { at: '09:00' },
      BERLIN,
      '2027-06-11T07:00:00Z',
    ],
    [
      'on another date to the west of it',
      '2027-06-10T02:00:00Z',
      { at: '09:00' },
      NEW_YORK,
      '2027-06-09T13:00:00Z',
    ],
    [
      'of a bare date, at nine there',
      '2027-06-10',
      { offset: '-1w', at: '09:00' },
      NEW_YORK,
      '2027-06-03T13:00:00Z',
    ],
    ['of a bare date, from its midnight', '2027-06-10', {}, BERLIN, '2027-06-09T22:00:00Z'],
    ['of a local time', '2027-06-10T18:30', {}, NEW_YORK, '2027-06-10T22:30:00Z'],
    [
      'of a local time with seconds',
      '2027-06-10T18:30:15',
      { offset: '1h' },
      NEW_YORK,
      '2027-06-10T23:30:15Z',
    ],
    [
      'a day before over the spring change: 23 hours',
      '2027-03-28T10:00:00+02:00',
      { offset: '-1d' },
      BERLIN,
      '2027-03-27T09:00:00Z',
    ],
    [
      '24 hours before over the spring change: 24',
      '2027-03-28T10:00:00+02:00',
      { offset: '-24h' },
      BERLIN,
      '2027-03-27T08:00:00Z',
    ],
    [
      'a day later over the autumn change: 25 hours',
      '2027-10-30T10:00:00+02:00',
      { offset: '1d' },
      BERLIN,
      '2027-10-31T09:00:00Z',
    ],
    [
      'at a local time in the gap',
      '2027-03-29',
      { offset: '-1d', at: '02:30' },
      BERLIN,
      '2027-03-28T01:00:00Z',
    ],
    [
      'of a local time, moved out of a gap and not by it',
      '2027-03-28T02:30',
      { offset: '1d' },
      BERLIN,
      '2027-03-29T00:30:00Z',
    ],
    [
      'at a local time that is shown twice',
      '2027-10-30',
      { offset: '1d', at: '02:30' },
      BERLIN,
      '2027-10-31T00:30:00Z',
    ],
    [
      'a day after 28 February of a leap year',
      '2028-02-28',
      { offset: '1d', at: '09:00' },
      BERLIN,
      '2028-02-29T08:00:00Z',
    ],
    [
      'on a day that Apia left out',
      '2011-12-31',
      { offset: '-1d', at: '09:00' },
      'Pacific/Apia',
      '2011-12-30T10:00:00Z',
    ],
    [
      'in Kathmandu',
      '2027-06-10T00:00:00Z',
      { offset: '-2d', at: '09:00' },
      'Asia/Kathmandu',
      '2027-06-08T03:15:00Z',
    ],
  ];
  for (const [title, value, rest, zone, expected] of CASES) {
    it(`is due ${title}`, () => expect(due(value, rest, zone)).to.equal(expected));
  }

  it('takes a Date for its instant', () => {
    expect(due(new Date('2027-06-10T16:00:00Z'), { offset: '-1h' }, BERLIN)).to.equal('2027-06-10T15:00:00Z');
  });

  const NONE: unknown[] = [1_812_000_000, 1_812_000_000_000, '1812000000', true, {}, [], '', 'tomorrow'];
  NONE.push(
    '2027-02-30',
    '2027-06-10T25:00',
    '2027-06-10 18:30',
    '10.06.2027',
    '2027-6-1',
    new Date(Number.NaN),
  );
  for (const value of NONE) {
    it(`has no date in ${JSON.stringify(value)}`, () => {
      expect(due(value, { at: '09:00' }, BERLIN)).to.match(/^departure is no date such as /);
    });
  }

  it('says when the property is missing, or the date cannot be reached', () => {
    expect(due(undefined, {}, BERLIN)).to.equal('departure is missing');
    expect(due(null, {}, BERLIN)).to.equal('departure is missing');
    expect(due('9999-12-31', { offset: '1d' }, BERLIN)).to.equal('departure is out of reach');
    expect(due('0000-01-01', { offset: '-1w', at: '09:00' }, BERLIN)).to.equal('departure is out of reach');
  });

  it('of a later date is never due earlier', () => {
    const values = fc.integer({ min: Date.parse('2026-01-01'), max: Date.parse('2028-12-31') });
    const zones = fc.constantFrom(
      BERLIN,
      NEW_YORK,
      'Australia/Lord_Howe',
      'Pacific/Chatham',
      'America/Santiago',
    );
    const rests = fc.constantFrom<Omit<DateProperty, 'property'>>(
      {},
      { offset: '-2d', at: '02:15' },
      { offset: '-3h' },
    );
    const ms = (value: number, rest: Omit<DateProperty, 'property'>, zone: string): number =>
      Date.parse(due(new Date(value).toISOString(), rest, zone));
    fc.assert(
      fc.property(values, fc.nat(3 * 86_400_000), rests, zones, (value, later, rest, zone) => {
        expect(ms(value + later, rest, zone)).to.be.at.least(ms(value, rest, zone));
      }),
    );
  });
});
