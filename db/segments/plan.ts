import type { Condition } from '../../domain/audience/conditions.ts';
import {
  countRange,
  isOwnEvent,
  rangeOf,
  type EventFilter,
  type Period,
  type Segment,
  type SubscriptionFilter,
} from '../../domain/audience/segment.ts';

/** Instants in milliseconds: from (inclusive) to (exclusive), either may be infinite. */
export interface Range {
  fromMs: number;
  toMs: number;
}

/** Where an event is counted: in the roll-up, among the events themselves, or among our own messages. */
export type Source = 'rollup' | 'events' | 'messages';

/** A question that a profile answers with yes or no. Those that touch nothing of a profile are false for it. */
export type Atom =
  | { kind: 'property'; condition: Condition }
  /** At least so many times, one or more, in the range. */
  | { kind: 'times'; source: Source; event: EventFilter; range: Range; least: number }
  | { kind: 'edge'; source: Source; event: EventFilter; range: Range; which: 'first' | 'last' }
  | { kind: 'subscription'; filter: SubscriptionFilter }
  | { kind: 'list'; listId: string };

/** A segment whose references are followed, and whose counts are questions of "at least". */
export type Plan = { all: Plan[] } | { any: Plan[] } | { not: Plan } | { atom: Atom };

/**
 * @param saved the saved segments that it refers to, directly or not, by id
 * @param followed whether the roll-up follows events of this name
 */
export function planOf(
  segment: Segment,
  nowMs: number,
  saved: ReadonlyMap<string, Segment>,
  followed: (name: string) => boolean,
): Plan {
  const sourceOf = (event: EventFilter): Source => {
    if (isOwnEvent(event.event)) return 'messages';
    return (event.where ?? []).length === 0 && followed(event.event) ? 'rollup' : 'events';
  };
  const occurs = (which: 'first' | 'last', event: EventFilter & Period): Plan => ({
    atom: { kind: 'edge', source: sourceOf(event), event, range: rangeOf(event, nowMs), which },
  });

  const planned = (part: Segment): Plan => {
    if ('all' in part) return { all: part.all.map(planned) };
    if ('any' in part) return { any: part.any.map(planned) };
    if ('not' in part) return { not: planned(part.not) };
    if ('did' in part) {
      const { least, most } = countRange(part.did.count);
      const range = rangeOf(part.did, nowMs);
      const atLeast = (times: number): Plan =>
        times === 0
          ? { all: [] }
          : { atom: { kind: 'times', source: sourceOf(part.did), event: part.did, range, least: times } };
      if (least > most || range.fromMs >= range.toMs)
        return least > most || least > 0 ? { any: [] } : { all: [] };
      return most === Infinity ? atLeast(least) : { all: [atLeast(least), { not: atLeast(most + 1) }] };
    }
    if ('didNot' in part) return { not: planned({ did: part.didNot }) };
    if ('firstDid' in part) return occurs('first', part.firstDid);
    if ('lastDid' in part) return occurs('last', part.lastDid);
    if ('subscription' in part) return { atom: { kind: 'subscription', filter: part.subscription } };
    if ('inList' in part) return { atom: { kind: 'list', listId: part.inList } };
    if ('segment' in part) {
      const referred = saved.get(part.segment);
      if (referred === undefined) throw new Error(`saved segment ${part.segment} was not loaded`);
      return planned(referred);
    }
    return { atom: { kind: 'property', condition: part } };
  };
  return planned(segment);
}

/** @returns every question of the plan, in order */
export function atomsOf(plan: Plan): Atom[] {
  if ('all' in plan) return plan.all.flatMap(atomsOf);
  if ('any' in plan) return plan.any.flatMap(atomsOf);
  return 'not' in plan ? atomsOf(plan.not) : [plan.atom];
}
