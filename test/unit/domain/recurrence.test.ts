import { expect } from 'chai';
import fc from 'fast-check';
import { dateParts, dateText, dayNumber, dayOf } from '../../../domain/schedule/local-date.ts';
import { readRule } from '../../../domain/schedule/recurrence-rule.ts';
import { ruleDays, type DateRule } from '../../../domain/schedule/recurrence.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';
import { RULE_CASES } from './recurrence-cases.ts';

function ruleOf(text: string): DateRule {
  const read = readRule(text);
  if ('faults' in read) throw new Error(`${text}: ${read.faults.join('; ')}`);
  return read.rule;
}

function datesOf(rule: DateRule, anchor: string, most: number, from = anchor): string[] {
  const [first, begin] = [dayNumber(anchor), dayNumber(from)];
  if (first === null || begin === null) throw new Error('no date');
  const found: string[] = [];
  for (const day of ruleDays(rule, first, begin)) {
    found.push(dateText(day));
    if (found.length >= most) break;
  }
  return found;
}

const faultsOf = (text: string): string[] => {
  const read = readRule(text);
  return 'faults' in read ? read.faults : [];
};

describe('the dates of a recurrence rule', () => {
  for (const [rule, anchor, expected] of RULE_CASES) {
    it(`are those of another implementation: ${rule} from ${anchor}`, () => {
      const wanted = expected.split(' ');
      expect(datesOf(ruleOf(rule), anchor, wanted.length)).to.deep.equal(wanted);
    });
  }

  const NEVER = [
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30',
    'FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31',
    'FREQ=DAILY;BYMONTH=4;BYMONTHDAY=31',
    'FREQ=DAILY;INTERVAL=7;BYDAY=TU',
    'FREQ=MONTHLY;BYMONTHDAY=1;BYSETPOS=2',
    'FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=30,31;BYMONTH=2',
    'FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3',
    'FREQ=YEARLY;BYYEARDAY=1;BYMONTH=2',
    'FREQ=MONTHLY;BYDAY=1MO;BYMONTHDAY=15',
    'FREQ=YEARLY;BYDAY=MO;BYSETPOS=60',
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;INTERVAL=1000',
  ];
  for (const rule of NEVER) {
    it(`end at once when there are none: ${rule}`, () => {
      // Up to the year 9999 most would take longer each time; a collection of garbage may fall into one of them.
      const seconds = [1, 2, 3].map(() => {
        const began = cpuSeconds();
        expect(datesOf(ruleOf(rule), '2027-01-31', 1)).to.deep.equal([]);
        return cpuSeconds() - began;
      });
      expect(Math.min(...seconds)).to.be.below(0.25);
    });
  }

  it('are found when they are far apart: 29 February on a Monday', () => {
    const rule = ruleOf('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO');
    expect(datesOf(rule, '2024-03-01', 2)).to.deep.equal(['2044-02-29', '2072-02-29']);
  });

  it('do not go beyond the year 9999', () => {
    expect(datesOf(ruleOf('FREQ=YEARLY'), '9998-06-01', 9)).to.deep.equal(['9998-06-01', '9999-06-01']);
    expect(datesOf(ruleOf('FREQ=DAILY'), '9999-12-31', 9)).to.deep.equal(['9999-12-31']);
  });

  it('meet every part of the rule, ascend, and are the same from any day on', () => {
    const numbers = (most: number): fc.Arbitrary<number[] | undefined> =>
      fc.option(fc.uniqueArray(fc.integer({ min: 1, max: most }), { minLength: 1, maxLength: 4 }), {
        nil: undefined,
      });
    const rules: fc.Arbitrary<DateRule> = fc.record({
      frequency: fc.constantFrom('daily', 'weekly', 'monthly', 'yearly'),
      interval: fc.integer({ min: 1, max: 5 }),
      weekStart: fc.integer({ min: 1, max: 7 }),
      byMonth: numbers(12),
      byMonthDay: numbers(31),
      byDay: numbers(7).map((days) => days?.map((weekday) => ({ weekday, nth: 0 }))),
    });
    const days = fc.integer({ min: dayOf(2020, 1, 1), max: dayOf(2040, 1, 1) });
    fc.assert(
      fc.property(rules, days, fc.integer({ min: 0, max: 3_000 }), (rule, anchor, ahead) => {
        const some: number[] = [];
        for (const day of ruleDays(rule, anchor, anchor)) {
          if (some.length >= 40) break;
          some.push(day);
        }
        some.forEach((day, i) => {
          const { month, day: ofMonth, weekday } = dateParts(day);
          expect(day).to.be.above(some[i - 1] ?? anchor - 1);
          if (rule.byMonth) expect(rule.byMonth).to.include(month);
          if (rule.byMonthDay) expect(rule.byMonthDay).to.include(ofMonth);
          if (rule.byDay) expect(rule.byDay.map((one) => one.weekday)).to.include(weekday);
        });
        const last = some.at(-1);
        if (last === undefined) return;
        const from = Math.min(anchor + ahead, last);
        const tail = some.filter((day) => day >= from);
        const again: number[] = [];
        for (const day of ruleDays(rule, anchor, from)) {
          if (again.length >= tail.length) break;
          again.push(day);
        }
        expect(again).to.deep.equal(tail);
      }),
    );
  });
});

