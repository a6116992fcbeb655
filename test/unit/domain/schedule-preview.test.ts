import { expect } from 'chai';
import type { CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import { previewSchedule, type ZonePreview } from '../../../domain/schedule/schedule-preview.ts';

function preview(
  when: Partial<CampaignSchedule>,
  now: string,
  options: { count?: number; zones?: string[]; start?: string } = {},
): ZonePreview[] {
  const nowMs = Date.parse(now);
  const start = options.start === undefined ? nowMs : Date.parse(options.start);
  const context = {
    when: { start: 'now', ...when },
    startsAtMs: start,
    endsAtMs: null,
    accountZone: 'Europe/Berlin',
    nowMs,
  };
  return previewSchedule(context, { count: options.count ?? 3, zones: options.zones ?? ['UTC'] });
}

describe('the preview of a schedule', () => {
  it('shows what the clock skips and shows twice', () => {
    const at = ['2027-03-27T02:30', '2027-03-28T02:30', '2027-10-31T02:30', '2027-10-31T03:00'];
    expect(preview({ schedule: { at } }, '2027-01-01T00:00Z', { count: 9 })).to.deep.equal([
      {
        timezone: 'Europe/Berlin',
        instants: [
          { local: '2027-03-27T02:30', at: '2027-03-27T01:30:00.000Z', offset: '+01:00' },
          {
            local: '2027-03-28T02:30',
            at: '2027-03-28T01:00:00.000Z',
            offset: '+02:00',
            note: 'skippedByClock',
          },
          { local: '2027-10-31T02:30', at: '2027-10-31T00:30:00.000Z', offset: '+02:00', note: 'shownTwice' },
          { local: '2027-10-31T03:00', at: '2027-10-31T02:00:00.000Z', offset: '+01:00' },
        ],
      },
    ]);
  });

  it('shows the half hour that Lord Howe has twice', () => {
    const when = {
      schedule: { at: ['2027-04-04T01:45', '2027-04-04T01:15'] },
      timezone: 'Australia/Lord_Howe',
    };
    const [zone] = preview(when, '2027-01-01T00:00Z');
    expect(zone?.instants.map(({ offset, note }) => [offset, note])).to.deep.equal([
      ['+11:00', undefined],
      ['+11:00', 'shownTwice'],
    ]);
  });

  it('shows so many, from now or from the start', () => {
    const when = { schedule: { every: { frequency: 'daily' as const, at: ['09:00'] } }, timezone: 'UTC' };
    const locals = (start?: string): string[] =>
      preview(when, '2027-06-01T12:00Z', { count: 2, ...(start ? { start } : {}) }).flatMap(({ instants }) =>
        instants.map(({ local }) => local),
      );
    expect(locals()).to.deep.equal(['2027-06-02T09:00', '2027-06-03T09:00']);
    expect(locals('2027-07-01T00:00Z')).to.deep.equal(['2027-07-01T09:00', '2027-07-02T09:00']);
  });

  it('of a campaign that runs keeps to the days that it counts from its start', () => {
    const when = {
      schedule: { every: { frequency: 'daily' as const, interval: 3, at: ['09:00'] } },
      timezone: 'UTC',
    };
    const [zone] = preview(when, '2027-06-01T12:00Z', { count: 2, start: '2027-06-01T00:00Z' });
    expect(zone?.instants.map(({ local }) => local)).to.deep.equal(['2027-06-04T09:00', '2027-06-07T09:00']);
    const own = { ...when, timezone: 'profile' };
    const [west] = preview(own, '2027-06-01T15:59Z', {
      count: 1,
      start: '2027-05-20T00:00Z',
      zones: ['America/Los_Angeles'],
    });
    expect(west?.instants.map(({ at }) => at)).to.deep.equal(['2027-06-01T16:00:00.000Z']);
  });

  it('shows the start when there is no schedule', () => {
    expect(preview({ cutOff: '6h' }, '2027-06-01T12:00:30Z')).to.deep.equal([
      {
        timezone: 'Europe/Berlin',
        instants: [
          {
            local: '2027-06-01T14:00',
            at: '2027-06-01T12:00:30.000Z',
            offset: '+02:00',
            cutOff: '2027-06-01T18:00:30.000Z',
          },
        ],
      },
    ]);
  });

  const own = { schedule: { at: ['2027-06-01T09:00'] }, timezone: 'profile', cutOff: '12:00' };
  const zones = ['Asia/Tokyo', 'America/St_Johns', 'Asia/Tokyo'];

  it("shows each zone once, in each user's own time, and what is past there", () => {
    const shown = preview(own, '2027-06-01T07:00Z', { zones });
    expect(shown).to.deep.equal([
      {
        timezone: 'Asia/Tokyo',
        instants: [
          { local: '2027-06-01T09:00', at: '2027-06-01T00:00:00.000Z', offset: '+09:00', note: 'past' },
        ],
      },
      {
        timezone: 'America/St_Johns',
        instants: [
          {
            local: '2027-06-01T09:00',
            at: '2027-06-01T11:30:00.000Z',
            offset: '-02:30',
            cutOff: '2027-06-01T14:30:00.000Z',
          },
        ],
      },
    ]);
  });

  it('shows what is moved to the next day, with its cut-off', () => {
    const [tokyo] = preview({ ...own, ifPast: 'nextDay' }, '2027-06-01T07:00Z', { zones });
    expect(tokyo?.instants).to.deep.equal([
      {
        local: '2027-06-02T09:00',
        at: '2027-06-02T00:00:00.000Z',
        offset: '+09:00',
        cutOff: '2027-06-02T03:00:00.000Z',
        note: 'nextDay',
      },
    ]);
  });
});
