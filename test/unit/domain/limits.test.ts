import { expect } from 'chai';
import fc from 'fast-check';
import { controlGroupOf, periodsAt, turnsCountSince } from '../../../domain/audience/limits.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const both = { perDay: 2, perWeek: 5 };
const keysAt = (text: string, zone: string): string[] =>
  periodsAt(both, Date.parse(text), zone).periods.map(({ key }) => key);

/** Zones with gaps and overlaps at and around midnight, odd offsets, and days that were left out. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Havana',
  'America/Sao_Paulo',
  'America/Asuncion',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
];
const instants = fc.integer({ min: Date.UTC(2010, 0, 1), max: Date.UTC(2035, 0, 1) });

/** The date that a clock on the wall shows, by other means than the code under test. */
function wallDate(atMs: number, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short' }).format(atMs);
}

/** The week of ISO 8601 by its other definition: week 1 is the one that holds 4 January. */
function isoWeek(date: string): string {
  const atMs = Date.parse(`${date}T00:00:00Z`);
  const mondayOf = (ms: number): number => ms - ((new Date(ms).getUTCDay() + 6) % 7) * DAY_MS;
  const year = new Date(atMs).getUTCFullYear();
  const first = [year + 1, year, year - 1]
    .map((of) => ({ of, monday: mondayOf(Date.UTC(of, 0, 4)) }))
    .find(({ monday }) => monday <= atMs);
  if (!first) throw new Error(date);
  const number = Math.round((mondayOf(atMs) - first.monday) / (7 * DAY_MS)) + 1;
  return `week ${first.of}-W${String(number).padStart(2, '0')}`;
}

