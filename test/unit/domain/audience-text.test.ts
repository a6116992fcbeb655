import { expect } from 'chai';
import fc from 'fast-check';
import { audienceText } from '../../../domain/audience/audience-text.ts';
import type { LiveAudience } from '../../../domain/campaign/campaign.ts';
import { operators, type Operator } from '../../../domain/audience/conditions.ts';
import type { Segment } from '../../../domain/audience/segment.ts';
import { segmentOf } from '../../support/segment-arbitraries.ts';
import type { World } from '../../support/segment-oracle.ts';
import { createDice, createPopulation } from '../../support/segment-population.ts';

const past = (segment: Segment): string => audienceText({ past: segment }).join(' ');
const live = (more: Partial<LiveAudience> = {}): string =>
  audienceText({ live: { event: 'Added To Cart', ...more } }).join(' ');

describe('an audience in words', () => {
  it('says every form of a segment', () => {
    const said: [Segment, string][] = [
      [{ all: [] }, 'Everyone.'],
      [{ any: [] }, 'No one.'],
      [{ not: { all: [] } }, 'No one.'],
      [{ property: 'plan', op: 'eq', value: 'gold' }, 'Everyone whose "plan" is "gold".'],
      [{ not: { property: 'plan', op: 'eq', value: 'gold' } }, 'Everyone whose "plan" is not "gold".'],
      [{ did: { event: 'Charged' } }, 'Everyone who did "Charged".'],
      [
        { didNot: { event: 'Charged', within: '90d' } },
        'Everyone who did not do "Charged" in the last 90 days.',
      ],
      [{ not: { didNot: { event: 'Charged' } } }, 'Everyone who did "Charged".'],
      [
        {
          did: {
            event: 'Charged',
            count: { gte: 2 },
            within: '30d',
            where: [
              { property: 'Amount', op: 'gt', value: 50 },
              { property: 'coupon', op: 'exists' },
            ],
          },
        },
        'Everyone who did "Charged" (where "Amount" is more than 50 and "coupon" is known) in the last 30 days at least twice.',
      ],
      [{ did: { event: 'A', count: { eq: 3 } } }, 'Everyone who did "A" exactly 3 times.'],
      [{ did: { event: 'A', count: { lte: 1 } } }, 'Everyone who did "A" at most once, or never.'],
      [{ did: { event: 'A', count: { lt: 1 } } }, 'Everyone who did not do "A".'],
      [{ did: { event: 'A', count: { gt: 1, lt: 5 } } }, 'Everyone who did "A" 2 to 4 times.'],
      [{ did: { event: 'A', count: { gte: 0 } } }, 'Everyone.'],
      [{ did: { event: 'A', count: { gt: 4, lt: 2 } } }, 'No one.'],
      [{ not: { did: { event: 'A', count: { gte: 3 } } } }, 'Everyone who did "A" at most twice, or never.'],
      [{ not: { did: { event: 'A', count: { lte: 3 } } } }, 'Everyone who did "A" at least 4 times.'],
      [
        { didNot: { event: 'A', count: { eq: 3 } } },
        'Everyone who did "A" any number of times but exactly 3 times.',
      ],
      [
        { firstDid: { event: 'A', after: '2024-05-01T00:00:00Z', before: '2024-06-01T00:00:00Z' } },
        'Everyone who did "A" for the first time after 2024-05-01T00:00:00Z before 2024-06-01T00:00:00Z.',
      ],
      [
        { not: { lastDid: { event: 'A', within: '1w' } } },
        'Everyone who is not one of those who did "A" for the last time in the last 1 week.',
      ],
      [
        {
          subscription: { status: 'optedOut', where: [{ property: 'topics', op: 'in', value: ['a', 'b'] }] },
        },
        'Everyone who has an opted-out subscription (where "topics" is "a" or "b").',
      ],
      [{ not: { subscription: {} } }, 'Everyone who has no active subscription.'],
      [{ subscription: { status: 'any' } }, 'Everyone who has a subscription.'],
      [{ segment: 's1' }, 'Everyone who is in the saved segment s1.'],
      [{ not: { inList: 'l1' } }, 'Everyone who is not in the list l1.'],
      [
        {
          all: [
            { any: [{ did: { event: 'A' } }, { did: { event: 'B' } }] },
            { not: { any: [{ property: 'x', op: 'lt', value: 1 }, { any: [] }] } },
            { all: [] },
          ],
        },
        'Everyone (who did "A" or who did "B") and whose "x" is not less than 1.',
      ],
    ];
    for (const [segment, text] of said) expect(past(segment), JSON.stringify(segment)).to.equal(text);
  });

  it('says every operator, and its negation differently', () => {
    const values: Partial<Record<Operator, unknown>> = {
      in: ['a', 1],
      notIn: ['a'],
      between: [1, 2],
      withinLast: '3d',
    };
    const texts = operators.flatMap((op) => {
      const asks = op !== 'exists' && op !== 'notExists';
      const condition = {
        property: 'p',
        op,
        ...(asks ? { value: values[op] ?? '2024-05-01T00:00:00Z' } : {}),
      };
      expect(past({ not: condition }), op).to.not.equal(past(condition));
      expect(past({ not: { not: condition } }), op).to.equal(past(condition));
      return [past(condition)];
    });
    expect(new Set(texts).size).to.be.at.least(13);
  });

  it('calls what a segment refers to by its name, and cuts what is too long to read', () => {
    const names = {
      segments: new Map([['s1', 'Good "customers"']]),
      lists: new Map([['l1', 'Fair']]),
      sites: new Map([['w1', 'Shop']]),
    };
    const segment: Segment = {
      any: [{ segment: 's1' }, { inList: 'l1' }, { subscription: { siteId: 'w1' } }],
    };
    expect(audienceText({ past: segment }, names)).to.deep.equal([
      'Everyone who is in the saved segment "Good \\"customers\\"" or who is in the list "Fair" or ' +
        'who has an active subscription on the site "Shop".',
    ]);
    const many = Array.from({ length: 40 }, (_, i) => `v${i}`);
    expect(past({ property: 'p', op: 'in', value: many })).to.equal(
      'Everyone whose "p" is "v0", "v1", "v2", "v3", "v4" or 35 more.',
    );
    expect(past({ property: 'p', op: 'eq', value: 'x'.repeat(1_000) }).length).to.be.below(160);
  });

  it('says of a live campaign what opens, closes, moves and narrows it', () => {
    expect(live()).to.equal('Whoever does "Added To Cart" from now on.');
    expect(
      live({
        where: [{ property: 'price', op: 'gte', value: 20 }],
        matchOn: 'cartId',
        inaction: { event: 'Charged', within: '10m', where: [{ property: 'total', op: 'gt', value: 0 }] },
        cancelledBy: [{ event: 'Cart Emptied' }, { event: 'Left' }],
        onRepeat: 'restart',
        filter: { property: 'country', op: 'eq', value: 'DE' },
      }),
    ).to.equal(
      'Whoever does "Added To Cart" (where "price" is at least 20) from now on, once at a time for each "cartId", ' +
        'unless "Charged" (where "total" is more than 0) follows within 10 minutes. ' +
        'Only those whose "country" is "DE", as judged at the event and again before the send. ' +
        'The event again, while it waits, starts the wait anew. ' +
        'Until it is sent, "Cart Emptied" and "Left" each cancel it.',
    );
    expect(
      live({ matchOn: 'id', dateProperty: { property: 'departure', offset: '-2d', at: '09:00' } }),
    ).to.include(
      'It is due 2 days before "departure", at 09:00 of the day in the user\'s time zone. ' +
        'A later event with the same "id" moves it.',
    );
    expect(live({ filter: { any: [] } })).to.include('Only no one,');
  });

  it('says of an API-triggered campaign what a call must give', () => {
    expect(audienceText({ api: {} })).to.deep.equal(['Whoever a call of send names.']);
    expect(audienceText({ api: { requiredData: ['orderId', 'carrier'] } })).to.deep.equal([
      'Whoever a call of send names, each with "orderId" and "carrier" in their data.',
    ]);
  });

  it('is a sentence for every segment there can be', () => {
    const { people, campaigns } = createPopulation(createDice(7));
    const world: World = {
      people: people.map((person, i) => ({ ...person, id: String(i) })),
      campaigns: new Map(campaigns.map(({ id, ...rest }) => [id, rest])),
      lists: new Map([['l', new Set()]]),
      segments: new Map<string, Segment>([['s', { all: [] }]]),
    };
    fc.assert(
      fc.property(segmentOf(world, { segments: ['s'], lists: ['l'] }), (segment) => {
        const text = past(segment);
        expect(text).to.match(/^(Everyone|No one)\b.*\.$/su);
        expect(text).to.not.match(/undefined|\[object|NaN|Infinity| {2}|\(\)/);
        if (!/^(Everyone|No one)\.$/.test(text)) expect(text).to.match(/\b(who|whose)\b/);
      }),
      { numRuns: 2_000 },
    );
  });
});
