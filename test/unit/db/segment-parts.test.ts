import { expect } from 'chai';
import fc from 'fast-check';
import { newId } from '../../../db/ids.ts';
import { boundAt, entryOf } from '../../../db/segments/entry.ts';
import { ALWAYS, and, NEVER, none, or } from '../../../db/segments/filter.ts';
import { joinedIntervals } from '../../../db/segments/fold-marks.ts';
import { PARTS, partOf } from '../../../db/segments/parts.ts';
import { planOf } from '../../../db/segments/plan.ts';
import { atomFilter, filterOfPart } from '../../../db/segments/profile-filter.ts';
import { traceOf, traceOfLeft, tracesOfLeft, tracesSince } from '../../../db/segments/traces.ts';
import { searchFields, searchKey, searchValue } from '../../../db/segments/search-fields.ts';
import type { Segment } from '../../../domain/audience/segment.ts';

const ms = fc.integer({ min: Date.UTC(1, 0), max: Date.UTC(9999, 11) });
const eventId = fc.string({ minLength: 1, maxLength: 128 });

describe('an entry of the roll-up', () => {
  it('sorts by its instant, and after the bound of its instant and before that of the next', () => {
    fc.assert(
      fc.property(ms, ms, eventId, eventId, (a, b, idA, idB) => {
        const [one, other] = [
          entryOf({ time: new Date(a), eventId: idA }),
          entryOf({ time: new Date(b), eventId: idB }),
        ];
        expect(one >= boundAt(a) && one < boundAt(a + 1)).to.equal(true);
        if (a !== b) expect(one < other).to.equal(a < b);
      }),
    );
  });

  it('is the same for the same event and another for another', () => {
    fc.assert(
      fc.property(ms, eventId, eventId, (at, id, otherId) => {
        const time = new Date(at);
        expect(entryOf({ time, eventId: id }))
          .to.have.lengthOf(21)
          .and.to.equal(entryOf({ time, eventId: id }));
        if (id !== otherId)
          expect(entryOf({ time, eventId: id })).to.not.equal(entryOf({ time, eventId: otherId }));
      }),
    );
  });
});

