import { expect } from 'chai';
import { makeSite, messagesOf, post, publish, statsOf, subscribe } from '../support/fixtures.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { setSettings } from '../support/settings.ts';
import { quickest } from '../support/quickest.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  startWebhookReceiver,
  type ReceivedWebhook,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';

interface Payload {
  targetId: number;
  key_values: Record<string, string>;
  profiles: Record<string, any>[];
}

const payloadOf = (request: ReceivedWebhook): Payload => JSON.parse(request.body) as Payload;
const taken = (receiver: WebhookReceiver): ReceivedWebhook[] =>
  receiver.received.filter(({ status }) => status === 200);
const identitiesIn = (request: ReceivedWebhook): string[] =>
  payloadOf(request).profiles.map(({ Identity }) => Identity as string);

describe('webhook campaigns', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let receiver: WebhookReceiver;
  let segment = 0;
  before(async () => {
    stack = await startStack({ webhookAllow: '127.0.0.0/8' });
  });
  after(() => stack.close());
  beforeEach(async () => {
    receiver = await startWebhookReceiver();
  });
  afterEach(() => receiver.close());

  async function target(more: object = {}): Promise<string> {
    const body = { name: 'Shop', url: `${receiver.url}/hook`, ...more };
    return (await stack.client.must('/v1/webhooks', body)).id as string;
  }

  /** So many profiles, and the segment that holds exactly these. */
  async function people(count: number, more: (i: number) => object = () => ({})): Promise<object> {
    segment += 1;
    const group = `group ${segment}`;
    const profiles = Array.from({ length: count }, (_, i) => {
      const { properties = {}, ...fields } = more(i) as { properties?: object };
      return { identity: `${group}/${i}`, properties: { group, ...properties }, ...fields };
    });
    await stack.client.must('/v1/profiles', { profiles });
    return { property: 'group', op: 'eq', value: group };
  }

  async function settled(campaignId: string, count: number): Promise<Record<string, any>[]> {
    return waitFor(
      `${count} settled messages`,
      async () => {
        const rows = await messagesOf(stack, campaignId);
        const done = rows.filter(({ state }) => !['waiting', 'due', 'sending'].includes(state as string));
        return done.length === count ? rows : false;
      },
      60_000,
    );
  }

  it('send the documented payload, field by field', async () => {
    const webhookId = await target({
      query: [{ name: 'source', value: 'beckon & co' }],
      headers: [
        { name: 'X-Shop', value: 'one' },
        { name: 'Authorization', value: 'Bearer hidden', secret: true },
      ],
    });
    const scores = { 'Last Score': 308, 'High Score': 308, Replayed: true };
    const who = await people(1, () => ({
      identity: 'foo',
      email: 'foo@shop.example',
      properties: { ...scores, secret: 'not chosen' },
    }));
    const site = (await stack.client.must('/v1/sites', { name: 'Shop' })) as { id: string };
    const { endpoint, keys } = stack.push.subscribe({});
    await stack.client.must('/v1/subscriptions', {
      siteId: site.id,
      identity: 'foo',
      transport: 'vapid',
      pushSubscription: { endpoint, keys },
    });
    const campaignId = await publish(stack, {
      name: 'Scores',
      channel: 'webhook',
      who: { past: who },
      what: {
        webhookId,
        properties: Object.keys(scores),
        keyValues: { PromoCode: 'MT50', PowerUser: 'true', campaign: '{{ campaign.name }}' },
      },
    });
    await settled(campaignId, 1);
    const [request] = receiver.received;
    const campaign = (await stack.client.get(`/v1/campaigns/${campaignId}`)).body as { targetId: number };
    const [row] = await messagesOf(stack, campaignId);
    expect(payloadOf(request!)).to.deep.equal({
      targetId: campaign.targetId,
      key_values: { PromoCode: 'MT50', PowerUser: 'true', campaign: 'Scores' },
      profiles: [
        {
          Email: 'foo@shop.example',
          Identity: 'foo',
          ObjectId: row?.objectId as string,
          ProfileData: scores,
          Push_token: endpoint,
        },
      ],
    });
    expect(campaign.targetId).to.satisfy(Number.isInteger);
    expect(request).to.include({ method: 'POST', path: '/hook?source=beckon+%26+co' });
    expect(request?.headers).to.include({
      'content-type': 'application/json',
      'x-shop': 'one',
      authorization: 'Bearer hidden',
    });
    expect(row).to.deep.include({ state: 'sent', tries: 1 });
    expect(await statsOf(stack, campaignId)).to.include({ entered: 1, sent: 1 });
  });

  it('of past behaviour go out in full batches, each profile once', async () => {
    const webhookId = await target();
    const who = await people(25);
    const campaignId = await publish(stack, {
      name: 'Batches',
      channel: 'webhook',
      who: { past: who },
      what: { webhookId, fields: ['identity'], batch: { size: 10 } },
    });
    await settled(campaignId, 25);
    expect(receiver.received.map((request) => identitiesIn(request).length).sort()).to.deep.equal([
      10, 10, 5,
    ]);
    expect(new Set(receiver.received.flatMap(identitiesIn))).to.have.length(25);
    expect(payloadOf(receiver.received[0]!).profiles[0]).to.have.all.keys('Identity');
  });

  it('reach a receiver that fails and recovers once, as the same batches and at the times configured', async () => {
    receiver.answer({ status: 503, body: 'not now' });
    const retries = { maxTries: 5, base: '1s', factor: 2, cap: '1m', jitter: 0 };
    const webhookId = await target({ retries });
    const campaignId = await publish(stack, {
      name: 'Outage',
      channel: 'webhook',
      who: { past: await people(6) },
      what: { webhookId, fields: ['identity'], batch: { size: 3 } },
    });
    await waitFor('two tries of each batch', () => Promise.resolve(receiver.received.length >= 4), 30_000);
    receiver.answer({ status: 200, body: 'thanks' });
    const rows = await settled(campaignId, 6);
    expect(rows.every(({ state }) => state === 'sent')).to.equal(true);

    const byId = new Map<string, ReceivedWebhook[]>();
    for (const request of receiver.received) {
      const id = request.headers['webhook-id'] as string;
      byId.set(id, [...(byId.get(id) ?? []), request]);
    }
    expect([...byId.values()].map((tries) => tries.length)).to.deep.equal([3, 3]);
    const waits: [number, number][] = [];
    for (const tries of byId.values()) {
      expect(new Set(tries.map((request) => identitiesIn(request).sort().join()))).to.have.length(1);
      expect(tries.map(({ status }) => status)).to.deep.equal([503, 503, 200]);
      const [first, second] = tries.slice(1).map((request, i) => request.at - tries[i]!.at) as [
        number,
        number,
      ];
      expect(first).to.be.at.least(950);
      expect(second).to.be.at.least(1_950);
      waits.push([first, second]);
    }
    // Both batches wait as long, and a busy machine holds up one of them at most.
    expect(Math.min(...waits.map(([first]) => first))).to.be.below(4_000);
    expect(Math.min(...waits.map(([, second]) => second))).to.be.below(6_000);
    expect(taken(receiver).flatMap(identitiesIn)).to.have.length(6);

    const log = (await stack.client.get(`/v1/webhooks/${webhookId}/attempts`)).body.data as Record<
      string,
      any
    >[];
    expect(log).to.have.length(6);
    expect(log.map((attempt) => attempt.try).sort()).to.deep.equal([1, 1, 2, 2, 3, 3]);
    const failed = log.filter(({ answer }) => answer.status === 503);
    expect(failed).to.have.length(4);
    expect(failed[0]).to.deep.include({ campaignId, messages: 3 });
    expect(failed[0]?.answer).to.deep.equal({ status: 503, body: 'not now', truncated: false });
    expect(rows[0]?.attempts.map(({ outcome }: any) => outcome.kind)).to.deep.equal([
      'throttled',
      'throttled',
      'delivered',
    ]);
  });

  it('wait as long as Retry-After asks', async () => {
    receiver.answer({ status: 429, headers: { 'Retry-After': '3' } });
    const webhookId = await target({ retries: { maxTries: 3, base: '1s', factor: 1, cap: '1s', jitter: 0 } });
    const campaignId = await publish(stack, {
      name: 'Busy',
      channel: 'webhook',
      who: { past: await people(1) },
      what: { webhookId },
    });
    await waitFor('the first try', () => Promise.resolve(receiver.received.length === 1));
    receiver.answer({ status: 204 });
    await settled(campaignId, 1);
    expect(receiver.received[1]!.at - receiver.received[0]!.at).to.be.at.least(2_950);
  });

  it('are given up after the last try, with the answer as reason', async () => {
    receiver.answer({ status: 500 });
    const webhookId = await target({ retries: { maxTries: 2, base: '1s', factor: 1, cap: '1s', jitter: 0 } });
    const campaignId = await publish(stack, {
      name: 'Broken',
      channel: 'webhook',
      who: { past: await people(2) },
      what: { webhookId },
    });
    await settled(campaignId, 2);
    expect(receiver.received).to.have.length(2);
    expect((await statsOf(stack, campaignId)).failed).to.deep.equal({ http500: 2 });
  });

  it('send a body of their own, in which values stay what they are', async () => {
    const webhookId = await target({ method: 'PUT' });
    const names = ['"}, "admin": true, {"', 'Zoë 🛒'];
    const campaignId = await publish(stack, {
      name: 'Own',
      channel: 'webhook',
      who: { past: await people(2, (i) => ({ name: names[i] })) },
      what: { webhookId, body: '{"hello": "{{ profile.name }}", "of": "{{ campaign.name }}"}' },
    });
    await settled(campaignId, 2);
    const bodies = receiver.received.map(({ body }) => JSON.parse(body) as unknown);
    expect(bodies).to.have.deep.members(names.map((hello) => ({ hello, of: 'Own' })));
    expect(receiver.received.every(({ method }) => method === 'PUT')).to.equal(true);
  });

  it('leave out whoever lacks what is required, and whose text cannot be rendered, and nobody else', async () => {
    const webhookId = await target();
    const emails = ['a@shop.example', undefined, 'c@shop.example'];
    const past = await people(3, (i) => ({ email: emails[i], properties: { bad: i === 2 ? 'yes' : 'no' } }));
    const campaignId = await publish(stack, {
      name: 'Required',
      channel: 'webhook',
      who: { past },
      what: {
        webhookId,
        required: ['email'],
        body: '{"x": {% if profile.bad == "yes" %}not json{% else %}1{% endif %}}',
      },
    });
    await settled(campaignId, 3);
    const stats = await statsOf(stack, campaignId);
    expect(stats.suppressed).to.deep.equal({ unreachable: 1, renderError: 1 });
    expect(stats.sent).to.equal(1);
    expect(receiver.received.map(({ body }) => body)).to.deep.equal(['{"x": 1}']);
  });

  it('fail by name where the target was switched off or says no', async () => {
    const webhookId = await target();
    receiver.answer({ status: 404 });
    const what = { webhookId };
    const refused = await publish(stack, {
      name: 'No',
      channel: 'webhook',
      who: { past: await people(1) },
      what,
    });
    await settled(refused, 1);
    expect((await statsOf(stack, refused)).failed).to.deep.equal({ http404: 1 });
    const { body } = await stack.client.get(`/v1/webhooks/${webhookId}`);
    const put = await stack.client.put(`/v1/webhooks/${webhookId}`, {
      name: body.name,
      url: body.url,
      disabled: true,
    });
    expect(put.status, JSON.stringify(put.body)).to.equal(200);
    const off = await publish(stack, {
      name: 'Off',
      channel: 'webhook',
      who: { past: await people(1) },
      what,
    });
    await settled(off, 1);
    expect((await statsOf(stack, off)).failed).to.deep.equal({ targetGone: 1 });
    expect(receiver.received).to.have.length(1);
  });

  it('have as many requests under way as the target takes, and never more', async () => {
    // Long enough for three to be begun one after the other before the first is answered.
    receiver.answer({ status: 200, delayMs: 1_500 });
    const webhookId = await target({ limits: { concurrency: 3, timeout: '8s' } });
    const campaignId = await publish(stack, {
      name: 'Side by side',
      channel: 'webhook',
      who: { past: await people(9) },
      what: { webhookId, batch: { size: 1 } },
    });
    await settled(campaignId, 9);
    expect(receiver.received).to.have.length(9);
    expect(receiver.most()).to.equal(3);
  });

  it('leave at the rate of the target, and are not taken up before', async () => {
    const webhookId = await target({ limits: { concurrency: 8, perMinute: 120, timeout: '5s' } });
    const campaignId = await publish(stack, {
      name: 'Slowly',
      channel: 'webhook',
      who: { past: await people(8) },
      what: { webhookId, batch: { size: 1 } },
    });
    await settled(campaignId, 8);
    // Two may leave at once, and then two a second.
    expect(receiver.received[7]!.at - receiver.received[0]!.at).to.be.at.least(2_500);
    const rows = await stack.db.collection('messages').find({ campaignId }).toArray();
    expect(rows.map(({ claims }) => claims as number)).to.deep.equal(Array(8).fill(1));
  });

  it('fill their batches also where some of the audience is left out', async () => {
    const webhookId = await target();
    const past = await people(14, (i) => (i % 2 === 0 ? { email: `${i}@shop.example` } : {}));
    const campaignId = await publish(stack, {
      name: 'Filled',
      channel: 'webhook',
      who: { past },
      what: { webhookId, required: ['email'], fields: ['identity'], batch: { size: 3 } },
    });
    await settled(campaignId, 14);
    expect(receiver.received.map((request) => identitiesIn(request).length).sort()).to.deep.equal([1, 3, 3]);
  });

  it('hold up nothing else when their target hangs', async () => {
    receiver.answer({ status: 200, delayMs: 30_000 });
    const webhookId = await target({ limits: { concurrency: 2, timeout: '15s' } });
    const hanging = await publish(stack, {
      name: 'Hanging',
      channel: 'webhook',
      who: { live: { event: 'Hangs' } },
      what: { webhookId, batch: { size: 1 } },
    });
    await post(stack, ...Array.from({ length: 60 }, (_, i) => ({ identity: `hangs ${i}`, name: 'Hangs' })));
    await waitFor('requests that hang', () => Promise.resolve(receiver.received.length >= 2));
    const site = await makeSite(stack);
    await subscribe(stack, site, 'hangs not');
    const push = await publish(stack, {
      name: 'Pushes',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: 'Pushes' } },
      what: { title: 'At once' },
    });
    const postedAt = Date.now();
    await post(stack, { identity: 'hangs not', name: 'Pushes' });
    await settled(push, 1);
    // Whoever waited for the target would wait for its whole time-out.
    expect(Date.now() - postedAt).to.be.below(12_000);
    expect(receiver.most()).to.equal(2);
    await stack.client.must(`/v1/campaigns/${hanging}/stop`);
  });

  it('of live behaviour travel together, leave within a second, and tell of their events', async () => {
    const tookMs = await quickest(4_000, async () => {
      receiver.received.length = 0;
      const webhookId = await target();
      const campaignId = await publish(stack, {
        name: 'Live',
        channel: 'webhook',
        who: { live: { event: 'Scored' } },
        what: { webhookId, fields: ['identity', 'eventProperties'] },
      });
      const events = Array.from({ length: 8 }, (_, i) => ({
        identity: `live ${i}`,
        name: 'Scored',
        properties: { Score: i, 'Game Mode': 'Practice' },
      }));
      const postedAt = Date.now();
      await post(stack, ...events);
      await settled(campaignId, 8);
      await stack.client.must(`/v1/campaigns/${campaignId}/stop`);
      const profiles = receiver.received.flatMap((request) => payloadOf(request).profiles);
      expect(profiles).to.have.deep.members(
        events.map(({ identity, properties }) => ({ Identity: identity, Event_properties: properties })),
      );
      expect(receiver.received.length).to.be.below(8);
      return Math.max(...receiver.received.map(({ at }) => at)) - postedAt;
    });
    // A second, and what it takes to dispatch the events and to start all that sends them.
    expect(tookMs).to.be.at.most(4_000);
  });

  it('of live behaviour are tried again as the batch that they were', async () => {
    receiver.answer({ status: 503 });
    const webhookId = await target({ retries: { maxTries: 5, base: '1s', factor: 1, cap: '1s', jitter: 0 } });
    const campaignId = await publish(stack, {
      name: 'Live outage',
      channel: 'webhook',
      who: { live: { event: 'Failed' } },
      what: { webhookId, fields: ['identity'], batch: { size: 100, maxWait: '1s' } },
    });
    await post(stack, ...Array.from({ length: 5 }, (_, i) => ({ identity: `retried ${i}`, name: 'Failed' })));
    await waitFor('a try', () => Promise.resolve(receiver.received.length > 0));
    receiver.answer({ status: 200 });
    await settled(campaignId, 5);
    expect(taken(receiver).flatMap(identitiesIn).sort()).to.deep.equal(
      Array.from({ length: 5 }, (_, i) => `retried ${i}`),
    );
    const sets = new Map<string, Set<string>>();
    for (const request of receiver.received) {
      const id = request.headers['webhook-id'] as string;
      sets.set(id, (sets.get(id) ?? new Set()).add(identitiesIn(request).sort().join()));
    }
    for (const seen of sets.values()) expect(seen).to.have.length(1);
  });

  it('keep to caps, control groups, limits and quiet hours as web pushes do', async () => {
    const webhookId = await target();
    const email = (i: number): object => (i === 0 ? {} : { email: `cap${i}@shop.example` });
    const past = await people(5, (i) => ({ timezone: FAR_ZONE, ...email(i) }));
    const what = { webhookId, fields: ['identity'], required: ['email'] };
    const basics = { channel: 'webhook', who: { past }, what };
    await setSettings(stack, { globalLimits: { webhook: { perDay: 1 } } });
    try {
      const setup = { targetingCap: { limit: 2 } };
      const capped = await publish(stack, { name: 'Capped', ...basics, setup });
      await settled(capped, 5);
      const stats = await statsOf(stack, capped);
      expect(stats).to.include({ sent: 2 });
      expect(stats.suppressed).to.deep.equal({ targetingCap: 2, unreachable: 1 });
      const limited = await publish(stack, { name: 'Limited', ...basics });
      await settled(limited, 5);
      expect((await statsOf(stack, limited)).suppressed).to.deep.equal({ globalLimit: 2, unreachable: 1 });
    } finally {
      await setSettings(stack);
    }
    const controlGroup = { percent: 100 };
    const control = await publish(stack, { name: 'Control', ...basics, setup: { controlGroup } });
    await settled(control, 5);
    expect(await statsOf(stack, control)).to.include({ controlGroup: 4, sent: 0 });
    const quiet = await publish(stack, { name: 'Quiet', ...basics, when: { dnd: quietNow('discard') } });
    await settled(quiet, 5);
    expect((await statsOf(stack, quiet)).suppressed).to.include({ dnd: 5 });
    expect(receiver.received.flatMap(identitiesIn)).to.have.length(4);
  });

  it('are tested with one request for each test profile', async () => {
    const webhookId = await target();
    await people(1, () => ({ identity: 'tester', testProfile: true }));
    const { id } = (await stack.client.must('/v1/campaigns', {
      name: 'Draft',
      channel: 'webhook',
      who: { past: { all: [] } },
      what: { webhookId, fields: ['identity'] },
    })) as { id: string };
    const answer = await stack.client.must(`/v1/campaigns/${id}/test`, { identities: ['tester'] });
    expect(answer.results?.[0] ?? answer).to.deep.include({ identity: 'tester', sent: true });
    expect(receiver.received.map(identitiesIn)).to.deep.equal([['tester']]);
  });
});