describe('the periods of a limit', () => {
  it("are the day and the week of the profile's own time zone", () => {
    expect(keysAt('2026-11-21T23:30:00Z', 'UTC')).to.deep.equal(['day 2026-11-21', 'week 2026-W47']);
    expect(keysAt('2026-11-22T23:30:00Z', 'Europe/Berlin')).to.deep.equal([
      'day 2026-11-23',
      'week 2026-W48',
    ]);
    expect(keysAt('2026-11-23T04:59:59Z', 'America/New_York')).to.deep.equal([
      'day 2026-11-22',
      'week 2026-W47',
    ]);
  });

  it("belong to the year of the week's Thursday", () => {
    expect(keysAt('2027-01-03T12:00:00Z', 'UTC')[1]).to.equal('week 2026-W53');
    expect(keysAt('2024-12-30T12:00:00Z', 'UTC')[1]).to.equal('week 2025-W01');
  });

  it('are those that have a limit, and none without any', () => {
    const atMs = Date.parse('2026-11-21T12:00:00Z');
    expect(periodsAt({ perDay: 2 }, atMs, 'UTC')).to.deep.equal({
      periods: [{ key: 'day 2026-11-21', limit: 2 }],
      endsAtMs: Date.parse('2026-11-22T00:00:00Z'),
    });
    expect(periodsAt({ perWeek: 5 }, atMs, 'UTC')).to.deep.equal({
      periods: [{ key: 'week 2026-W47', limit: 5 }],
      endsAtMs: Date.parse('2026-11-23T00:00:00Z'),
    });
    for (const none of [undefined, {}]) {
      expect(periodsAt(none, atMs, 'UTC')).to.deep.equal({ periods: [], endsAtMs: Infinity });
    }
  });

  it('have the date on the wall and its week as their names, whatever the clocks do', () => {
    fc.assert(
      fc.property(instants, fc.constantFrom(...zones), (atMs, zone) => {
        const date = wallDate(atMs, zone);
        const { periods } = periodsAt(both, atMs, zone);
        expect(periods).to.deep.equal([
          { key: `day ${date}`, limit: 2 },
          { key: isoWeek(date), limit: 5 },
        ]);
      }),
      { numRuns: 2_000 },
    );
  });

  it('hold until the instant that is named as their end, and no longer', () => {
    fc.assert(
      fc.property(
        instants,
        fc.constantFrom(...zones),
        fc.constantFrom({ perDay: 1 }, { perWeek: 1 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (atMs, zone, limits, share) => {
          const { periods, endsAtMs } = periodsAt(limits, atMs, zone);
          const keyAt = (ms: number): string | undefined => periodsAt(limits, ms, zone).periods[0]?.key;
          const later = atMs + Math.floor((endsAtMs - 1 - atMs) * share);
          expect(endsAtMs).to.be.above(atMs);
          expect([keyAt(later), keyAt(endsAtMs - 1)]).to.deep.equal([periods[0]?.key, periods[0]?.key]);
          expect(keyAt(endsAtMs)).not.to.equal(periods[0]?.key);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('a control group', () => {
  const ids = fc.record({
    profileId: fc.stringMatching(/^[0-9a-f]{24}$/),
    campaignId: fc.stringMatching(/^[0-9a-f]{24}$/),
  });
  const percents = fc.double({ min: 0, max: 100, noNaN: true });
  const groupOf = (
    of: { profileId: string; campaignId: string },
    account?: number,
    campaign?: number,
  ): string | null =>
    controlGroupOf(
      of,
      account === undefined ? undefined : { percent: account },
      campaign === undefined ? undefined : { percent: campaign },
    );

  it('holds everybody at 100 percent, nobody at 0, and nobody when there is none', () => {
    fc.assert(
      fc.property(ids, (of) => {
        expect(groupOf(of)).to.equal(null);
        expect(groupOf(of, 0, 0)).to.equal(null);
        expect(groupOf(of, undefined, 100)).to.equal('campaign');
        expect(groupOf(of, 100, 100)).to.equal('account');
      }),
    );
  });

  it('keeps whoever was in it when the share grows', () => {
    fc.assert(
      fc.property(ids, percents, percents, (of, a, b) => {
        const [less, more] = a < b ? [a, b] : [b, a];
        if (groupOf(of, undefined, less)) expect(groupOf(of, undefined, more)).to.equal('campaign');
        if (groupOf(of, less)) expect(groupOf(of, more)).to.equal('account');
      }),
    );
  });

  it("of the account is the same for every campaign, and goes before the campaign's own", () => {
    fc.assert(
      fc.property(ids, ids, percents, (one, other, percent) => {
        const { profileId } = one;
        expect(groupOf({ ...other, profileId }, percent)).to.equal(groupOf(one, percent));
        if (groupOf(one, percent)) expect(groupOf(one, percent, 100)).to.equal('account');
      }),
    );
  });

  it('has about the share that was asked for, drawn anew for each campaign', () => {
    const profiles = Array.from({ length: 20_000 }, (_, i) => (i * 7_919).toString(16).padStart(24, '0'));
    const inGroup = (campaignId: string): string[] =>
      profiles.filter((profileId) => groupOf({ profileId, campaignId }, undefined, 10) !== null);
    const [one, two] = [inGroup('a'.repeat(24)), inGroup('b'.repeat(24))];
    expect(one.length).to.be.within(1_800, 2_200);
    expect(two.length).to.be.within(1_800, 2_200);
    const inBoth = new Set(one);
    expect(two.filter((id) => inBoth.has(id)).length).to.be.within(130, 270);
  });
});

describe('requalify', () => {
  it('lets any turn stand in the way once, none every time, and those of the last interval else', () => {
    expect(turnsCountSince({ mode: 'once' }, 0)).to.equal(null);
    expect(turnsCountSince({ mode: 'everyTime' }, 0)).to.equal('always');
    expect(turnsCountSince(undefined, 0)).to.equal('always');
  });

  it('lets it come again when the whole interval has passed, to the millisecond', () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: 1, max: 1_000 }), (atMs, hours) => {
        const since = turnsCountSince({ mode: 'interval', interval: `${hours}h` }, atMs) as Date;
        const stands = (takenMs: number): boolean => takenMs >= since.getTime();
        expect(stands(atMs - hours * HOUR_MS)).to.equal(false);
        expect(stands(atMs - hours * HOUR_MS + 1)).to.equal(true);
      }),
    );
  });
});
