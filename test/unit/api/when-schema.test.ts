import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { campaignInput, definitionShape } from '../../../api/campaigns/schemas.ts';
import { when } from '../../../api/campaigns/when-schema.ts';
import { parseOrThrow } from '../../../api/http/validate.ts';
import { previewExamples } from '../../../api/schedules/examples.ts';
import { scheduleFaults } from '../../../domain/schedule/schedule-faults.ts';
import { readRule } from '../../../domain/schedule/recurrence-rule.ts';
import type { Audience, CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import { faultsOf as schemaFaultsOf } from '../../support/faults-of.ts';

type Json = Record<string, unknown>;

const faultsOf = (value: unknown): string[] => schemaFaultsOf(when, value);

describe('the schema of when', () => {
  it('takes every form of a schedule as it is', () => {
    const on = [1, -1, { weekday: 'fri', nth: -1 }];
    const FORMS = [
      { at: ['2027-12-01T09:00', '2027-12-08T09:00'] },
      { every: { frequency: 'daily', at: ['09:00'], until: '2027-12-31' } },
      { every: { frequency: 'weekly', interval: 2, on: ['mon', 'thu'], at: ['09:00', '17:00'] } },
      { every: { frequency: 'monthly', on, at: ['09:00'], count: 12 } },
      { rrule: 'FREQ=MONTHLY;BYDAY=-1FR', at: ['09:00'] },
    ];
    for (const schedule of FORMS) {
      const value = { start: 'now', schedule, timezone: 'profile', ifPast: 'nextDay', cutOff: '21:00' };
      expect(parseOrThrow(when, value, 'body')).to.deep.equal(value);
    }
  });

  const CASES: [string, unknown, string[]][] = [
    [
      'local dates',
      { schedule: { at: ['2027-12-01 09:00', '2027-12-01T09:00Z'] } },
      [0, 1].map((i) => `/schedule/at/${i}: must be a local time such as 2027-12-01T09:00`),
    ],
    ['lists', { schedule: { at: [] } }, ['/schedule/at: must not be empty']],
    [
      'frequencies',
      { schedule: { every: { frequency: 'yearly', at: ['09:00'] } } },
      [
        '/schedule/every/frequency: must be one of daily, weekly, monthly; ' +
          'a yearly recurrence is an rrule such as FREQ=YEARLY',
      ],
    ],
    [
      'recurrences without a frequency',
      { schedule: { every: { at: ['09:00'] } } },
      ['/schedule/every/frequency: is required'],
    ],
    [
      'times of day',
      { schedule: { every: { frequency: 'daily', at: ['9:00'] } } },
      ['/schedule/every/at/0: must be a local time such as 09:00'],
    ],
    ['rules without times', { schedule: { rrule: 'FREQ=DAILY' } }, ['/schedule/at: is required']],
    [
      'intervals',
      { schedule: { every: { frequency: 'daily', interval: 0, at: ['09:00'] } } },
      ['/schedule/every/interval: must be a whole number from 1 to 1000'],
    ],
    [
      'time zones',
      { timezone: '+02:00' },
      ['/timezone: must be an IANA time zone such as Europe/Berlin, or profile'],
    ],
    [
      'cut-offs',
      { cutOff: '24:00' },
      ['/cutOff: must be a duration such as 6h or a local time such as 21:00'],
    ],
    ['cut-offs of no length', { cutOff: '0h' }, ['/cutOff: must be longer than nothing, such as 6h']],
    [
      'rules with control characters',
      { schedule: { rrule: 'FREQ=DAILY\u0000', at: ['09:00'] } },
      ['/schedule/rrule: must not hold control characters'],
    ],
    [
      'fields of a schedule',
      { schedule: { at: ['2027-12-01T09:00'], zone: 'UTC' } },
      ['/schedule/zone: unknown field'],
    ],
    [
      'throughput',
      { throughput: { perMinute: 1_000_001 } },
      ['/throughput/perMinute: must be a whole number from 1 to 1000000'],
    ],
  ];
  for (const [title, value, expected] of CASES) {
    it(`refuses what is none of the ${title}`, () => expect(faultsOf(value)).to.deep.equal(expected));
  }

  it('refuses two schedules at once and none at all', () => {
    const fault = '/schedule: must be exactly one of at, every, and rrule with at';
    const every = { frequency: 'daily', at: ['09:00'] };
    const NONE = [
      {},
      { at: ['2027-12-01T09:00'], every },
      { every, rrule: 'FREQ=DAILY', at: ['09:00'] },
      { cron: '0 9 * * *' },
    ];
    for (const schedule of NONE) expect(faultsOf({ schedule })).to.deep.equal([fault]);
    expect(faultsOf({ schedule: every })).to.deep.equal([`${fault}; frequency belongs in every`]);
    expect(
      faultsOf({ schedule: { rrule: 'FREQ=DAILY', at: ['09:00'], interval: 2, count: 3 } }),
    ).to.deep.equal([`${fault}; interval, count belong in every`]);
    expect(faultsOf({ schedule: 'daily' })).to.deep.equal(['/schedule: must be an object']);
  });

  it('takes a rule as a calendar writes it, for the domain to judge', () => {
    const value = {
      start: 'now',
      schedule: { rrule: 'DTSTART:20270101T090000Z\r\nRRULE:FREQ=DAILY', at: ['09:00'] },
    };
    expect(parseOrThrow(when, value, 'body')).to.deep.equal(value);
    const timing = { who: { past: { all: [] } }, when: value as CampaignSchedule };
    expect(
      scheduleFaults(timing, { nowMs: Date.parse('2026-12-01T00:00:00Z'), accountZone: 'UTC' }),
    ).to.deep.equal([
      { pointer: '/when/schedule/rrule', detail: "DTSTART is left out: it is the campaign's start" },
    ]);
  });

  it('adds nothing where there is no schedule', () => {
    expect(parseOrThrow(when, {}, 'body')).to.not.have.property('schedule');
  });

  it('of a reminder takes a signed duration and a local time', () => {
    const campaign = (dateProperty: unknown): unknown => ({
      name: 'Trip',
      channel: 'webPush',
      siteId: '6745c0e1a1b2c3d4e5f60718',
      who: { live: { event: 'Booked', matchOn: 'bookingId', dateProperty } },
      what: { title: 'Soon' },
    });
    const good = { property: 'departure', offset: '-2d', at: '09:00' };
    expect(campaignInput.safeParse(campaign(good)).success).to.equal(true);
    for (const bad of [
      {},
      { at: '09:00' },
      { ...good, offset: '2 days' },
      { ...good, at: '9' },
      { ...good, zone: 'UTC' },
    ])
      expect(campaignInput.safeParse(campaign(bad)).success, JSON.stringify(bad)).to.equal(false);
  });

  it('takes the examples of docs/schedules.md, which could be published', async () => {
    const page = await readFile(new URL('../../../docs/schedules.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
      (match) => JSON.parse(match[1] ?? '') as Json,
    );
    const schedules = blocks.map((block) => block.when ?? (block.schedule ? block : undefined));
    const context = { nowMs: Date.parse('2026-12-01T00:00:00Z'), accountZone: 'UTC' };
    const found = schedules.filter((one) => one !== undefined);
    expect(found).to.have.length(3);
    for (const one of found) {
      const parsed = parseOrThrow(when, one, 'body') as CampaignSchedule;
      expect(scheduleFaults({ who: { past: { all: [] } }, when: parsed }, context)).to.deep.equal([]);
    }
    const live = blocks.map((block) => block.live).filter((one) => one !== undefined);
    expect(live).to.have.length(1);
    const who = definitionShape.who.parse({ live: live[0] }) as Audience;
    expect(scheduleFaults({ who, when: { start: 'now' } }, context)).to.deep.equal([]);
    for (const [, rule] of page.matchAll(/^\| `(FREQ=[^`]+)`/gm))
      expect(readRule(rule ?? ''), rule).to.have.key('rule');
  });

  for (const [name, { value }] of Object.entries(previewExamples)) {
    it(`takes the example ${name} of the preview, which could be published`, () => {
      const parsed = parseOrThrow(when, value.when, 'body') as CampaignSchedule;
      const context = { nowMs: Date.parse('2026-12-01T00:00:00Z'), accountZone: 'UTC' };
      expect(scheduleFaults({ who: { past: { all: [] } }, when: parsed }, context)).to.deep.equal([]);
    });
  }
});
