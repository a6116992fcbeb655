import { expect } from 'chai';
import { connectDatabase } from '../../db/connection.ts';
import { audience } from '../support/audience.ts';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('the overview of a campaign', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 0 });
    site = await makeSite(stack, { timezone: 'Asia/Tokyo' });
  });
  after(() => stack?.close());

  const draft = async (more: object): Promise<string> => {
    const base = { name: 'Hello', channel: 'webPush', siteId: site.id, what: { title: 'Hello' } };
    return ((await stack.client.must('/v1/campaigns', { ...base, ...more })) as { id: string }).id;
  };
  const overview = async (id: string): Promise<Record<string, any>> => {
    const { status, body } = await stack.client.get(`/v1/campaigns/${id}/overview`);
    expect(status, JSON.stringify(body)).to.equal(200);
    return body as Record<string, any>;
  };
  const texts = (body: Record<string, any>): Record<string, string> =>
    Object.fromEntries(
      (body.limits as { kind: string; text: string }[]).map(({ kind, text }) => [kind, text]),
    );

  it('says whom it goes to, how many that are, when, and under which limits', async () => {
    const { group } = await audience(stack, site, 'seen', { profiles: 3, subscribed: 2 });
    const segment = { property: 'group', op: 'eq', value: group };
    const saved = (await stack.client.must('/v1/segments', { name: 'The seen', segment })) as { id: string };
    await stack.client.put('/v1/settings', {
      timezone: 'Europe/Berlin',
      globalLimits: { webPush: { perDay: 2, perWeek: 5 } },
      dnd: { from: '21:00', to: '09:00', action: 'delay' },
      controlGroup: { percent: 5 },
    });
    const id = await draft({
      who: { past: { segment: saved.id } },
      when: {
        start: '2030-03-01T00:00:00Z',
        end: '2030-03-20T00:00:00Z',
        schedule: { every: { frequency: 'weekly', on: ['mon'], at: ['10:00'] } },
        timezone: 'profile',
        cutOff: '6h',
        throughput: { perMinute: 600 },
        requalify: { mode: 'interval', interval: '2d' },
      },
      setup: { controlGroup: { percent: 10 }, targetingCap: { limit: 500, ifExceeded: 'abort' } },
    });
    const body = await overview(id);
    expect(body).to.deep.include({
      ...{ id, name: 'Hello', channel: 'webPush', kind: 'past', status: 'draft', version: 0 },
      audience: 'Everyone who is in the saved segment "The seen".',
      reach: { qualified: 3, reachable: { webPush: 2, webhook: 3, webPopup: 0 } },
      nextRunAt: null,
      faults: [],
    });
    const zones = body.next as { timezone: string; instants: { local: string }[] }[];
    expect(zones.slice(0, 2).map(({ timezone }) => timezone)).to.deep.equal(['Europe/Berlin', 'Asia/Tokyo']);
    expect(zones[1]?.instants.map(({ local }) => local)).to.deep.equal([
      ...['2030-03-04T10:00', '2030-03-11T10:00', '2030-03-18T10:00'],
    ]);
    expect(texts(body)).to.deep.equal({
      throughput: 'At most 600 messages leave in any minute.',
      quietHours:
        "In the quiet hours of the account, 21:00 to 09:00 in the user's time zone, a message waits for their end.",
      cutOff: 'Nothing leaves later than 6 hours after the set time.',
      requalify: 'The same profile gets it once in 2 days.',
      controlGroup: "10 % of those who would get it are kept out as the campaign's control group.",
      globalLimits:
        'All campaigns of the channel together reach a profile at most twice a day and 5 times a week.',
      targetingCap: 'At most 500 messages are sent in all; a run that could reach more sends nothing.',
    });
    expect(body.limits.map(({ kind }: { kind: string }) => kind)).to.have.length(8);
    expect(body.previews).to.have.length(1);
    expect(body.previews[0].webPush.content.title).to.equal('Hello');
    await stack.client.put('/v1/settings', {});
  });

  it('says of a draft what keeps it from being published, and what is probably not meant', async () => {
    const id = await draft({
      who: { past: { all: [] } },
      when: { start: '2020-01-01T00:00:00Z' },
      what: { title: 'Hello {{ profile.nowhere }}', body: '{{ event.x }}' },
    });
    const body = await overview(id);
    const refused = await stack.client.post(`/v1/campaigns/${id}/publish`);
    expect(expectProblem(refused, 'not_publishable')).to.include('/when/start').and.include('/what/body');
    expect(body.faults).to.deep.equal(refused.body.errors);
    expect(body.warnings.map(({ pointer }: { pointer: string }) => pointer)).to.include('/what/title');
    expect(body.next).to.deep.equal([]);
  });

  it('leaves out what cannot be known of live and API-triggered campaigns', async () => {
    const live = await overview(await draft({ who: { live: { event: 'Added To Cart' } } }));
    expect(live).to.deep.include({
      kind: 'live',
      audience: 'Whoever does "Added To Cart" from now on.',
      reach: null,
      reachDetail: 'Whom the event will be done by is not known beforehand.',
      next: [],
      limits: [],
    });
    const filter = { property: 'group', op: 'eq', value: 'seen' };
    const filtered = await overview(await draft({ who: { live: { event: 'Left', filter } } }));
    expect(filtered.reach).to.deep.include({ qualified: 3 });

    await stack.client.put('/v1/settings', { globalLimits: { webPush: { perDay: 1 } } });
    const id = await draft({
      who: { api: { requiredData: ['orderId'] } },
      what: { title: 'Order {{ data.orderId }}' },
    });
    const api = await overview(id);
    expect(api).to.deep.include({
      kind: 'api',
      audience: 'Whoever a call of send names, each with "orderId" in its data.',
      reach: null,
    });
    expect(api.previews[0].webPush.content.title).to.equal('Order orderId');
    expect(texts(api).globalLimits).to.match(/once a day\. A transactional call goes past it\.$/);
    await stack.client.put('/v1/settings', {});
    expectProblem(await stack.client.get(`/v1/campaigns/${'f'.repeat(24)}/overview`), 'not_found');
  });

  it('says of one that is under way when its next run begins, and nothing more of one that is over', async () => {
    const at = `${new Date().getUTCFullYear() + 1}-05-01T09:00`;
    const id = await draft({ who: { past: { any: [] } }, when: { schedule: { at: [at] }, timezone: 'UTC' } });
    await stack.client.must(`/v1/campaigns/${id}/publish`);
    const running = await overview(id);
    expect(running).to.deep.include({
      status: 'running',
      version: 1,
      nextRunAt: `${at}:00.000Z`,
      faults: [],
    });
    expect(running.next[0].instants.map((one: { local: string }) => one.local)).to.deep.equal([at]);
    await stack.client.must(`/v1/campaigns/${id}/stop`);
    expect(await overview(id)).to.deep.include({ status: 'stopped', nextRunAt: null, next: [], faults: [] });
  });

  it('fills its sample with names that hold a dot as they are, and warns of the path they are not', async () => {
    const properties = { 'a.b': 'y', address: { city: 'Ulm' } };
    const profiles = ['one', 'two', 'three'].map((identity) => ({ identity, properties }));
    // A stack of its own: which properties there are is kept for a minute.
    const other = await startStack({ workers: 0 });
    try {
      await other.client.must('/v1/profiles', { profiles });
      const { id: siteId } = await makeSite(other);
      const { id } = await other.client.must('/v1/campaigns', {
        ...{ name: 'Dots', channel: 'webPush', siteId, who: { past: { all: [] } } },
        what: {
          title: 'x {{ profile["a.b"] }} y {{ profile.a.b }} z',
          body: '{{ profile.address.city }}{{ profile["address.city"] }}',
        },
      });
      const { body } = await other.client.get(`/v1/campaigns/${id as string}/overview`);
      const [shown] = body.previews;
      const real = await other.client.must(`/v1/campaigns/${id as string}/preview`, { identity: 'one' });
      expect(shown.filledWith.profile.properties).to.deep.equal(properties);
      expect(shown.webPush.content).to.deep.include({ title: 'x y y  z', body: 'Ulm' });
      expect(real.webPush).to.deep.include({ content: shown.webPush.content });
      expect(body.warnings).to.have.deep.members([
        { pointer: '/what/title', detail: 'names profile.a.b, which no profile that was looked at has' },
        {
          pointer: '/what/body',
          detail: 'names profile["address.city"], which no profile that was looked at has',
        },
      ]);
    } finally {
      await other.close();
    }
  });

  it('says why nobody can be counted of a segment that is gone', async () => {
    const segment = { property: 'plan', op: 'eq', value: 'gold' };
    const { id: savedId } = await stack.client.must('/v1/segments', { name: 'Gone', segment });
    const id = await draft({ who: { past: { segment: savedId } } });
    const connection = await connectDatabase(stack.mongoUri);
    try {
      // Nothing of the API takes away what is referred to.
      await connection.collection('savedSegments').deleteOne({ _id: savedId as never });
    } finally {
      await connection.close();
    }
    const body = await overview(id);
    expect(body).to.deep.include({ reach: null, reachDetail: `there is no segment ${savedId as string}` });
  });

  it('shows each variant', async () => {
    const variants = [
      { name: 'a', weight: 1, content: { title: 'Good day' } },
      { name: 'b', weight: 1, content: {} },
    ];
    const body = await overview(
      await draft({ who: { past: { all: [] } }, what: { title: 'Hello', variants } }),
    );
    expect(
      body.previews.map(({ webPush }: { webPush: Record<string, any> }) => [
        webPush.variant,
        webPush.content.title,
      ]),
    ).to.deep.equal([
      ['a', 'Good day'],
      ['b', 'Hello'],
    ]);
  });
});
