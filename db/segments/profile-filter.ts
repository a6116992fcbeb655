import { boundAt } from './entry.ts';
import { needsProperty, profileCondition } from './conditions.ts';
import { SPILL } from './spill.ts';
import { ALWAYS, and, NEVER, none, or, type Filter } from './filter.ts';
import type { Part } from './parts.ts';
import { atomsOf, type Atom, type Plan, type Range } from './plan.ts';
import { tracesOfLeft, tracesSince, type TextRange } from './traces.ts';

/** What a question comes to for a profile's document alone. */
export interface AtomFilter {
  /** Right for every profile that `touched` does not hold for. */
  filter: Filter;
  /** Profiles whose document does not tell: entries have left it, or the answer lies in another collection. */
  touched: Filter;
  /** Whether the filter holds for no one outside the part. */
  keepsToPart: boolean;
}

export interface FilterOptions {
  nowMs: number;
  /** @returns the key of an event name in the documents; undefined when no event of it was ever folded */
  keyOf(name: string): string | undefined;
}

/** @returns whether the answer lies in another collection for every profile that it touches */
export function isElsewhere(atom: Atom): boolean {
  return (
    atom.kind === 'subscription' || atom.kind === 'list' || ('source' in atom && atom.source !== 'rollup')
  );
}

/** @returns a question as filters of the documents of one part's profiles */
export function atomFilter(atom: Atom, part: Part, options: FilterOptions): AtomFilter {
  if (atom.kind === 'property') {
    const { condition } = atom;
    return {
      filter: profileCondition(condition, options.nowMs, part),
      touched: NEVER,
      keepsToPart: needsProperty(condition),
    };
  }
  if (atom.kind === 'subscription' || atom.kind === 'list' || atom.source !== 'rollup') {
    return { filter: NEVER, touched: ALWAYS, keepsToPart: true };
  }
  const key = options.keyOf(atom.event.event);
  if (key === undefined || atom.range.fromMs >= atom.range.toMs)
    return { filter: NEVER, touched: NEVER, keepsToPart: true };
  const filters =
    atom.kind === 'times'
      ? timesFilter(key, part, atom.range, atom.least)
      : edgeFilter(key, part, atom.range, atom.which);
  // Traces are of one part.
  return { ...filters, keepsToPart: true };
}

/** The n-th latest event is the n-th place of the document's entries; an index holds traces of the latest two. */
function timesFilter(key: string, part: Part, range: Range, least: number): Omit<AtomFilter, 'keepsToPart'> {
  const from = boundAt(range.fromMs);
  const recent = [hasTrace(tracesSince(part, key, range.fromMs, least))];
  const spilled = hasTrace([tracesOfLeft(part, key, from)]);
  if (range.toMs === Infinity) {
    recent.push({ [`did.${key}.${least - 1}`]: { $gte: from } });
    // The latest entries never leave the document.
    return { filter: and(recent), touched: least > SPILL.keep ? spilled : NEVER };
  }
  const to = boundAt(range.toMs);
  if (least === 1) {
    recent.push({ [`did.${key}`]: { $elemMatch: { $gte: from, $lt: to } } });
  } else {
    const inRange = { $and: [{ $gte: ['$$this', from] }, { $lt: ['$$this', to] }] };
    const counted = { $size: { $filter: { input: { $ifNull: [`$did.${key}`, []] }, cond: inRange } } };
    recent.push({ $expr: { $gte: [counted, least] } });
  }
  return { filter: and(recent), touched: spilled };
}

/** What the index of traces answers. */
function hasTrace(ranges: TextRange[]): Filter {
  return or(ranges.map(({ from, to }) => ({ traces: { $elemMatch: { $gte: from, $lt: to } } })));
}

function edgeFilter(
  key: string,
  part: Part,
  range: Range,
  which: 'first' | 'last',
): Omit<AtomFilter, 'keepsToPart'> {
  const from = boundAt(range.fromMs);
  const to = range.toMs === Infinity ? null : boundAt(range.toMs);
  const inRange = { $gte: from, ...(to === null ? {} : { $lt: to }) };
  const recent = hasTrace(tracesSince(part, key, range.fromMs, 1));
  if (which === 'last') return { filter: and([recent, { [`did.${key}.0`]: inRange }]), touched: NEVER };
  return {
    filter: and([
      recent,
      { [`did.${key}`]: { $elemMatch: inRange } },
      none({ [`did.${key}`]: { $elemMatch: { $lt: from } } }),
    ]),
    touched: hasTrace([tracesOfLeft(part, key, '')]),
  };
}

/** @param of what stands in the place of each question */
export function filterOf(plan: Plan, of: (atom: Atom) => Filter): Filter {
  if ('all' in plan) return and(plan.all.map((part) => filterOf(part, of)));
  if ('any' in plan) return or(plan.any.map((part) => filterOf(part, of)));
  return 'not' in plan ? none(filterOf(plan.not, of)) : of(plan.atom);
}

/** @returns the filter of a plan's profiles of one part: what keeps to it already is not asked which part it is of */
export function filterOfPart(plan: Plan, part: Part, of: (atom: Atom) => AtomFilter): Filter {
  const filter = filterOf(plan, (atom) => of(atom).filter);
  return keepsToPart(plan, of) ? filter : and([filter, { part }]);
}

function keepsToPart(plan: Plan, of: (atom: Atom) => AtomFilter): boolean {
  if ('all' in plan) return plan.all.some((one) => keepsToPart(one, of));
  if ('any' in plan) return plan.any.every((one) => keepsToPart(one, of));
  return 'not' in plan ? false : of(plan.atom).keepsToPart;
}

/** @returns a filter that lets everyone through whom the plan may hold for, and some more */
export function wideFilter(plan: Plan, of: (atom: Atom) => AtomFilter, positive = true): Filter {
  if ('all' in plan) {
    const parts = plan.all.map((part) => wideFilter(part, of, positive));
    return and(parts);
  }
  if ('any' in plan) return or(plan.any.map((part) => wideFilter(part, of, positive)));
  if ('not' in plan) return none(wideFilter(plan.not, of, !positive));
  const { filter, touched } = of(plan.atom);
  return positive ? or([filter, touched]) : and([filter, none(touched)]);
}

/** @returns the questions that documents alone do not answer for everyone */
export function openAtoms(plan: Plan, of: (atom: Atom) => AtomFilter): Atom[] {
  return [...new Set(atomsOf(plan))].filter((atom) => of(atom).touched !== NEVER);
}
