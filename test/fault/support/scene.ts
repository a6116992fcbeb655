import { newId } from '../../../db/ids.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { FaultStack, Row } from './fault-stack.ts';

export interface Audience {
  siteId: string;
  identities: string[];
}

/** Makes a site with so many profiles, each with one browser. */
export async function makeAudience(stack: FaultStack, count: number): Promise<Audience> {
  const site = await stack.client.must('/v1/sites', { name: 'Shop', origins: ['https://shop.example'] });
  const identities = Array.from({ length: count }, (_, i) => `person-${i}`);
  for (let i = 0; i < count; i += 1_000) {
    const profiles = identities.slice(i, i + 1_000).map((identity) => ({ identity }));
    await stack.client.must('/v1/profiles', { profiles });
  }
  const browser = (): { endpoint: string; keys: { p256dh: string; auth: string } } =>
    stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
  const { id } = await stack.client.must('/v1/subscriptions', {
    siteId: site.id,
    identity: identities[0],
    transport: 'vapid',
    pushSubscription: browser(),
  });
  // The others are copies of the first: so many calls would take longer than what is tested.
  const subscriptions = stack.collection('subscriptions');
  const first = await subscriptions.findOne({ _id: id });
  if (first === null) throw new Error(`no subscription ${id}`);
  const others = await stack
    .collection('profiles')
    .find({ _id: { $ne: first.profileId } })
    .toArray();
  await subscriptions.insertMany(
    others.map(({ _id: profileId }) => ({ ...first, ...browser(), _id: newId() as never, profileId })),
  );
  return { siteId: site.id, identities };
}

/** Publishes a campaign that sends to everybody, once, now. @returns its id */
export function publishRun(stack: FaultStack, siteId: string): Promise<string> {
  return publish(stack, {
    name: 'To everybody',
    channel: 'webPush',
    siteId,
    who: { past: { all: [] } },
    what: { title: 'News' },
  });
}

/** Publishes an abandoned-cart campaign. @returns its id */
export function publishCart(stack: FaultStack, siteId: string, within: string): Promise<string> {
  return publish(stack, {
    name: 'Abandoned cart',
    channel: 'webPush',
    siteId,
    who: { live: { event: 'Added To Cart', inaction: { event: 'Charged', within } } },
    what: { title: 'Still thinking it over?' },
  });
}

export async function publish(stack: FaultStack, campaign: object): Promise<string> {
  const { id } = await stack.client.must('/v1/campaigns', campaign);
  await stack.client.must(`/v1/campaigns/${id}/publish`);
  return id as string;
}

/** Adds to the cart of each of the people. */
export async function fillCarts(stack: FaultStack, identities: readonly string[]): Promise<void> {
  const events = identities.map((identity) => ({ identity, name: 'Added To Cart' }));
  await stack.client.must('/v1/events', { events });
}

/** Waits until every row of a campaign is settled. @returns them */
export async function settled(
  stack: FaultStack,
  campaignId: string,
  count: number,
  timeoutMs = 90_000,
): Promise<Map<string, Row>> {
  const filter = { campaignId, settledAt: { $exists: true } };
  await waitFor(
    `${count} settled messages`,
    async () => (await stack.collection('messages').countDocuments(filter)) === count,
    timeoutMs,
  );
  return stack.rows(campaignId);
}
