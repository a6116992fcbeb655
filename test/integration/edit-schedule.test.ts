import { expect } from 'chai';
import { audience, countsOf, finished, publishTo, type Audience } from '../support/audience.ts';
import { makeSite, runsOf } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const utc = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

describe('the schedule of a published campaign', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  /** The whole definition of a campaign to a group, as it is put. */
  const edited = (group: Audience, when: object | undefined): object => ({
    name: group.group,
    channel: 'webPush',
    siteId: site.id,
    who: { past: { property: 'group', op: 'eq', value: group.group } },
    ...(when ? { when } : {}),
    what: { title: 'Hello' },
  });

  it('keeps a start that is to come when an edit names none', async () => {
    const group = await audience(stack, site, 'keeps', { profiles: 1, subscribed: 1 });
    const start = new Date(Date.now() + DAY_MS).toISOString();
    const campaign = await publishTo(stack, site, group, { when: { start } });
    const answer = await stack.client.put(
      `/v1/campaigns/${campaign}`,
      edited(group, { throughput: { perMinute: 60 } }),
    );
    expect(answer.status).to.equal(200);
    expect(answer.body).to.include({ status: 'scheduled', version: 2, startsAt: start });
    const without = await stack.client.put(`/v1/campaigns/${campaign}`, edited(group, undefined));
    expect(without.body).to.include({ status: 'scheduled', version: 3, startsAt: start });
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    expect(countsOf(stack, group.endpoints)).to.deep.equal([0]);
  });

  it('cannot be edited to one that leaves no run to come', async () => {
    const group = await audience(stack, site, 'nothing', { profiles: 1, subscribed: 1 });
    const when = { timezone: 'UTC', schedule: { at: [utc(Date.now() + DAY_MS)] } };
    const campaign = await publishTo(stack, site, group, { when });
    // It began an hour ago, which is when its one run would have been.
    const startsAt = new Date(Date.now() - HOUR_MS);
    await stack.db.collection('campaigns').updateOne({ _id: campaign as never }, { $set: { startsAt } });
    const answer = await stack.client.put(`/v1/campaigns/${campaign}`, edited(group, { timezone: 'UTC' }));
    expect(answer.status).to.equal(422);
    expect(answer.body.errors).to.deep.equal([
      { pointer: '/when/schedule', detail: 'leaves no run to come; to end the campaign, stop it' },
    ]);
    expect((await stack.client.get(`/v1/campaigns/${campaign}`)).body).to.include({
      status: 'running',
      version: 1,
    });
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
  });

  it("is followed at once, also for a time of today that is each user's own", async () => {
    const group = await audience(
      stack,
      site,
      'today',
      { profiles: 2, subscribed: 2 },
      { timezone: 'Etc/GMT+5' },
    );
    const when = { timezone: 'UTC', schedule: { at: [utc(Date.now() + 3 * DAY_MS)] } };
    const campaign = await publishTo(stack, site, group, { when });
    // In the west it is five hours ahead, and in the east long past.
    const local = utc(Date.now());
    const next = { timezone: 'profile', schedule: { at: [local] } };
    const answer = await stack.client.put(`/v1/campaigns/${campaign}`, edited(group, next));
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    await waitFor('the run', async () => (await runsOf(stack, campaign)).length === 1);
    expect((await runsOf(stack, campaign))[0]).to.include({ local, version: 2 });
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
  });

  it('still has the run that was due by the old times when they are changed during a pause', async () => {
    const group = await audience(stack, site, 'old-times', { profiles: 2, subscribed: 2 });
    const start = Date.now() + 5_000;
    const campaign = await publishTo(stack, site, group, { when: { start: new Date(start).toISOString() } });
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    await waitFor('its start', () => Date.now() > start + 500);
    const next = { timezone: 'UTC', schedule: { at: [utc(Date.now() + DAY_MS)] } };
    const answer = await stack.client.put(`/v1/campaigns/${campaign}`, edited(group, next));
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(countsOf(stack, group.endpoints)).to.deep.equal([0, 0]);
    await stack.client.must(`/v1/campaigns/${campaign}/resume`);
    await waitFor('the run', async () => (await runsOf(stack, campaign))[0]?.status === 'completed');
    expect(countsOf(stack, group.endpoints)).to.deep.equal([1, 1]);
    expect((await runsOf(stack, campaign))[0]).to.include({
      version: 1,
      instant: new Date(start).toISOString(),
    });
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    expect(await finished(stack, campaign)).to.equal('stopped');
  });
});
