import { expect } from 'chai';
import { messagesOf, type makeSite, publish, pushesTo, statsOf, subscribe } from './fixtures.ts';
import type { TestStack } from './stack.ts';
import { waitFor } from './wait-for.ts';

type Site = Awaited<ReturnType<typeof makeSite>>;

/** Profiles with a property `group` that no others have, the first of them subscribed once each. */
export interface Audience {
  group: string;
  identities: string[];
  /** Of the subscribed ones, in the order of `identities`. */
  endpoints: string[];
  subscriptions: string[];
}

/** Makes an audience. @param more fields of every profile */
export async function audience(
  stack: TestStack,
  site: Site,
  group: string,
  size: { profiles: number; subscribed: number },
  more: object = {},
): Promise<Audience> {
  const identities = Array.from({ length: size.profiles }, (_, i) => `${group}-${i}`);
  await stack.client.must('/v1/profiles', {
    profiles: identities.map((identity) => ({ identity, properties: { group }, ...more })),
  });
  const browsers = await Promise.all(
    identities.slice(0, size.subscribed).map((identity) => subscribe(stack, site, identity)),
  );
  return {
    group,
    identities,
    endpoints: browsers.map(({ endpoint }) => endpoint),
    subscriptions: browsers.map(({ id }) => id),
  };
}

/** Publishes a past-behaviour campaign for an audience. @returns its id */
export async function publishTo(
  stack: TestStack,
  site: Site,
  who: Audience | 'everyone',
  more: { when?: object; what?: object } = {},
): Promise<string> {
  const past = who === 'everyone' ? { all: [] } : { property: 'group', op: 'eq', value: who.group };
  return publish(stack, {
    name: who === 'everyone' ? 'Everyone' : who.group,
    channel: 'webPush',
    siteId: site.id,
    who: { past },
    ...(more.when ? { when: { start: 'now', ...more.when } } : {}),
    what: { title: 'Hello {{ profile.identity }}', ...more.what },
  });
}

/** Waits until a campaign is done. @returns its status */
export async function finished(stack: TestStack, campaign: string, timeoutMs = 60_000): Promise<string> {
  return waitFor(
    'the end of the campaign',
    async () => {
      const { status } = (await stack.client.get(`/v1/campaigns/${campaign}`)).body as { status: string };
      return ['completed', 'stopped'].includes(status) && status;
    },
    timeoutMs,
  );
}

/** Waits until every message of a campaign is settled. @returns them */
export async function allSettled(stack: TestStack, campaign: string): Promise<Record<string, any>[]> {
  return waitFor(
    'every message to be settled',
    async () => {
      const rows = await messagesOf(stack, campaign);
      return rows.length > 0 && rows.every((row) => row.settledAt !== undefined) && rows;
    },
    60_000,
  );
}

/** @returns how many pushes each endpoint got */
export function countsOf(stack: TestStack, endpoints: string[]): number[] {
  return endpoints.map((endpoint) => pushesTo(stack, endpoint).length);
}

/** @returns the statistics, after a look at whether they add up */
export async function balancedStats(stack: TestStack, campaign: string): Promise<Record<string, any>> {
  const stats = await statsOf(stack, campaign);
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((a, b) => a + b, 0);
  expect(stats.qualified, JSON.stringify(stats)).to.equal(
    stats.controlGroup + stats.sent + sum(stats.failed) + sum(stats.suppressed) + stats.waiting,
  );
  return stats;
}
