import { expect } from 'chai';
import fc from 'fast-check';
import { z } from 'zod';
import { campaignInput } from '../../../api/campaigns/schemas.ts';
import { parseOrThrow } from '../../../api/http/validate.ts';
import { estimateExamples, segmentExamples } from '../../../api/segments/examples.ts';
import { segment } from '../../../api/segments/schemas.ts';
import { operators } from '../../../domain/audience/conditions.ts';
import { checkSegment } from '../../../domain/audience/segment.ts';
import { problemFaultsOf } from '../../support/faults-of.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';

const body = z.strictObject({ segment });
const ID = '6745c0e1a1b2c3d4e5f60718';
const AT = '2026-11-01T00:00:00Z';
const LATER = '2026-11-02T00:00:00+01:00';

const faults = (value: unknown): string[] =>
  problemFaultsOf(body, { segment: value })
    .map(({ pointer }) => pointer.replace(/^\/segment/, ''))
    .sort();

describe('the schema of a segment', () => {
  it('takes the whole grammar, and gives back what it was given', () => {
    const whole = {
      all: [
        { any: [{ not: { property: 'plan', op: 'eq', value: 'gold' } }, { all: [] }, { any: [] }] },
        { did: { event: 'Charged', count: { gte: 2, lt: 9 }, within: '30d', where: [] } },
        { didNot: { event: 'Charged', between: [AT, LATER] } },
        { did: { event: 'Charged', count: { eq: 0 }, before: LATER, after: AT } },
        { firstDid: { event: 'Charged', after: AT, where: [{ property: 'a', op: 'exists' }] } },
        { lastDid: { event: 'Notification Clicked', before: AT } },
        { subscription: {} },
        {
          subscription: {
            siteId: ID,
            status: 'any',
            where: [{ property: 'topics', op: 'contains', value: 'a' }],
          },
        },
        { segment: ID },
        { inList: ID },
      ],
    };
    expect(parseOrThrow(body, { segment: whole }, 'body')).to.deep.equal({ segment: whole });
  });

  it('takes every operator with a value that it compares with', () => {
    const values: Record<(typeof operators)[number], unknown> = {
      eq: 'a',
      ne: true,
      gt: 1,
      gte: AT,
      lt: 1.5,
      lte: -1,
      between: [1, 2],
      in: ['a', 1, true],
      notIn: ['a'],
      contains: 'a',
      startsWith: 'a',
      exists: undefined,
      notExists: undefined,
      before: AT,
      after: AT,
      withinLast: '3d',
    };
    for (const op of operators) {
      const { value, ...bare } = { property: 'a', op, value: values[op] };
      expect(faults(value === undefined ? bare : { ...bare, value }), op).to.deep.equal([]);
      expect(faults({ ...bare, value: { $gt: 1 } }), `${op} with an object`).to.deep.equal(['']);
    }
  });

  it('names each fault where it is, each once', () => {
    for (const [value, ...pointers] of [
      [undefined, ''],
      [null, ''],
      [7, ''],
      [[], ''],
      [{}, ''],
      [{ nope: 1 }, '/nope'],
      [{ $where: 'sleep(1000)' }, '/$where'],
      [{ $or: [{ all: [] }] }, '/$or'],
      [JSON.parse('{ "__proto__": { "all": [] } }'), '/__proto__'],
      [{ constructor: { all: [] } }, '/constructor'],
      [{ all: {} }, '/all'],
      [{ any: 'x' }, '/any'],
      [{ not: null }, '/not'],
      [{ not: [] }, '/not'],
      [{ all: [], any: [] }, ''],
      [{ all: [{ nope: 1 }], any: [] }, '', '/all/0/nope'],
      [{ all: [], colour: 'red' }, '/colour'],
      [{ op: 'eq', value: 1 }, '/property'],
      [{ property: 'a', op: 'like', value: 1 }, '/op'],
      [{ property: 'a', op: { $gt: 1 } }, '/op'],
      [{ property: { $ne: 1 }, op: 'exists' }, '/property'],
      [{ property: 'a', op: 'eq', value: 1, $where: '1' }, '/$where'],
      [{ property: '$where', op: 'exists' }, ''],
      [{ property: '__proto__', op: 'exists' }, ''],
      [{ property: 'a\0b', op: 'exists' }, ''],
      [{ property: 'a'.repeat(129), op: 'exists' }, ''],
      [{ property: 'a', op: 'gt', value: true }, ''],
      [{ property: 'a', op: 'between', value: [1, AT] }, ''],
      [{ property: 'a', op: 'between', value: [2, 1] }, ''],
      [{ property: 'a', op: 'in', value: [] }, ''],
      [{ property: 'a', op: 'in', value: [{ $gt: '' }] }, ''],
      [{ property: 'a', op: 'in', value: Array.from({ length: 1_001 }, (_, i) => i) }, '/value'],
      [{ property: 'a', op: 'eq', value: 'x'.repeat(1_025) }, '/value'],
      [{ property: 'a', op: 'before', value: '2026-02-30T00:00:00Z' }, ''],
      [{ property: 'a', op: 'withinLast', value: '3 days' }, ''],
      [{ did: {} }, '/did/event'],
      [{ did: { event: '' } }, '/did/event'],
      [{ did: { event: 'a', count: {} } }, '/did/count'],
      [{ did: { event: 'a', count: { gte: -1 } } }, '/did/count/gte'],
      [{ did: { event: 'a', count: { gte: 1.5 } } }, '/did/count/gte'],
      [{ did: { event: 'a', count: { gte: 1_000_001 } } }, '/did/count/gte'],
      [{ did: { event: 'a', count: { gte: '1' } } }, '/did/count/gte'],
      [{ did: { event: 'a', count: { $gte: 1 } } }, '/did/count', '/did/count/$gte'],
      [{ did: { event: 'a', count: 3 } }, '/did/count'],
      [{ did: { event: 'a', within: '3 days' } }, '/did/within'],
      [{ did: { event: 'a', between: [AT] } }, '/did/between'],
      [{ did: { event: 'a', between: [LATER, AT] } }, '/did/between'],
      [{ did: { event: 'a', between: [AT, 'later'] } }, '/did/between/1'],
      [{ did: { event: 'a', after: LATER, before: AT } }, '/did'],
      [{ did: { event: 'a', within: '3d', after: AT } }, '/did'],
      [{ did: { event: 'a', where: [{ property: 'a', op: 'gt', value: 'b' }] } }, '/did/where/0'],
      [{ did: { event: 'a', where: Array(21).fill({ property: 'a', op: 'exists' }) } }, '/did/where'],
      [{ firstDid: { event: 'a', count: { gte: 1 } } }, '/firstDid/count'],
      [{ subscription: { status: 'gone' } }, '/subscription/status'],
      [{ subscription: { siteId: 'x' } }, '/subscription/siteId'],
      [{ segment: 'x' }, '/segment'],
      [{ segment: { $ne: null } }, '/segment'],
      [{ inList: '../x' }, '/inList'],
    ] as [unknown, ...string[]][]) {
      expect(faults(value), JSON.stringify(value)?.slice(0, 100)).to.deep.equal(pointers);
    }
  });

  it('names the faults of all parts at once, also those within one part', () => {
    const value = {
      all: [
        { did: { event: '', count: { gte: -1, x: 1 }, where: [{ property: '$x', op: 'gt', value: 'q' }] } },
        { any: [{ nope: 1 }, { property: 'a', op: 'zz' }] },
        7,
      ],
    };
    expect(faults(value)).to.deep.equal([
      '/all/0/did/count/gte',
      '/all/0/did/count/x',
      '/all/0/did/event',
      '/all/0/did/where/0',
      '/all/0/did/where/0',
      '/all/1/any/0/nope',
      '/all/1/any/1/op',
      '/all/2',
    ]);
  });

  it('looks no deeper than it may, however deep a value nests, and at no more parts than it may', () => {
    const nested = (depth: number): unknown => {
      let value: unknown = { property: 'a', op: 'exists' };
      for (let i = 1; i < depth; i += 1) value = i % 2 ? { not: value } : { all: [value] };
      return value;
    };
    const details = (value: unknown): string[] =>
      segment.safeParse(value).error?.issues.map(({ message }) => message) ?? [];
    expect(details(nested(10))).to.deep.equal([]);
    for (const depth of [11, 12, 5_000]) {
      expect(details(nested(depth)), String(depth)).to.deep.equal(['nests deeper than 10 levels']);
    }
    const wide = (width: number): unknown => ({ all: Array(width).fill({ property: 'a', op: 'exists' }) });
    expect(details(wide(199))).to.deep.equal([]);
    expect(details(wide(200))).to.deep.equal(['holds more than 200 parts']);
    const began = cpuSeconds();
    expect(details(wide(1_000_000))).to.deep.equal(['holds more than 200 parts']);
    let bushy: unknown = { any: [] };
    for (let i = 0; i < 9; i += 1) bushy = { any: Array(20).fill(bushy) };
    expect(details(bushy)).to.deep.equal(['holds more than 200 parts']);
    expect(cpuSeconds() - began).to.be.below(2);
  });

  it('never throws and lets nothing through that the domain would fault', () => {
    const key = fc.constantFrom(
      ...[
        'all',
        'any',
        'not',
        'did',
        'didNot',
        'lastDid',
        'segment',
        'property',
        'op',
        'value',
        'event',
        'count',
      ],
      ...['within', 'between', 'where', '$where', '__proto__', 'gte', 'status', 'subscription'],
    );
    const leaf = fc.oneof(
      fc.constantFrom<unknown>('eq', 'exists', 'between', 'a', '3d', AT, ID, 1, -1, null, true, '', '$a'),
      fc.constantFrom<unknown>([AT, LATER], [1, 2], { property: 'a', op: 'exists' }, { all: [] }),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'medium' },
        leaf,
        fc.dictionary(key, tie('tree'), { maxKeys: 3 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.record({ all: fc.array(tie('tree'), { maxLength: 3 }) }),
        fc.record({ did: fc.record({ event: leaf, count: fc.record({ gte: leaf }) }) }),
        fc.record({ property: leaf, op: leaf, value: leaf }),
      ),
    }));
    let taken = 0;
    fc.assert(
      fc.property(tree, (value) => {
        const result = segment.safeParse(value);
        if (!result.success) return;
        taken += 1;
        expect(checkSegment(result.data, '')).to.deep.equal([]);
      }),
      { numRuns: 3_000 },
    );
    expect(taken).to.be.above(30);
  });

  it('takes the examples that the documentation shows', () => {
    for (const { value } of Object.values(segmentExamples)) expect(faults(value.segment)).to.deep.equal([]);
    for (const { value } of Object.values(estimateExamples)) expect(faults(value.segment)).to.deep.equal([]);
  });
});

