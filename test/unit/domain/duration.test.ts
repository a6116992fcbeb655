import { expect } from 'chai';
import fc from 'fast-check';
import {
  durationFault,
  formatDuration,
  isDurationForm,
  parseDuration,
} from '../../../domain/schedule/duration.ts';

describe('durations', () => {
  const readable: [string, number][] = [
    ['30s', 30_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
    ['3d', 259_200_000],
    ['1w', 604_800_000],
    ['3650d', 315_360_000_000],
    ['315360000s', 315_360_000_000],
  ];
  for (const [text, ms] of readable) {
    it(`reads ${text} as ${ms} ms`, () => expect(parseDuration(text)).to.equal(ms));
  }

  const unreadable = [
    '',
    '0s',
    '-5m',
    '+5m',
    '1.5h',
    '05m',
    '10',
    'm',
    '10M',
    '10 m',
    ' 10m',
    '10m\n',
    '1h30m',
    '1e3s',
  ];
  for (const text of [...unreadable, '3651d', '522w', '99999999999s', '1y', '１0m']) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(parseDuration(text)).to.equal(null));
  }

  it('says of what is too short or too long how long it may be, and of what has no form which it has', () => {
    const range = 'must be a duration from 1s to 3650d, which is ten years';
    for (const text of ['0s', '0d', '3651d', '522w', '99999999999s'])
      expect(durationFault(text), text).to.equal(range);
    for (const text of ['', '05m', '-5m', '1y', '1h30m', '10'])
      expect(durationFault(text, '30m or 2h'), text).to.equal('must be a duration such as 30m or 2h');
    for (const text of ['1s', '3650d']) expect(durationFault(text), text).to.equal(null);
  });

  it('tells what has the form of one, however long it is, from what has not', () => {
    for (const text of ['0s', '1s', '10m', '3651d', '99999999999s'])
      expect(isDurationForm(text), text).to.equal(true);
    for (const text of ['', '05s', '00s', '-5m', '1y', '1h30m', '10', '5s\n'])
      expect(isDurationForm(text), text).to.equal(false);
    expect(isDurationForm(60 as unknown as string)).to.equal(false);
  });

  it('refuses what is no text at all', () => {
    expect(parseDuration(undefined as unknown as string)).to.equal(null);
    expect(parseDuration(60 as unknown as string)).to.equal(null);
  });

  const spoken: [number, string][] = [
    [0, '0s'],
    [250, '250ms'],
    [999.5, '1000ms'],
    [1_000, '1s'],
    [59_999, '59s'],
    [600_000, '10m'],
    [5_400_000, '1h 30m'],
    [5_415_000, '1h 30m'],
    [172_800_000, '2d'],
    [174_600_000, '2d 30m'],
    [604_800_000, '7d'],
    [-90_000, '-1m 30s'],
  ];
  for (const [ms, text] of spoken) {
    it(`says ${ms} ms as ${text}`, () => expect(formatDuration(ms)).to.equal(text));
  }

  it('says every readable duration so that its parts add up to it', () => {
    const duration = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.constantFrom('s', 'm', 'h', 'd', 'w'));
    fc.assert(
      fc.property(duration, ([count, unit]) => {
        const ms = parseDuration(`${count}${unit}`) ?? Number.NaN;
        const sum = formatDuration(ms)
          .split(' ')
          .reduce((total, part) => total + (parseDuration(part) ?? Number.NaN), 0);
        expect(sum).to.equal(ms);
      }),
    );
  });
});
