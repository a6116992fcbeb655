import { expect } from 'chai';
import type { WebPushDefinition, CampaignSchedule } from '../../../domain/campaign/campaign.ts';
import {
  changeFaults,
  hasBegun,
  isRescheduled,
  stillWrong,
  withKeptStart,
} from '../../../domain/campaign/campaign-edit.ts';

const startsAt = new Date('2027-01-15T08:00:00Z');
const nowMs = startsAt.getTime() + 3_600_000;

function past(
  when: CampaignSchedule = { start: 'now' },
  more: Partial<WebPushDefinition> = {},
): WebPushDefinition {
  return {
    name: 'News',
    channel: 'webPush',
    siteId: 'site',
    labels: [],
    who: { past: { all: [] } },
    when,
    what: { title: 'News' },
    ...more,
  };
}

describe('changeFaults', () => {
  const pointers = (definition: WebPushDefinition, next: WebPushDefinition, atMs = nowMs): string[] =>
    changeFaults({ definition, startsAt }, next, atMs).map(({ pointer }) => pointer);

  it('keeps channel, site, kind and, once it has begun, the start, and says each', () => {
    const next = past(
      { start: '2027-02-01T08:00:00Z' },
      { channel: 'sms' as never, siteId: 'other', who: { live: { event: 'E' } } },
    );
    expect(pointers(past(), next)).to.deep.equal(['/channel', '/siteId', '/who', '/when/start']);
    expect(pointers(past(), past())).to.deep.equal([]);
  });

  it('takes the start that it has in any words', () => {
    const set = past({ start: '2027-01-15T09:00:00+01:00' });
    for (const start of [
      'now',
      '2027-01-15T09:00:00+01:00',
      '2027-01-15T08:00:00Z',
      '2027-01-15T08:00:00.000Z',
    ]) {
      expect(pointers(set, past({ start })), start).to.deep.equal([]);
    }
    expect(pointers(past(), past({ start: startsAt.toISOString() }))).to.deep.equal([]);
    expect(pointers(set, past({ start: '2027-01-15T09:00:00Z' }))).to.deep.equal(['/when/start']);
  });

  it('lets the start be moved before it has come', () => {
    const before = startsAt.getTime() - 1;
    expect(hasBegun({ startsAt }, before)).to.equal(false);
    expect(hasBegun({ startsAt }, startsAt.getTime())).to.equal(true);
    expect(pointers(past(), past({ start: '2027-02-01T08:00:00Z' }), before)).to.deep.equal([]);
  });

  it('keeps the start in the words that it was set in', () => {
    const set = past({ start: '2027-01-15T09:00:00+01:00', end: '2028-01-01T00:00:00Z' });
    expect(withKeptStart(past({ start: 'now', delay: '5m' }), { definition: set }).when).to.deep.equal({
      start: '2027-01-15T09:00:00+01:00',
      delay: '5m',
    });
  });
});

describe('stillWrong', () => {
  const fault = (pointer: string) => ({ pointer, detail: 'lies in the past' });
  const left = (faults: string[], current: CampaignSchedule, next: CampaignSchedule): string[] =>
    stillWrong(faults.map(fault), past(current), past(next)).map(({ pointer }) => pointer);

  it('lets dates that have passed stay, wherever they stand, and no others be added', () => {
    const current = { start: 'now', schedule: { at: ['2027-01-15T09:00', '2027-01-20T09:00'] } };
    const next = {
      start: 'now',
      schedule: { at: ['2027-01-14T09:00', '2027-01-15T09:00', '2027-01-21T09:00'] },
    };
    const faults = ['/when/schedule/at/0', '/when/schedule/at/1', '/when/end'];
    expect(left(faults, current, next)).to.deep.equal(['/when/schedule/at/0', '/when/end']);
    // The same words of another place are another time.
    expect(left(faults, current, { ...next, timezone: 'Asia/Tokyo' })).to.deep.equal(faults);
  });

  it('lets a schedule that has run out stay as it is', () => {
    const every = { frequency: 'daily' as const, at: ['09:00'], until: '2027-01-10' };
    const current = { start: 'now', schedule: { every }, cutOff: '21:00' };
    const same = {
      cutOff: '21:00',
      schedule: { every: { until: '2027-01-10', at: ['09:00'], frequency: 'daily' as const } },
      start: 'now',
    };
    const faults = ['/when/schedule/every', '/when/cutOff'];
    expect(left(faults, current, same)).to.deep.equal([]);
    expect(isRescheduled(past(current), past(same))).to.equal(false);
    const other = { ...current, schedule: { every: { ...every, until: '2027-01-11' } } };
    expect(left(faults, current, other)).to.deep.equal(faults);
    expect(isRescheduled(past(current), past(other))).to.equal(true);
    expect(left(['/when/cutOff'], current, { ...current, cutOff: '08:00' })).to.deep.equal(['/when/cutOff']);
  });
});
