import { expect } from 'chai';
import { makeSite } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

type Json = Record<string, any>;

describe('what a campaign is warned of', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
    await stack.client.must('/v1/profiles', {
      // What three have is nobody's own, and is shown as it is.
      profiles: ['ada', 'bob', 'cleo'].map((identity) => ({
        ...{ identity, testProfile: true, properties: { tags: ['a', 'b'], price: 30 } },
      })),
    });
  });
  after(() => stack?.close());

  const target = async (more: object = {}): Promise<string> =>
    (
      (await stack.client.must('/v1/webhooks', {
        name: 'CRM',
        url: 'https://crm.example.com/',
        ...more,
      })) as Json
    ).id as string;
  const campaign = (what: object, who: object = { live: { event: 'Charged' } }): Json => ({
    ...{ name: 'To the CRM', channel: 'webhook', who, what },
  });
  const draft = async (definition: Json): Promise<string> =>
    ((await stack.client.must('/v1/campaigns', definition)) as Json).id as string;
  const publish = async (id: string): Promise<Json> =>
    (await stack.client.must(`/v1/campaigns/${id}/publish`)) as Json;
  const overview = async (id: string): Promise<Json> =>
    (await stack.client.get(`/v1/campaigns/${id}/overview`)).body as Json;
  const places = ({ warnings }: Json): string[] =>
    (warnings as { pointer: string }[]).map(({ pointer }) => pointer);

  it('are a body that is no JSON, and a target that is disabled, whenever it is looked at', async () => {
    const webhookId = await target();
    const json = await draft(
      campaign({ webhookId, body: '{"tags": {{ profile.tags }}, "n": {{ profile.country }}}' }),
    );
    expect((await publish(json)).warnings).to.deep.equal([]);

    const text = await draft(campaign({ webhookId, body: 'Hello {{ profile.name }}' }));
    const published = await publish(text);
    expect(places(published)).to.deep.equal(['/what/body']);
    expect(published.warnings[0].detail).to.match(/^filled with a sample it is no JSON.*renderError$/);

    const url = 'https://crm.example.com/';
    const change = (more: object): Promise<Json> =>
      stack.client.put(`/v1/webhooks/${webhookId}`, { name: 'CRM', url, ...more });
    expect((await change({ contentType: 'text' })).status).to.equal(200);
    expect(places(await overview(text))).to.deep.equal([]);
    await change({ contentType: 'json', disabled: true });
    expect(places(await overview(text))).to.deep.equal(['/what/webhookId', '/what/body']);
    expect((await overview(json)).warnings).to.deep.equal([
      {
        pointer: '/what/webhookId',
        detail: 'is disabled: nothing is sent to it, and messages fail as targetGone',
      },
    ]);
  });

  it('come with an edit of what is published, as they do with publishing', async () => {
    const webhookId = await target();
    const id = await draft(campaign({ webhookId, body: '{}' }));
    expect((await publish(id)).warnings).to.deep.equal([]);
    const edit = async (body: string): Promise<Json> =>
      (await stack.client.put(`/v1/campaigns/${id}`, campaign({ webhookId, body }))).body as Json;
    const worse = await edit('{');
    expect(worse.version).to.equal(2);
    expect(places(worse)).to.deep.equal(['/what/body']);
    expect((await edit('{}')).warnings).to.deep.equal([]);
  });

  it('are data of calls that nobody would be told', async () => {
    const who = { api: { requiredData: ['orderId'] } };
    const webhookId = await target();
    expect(places(await publish(await draft(campaign({ webhookId }, who))))).to.deep.equal([
      '/who/api/requiredData',
    ]);
    const told = await draft(campaign({ webhookId, body: '{"order": {{ data.orderId }}}' }, who));
    expect((await publish(told)).warnings).to.deep.equal([]);
  });

  it('is judged by a sample that previews show too: lists as lists, no field twice, data by its names', async () => {
    const site = await makeSite(stack);
    const id = await draft({
      ...{ name: 'Order', channel: 'webPush', siteId: site.id },
      who: { api: { requiredData: ['orderId'] } },
      what: { title: '{{ data.orderId }} {{ profile.tags | join: "+" }}' },
    });
    const preview = async (body: object): Promise<Json> =>
      (await stack.client.must(`/v1/campaigns/${id}/preview`, body)) as Json;
    const sample = await preview({});
    expect(sample.objectId).to.equal(null);
    expect(sample.webPush.content.title).to.equal('orderId a+b');
    expect(sample.filledWith.data).to.deep.equal({ orderId: 'orderId' });
    expect(sample.filledWith.profile.properties).to.deep.equal({ tags: ['a', 'b'], price: 30 });
    expect((await overview(id)).previews).to.deep.equal([sample]);
    expect((await preview({ profile: { name: 'Zoë' } })).objectId).to.equal(null);
    expect((await preview({ identity: 'ada', data: { orderId: 7 } })).objectId).to.match(/^[0-9a-f]{24}$/);
  });

  it('lets keys be rotated without a body', async () => {
    const site = await makeSite(stack);
    expect((await stack.client.post(`/v1/sites/${site.id}/rotate-vapid`)).status).to.equal(200);
  });
});