describe('traces of the latest two', () => {
  const DAY_MS = 86_400_000;
  const NOW_MS = Date.UTC(2026, 5, 1);
  const past = fc.oneof(
    fc.integer({ min: 0, max: 3 * DAY_MS }),
    fc.integer({ min: 0, max: 400 * DAY_MS }),
    // On the edge of a class of gaps, and beside it.
    fc
      .tuple(fc.constantFrom(0, 8, 16, 30), fc.integer({ min: -1, max: 1 }))
      .map(([days, by]) => Math.max(0, days * DAY_MS + by)),
  );
  const entriesOf = (agos: number[]): string[] =>
    agos
      .map((ago, i) => entryOf({ time: new Date(NOW_MS - ago), eventId: `${i}` }))
      .sort()
      .reverse();
  const isFound = (entries: string[], fromMs: number, least: number): boolean => {
    const trace = entries.length === 0 ? '' : traceOf('p1', 'e1', entries);
    return tracesSince('p1', 'e1', fromMs, least).some(({ from, to }) => trace >= from && trace < to);
  };

  it('let everyone through who did it so often', () => {
    fc.assert(
      fc.property(fc.array(past, { maxLength: 6 }), past, fc.constantFrom(1, 2, 3), (agos, since, least) => {
        const times = agos.filter((ago) => ago <= since).length;
        if (times >= least) expect(isFound(entriesOf(agos), NOW_MS - since, least)).to.equal(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('keep out who did it once when it is asked for twice, and who did it long before', () => {
    const found = (agos: number[], days: number, least: number): boolean =>
      isFound(entriesOf(agos.map((ago) => ago * DAY_MS)), NOW_MS - days * DAY_MS, least);
    expect(found([1], 30, 1)).to.equal(true);
    expect(found([1], 30, 2)).to.equal(false);
    expect(found([40, 41], 30, 1)).to.equal(false);
    expect(found([40, 41], 30, 2)).to.equal(false);
    // Its gap is of 30 days or more.
    expect(found([0.5, 30.5], 30, 2)).to.equal(false);
    // Of 16 or more: the entries decide.
    expect(found([2, 31], 30, 2)).to.equal(true);
    expect(found([23, 40], 30, 2)).to.equal(false);
    // Another name, another part, and what has left are other traces.
    const trace = traceOf('p1', 'e1', entriesOf([DAY_MS]));
    for (const { from, to } of [
      ...tracesSince('p1', 'e', 0, 1),
      ...tracesSince('p1', 'e11', 0, 1),
      ...tracesSince('p2', 'e1', 0, 1),
      tracesOfLeft('p1', 'e1', ''),
    ])
      expect(trace >= from && trace < to).to.equal(false);
    const [left = ''] = entriesOf([40 * DAY_MS]);
    const { from, to } = tracesOfLeft('p1', 'e1', left);
    const ofLeft = traceOfLeft('p1', 'e1', left);
    expect(ofLeft >= from && ofLeft < to).to.equal(true);
    expect(isFound([], 0, 1)).to.equal(false);
  });
});

describe('search fields', () => {
  it('turn a name into one step of a path, and two names never into the same', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(searchKey(a)).to.not.match(/[.$]/);
        expect(searchKey(a) === searchKey(b)).to.equal(a === b);
      }),
    );
    expect(searchKey('a.b$c%')).to.equal('a%2Eb%24c%25');
  });

  it('hold instants as dates, and of what cannot be compared only that it is there', () => {
    expect(searchValue('2024-05-01T02:00:00+02:00')).to.deep.equal(new Date('2024-05-01T00:00:00Z'));
    expect(searchValue('2024-02-30T00:00:00Z')).to.equal('2024-02-30T00:00:00Z');
    expect(searchValue([1, null, [2], { a: 1 }, 'x'])).to.deep.equal([1, {}, {}, {}, 'x']);
    expect(searchValue(null)).to.equal(undefined);
  });

  it('take the named fields from the profile alone', () => {
    expect(
      searchFields({ country: 'DE', name: null }, { country: 'FR', name: 'x', plan: 'gold', old: null }),
    ).to.deep.equal({ country: 'DE', name: null, plan: 'gold', old: null });
  });
});

describe('filters', () => {
  const some = { a: 1 };
  it('know what needs no asking', () => {
    expect(and([])).to.equal(ALWAYS);
    expect(or([])).to.equal(NEVER);
    expect(and([some, NEVER])).to.equal(NEVER);
    expect(or([some, ALWAYS])).to.equal(ALWAYS);
    expect(none(ALWAYS)).to.equal(NEVER);
    expect(none(NEVER)).to.equal(ALWAYS);
    expect(and([ALWAYS, some])).to.equal(some);
    expect(none(some)).to.deep.equal({ $nor: [some] });
  });
});

describe('marks of what may be unfolded', () => {
  it('are joined where they overlap or touch, and reach a minute while they are open', () => {
    const mark = (from: number, to?: number) => ({
      _id: String(from),
      from: new Date(from),
      ...(to === undefined ? {} : { to: new Date(to) }),
    });
    const spans = (...marks: Parameters<typeof joinedIntervals>[0]) =>
      joinedIntervals(marks).map((one) => [one.fromMs, one.toMs, one.marks.map((each) => each._id).join()]);
    expect(spans(mark(30, 40), mark(0, 10), mark(5, 20), mark(21, 22))).to.deep.equal([
      [0, 22, '0,5,21'],
      [30, 40, '30'],
    ]);
    expect(spans(mark(0, 10), mark(5))).to.deep.equal([[0, 60_005, '0,5']]);
    expect(spans({ ...mark(7), rebuildSeenAt: new Date(8) })).to.deep.equal([[7, Infinity, '7']]);
  });
});

describe('parts of the population', () => {
  it('hold runs of ids that were made one after the other, all about as many', () => {
    const parts = Array.from({ length: 100_000 }, () => partOf(newId()));
    const changes = parts.filter((part, i) => i > 0 && part !== parts[i - 1]).length;
    expect(changes).to.be.within(1, 100_000 / 256 + 1);
    for (const part of PARTS)
      expect(parts.filter((one) => one === part)).to.have.lengthOf.within(15_000, 35_000);
  });

  it('are named in a filter that would hold for profiles of another, and in no other', () => {
    const did = { did: { event: 'Charged' } };
    const germans = { property: 'country', op: 'eq', value: 'DE' } as const;
    const others = { property: 'country', op: 'ne', value: 'DE' } as const;
    const namesPart = (segment: Segment): boolean => {
      const plan = planOf(segment, 0, new Map(), () => true);
      const options = { nowMs: 0, keyOf: () => 'e1' };
      const filter = filterOfPart(plan, 'p2', (atom) => atomFilter(atom, 'p2', options));
      return JSON.stringify(filter).includes('"part":"p2"');
    };
    const alone = { property: 'country', op: 'notExists' } as const;
    const unlike = { property: 'country', op: 'notIn', value: ['DE'] } as const;
    const keep: Segment[] = [germans, did, { lastDid: { event: 'Charged' } }, { all: [others, did] }];
    for (const segment of [...keep, { any: [germans, did] }]) expect(namesPart(segment)).to.equal(false);
    // Nobody passes for these documents alone: others are counted by their ids.
    for (const segment of [{ inList: 'a'.repeat(24) }, { subscription: {} }, { any: [] }])
      expect(namesPart(segment)).to.equal(false);
    expect(namesPart({ any: [{ all: [others, { not: germans }] }, germans] })).to.equal(true);
    expect(namesPart({ all: [{ any: [others, germans] }, { any: [germans, did] }] })).to.equal(false);
    const spread: Segment[] = [others, alone, unlike, { not: germans }, { didNot: { event: 'Charged' } }];
    for (const segment of [...spread, { any: [germans, others] }, { all: [] }])
      expect(namesPart(segment), JSON.stringify(segment)).to.equal(true);
  });
});
