import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { audience, balancedStats, countsOf, finished, publishTo } from '../support/audience.ts';
import { makeSite, messagesOf, runsOf } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ones = (endpoints: string[]): number[] => endpoints.map(() => 1);
const none = (endpoints: string[]): number[] => endpoints.map(() => 0);

/** @returns the local time that UTC shows, `YYYY-MM-DDTHH:mm` */
const utc = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

/** @returns the minute in which it is, with enough of it left to publish in */
async function thisMinute(): Promise<number> {
  const left = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left < 15_000) await delay(left);
  return Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
}

describe('a campaign with a schedule', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 2 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const inGroup = (identities: string[], group: string, more: object = {}): Promise<unknown> =>
    stack.client.must('/v1/profiles', {
      profiles: identities.map((identity) => ({ identity, properties: { group }, ...more })),
    });

  it('has the run that is due, waits for the next, and sends it only once', async () => {
    const group = await audience(stack, site, 'twice', { profiles: 4, subscribed: 4 });
    const minute = await thisMinute();
    const campaign = await publishTo(stack, site, group, {
      when: { timezone: 'UTC', schedule: { at: [utc(minute), utc(minute + DAY_MS)] } },
    });
    await waitFor('the run', async () => (await runsOf(stack, campaign))[0]?.status === 'completed');
    expect(countsOf(stack, group.endpoints)).to.deep.equal(ones(group.endpoints));
    const [run, ...more] = await runsOf(stack, campaign);
    expect(more).to.deep.equal([]);
    expect(run).to.include({ local: utc(minute), instant: new Date(minute).toISOString() });
    expect((await stack.client.get(`/v1/campaigns/${campaign}`)).body.status).to.equal('running');

    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    await stack.client.must(`/v1/campaigns/${campaign}/resume`);
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    expect(await finished(stack, campaign)).to.equal('stopped');
    expect(countsOf(stack, group.endpoints)).to.deep.equal(ones(group.endpoints));
    expect(await runsOf(stack, campaign)).to.have.length(1);
  });

  it("sends at the set time of each user's own zone in one run, and leaves out who is past it", async () => {
    const here = await audience(stack, site, 'local', { profiles: 3, subscribed: 3 });
    const ahead = await audience(stack, site, 'local-ahead', { profiles: 3, subscribed: 3 });
    const behind = await audience(stack, site, 'local-behind', { profiles: 3, subscribed: 3 });
    await inGroup(ahead.identities, 'local', { timezone: 'Asia/Kolkata' });
    await inGroup(behind.identities, 'local', { timezone: 'Etc/GMT+5' });
    const minute = await thisMinute();
    const campaign = await publishTo(stack, site, here, {
      when: { timezone: 'profile', schedule: { at: [utc(minute)] } },
    });
    await waitFor('those of UTC', async () => (await balancedStats(stack, campaign)).sent === 3);
    expect(countsOf(stack, here.endpoints)).to.deep.equal(ones(here.endpoints));
    const rows = await messagesOf(stack, campaign);
    const past = rows.filter((row) => row.reason === 'localTimePast');
    expect(past).to.have.length(3);
    expect(past[0]?.detail).to.include('Asia/Kolkata');
    const waiting = rows.filter((row) => row.state === 'waiting');
    expect(waiting.map((row) => Date.parse(row.dueAt as string))).to.deep.equal(
      behind.identities.map(() => minute + 5 * HOUR_MS),
    );
    const [run, ...more] = await runsOf(stack, campaign);
    expect(more).to.deep.equal([]);
    expect(run).to.include({ local: utc(minute), status: 'draining' });

    const told = await stack.client.get(
      `/v1/campaigns/${campaign}/explain?identity=${ahead.identities[0] ?? ''}`,
    );
    const step = (told.body.steps as { step: string; outcome: string }[]).find(
      (one) => one.outcome === 'failed',
    );
    expect(step?.step).to.equal('schedule');
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    await finished(stack, campaign);
    expect([...countsOf(stack, ahead.endpoints), ...countsOf(stack, behind.endpoints)]).to.deep.equal([
      ...none(ahead.endpoints),
      ...none(behind.endpoints),
    ]);
  });

  it('plans those who are past the set time for the next day where that is set', async () => {
    const ahead = await audience(stack, site, 'next-day', { profiles: 2, subscribed: 2 });
    await inGroup(ahead.identities, 'next-day', { timezone: 'Asia/Kolkata' });
    const minute = await thisMinute();
    const campaign = await publishTo(stack, site, ahead, {
      when: { timezone: 'profile', ifPast: 'nextDay', schedule: { at: [utc(minute)] } },
    });
    await waitFor('the rows', async () => (await messagesOf(stack, campaign)).length === 2);
    const kolkata = minute - 5.5 * HOUR_MS + DAY_MS;
    const due = (await messagesOf(stack, campaign)).map((row) => Date.parse(row.dueAt as string));
    expect(due).to.deep.equal([kolkata, kolkata]);
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
  });

  it('sends nothing after its cut-off, and says so', async () => {
    const group = await audience(stack, site, 'late', { profiles: 4, subscribed: 4 });
    const minute = await thisMinute();
    await waitFor('the cut-off', () => Date.now() > minute + 1_000);
    const campaign = await publishTo(stack, site, group, {
      when: { timezone: 'UTC', schedule: { at: [utc(minute)] }, cutOff: '1s' },
    });
    expect(await finished(stack, campaign)).to.equal('completed');
    expect(countsOf(stack, group.endpoints)).to.deep.equal(none(group.endpoints));
    expect(await balancedStats(stack, campaign)).to.deep.include({ qualified: 4, suppressed: { cutOff: 4 } });
  });

  it('cuts off what is still to be sent when the cut-off comes', async () => {
    const group = await audience(stack, site, 'cut', { profiles: 30, subscribed: 30 });
    const minute = await thisMinute();
    const cutOffMs = Math.ceil((Date.now() - minute) / 1_000) * 1_000 + 12_000;
    // Paused over the cut-off: whatever has not left by then does not leave when it goes on.
    const campaign = await stack.client.must('/v1/campaigns', {
      name: 'Cut',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'group', op: 'eq', value: 'cut' } },
      when: {
        timezone: 'UTC',
        schedule: { at: [utc(minute)] },
        cutOff: `${cutOffMs / 1_000}s`,
        throughput: { perMinute: 60 },
      },
      what: { title: 'Hello' },
    });
    const id = campaign.id as string;
    await stack.client.must(`/v1/campaigns/${id}/publish`);
    await waitFor('a first push', () => countsOf(stack, group.endpoints).some((count) => count > 0));
    await stack.client.must(`/v1/campaigns/${id}/pause`);
    await waitFor('the cut-off', () => Date.now() > minute + cutOffMs);
    const before = countsOf(stack, group.endpoints);
    await stack.client.must(`/v1/campaigns/${id}/resume`);
    expect(await finished(stack, id)).to.equal('completed');
    expect(countsOf(stack, group.endpoints)).to.deep.equal(before);
    const { sent, suppressed } = await balancedStats(stack, id);
    expect(sent).to.equal(before.filter((count) => count === 1).length);
    expect(suppressed).to.deep.equal({ cutOff: 30 - (sent as number) });
  });
});
