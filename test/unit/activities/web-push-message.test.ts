import { expect } from 'chai';
import { addressWebPush } from '../../../activities/delivery/web-push-message.ts';
import { contestOf } from '../../../domain/content/winner.ts';
import { variantOf } from '../../../domain/content/variants.ts';
import type { WebPushDefinition } from '../../../domain/campaign/campaign.ts';

const variants = ['A', 'B'].map((name) => ({ name, weight: 1, content: { title: name } }));
const definition: WebPushDefinition = {
  name: 'Cart',
  channel: 'webPush',
  siteId: 's',
  labels: [],
  who: { live: { event: 'E' } },
  when: { start: 'now' },
  what: { title: 'T', variants, winner: { after: '1h', by: 'clicked' } },
};

describe('a web push that is tried again', () => {
  const profileId = Array.from({ length: 99 }, (_, i) => `p${i}`).find(
    (id) => variantOf('c', id, { variants })?.name === 'B',
  )!;
  const winners = [{ contest: contestOf(definition)!, variant: 'A', at: new Date(1) }];
  const deps = {
    clock: { nowMs: () => 5e9 },
    limits: { timeoutMs: 1_000 },
    templates: { render: (text: string) => Promise.resolve(text), budget: () => ({}) },
  };

  async function variantSent(row: object): Promise<string | undefined> {
    const addressed = addressWebPush(
      deps as never,
      {
        row: { id: 'm', campaignId: 'c', version: 1, profileId, devices: [], tries: 0, ...row },
        definition,
        site: { id: 's', name: 'Shop' },
        profile: { id: profileId },
        subscriptions: [{ id: 's2', transport: 'vapid' }],
        expiresAtMs: 6e9,
      } as never,
    );
    if (addressed.kind !== 'addressed') throw new Error(addressed.kind);
    const campaign = { id: 'c', version: 1, definition, startsAt: new Date(0), winners };
    const page = { campaigns: new Map([['c', campaign]]), events: new Map(), shared: new Map() };
    return (await addressed.ready(page as never)).variant;
  }

  it('keeps the variant that another device was shown, whichever has won since', async () => {
    expect(await variantSent({})).to.equal('A');
    const devices = [
      { subscriptionId: 's1', state: 'delivered', tries: 1 },
      { subscriptionId: 's2', state: 'pending', tries: 1 },
    ];
    expect(await variantSent({ devices, tries: 1, variant: 'B' })).to.equal('B');
  });
});
