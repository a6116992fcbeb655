import { expect } from 'chai';
import fc from 'fast-check';
import { startStack, type TestStack } from '../support/stack.ts';
import { makeSite, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { WEBHOOK_FIELDS, type WebhookField } from '../../domain/content/content.ts';

interface Person {
  identity: string;
  email?: string;
  properties: Record<string, string>;
  /** On which of the two sites it subscribed. */
  sites: number[];
}

const PEOPLE: Person[] = [
  { identity: 'all', email: 'a@example.com', properties: { plan: 'gold', 'a.b': 'x' }, sites: [0, 1] },
  { identity: 'mail', email: 'm@example.com', properties: {}, sites: [] },
  { identity: 'gold', properties: { plan: 'gold' }, sites: [] },
  { identity: 'dotted', properties: { 'a.b': 'x' }, sites: [1] },
  { identity: 'phone', email: 'p@example.com', properties: { city: 'Ulm' }, sites: [0] },
  { identity: 'none', properties: {}, sites: [] },
];

describe('the reach of webhook campaigns', () => {
  let stack: TestStack;
  let webhookId: string;
  const sites: { id: string; vapid: { publicKey: string } }[] = [];
  before(async function () {
    this.timeout(120_000);
    stack = await startStack({ workers: 0 });
    for (let i = 0; i < 2; i += 1) sites.push(await makeSite(stack));
    const profiles = PEOPLE.map(({ sites: _sites, ...profile }) => ({ ...profile, country: 'DE' }));
    await stack.client.must('/v1/profiles', { profiles });
    for (const { identity, sites: on } of PEOPLE)
      for (const i of on) await subscribe(stack, sites[i]!, identity);
    // Somebody who is not asked about.
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'far', country: 'FR', email: 'f@example.com' }],
    });
    webhookId = (await stack.client.must('/v1/webhooks', { name: 'CRM', url: 'https://crm.example.com/' }))
      .id;
  });
  after(() => stack.close());

  const estimateOf = async (what: object, siteId?: string): Promise<Record<string, any>> => {
    const { id } = await stack.client.must('/v1/campaigns', {
      name: 'To the CRM',
      channel: 'webhook',
      ...(siteId === undefined ? {} : { siteId }),
      who: { live: { event: 'Charged', filter: { property: 'country', op: 'eq', value: 'DE' } } },
      what: { webhookId, ...what },
    });
    const answer = await stack.client.post(`/v1/campaigns/${id}/estimate`);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body as Record<string, any>;
  };

  it('is everybody who qualifies when nothing is required', async () => {
    expect(await estimateOf({})).to.deep.include({
      qualified: 6,
      reachable: { webPush: 3, webhook: 6, webPopup: 0 },
    });
  });

  it('is whoever has every field that is required, whatever the combination', async () => {
    const names = ['plan', 'a.b', '$plan', 'nothing'];
    const has = (
      { email, properties, sites: on }: Person,
      field: WebhookField,
      chosen: string[] | undefined,
      site: number | undefined,
    ): boolean => {
      if (field === 'email') return email !== undefined;
      if (field === 'profileData') {
        return chosen ? chosen.some((name) => name in properties) : Object.keys(properties).length > 0;
      }
      if (field === 'pushToken') return site === undefined ? on.length > 0 : on.includes(site);
      return true;
    };
    await fc.assert(
      fc.asyncProperty(
        fc.subarray([...WEBHOOK_FIELDS]),
        fc.option(fc.subarray(names), { nil: undefined }),
        fc.option(fc.constantFrom(0, 1), { nil: undefined }),
        async (required, properties, site) => {
          const expected = PEOPLE.filter((person) =>
            required.every((field) => has(person, field, properties, site)),
          ).length;
          const what = { required, ...(properties ? { properties } : {}) };
          const { qualified, reachable } = await estimateOf(
            what,
            site === undefined ? undefined : sites[site]!.id,
          );
          expect(qualified).to.equal(6);
          expect(reachable.webhook, JSON.stringify({ ...what, site })).to.equal(expected);
        },
      ),
      { numRuns: 40 },
    );
  }).timeout(60_000);

  it('does not count web push campaigns by what webhooks require', async () => {
    const segment = { property: 'country', op: 'eq', value: 'DE' };
    const { reachable } = await stack.client.must('/v1/segments/estimate', { segment });
    expect(reachable.webhook).to.equal(6);
    const live = await stack.client.must('/v1/campaigns', {
      name: 'Live',
      channel: 'webhook',
      who: { live: { event: 'Charged' } },
      what: { webhookId },
    });
    expectProblem(await stack.client.post(`/v1/campaigns/${live.id}/estimate`), 'validation_failed');
  });
});
