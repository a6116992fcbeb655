import { expect } from 'chai';
import type { ActiveLiveCampaign, LiveAudience, LiveVersion } from '../../../domain/campaign/campaign.ts';
import {
  asOf,
  mayClose,
  namesOfAll,
  othersThatMove,
  rulesOf,
} from '../../../domain/campaign/live-versions.ts';

const at = (second: number): Date => new Date(Date.UTC(2027, 0, 1) + second * 1_000);

function version(number: number, live: Partial<LiveAudience> = {}): LiveVersion {
  return {
    version: number,
    live: { event: `Opens ${number}`, cancelledBy: [{ event: `Closes ${number}` }], ...live },
    when: { start: 'now' },
    publishedAt: at(number * 100),
    catalogueVersion: number * 10,
  };
}

const [first, second, third] = [version(1), version(2, { onRepeat: 'restart' }), version(3)];
const campaign: ActiveLiveCampaign = {
  ...third,
  id: 'campaign',
  name: 'Cart',
  channel: 'webPush',
  siteId: 'site',
  startsAt: at(100),
  paused: false,
  earlier: [first, second],
};

describe('the versions of a live campaign', () => {
  it('are each known by their number, until they are forgotten', () => {
    expect(rulesOf(campaign, 3)?.live).to.equal(third.live);
    expect(rulesOf(campaign, 1)).to.equal(first);
    expect(rulesOf({ ...campaign, earlier: [second] }, 1)).to.equal(undefined);
  });

  it('hold for the events that came while each was the current one', () => {
    const heldAt = (receivedAt: Date, catalogueVersion: number): number =>
      asOf(campaign, { receivedAt, catalogueVersion }).version;
    expect([100, 199, 200, 299, 300, 900].map((second_) => heldAt(at(second_), 0))).to.deep.equal([
      1, 1, 2, 2, 3, 3,
    ]);
    // An instance whose clock lags proved that its view held the version.
    expect(heldAt(at(299), 30)).to.equal(3);
    expect(heldAt(at(199), 25)).to.equal(2);
    // What came before the first one opens nothing by it, which is judged elsewhere.
    expect(heldAt(at(50), 5)).to.equal(1);
    expect(asOf(campaign, { receivedAt: at(150), catalogueVersion: 0 })).to.deep.include({
      id: 'campaign',
      live: first.live,
      publishedAt: first.publishedAt,
      catalogueVersion: 10,
    });
  });

  it('all make their events concern the campaign', () => {
    expect(namesOfAll(campaign).sort()).to.deep.equal([
      'Closes 1',
      'Closes 2',
      'Closes 3',
      'Opens 1',
      'Opens 2',
      'Opens 3',
    ]);
    expect([mayClose(campaign, 'Closes 1'), mayClose(campaign, 'Opens 1')]).to.deep.equal([true, false]);
  });

  it('are looked at for open passages where an event restarts or moves those', () => {
    expect(othersThatMove(campaign, 3).map((one) => one.version)).to.deep.equal([2]);
    expect(othersThatMove(campaign, 2)).to.deep.equal([]);
    const reminder = { ...third, live: { ...third.live, dateProperty: { property: 'departure' } } };
    expect(othersThatMove({ ...campaign, ...reminder }, 1).map((one) => one.version)).to.deep.equal([3, 2]);
  });
});
