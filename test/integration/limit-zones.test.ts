import { expect } from 'chai';
import { localParts } from '../../domain/schedule/time-zone.ts';
import { finished } from '../support/audience.ts';
import { makeSite, messagesOf, publish, subscribe } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { roomInUtcDay } from '../support/utc-day.ts';

/** 25 hours apart: whenever it is, it is another day there. */
const [EAST, WEST] = ['Pacific/Kiritimati', 'Pacific/Pago_Pago'] as const;

describe('a limit of one push a day, for profiles without a time zone on two sites', function () {
  this.timeout(90_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack();
  });
  beforeEach(roomInUtcDay);
  after(() => stack?.close());

  it('goes by one day for the campaigns of both, wherever the sites and the browsers are', async () => {
    const now = Date.now();
    expect(localParts(now, EAST).day).not.to.equal(localParts(now, WEST).day);
    const answer = await stack.client.put('/v1/settings', { globalLimits: { webPush: { perDay: 1 } } });
    expect(answer.status).to.equal(200);
    const sites = [
      { site: await makeSite(stack, { timezone: EAST }), timezone: EAST },
      { site: await makeSite(stack, { timezone: WEST }), timezone: WEST },
    ];
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'by-browsers' }, { identity: 'by-sites' }],
    });
    for (const { site, timezone } of sites) {
      await subscribe(stack, site, 'by-browsers', { timezone });
      await subscribe(stack, site, 'by-sites');
    }
    const rows = [];
    for (const { site } of sites) {
      const campaign = await publish(stack, {
        name: 'Hello',
        channel: 'webPush',
        siteId: site.id,
        who: { past: { all: [] } },
        what: { title: 'Hello' },
      });
      expect(await finished(stack, campaign, 60_000)).to.equal('completed');
      rows.push((await messagesOf(stack, campaign)).map(({ state, reason }) => reason ?? state));
    }
    expect(rows).to.deep.equal([
      ['sent', 'sent'],
      ['globalLimit', 'globalLimit'],
    ]);
    expect(stack.push.received()).to.have.length(2);
  });
});