describe('the schema of a campaign’s reach', () => {
  const campaign = (more: object): object => ({
    name: 'Cart',
    channel: 'webPush',
    siteId: ID,
    who: { past: { all: [] } },
    what: { title: 'Hello' },
    ...more,
  });
  const pointers = (more: object): string[] =>
    problemFaultsOf(campaignInput, campaign(more)).map((fault) => fault.pointer);

  it('takes control group, cap, requalify and the override of limits', () => {
    for (const more of [
      { setup: {} },
      { setup: { controlGroup: { percent: 0.5 } } },
      { setup: { controlGroup: { percent: 100 }, targetingCap: { limit: 1, ifExceeded: 'abort' } } },
      { when: { requalify: { mode: 'everyTime' }, ignoreGlobalLimits: true } },
      { when: { requalify: { mode: 'interval', interval: '6h' } } },
    ]) {
      expect(pointers(more), JSON.stringify(more)).to.deep.equal([]);
    }
    const parsed = campaignInput.parse(campaign({ setup: { targetingCap: { limit: 5 } } }));
    expect(parsed.setup?.targetingCap).to.deep.equal({ limit: 5, ifExceeded: 'truncate' });
  });

  it('refuses what cannot be meant, with its place', () => {
    for (const [more, pointer] of [
      [{ setup: { controlGroup: { percent: 0 } } }, '/setup/controlGroup/percent'],
      [{ setup: { controlGroup: { percent: 101 } } }, '/setup/controlGroup/percent'],
      [{ setup: { controlGroup: {} } }, '/setup/controlGroup/percent'],
      [{ setup: { targetingCap: { limit: 0 } } }, '/setup/targetingCap/limit'],
      [{ setup: { targetingCap: { limit: 1.5 } } }, '/setup/targetingCap/limit'],
      [{ setup: { targetingCap: { limit: 1, ifExceeded: 'explode' } } }, '/setup/targetingCap/ifExceeded'],
      [{ setup: { colour: 'red' } }, '/setup/colour'],
      [{ when: { requalify: {} } }, '/when/requalify/mode'],
      [{ when: { requalify: { mode: 'sometimes' } } }, '/when/requalify/mode'],
      [{ when: { requalify: { mode: 'interval' } } }, '/when/requalify/interval'],
      [{ when: { requalify: { mode: 'interval', interval: '0h' } } }, '/when/requalify/interval'],
      [{ when: { requalify: { mode: 'once', interval: '6h' } } }, '/when/requalify/interval'],
      [{ when: { ignoreGlobalLimits: 'yes' } }, '/when/ignoreGlobalLimits'],
    ] as [object, string][]) {
      expect(pointers(more), JSON.stringify(more)).to.deep.equal([pointer]);
    }
  });
});
