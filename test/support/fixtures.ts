import type { TestStack } from './stack.ts';
import type { ReceivedPush } from './push-service/received-push.ts';
import { waitFor } from './wait-for.ts';

/** A site with its public key. */
export async function makeSite(
  stack: TestStack,
  more: object = {},
): Promise<{ id: string; vapid: { publicKey: string } }> {
  return stack.client.must('/v1/sites', { name: 'Shop', origins: ['https://shop.example'], ...more });
}

/** Subscribes one more browser of a person. @returns the endpoint */
export async function subscribe(
  stack: TestStack,
  site: { id: string; vapid: { publicKey: string } },
  identity: string,
  more: object = {},
): Promise<{ endpoint: string; id: string }> {
  const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
  const body = await stack.client.must('/v1/subscriptions', {
    siteId: site.id,
    identity,
    transport: 'vapid',
    pushSubscription: { endpoint, expirationTime: null, keys },
    ...more,
  });
  return { endpoint, id: body.id as string };
}

/** An abandoned-cart campaign that runs, its window short enough for a test. */
export async function publishCart(
  stack: TestStack,
  siteId: string,
  options: { live?: object; when?: object; what?: object } = {},
): Promise<string> {
  return publish(stack, {
    name: 'Abandoned cart',
    channel: 'webPush',
    siteId,
    who: {
      live: { event: 'Added To Cart', inaction: { event: 'Charged', within: '1s' }, ...options.live },
    },
    when: { start: 'now', ...options.when },
    what: {
      title: 'Still thinking it over?',
      body: '{{ event.cartId }} {{ event.product }}',
      ...options.what,
    },
  });
}

/** Creates and publishes a campaign. @returns its id */
export async function publish(stack: TestStack, campaign: object): Promise<string> {
  const { id } = (await stack.client.must('/v1/campaigns', campaign)) as { id: string };
  await stack.client.must(`/v1/campaigns/${id}/publish`);
  return id;
}

export interface PostedEvent {
  eventId?: string;
  identity: string;
  name: string;
  properties?: Record<string, unknown>;
  time?: string;
}

/** Posts events in one call. */
export async function post(
  stack: TestStack,
  ...events: PostedEvent[]
): Promise<{ accepted: number; duplicates: number }> {
  return stack.client.must('/v1/events', { events });
}

/** @returns what the browsers of an endpoint got, parsed */
export function pushesTo(
  stack: TestStack,
  endpoint: string,
): { at: number; body: string; title: string; messageId: string }[] {
  return stack.push
    .received()
    .filter((push: ReceivedPush) => push.endpoint === endpoint)
    .map((push) => {
      const payload = JSON.parse(push.payload) as {
        messageId: string;
        notification: { title: string; body: string };
      };
      return { at: push.at, messageId: payload.messageId, ...payload.notification };
    });
}

/** @returns the runs of a campaign, as the API shows them, the latest first */
export async function runsOf(stack: TestStack, campaignId: string): Promise<Record<string, any>[]> {
  return (await stack.client.get(`/v1/campaigns/${campaignId}/runs`)).body.data as Record<string, any>[];
}

/** @returns the rows of a campaign, as the API shows them */
export async function messagesOf(stack: TestStack, campaignId: string): Promise<Record<string, any>[]> {
  const answer = await stack.client.get(`/v1/campaigns/${campaignId}/messages?limit=1000`);
  return answer.body.data as Record<string, any>[];
}

/** @returns the statistics of a campaign */
export async function statsOf(stack: TestStack, campaignId: string): Promise<Record<string, any>> {
  return (await stack.client.get(`/v1/campaigns/${campaignId}/stats`)).body as Record<string, any>;
}

/** Sweeps by the API; twice, for the first sweep may be one that had begun before. */
export async function sweepAnew(stack: TestStack): Promise<void> {
  for (let i = 0; i < 2; i += 1) await stack.api.sweepNow();
}

/** Waits until every event that was stored has been taken to its campaigns. */
export async function dispatched(stack: TestStack): Promise<void> {
  await waitFor('the dispatch of every event', async () => {
    return (await stack.db.collection('events').countDocuments({ pending: true })) === 0;
  });
}
