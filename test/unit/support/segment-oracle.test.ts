import { expect } from 'chai';
import fc from 'fast-check';
import { operators, type Operator } from '../../../domain/audience/conditions.ts';
import { checkSegment, type Segment } from '../../../domain/audience/segment.ts';
import { segmentOf } from '../../support/segment-arbitraries.ts';
import { meets, readMoment } from '../../support/segment-oracle-conditions.ts';
import { holds, membersOf, type Person, type World } from '../../support/segment-oracle.ts';
import { createDice, createPopulation, written } from '../../support/segment-population.ts';

const now = Date.parse('2026-06-10T12:00:00.000Z');
const day = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();

describe('the plain reading of segments that the compiler is compared with', () => {
  const ada: Person = {
    id: 'ada',
    identity: '42',
    country: 'DE',
    testProfile: true,
    properties: { plan: 'gold', country: 'US', email: 'hidden', tags: ['a', 7, null], 'a.b': 1, a: { b: 2 } },
    events: [
      { name: 'Charged', at: now - 30 * day, properties: { Amount: 50, due: iso(now - 31 * day) } },
      { name: 'Charged', at: now - 30 * day, properties: { Amount: 20, plan: null } },
      { name: 'Charged', at: now - 60 * day, properties: {} },
      { name: 'Later', at: now + 1, properties: {} },
    ],
    subscriptions: [
      {
        siteId: 's1',
        status: 'active',
        transport: 'vapid',
        browserType: 'Firefox',
        topics: ['news'],
        customAttributes: { tier: 1, language: 'de', status: 'vip' },
        createdAt: new Date(now - day),
        syncedAt: new Date(now),
      },
      {
        siteId: 's2',
        status: 'optedOut',
        transport: 'vapid',
        topics: [],
        customAttributes: { tier: 2 },
        createdAt: new Date(now - 9 * day),
        syncedAt: new Date(now),
      },
    ],
    messages: [
      {
        campaignId: 'c1',
        sentAt: now - day,
        receipts: [
          { kind: 'clicked', at: now - 5 },
          { kind: 'clicked', at: now - 4 },
        ],
      },
      { campaignId: 'c2', receipts: [{ kind: 'viewed', at: now - 3 }] },
    ],
  };
  const bob: Person = {
    ...{ id: 'bob', testProfile: false, properties: {} },
    ...{ events: [], subscriptions: [], messages: [] },
  };
  const campaign = { name: 'Spring', labels: ['cart'], channel: 'webPush', siteId: 's1' };
  const world: World = {
    people: [ada, bob],
    campaigns: new Map([
      ['c1', campaign],
      ['c2', { ...campaign, name: 'Autumn', labels: [] }],
    ]),
    lists: new Map([['l1', new Set(['bob'])]]),
    segments: new Map<string, Segment>([
      ['inner', { did: { event: 'Charged' } }],
      ['outer', { not: { segment: 'inner' } }],
    ]),
  };

  const charged = { event: 'Charged' };
  const table: [string, Segment, boolean][] = [
    ['everyone', { all: [] }, true],
    ['no one', { any: [] }, false],
    ['all', { all: [{ all: [] }, { any: [] }] }, false],
    ['any', { any: [{ all: [] }, { any: [] }] }, true],
    ['not', { not: { any: [] } }, true],
    ['a property', { property: 'plan', op: 'eq', value: 'gold' }, true],
    ['a name with a dot', { property: 'a.b', op: 'eq', value: 1 }, true],
    ['the field, not the property', { property: 'country', op: 'eq', value: 'DE' }, true],
    ['never the property', { property: 'country', op: 'eq', value: 'US' }, false],
    ['an absent field hides it', { property: 'email', op: 'exists' }, false],
    ['what is inherited is absent', { property: 'toString', op: 'exists' }, false],
    ['within takes its edge in', { did: { ...charged, count: { eq: 2 }, within: '30d' } }, true],
    ['within has no other end', { did: { event: 'Later', within: '1d' } }, true],
    [
      'before leaves its instant out',
      { did: { ...charged, count: { eq: 1 }, before: iso(now - 30 * day) } },
      true,
    ],
    ['after leaves its instant out', { did: { ...charged, after: iso(now - 30 * day) } }, false],
    [
      'between takes both in',
      { did: { ...charged, count: { eq: 3 }, between: [iso(now - 60 * day), iso(now - 30 * day)] } },
      true,
    ],
    [
      'before and after',
      { did: { ...charged, count: { eq: 2 }, after: iso(now - 60 * day), before: iso(now) } },
      true,
    ],
    ['gt', { did: { ...charged, count: { gt: 3 } } }, false],
    ['gte', { did: { ...charged, count: { gte: 3 } } }, true],
    ['lt counts zero', { did: { event: 'Never', count: { lt: 1 } } }, true],
    ['lte', { did: { ...charged, count: { lte: 2 } } }, false],
    ['two bounds', { did: { ...charged, count: { gte: 2, lt: 4 } } }, true],
    ['did not', { didNot: charged }, false],
    ['did not so often', { didNot: { ...charged, count: { gte: 4 } } }, true],
    [
      'where',
      { did: { ...charged, count: { eq: 1 }, where: [{ property: 'Amount', op: 'gte', value: 50 }] } },
      true,
    ],
    [
      'where null is absent',
      { did: { ...charged, count: { eq: 3 }, where: [{ property: 'plan', op: 'notExists' }] } },
      true,
    ],
    [
      "within counts from the event's time",
      { did: { ...charged, where: [{ property: 'due', op: 'withinLast', value: '1d' }] } },
      true,
    ],
    ['the first ever', { firstDid: { ...charged, within: '30d' } }, false],
    ['the last ever', { lastDid: { ...charged, within: '30d' } }, true],
    [
      'the first that matches',
      { firstDid: { ...charged, within: '30d', where: [{ property: 'Amount', op: 'exists' }] } },
      true,
    ],
    ['a first that is not', { firstDid: { event: 'Never' } }, false],
    ['an active subscription', { subscription: {} }, true],
    ['one that is both', { subscription: { where: [{ property: 'tier', op: 'eq', value: 2 }] } }, false],
    [
      'any status',
      { subscription: { status: 'any', where: [{ property: 'tier', op: 'eq', value: 2 }] } },
      true,
    ],
    ['an expired one', { subscription: { status: 'expired' } }, false],
    ['of a site', { subscription: { siteId: 's2' } }, false],
    ['a topic', { subscription: { where: [{ property: 'topics', op: 'eq', value: 'news' }] } }, true],
    [
      'an absent field hides an attribute',
      { subscription: { where: [{ property: 'language', op: 'exists' }] } },
      false,
    ],
    [
      'a field wins over an attribute',
      { subscription: { where: [{ property: 'status', op: 'eq', value: 'active' }] } },
      true,
    ],
    [
      'when it was made',
      { subscription: { where: [{ property: 'createdAt', op: 'withinLast', value: '1d' }] } },
      true,
    ],
    ['two clicks on one message', { did: { event: 'Notification Clicked', count: { eq: 2 } } }, true],
    ['sent', { did: { event: 'Notification Sent', count: { eq: 1 }, within: '1d' } }, true],
    [
      'viewed, not sent',
      {
        did: {
          event: 'Notification Viewed',
          where: [{ property: 'campaignName', op: 'eq', value: 'Autumn' }],
        },
      },
      true,
    ],
    [
      'by label',
      { did: { event: 'Notification Viewed', where: [{ property: 'labels', op: 'eq', value: 'cart' }] } },
      false,
    ],
    ['not delivered', { did: { event: 'Notification Delivered' } }, false],
    ['a saved segment', { segment: 'outer' }, false],
    ['a list', { inList: 'l1' }, false],
  ];
  for (const [name, segment, expected] of table) {
    it(`${expected ? 'holds' : 'does not hold'}: ${name}`, () => {
      expect(checkSegment(segment, '')).to.deep.equal([]);
      expect(holds(world, segment, ada, now)).to.equal(expected);
      const other = membersOf(world, { not: segment }, now);
      expect(other.has('ada')).to.equal(!expected);
    });
  }

  it('throws for a reference to nothing', () => {
    expect(() => holds(world, { segment: 'nope' }, ada, now)).to.throw('no segment nope');
    expect(() => holds(world, { all: [{ any: [] }, { inList: 'nope' }] }, ada, now)).to.throw('no list nope');
  });

  it('tells its witness of every part, whatever the others say', () => {
    const seen: string[] = [];
    const part: Segment = { property: 'plan', op: 'eq', value: 'gold' };
    holds(world, { all: [{ any: [] }, part, { inList: 'l1' }] }, ada, now, (what, held) => {
      seen.push(`${what}: ${String(held)}`);
    });
    expect(seen).to.deep.equal(['any: false', 'profile eq: true', 'inList: false', 'all: false']);
  });

  const scope = {
    n: 20,
    s: 'gold',
    b: false,
    list: ['gold', 7, null],
    at: '2026-06-10T14:00:00+02:00',
    none: null,
  };
  const conditions: [string, Operator, unknown, boolean][] = [
    ['n', 'eq', '20', false],
    ['list', 'eq', 7, true],
    ['list', 'ne', 7, false],
    ['none', 'ne', 7, true],
    ['at', 'eq', '2026-06-10T12:00Z', true],
    ['at', 'in', ['x', '2026-06-10T12:00:00.000Z'], true],
    ['n', 'notIn', [19, 21], true],
    ['missing', 'notIn', [1], true],
    ['n', 'gt', 20, false],
    ['n', 'gte', 20, true],
    ['n', 'lt', 20.5, true],
    ['n', 'lte', 19, false],
    ['list', 'lt', 100, false],
    ['s', 'gt', 1, false],
    ['n', 'between', [20, 20], true],
    ['at', 'between', ['2026-06-10T12:00:00Z', '2026-06-10T12:00:01Z'], true],
    ['list', 'contains', 'ol', true],
    ['n', 'contains', '2', false],
    ['s', 'startsWith', 'go', true],
    ['list', 'startsWith', 'go', false],
    ['none', 'exists', undefined, false],
    ['b', 'exists', undefined, true],
    ['none', 'notExists', undefined, true],
    ['at', 'before', '2026-06-10T12:00:00.001Z', true],
    ['at', 'after', '2026-06-10T12:00:00Z', false],
    ['n', 'after', '1970-01-01T00:00:00Z', false],
    ['at', 'withinLast', '1s', true],
    ['s', 'withinLast', '1d', false],
  ];
  for (const [property, op, value, expected] of conditions) {
    it(`finds ${property} ${op} ${JSON.stringify(value)} ${String(expected)}`, () => {
      expect(meets({ property, op, value }, scope, now)).to.equal(expected);
    });
  }

  it('has a case for every operator', () => {
    expect(new Set(conditions.map(([, op]) => op))).to.deep.equal(new Set(operators));
  });

  it('reads instants as the calendar has them', () => {
    for (const text of [
      '2024-02-30T00:00:00Z',
      '1900-02-29T00:00Z',
      '2024-05-01',
      '2024-05-01T24:00:00Z',
      'x',
    ])
      expect(readMoment(text), text).to.equal(undefined);
    expect(readMoment('2024-05-01T00:00:00Z\n')).to.equal(undefined);
    expect(readMoment('2024-05-01T00:00:00.0019Z')).to.equal(Date.UTC(2024, 4, 1) + 1);
    const span = { min: Date.parse('0001-02-01T00:00:00Z'), max: Date.parse('9999-12-01T00:00:00Z') };
    fc.assert(
      fc.property(fc.integer(span), fc.nat(4), (ms, way) => {
        const text = written(ms, { pick: (list) => list[way % list.length] as never });
        expect(readMoment(text), text).to.equal(ms);
      }),
    );
  });

  it('is given only segments that a call would take', () => {
    const { people, campaigns } = createPopulation(createDice(1));
    const random: World = {
      people: people.map((person, i) => ({ ...person, id: String(i) })),
      campaigns: new Map(campaigns.map(({ id, ...rest }) => [id, rest])),
      lists: new Map([['l', new Set()]]),
      segments: new Map<string, Segment>([['s', { all: [] }]]),
    };
    fc.assert(
      fc.property(segmentOf(random, { segments: ['s'], lists: ['l'] }), (segment) => {
        expect(checkSegment(segment, '')).to.deep.equal([]);
      }),
      { numRuns: 500 },
    );
  });
});
