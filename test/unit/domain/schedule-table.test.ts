import { expect } from 'chai';
import type { CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import { cutOffAt, dueInZone, occurrences } from '../../../domain/schedule/schedule.ts';
import { FIXED_CASES, OWN_TIME_CASES } from './schedule-table-cases.ts';

const minuteText = (ms: number): string => new Date(ms).toISOString().replace(':00.000Z', 'Z');

describe('the table of schedules and time zones', () => {
  it('has at least 60 cases, each of them named once', () => {
    const titles = [...FIXED_CASES, ...OWN_TIME_CASES].map(({ title }) => title);
    expect(new Set(titles).size).to.equal(titles.length);
    expect(titles).to.have.length.at.least(60);
  });

  describe('in a fixed time zone', () => {
    for (const { title, zone, ofAccount, start, end, schedule, expected, more } of FIXED_CASES) {
      it(title, () => {
        const when: CampaignSchedule = { start, schedule, timezone: ofAccount ? undefined : zone };
        const startsAtMs = Date.parse(start);
        const endsAtMs = end === undefined ? null : Date.parse(end);
        const accountZone = ofAccount ? zone : 'UTC';
        const wanted = expected.split(' ');
        const found: string[] = [];
        for (const { firstMs, lastMs } of occurrences({ when, startsAtMs, endsAtMs, accountZone })) {
          expect(lastMs).to.equal(firstMs);
          found.push(minuteText(firstMs));
          if (more && found.length === wanted.length) break;
        }
        expect(found).to.deep.equal(wanted);
      });
    }
  });

  describe("in each user's own time zone", () => {
    for (const { title, local, zone, start, ifPast, expected, cutOff, expectedCutOff } of OWN_TIME_CASES) {
      it(title, () => {
        const when: CampaignSchedule = { start, timezone: 'profile', schedule: { at: [local] }, ifPast };
        const startsAtMs = Date.parse(start);
        const [occurrence] = occurrences({ when, startsAtMs, endsAtMs: null, accountZone: 'UTC' });
        if (!occurrence) throw new Error('there is no occurrence');
        const plannedMs = Math.max(occurrence.firstMs, startsAtMs);
        const due = dueInZone({ when, occurrence, zone, plannedMs });
        expect(typeof due === 'string' ? due : minuteText(due.dueMs)).to.equal(expected);
        if (typeof due === 'string') return;
        expect(due.dueMs).to.be.within(plannedMs - 59_999, plannedMs + 3 * 86_400_000);
        const input = { cutOff, dueLocal: due.local, setMs: due.dueMs, zone };
        const cutOffMs = cutOffAt(input);
        expect(cutOffMs === null ? undefined : minuteText(cutOffMs)).to.equal(expectedCutOff);
      });
    }
  });
});
