import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { audience, countsOf, publishTo } from '../support/audience.ts';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite, messagesOf } from '../support/fixtures.ts';
import { FAR_ZONE, farTime, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** @returns the local time that UTC shows, `YYYY-MM-DDTHH:mm` */
const utc = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

/** @returns the minute in which it is, with enough of it left to publish in */
async function thisMinute(): Promise<string> {
  const left = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left < 15_000) await delay(left);
  return utc(Date.now());
}

describe('the next run of a campaign', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const read = async (campaign: string): Promise<Record<string, any>> =>
    (await stack.client.get(`/v1/campaigns/${campaign}`)).body as Record<string, any>;
  const nextOf = async (campaign: string): Promise<[string | undefined, string | undefined]> => {
    const { nextRunAt, nextRunLocal } = await read(campaign);
    return [nextRunAt, nextRunLocal];
  };
  const draft = (more: object): object => ({
    name: 'Plan',
    channel: 'webPush',
    siteId: site.id,
    who: { past: { property: 'group', op: 'eq', value: 'nobody' } },
    what: { title: 'Hello' },
    ...more,
  });

  it('is shown with the campaign from its publish until there is none, whether or not it is paused', async () => {
    const group = await audience(stack, site, 'next', { profiles: 1, subscribed: 1 });
    const soon = utc(Date.now() + DAY_MS);
    const expected = [`${soon}:00.000Z`, soon];
    const at = [soon, utc(Date.now() + 2 * DAY_MS), await thisMinute()];
    const campaign = await publishTo(stack, site, group, { when: { timezone: 'UTC', schedule: { at } } });
    await waitFor('the first run', () => countsOf(stack, group.endpoints)[0] === 1);
    expect(await nextOf(campaign)).to.deep.equal(expected);
    await stack.client.must(`/v1/campaigns/${campaign}/pause`);
    expect(await nextOf(campaign)).to.deep.equal(expected);
    const { data } = (await stack.client.get('/v1/campaigns')).body as { data: Record<string, any>[] };
    expect(data.find(({ id }) => id === campaign)).not.to.have.property('nextRunAt');
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    expect(await nextOf(campaign)).to.deep.equal([undefined, undefined]);
  });

  it('is the start of one that is scheduled, and is not shown of a draft or a live campaign', async () => {
    const start = new Date(Date.now() + DAY_MS).toISOString();
    const { id } = await stack.client.must('/v1/campaigns', draft({ when: { start, timezone: 'UTC' } }));
    expect(await nextOf(id as string)).to.deep.equal([undefined, undefined]);
    await stack.client.must(`/v1/campaigns/${id}/publish`);
    expect(await read(id as string)).to.include({ status: 'scheduled', nextRunAt: start });
    await stack.client.must(`/v1/campaigns/${id}/stop`);
    const scene = await cartScene(stack, site);
    expect(await nextOf(scene.campaign)).to.deep.equal([undefined, undefined]);
  });

  it('has messages that say until when they may leave, and that they wait for quiet hours', async () => {
    const group = await audience(stack, site, 'held', { profiles: 1, subscribed: 1 }, { timezone: FAR_ZONE });
    const quiet = quietNow('delay');
    const campaign = await publishTo(stack, site, group, { when: { cutOff: '3h', dnd: quiet } });
    const row = await waitFor('the message', async () => (await messagesOf(stack, campaign))[0]);
    const [run] = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data as {
      instant: string;
    }[];
    const setMs = Date.parse(run?.instant ?? '');
    expect(row).to.include({ released: true, cutOffAt: new Date(setMs + 3 * HOUR_MS).toISOString() });
    expect(row).not.to.have.property('queued');
    expect(farTime(Date.parse(row.dueAt as string))).to.equal(quiet.to);

    const path = `/v1/campaigns/${campaign}/explain?identity=${group.identities[0] ?? ''}`;
    const steps = (await stack.client.get(path)).body.steps as Record<string, string>[];
    const stepOf = (name: string) => steps.find(({ step }) => step === name);
    expect(stepOf('schedule')).to.include({ outcome: 'passed', at: run?.instant });
    expect(stepOf('quietHours')).to.include({ outcome: 'info', at: row.dueAt });
    await stack.client.must(`/v1/campaigns/${campaign}/stop`);
  });
});