describe('reading a recurrence rule', () => {
  it('takes it with its name, in small letters, and with signs', () => {
    expect(ruleOf('rrule:freq=monthly;byday=+1mo')).to.deep.equal(ruleOf('FREQ=MONTHLY;BYDAY=1MO'));
  });

  it('reads an end as a date, a local time or an instant', () => {
    const until = (text: string): unknown => {
      const read = readRule(`FREQ=DAILY;UNTIL=${text}`);
      return 'rule' in read ? read.rule.until : read.faults;
    };
    expect(until('20271231')).to.equal('2027-12-31T23:59');
    expect(until('20271231T120030')).to.equal('2027-12-31T12:00');
    expect(until('20271231T120030Z')).to.deep.equal({ instantMs: Date.parse('2027-12-31T12:00:30Z') });
    for (const text of ['20270230', '2027-12-31', '20271231T250000', '20271231T120061', 'never'])
      expect(until(text), text).to.deep.equal([
        'UNTIL must be a date such as 20271231, or with a time, 20271231T235959 or 20271231T235959Z',
      ]);
  });

  it('says everything that is wrong at once', () => {
    const faults = faultsOf(
      'FREQ=HOURLY;INTERVAL=0;BYHOUR=9;BYMONTHDAY=32;BYDAY=XX;COUNT=2;UNTIL=20270101;X=1;oops',
    );
    expect(faults).to.deep.equal([
      '"OOPS" is not NAME=value',
      'FREQ must be one of DAILY, WEEKLY, MONTHLY, YEARLY',
      'BYHOUR is not taken: the times of day are those of "at"',
      'INTERVAL must be a whole number from 1 to 1000',
      'BYMONTHDAY takes numbers from 1 to 31 and -1 to -31',
      'BYDAY takes weekdays such as MO, 2TU or -1FR, not "XX"',
      'X is not a part we know',
      'COUNT and UNTIL cannot stand together',
    ]);
  });

  const REFUSED: [string, string][] = [
    ['', '"" is not NAME=value'],
    ['INTERVAL=2', 'FREQ is missing'],
    ['FREQ=DAILY;FREQ=WEEKLY', 'FREQ stands there twice'],
    ['FREQ=DAILY;BYMINUTE=5', 'BYMINUTE is not taken: the times of day are those of "at"'],
    ['FREQ=DAILY;BYSECOND=5', 'BYSECOND is not taken: the times of day are those of "at"'],
    ['FREQ=DAILY;BYMONTH=-1', 'BYMONTH takes numbers from 1 to 12'],
    ['FREQ=DAILY;BYMONTH=13', 'BYMONTH takes numbers from 1 to 12'],
    ['FREQ=MONTHLY;BYMONTHDAY=0', 'BYMONTHDAY takes numbers from 1 to 31 and -1 to -31'],
    ['FREQ=MONTHLY;BYMONTHDAY=1,,2', 'BYMONTHDAY takes numbers from 1 to 31 and -1 to -31'],
    ['FREQ=MONTHLY;BYDAY=0MO', 'BYDAY takes weekdays such as MO, 2TU or -1FR, not "0MO"'],
    ['FREQ=WEEKLY;WKST=XX', 'WKST must be one of MO, TU, WE, TH, FR, SA, SU'],
    ['FREQ=DAILY;COUNT=10001', 'COUNT must be a whole number from 1 to 10000'],
    ['FREQ=MONTHLY;BYWEEKNO=1', 'BYWEEKNO is only for FREQ=YEARLY'],
    ['FREQ=MONTHLY;BYYEARDAY=1', 'BYYEARDAY is only for FREQ=YEARLY'],
    ['FREQ=WEEKLY;BYMONTHDAY=1', 'BYMONTHDAY is not for FREQ=WEEKLY'],
    ['FREQ=WEEKLY;BYDAY=1MO', 'BYDAY with a number is only for FREQ=MONTHLY and FREQ=YEARLY'],
    ['FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO', 'BYDAY with a number cannot stand with BYWEEKNO'],
    ['FREQ=MONTHLY;BYSETPOS=1', 'BYSETPOS needs another BY part to choose from'],
    ['FREQ=DAILY;DTSTART=20270101', "DTSTART is left out: it is the campaign's start"],
  ];
  for (const [text, fault] of REFUSED) {
    it(`refuses ${text || 'nothing at all'}`, () => {
      expect(faultsOf(text)).to.include(fault);
    });
  }

  it('says of a paste from a calendar what is left out, and nothing else', () => {
    const DTSTART = "DTSTART is left out: it is the campaign's start";
    const PASTES: [string, string[]][] = [
      ['DTSTART:20270101T090000Z\nRRULE:FREQ=DAILY', [DTSTART]],
      ['DTSTART;TZID=Europe/Berlin:20270101T090000\r\nRRULE:FREQ=DAILY;COUNT=3\r\n', [DTSTART]],
      ['rrule:freq=daily\n\ndtstart:20270101T090000Z', [DTSTART]],
      ['DTSTART:20270101T090000Z RRULE:FREQ=DAILY', [DTSTART]],
      ['DTSTART:20270101T090000Z', [DTSTART, 'FREQ is missing']],
      ['RRULE:FREQ=DAILY\nEXDATE:20270103T090000Z', ['EXDATE is not taken']],
      ['RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY', ['there must be one rule only']],
    ];
    for (const [text, faults] of PASTES) expect(faultsOf(text), text).to.deep.equal(faults);
  });

  it('takes a rule that a calendar has folded into lines', () => {
    const folded = 'RRULE:FREQ=MONTHLY;BYDAY=MO,TU,W\r\n E,TH,FR;BYSETPOS=-1\r\n';
    expect(ruleOf(folded)).to.deep.equal(ruleOf('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1'));
  });

  it('never fails on any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `FREQ=DAILY;${text}`),
        ),
        (text) => {
          const read = readRule(text);
          expect('rule' in read || read.faults.length > 0).to.equal(true);
        },
      ),
    );
  });
});
