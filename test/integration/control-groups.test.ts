import { expect } from 'chai';
import { audience, balancedStats, countsOf, finished, type Audience } from '../support/audience.ts';
import { dispatched, makeSite, messagesOf, post, publish } from '../support/fixtures.ts';
import { setSettings } from '../support/settings.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { roomInUtcDay } from '../support/utc-day.ts';
import { waitFor } from '../support/wait-for.ts';

const SIZE = 100;

describe('a control group', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  beforeEach(() => setSettings(stack));
  after(() => stack?.close());

  const campaignOf = (all: Audience, percent?: number): object => ({
    name: all.group,
    channel: 'webPush',
    siteId: site.id,
    who: { past: { property: 'group', op: 'eq', value: all.group } },
    what: { title: 'Hello' },
    ...(percent === undefined ? {} : { setup: { controlGroup: { percent } } }),
  });
  /** Sends to the audience. @returns the ids of the profiles on the control side */
  const controlOf = async (all: Audience, percent?: number): Promise<string[]> => {
    const campaign = await publish(stack, campaignOf(all, percent));
    await finished(stack, campaign);
    const rows = await messagesOf(stack, campaign);
    const control = rows.filter(({ state }) => state === 'control');
    expect(await balancedStats(stack, campaign)).to.deep.include({
      qualified: SIZE,
      controlGroup: control.length,
      sent: SIZE - control.length,
      suppressed: {},
      waiting: 0,
    });
    return control.map(({ objectId }) => objectId as string).sort();
  };

  it('is recorded with the instant of the send that was not made, and never sent to', async () => {
    const all = await audience(stack, site, 'recorded', { profiles: SIZE, subscribed: SIZE });
    const before = Date.now();
    const campaign = await publish(stack, campaignOf(all, 30));
    await finished(stack, campaign);
    const rows = await messagesOf(stack, campaign);
    const control = rows.filter(({ state }) => state === 'control');
    expect(control.length).to.be.within(10, 50);
    for (const row of control) {
      expect(row).to.deep.include({ qualified: true, attempts: [], devices: [] });
      expect(row).to.include({ detail: 'in the control group of the campaign' });
      expect(row).not.to.have.any.keys('sentAt', 'reason');
      expect(Date.parse(row.controlAt as string)).to.be.within(before, Date.now());
    }
    const pushes = countsOf(stack, all.endpoints).reduce((a, b) => a + b, 0);
    expect(pushes).to.equal(SIZE - control.length);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      qualified: SIZE,
      controlGroup: control.length,
      sent: pushes,
    });
  });

  it('keeps each profile on its side whenever the campaign meets it', async () => {
    const people = await audience(stack, site, 'stable', { profiles: 40, subscribed: 40 });
    const { who: _past, ...more } = campaignOf(people, 40) as { who: object };
    const campaign = await publish(stack, { ...more, who: { live: { event: 'Stable' } } });
    const sides: string[][] = [];
    for (const round of [1, 2]) {
      await post(stack, ...people.identities.map((identity) => ({ identity, name: 'Stable' })));
      await dispatched(stack);
      const rows = await waitFor('every message', async () => {
        const found = await messagesOf(stack, campaign);
        return found.length === 40 * round && found.every(({ settledAt }) => settledAt) && found;
      });
      const control = rows
        .filter(({ state }) => state === 'control')
        .map(({ objectId }) => objectId as string);
      const perProfile = new Map<string, number>();
      for (const id of control) perProfile.set(id, (perProfile.get(id) ?? 0) + 1);
      expect(new Set(perProfile.values())).to.deep.equal(new Set([round]));
      sides.push([...perProfile.keys()].sort());
    }
    expect(sides[0]?.length).to.be.within(5, 30);
    expect(sides[1]).to.deep.equal(sides[0]);
  });

  it('of the account is kept out of every campaign, and another is drawn for each campaign', async () => {
    const all = await audience(stack, site, 'account', { profiles: SIZE, subscribed: SIZE });
    const [one, two] = [await controlOf(all, 30), await controlOf(all, 30)];
    expect(one).not.to.deep.equal(two);
    await setSettings(stack, { controlGroup: { percent: 20 } });
    const before = countsOf(stack, all.endpoints);
    const account = await controlOf(all);
    expect(account.length).to.be.within(5, 40);
    expect(await controlOf(all)).to.deep.equal(account);
    const three = await controlOf(all, 30);
    expect(three).to.include.members(account);
    expect(three.length).to.be.above(account.length);
    const none = countsOf(stack, all.endpoints).filter((count, i) => count === before[i]);
    expect(none).to.have.length(account.length);
    const details = await stack.db
      .collection('messages')
      .distinct('detail', { profileId: { $in: account }, state: 'control' });
    expect(details).to.include('in the control group of the account');
  });

  it('has only those who would have been sent something, and uses no slot of theirs up', async () => {
    await roomInUtcDay();
    await setSettings(stack, { globalLimits: { webPush: { perDay: 1 } } });
    const all = await audience(stack, site, 'slots', { profiles: 10, subscribed: 5 });
    const campaign = await publish(stack, campaignOf(all, 100));
    await finished(stack, campaign);
    expect(await balancedStats(stack, campaign)).to.deep.include({
      qualified: 10,
      controlGroup: 5,
      suppressed: { unreachable: 5 },
    });
    const next = await publish(stack, campaignOf(all));
    await finished(stack, next);
    expect(await balancedStats(stack, next)).to.deep.include({ sent: 5, suppressed: { unreachable: 5 } });
  });
});
