import { expect } from 'chai';
import { gateOf, mayBecome, type CampaignStatus } from '../../../domain/campaign/campaign.ts';
import { checkSegment, SEGMENT_LIMITS, type Segment } from '../../../domain/audience/segment.ts';
import { expiresAtMs } from '../../../domain/delivery/ttl.ts';
import { limitZoneOf, zoneOf } from '../../../domain/schedule/zone-of.ts';

const statuses: CampaignStatus[] = ['draft', 'scheduled', 'running', 'paused', 'completed', 'stopped'];

describe('the status of a campaign', () => {
  it('never leaves completed or stopped, and never returns to draft', () => {
    for (const to of statuses) {
      expect(mayBecome('completed', to)).to.equal(false);
      expect(mayBecome('stopped', to)).to.equal(false);
      expect(mayBecome(to, 'draft')).to.equal(false);
    }
  });
  it('goes back and forth between running and paused', () => {
    expect(mayBecome('running', 'paused')).to.equal(true);
    expect(mayBecome('paused', 'running')).to.equal(true);
  });
});

describe('gateOf', () => {
  const campaign = (status: CampaignStatus) => ({
    status,
    startsAt: new Date(1_000),
    endsAt: new Date(2_000),
  });
  for (const [status, now, expected] of [
    ['draft', 1_500, 'notStarted'],
    ['scheduled', 999, 'notStarted'],
    ['scheduled', 1_000, 'open'],
    ['running', 1_999, 'open'],
    ['running', 2_000, 'ended'],
    ['paused', 1_500, 'paused'],
    ['paused', 2_000, 'ended'],
    ['stopped', 1_500, 'stopped'],
    ['completed', 1_500, 'ended'],
  ] as const) {
    it(`is ${expected} when ${status} at ${now}`, () => {
      expect(gateOf(campaign(status), now)).to.equal(expected);
    });
  }
  it('stays shut without a start', () => {
    expect(gateOf({ status: 'running' }, 0)).to.equal('notStarted');
  });
});

describe('checkSegment', () => {
  it('names every fault with its place', () => {
    const segment = {
      all: [
        { not: { property: '$where', op: 'eq', value: 1 } },
        { property: 'a', op: 'between', value: [2, 1] },
      ],
    };
    const faults = checkSegment(segment as Segment, '/who/past');
    expect(faults.map((fault) => fault.pointer)).to.deep.equal(['/who/past/all/0/not', '/who/past/all/1']);
  });
  it('refuses what nests too deep or holds too much', () => {
    let deep: Segment = { all: [] };
    for (let i = 0; i < SEGMENT_LIMITS.depth; i += 1) deep = { not: deep };
    expect(checkSegment(deep, '')).to.have.length(1);
    const condition: Segment = { property: 'a', op: 'exists' };
    expect(
      checkSegment({ all: Array.from({ length: SEGMENT_LIMITS.parts }, () => condition) }, ''),
    ).to.have.length(1);
  });
});

describe('zoneOf', () => {
  const subscription = (timezone: string | undefined, syncedAt: number) => ({
    timezone,
    syncedAt: new Date(syncedAt),
  });
  it("takes the profile's, else its latest subscription's, else the site's, else the account's", () => {
    const list = [subscription('Asia/Tokyo', 2), subscription('Asia/Seoul', 3), subscription(undefined, 4)];
    expect(
      zoneOf({ timezone: 'Europe/Berlin' }, list, { timezone: 'America/New_York' }, 'Africa/Lagos'),
    ).to.equal('Europe/Berlin');
    expect(zoneOf({}, list, { timezone: 'America/New_York' }, 'Africa/Lagos')).to.equal('Asia/Seoul');
    expect(zoneOf(undefined, [], { timezone: 'America/New_York' }, 'Africa/Lagos')).to.equal(
      'America/New_York',
    );
    expect(zoneOf({}, [], undefined, 'Africa/Lagos')).to.equal('Africa/Lagos');
  });
});

describe('limitZoneOf', () => {
  it("takes the profile's, else its latest subscription's, else the account's, and no site's", () => {
    const own = { timezone: 'Europe/Berlin' };
    expect(limitZoneOf(own, 'Asia/Tokyo', 'Africa/Lagos')).to.equal('Europe/Berlin');
    expect(limitZoneOf({}, 'Asia/Tokyo', 'Africa/Lagos')).to.equal('Asia/Tokyo');
    expect(limitZoneOf({}, undefined, 'Africa/Lagos')).to.equal('Africa/Lagos');
  });
});

describe('expiresAtMs', () => {
  it('counts the time to live from the instant it was due, a day when the campaign does not say', () => {
    expect(expiresAtMs('4h', new Date(0))).to.equal(4 * 3_600_000);
    expect(expiresAtMs(undefined, new Date(0))).to.equal(86_400_000);
  });
});
