import { expect } from 'chai';
import fc from 'fast-check';
import type { RunSchedule } from '../../../domain/campaign/campaign.ts';
import { instantOfLocal } from '../../../domain/schedule/local-date.ts';
import {
  dueInZone,
  nextOccurrence,
  occurrences,
  scheduleZone,
  shownIn,
  type Occurrence,
  type ScheduleContext,
} from '../../../domain/schedule/schedule.ts';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);

function take(context: ScheduleContext, most: number): Occurrence[] {
  const found: Occurrence[] = [];
  for (const occurrence of occurrences(context)) {
    if (found.length >= most) break;
    found.push(occurrence);
  }
  return found;
}

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Asia/Kathmandu',
  'Pacific/Chatham',
  'America/Santiago',
  'UTC',
];
const two = (n: number): string => String(n).padStart(2, '0');
const time = fc.record({ hour: fc.integer({ min: 0, max: 23 }), minute: fc.constantFrom(0, 15, 30, 45) });
const times = fc.array(
  time.map(({ hour, minute }) => `${two(hour)}:${two(minute)}`),
  { minLength: 1, maxLength: 4 },
);
const interval = fc.integer({ min: 1, max: 4 });
const schedules: fc.Arbitrary<RunSchedule> = fc.oneof(
  fc.record({ frequency: fc.constant('daily' as const), interval, at: times }).map((every) => ({ every })),
  fc
    .record({
      frequency: fc.constant('weekly' as const),
      interval,
      on: fc.uniqueArray(fc.constantFrom('mon', 'wed', 'sun'), { minLength: 1 }),
      at: times,
    })
    .map((every) => ({ every })),
  fc
    .record({
      frequency: fc.constant('monthly' as const),
      interval,
      on: fc.uniqueArray(fc.constantFrom(1, 28, 31, -1, -3), { minLength: 1 }),
      at: times,
    })
    .map((every) => ({ every })),
  fc.record({
    rrule: fc.constantFrom('FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU', 'FREQ=WEEKLY;COUNT=9'),
    at: times,
  }),
);
/** The years about 2011 have Apia's lost day, those about 2027 every other change. */
const start = fc
  .integer({ min: 0, max: 3 * 365 * 24 * 60 })
  .chain((minute) =>
    fc.constantFrom('2010-06-01T00:00:20Z', '2026-06-01T00:00:20Z').map((text) => at(text) + minute * 60_000),
  );
const contexts = fc
  .record({
    schedule: schedules,
    timezone: fc.constantFrom(...ZONES, 'profile'),
    startsAtMs: start,
    account: fc.constantFrom(...ZONES),
  })
  .map(({ schedule, timezone, startsAtMs, account }): ScheduleContext => {
    return { when: { start: 'now', schedule, timezone }, startsAtMs, endsAtMs: null, accountZone: account };
  });

describe('whatever the schedule, its occurrences', () => {
  it('strictly ascend and begin with or after the start', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        let before = -Infinity;
        for (const { firstMs, lastMs } of take(context, 25)) {
          expect(firstMs).to.be.above(before);
          expect(lastMs)
            .to.be.at.least(context.startsAtMs - 59_999)
            .and.at.least(firstMs);
          before = firstMs;
        }
      }),
    );
  });

  it('show their local time on the clock, or are the first instant after a gap that holds it', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const zone = scheduleZone(context);
        if (zone === 'profile') return;
        for (const { local, firstMs } of take(context, 15)) {
          if (shownIn(zone, firstMs) === local) continue;
          expect(shownIn(zone, firstMs) > local, local).to.equal(true);
          expect(shownIn(zone, firstMs - 60_000) < local, local).to.equal(true);
        }
      }),
    );
  });

  it('are one for each date and time of day, but where two times fall on one instant', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const found = take(context, 25).map(({ local }) => local);
        expect(new Set(found).size).to.equal(found.length);
      }),
    );
  });

  it('follow each other by nextOccurrence, from any of them on', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const all = take(context, 12);
        expect(nextOccurrence(context, null)).to.deep.equal(all[0] ?? null);
        all.slice(0, -1).forEach((occurrence, i) => {
          expect(nextOccurrence(context, occurrence)).to.deep.equal(all[i + 1]);
        });
      }),
      { numRuns: 60 },
    );
  });

  it('are found from any instant on', () => {
    fc.assert(
      fc.property(contexts, fc.integer({ min: -1_000, max: 400 * 24 * 60 }), (context, minutes) => {
        const afterMs = context.startsAtMs + minutes * 60_000;
        const all = take(context, 30);
        const tail = all.filter(({ firstMs }) => firstMs > afterMs);
        const found: Occurrence[] = [];
        for (const occurrence of occurrences(context, afterMs)) {
          if (found.length >= tail.length) break;
          found.push(occurrence);
        }
        expect(found).to.deep.equal(tail);
      }),
    );
  });

  it('in a zone are due between the planned beginning and two days later, or past when they are to be dropped', () => {
    const ifPast = fc.constantFrom('drop', 'nextDay', undefined);
    fc.assert(
      fc.property(
        contexts,
        fc.constantFrom(...ZONES),
        ifPast,
        fc.nat(26 * 60),
        (context, zone, past, late) => {
          const own: ScheduleContext = {
            ...context,
            when: { ...context.when, timezone: 'profile', ifPast: past },
          };
          const [occurrence] = take(own, 1);
          if (!occurrence) return;
          const plannedMs = occurrence.firstMs + late * 60_000 + 20_000;
          const due = dueInZone({ when: own.when, occurrence, zone, plannedMs });
          const set = instantOfLocal(occurrence.local, zone);
          if (typeof due === 'string') {
            expect(past).to.not.equal('nextDay');
            expect(set).to.be.below(plannedMs);
            return;
          }
          expect(due.dueMs).to.be.within(plannedMs - 20_000, plannedMs + 52 * HOUR);
          expect(due.local.slice(11)).to.equal(occurrence.local.slice(11));
          if (set >= plannedMs) expect(due).to.deep.equal({ dueMs: set, local: occurrence.local });
          else if (set < plannedMs - 59_999) expect(due.local > occurrence.local).to.equal(true);
        },
      ),
    );
  });
});
