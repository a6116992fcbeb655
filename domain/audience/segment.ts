import { checkCondition, parseInstant, type Condition } from './conditions.ts';
import { durationFault, parseDuration } from '../schedule/duration.ts';

/** How often: every bound that is given must hold. Default `{ gte: 1 }`. A bound such as `lt` counts zero as well. */
export interface CountBounds {
  eq?: number | undefined;
  gt?: number | undefined;
  gte?: number | undefined;
  lt?: number | undefined;
  lte?: number | undefined;
}

/**
 * When: nothing is ever. `within` counts back from now, `between` takes both ends in, `before` and `after` do
 * not take their instant in and may stand together. Instants are ISO 8601 with offset.
 */
export interface Period {
  within?: string | undefined;
  between?: [string, string] | undefined;
  before?: string | undefined;
  after?: string | undefined;
}

/** An event by name and, as it was posted, by its properties (`withinLast` counts back from the event's time). */
export interface EventFilter {
  event: string;
  where?: Condition[] | undefined;
}

/** How often a profile did something in a period. */
export interface Behaviour extends EventFilter, Period {
  count?: CountBounds | undefined;
}

/** The first or the last time that a profile did something, ever; holds when it lies in the period. */
export interface Occurrence extends EventFilter, Period {}

/** One subscription that meets all of it: `active` ones unless `status` says otherwise. */
export interface SubscriptionFilter {
  siteId?: string | undefined;
  status?: 'active' | 'optedOut' | 'expired' | 'any' | undefined;
  /** On `browserType`, `platformName`, `language`, `country`, `timezone`, `topics`, `transport`, `createdAt`, or an attribute. */
  where?: Condition[] | undefined;
}

/**
 * A predicate over profiles. `{ all: [] }` holds for everyone, `{ any: [] }` for no one. A bare condition asks
 * for a property of the profile.
 */
export type Segment =
  | { all: Segment[] }
  | { any: Segment[] }
  | { not: Segment }
  | { did: Behaviour }
  | { didNot: Behaviour }
  | { firstDid: Occurrence }
  | { lastDid: Occurrence }
  | { subscription: SubscriptionFilter }
  | { segment: string }
  | { inList: string }
  | Condition;

/** What we do ourselves and can be asked for like events; nobody may post events of these names. */
export const OWN_EVENTS = {
  sent: 'Notification Sent',
  delivered: 'Notification Delivered',
  viewed: 'Notification Viewed',
  clicked: 'Notification Clicked',
  dismissed: 'Notification Dismissed',
} as const;

/** @returns whether the name is one of our own events */
export function isOwnEvent(name: string): boolean {
  return (Object.values(OWN_EVENTS) as string[]).includes(name);
}

/** How deep a segment may nest, how many parts it may hold with the saved ones in it, and how many conditions a `where`. */
export const SEGMENT_LIMITS = { depth: 10, parts: 200, resolvedParts: 1_000, where: 20, name: 128 } as const;

/** The greatest count that a bound may ask for. */
export const MOST_COUNT = 1_000_000;

/** A fault and the JSON pointer of its place. */
export interface Fault {
  pointer: string;
  detail: string;
}

/** @returns every fault of the segment, with pointers below `pointer` */
export function checkSegment(segment: Segment, pointer: string): Fault[] {
  const faults: Fault[] = [];
  let parts = 0;
  const visit = (part: Segment, at: string, depth: number): void => {
    parts += 1;
    if (depth > SEGMENT_LIMITS.depth) {
      faults.push({ pointer: at, detail: `nests deeper than ${SEGMENT_LIMITS.depth} levels` });
    } else if ('all' in part) part.all.forEach((next, i) => visit(next, `${at}/all/${i}`, depth + 1));
    else if ('any' in part) part.any.forEach((next, i) => visit(next, `${at}/any/${i}`, depth + 1));
    else if ('not' in part) visit(part.not, `${at}/not`, depth + 1);
    else if ('did' in part) faults.push(...checkBehaviour(part.did, `${at}/did`));
    else if ('didNot' in part) faults.push(...checkBehaviour(part.didNot, `${at}/didNot`));
    else if ('firstDid' in part) faults.push(...checkOccurrence(part.firstDid, `${at}/firstDid`));
    else if ('lastDid' in part) faults.push(...checkOccurrence(part.lastDid, `${at}/lastDid`));
    else if ('subscription' in part)
      faults.push(...checkWhere(part.subscription.where, `${at}/subscription`));
    else if ('segment' in part || 'inList' in part) return;
    else for (const detail of checkCondition(part)) faults.push({ pointer: at, detail });
  };
  visit(segment, pointer, 1);
  if (parts > SEGMENT_LIMITS.parts) {
    faults.push({ pointer, detail: `holds more than ${SEGMENT_LIMITS.parts} parts` });
  }
  return faults;
}

function checkBehaviour(behaviour: Behaviour, at: string): Fault[] {
  const faults = checkOccurrence(behaviour, at);
  const bounds = Object.entries(behaviour.count ?? { gte: 1 }).filter(([, bound]) => bound !== undefined);
  if (bounds.length === 0) faults.push({ pointer: `${at}/count`, detail: 'names no bound' });
  for (const [name, bound] of bounds) {
    if (!Number.isInteger(bound) || (bound as number) < 0 || (bound as number) > MOST_COUNT) {
      faults.push({
        pointer: `${at}/count/${name}`,
        detail: `must be a whole number from 0 to ${MOST_COUNT}`,
      });
    }
  }
  return faults;
}

function checkOccurrence(occurrence: Occurrence, at: string): Fault[] {
  const faults = checkWhere(occurrence.where, at);
  if (typeof occurrence.event !== 'string' || occurrence.event === '')
    faults.push({ pointer: `${at}/event`, detail: 'must be the name of an event' });
  if (isOwnEvent(occurrence.event)) {
    for (const [i, condition] of (occurrence.where ?? []).entries()) {
      if (condition.op !== 'withinLast') continue;
      const detail = 'withinLast asks for an instant, and no property of our own events is one';
      faults.push({ pointer: `${at}/where/${i}/op`, detail });
    }
  }
  return [...faults, ...checkPeriod(occurrence, at)];
}

function checkPeriod({ within, between, before, after }: Period, at: string): Fault[] {
  const faults: Fault[] = [];
  const given = [within, between, before ?? after].filter((one) => one !== undefined);
  if (given.length > 1) {
    faults.push({ pointer: at, detail: 'takes one of within, between, and before or after (or both)' });
  }
  const lengthFault = within === undefined ? null : durationFault(within, '30m, 2h or 3d');
  if (lengthFault !== null) faults.push({ pointer: `${at}/within`, detail: lengthFault });
  const instant = (text: string, name: string): number => {
    const ms = typeof text === 'string' ? parseInstant(text) : null;
    if (ms === null)
      faults.push({ pointer: `${at}/${name}`, detail: 'must be an ISO 8601 instant with offset' });
    return ms ?? Number.NaN;
  };
  if (between !== undefined) {
    const [from, to] = [instant(between[0], 'between/0'), instant(between[1], 'between/1')];
    if (from > to) faults.push({ pointer: `${at}/between`, detail: 'must be in ascending order' });
  }
  const from = after === undefined ? Number.NaN : instant(after, 'after');
  const to = before === undefined ? Number.NaN : instant(before, 'before');
  if (from >= to) faults.push({ pointer: at, detail: 'holds for no instant: after must lie before before' });
  return faults;
}

function checkWhere(where: Condition[] | undefined, at: string): Fault[] {
  const faults = (where ?? []).flatMap((condition, i) =>
    checkCondition(condition).map((detail) => ({ pointer: `${at}/where/${i}`, detail })),
  );
  if ((where ?? []).length > SEGMENT_LIMITS.where)
    faults.push({ pointer: `${at}/where`, detail: `holds more than ${SEGMENT_LIMITS.where} conditions` });
  return faults;
}

/** A part of a segment that holds no other parts. */
export type Leaf = Exclude<Segment, { all: Segment[] } | { any: Segment[] } | { not: Segment }>;

/** @returns the parts that hold no other parts, in order */
export function leavesOf(segment: Segment): Leaf[] {
  if ('all' in segment) return segment.all.flatMap(leavesOf);
  if ('any' in segment) return segment.any.flatMap(leavesOf);
  if ('not' in segment) return leavesOf(segment.not);
  return [segment];
}

/** The ids of what a segment refers to, each once. */
export function referencesOf(segment: Segment): { segments: string[]; lists: string[] } {
  const segments = new Set<string>();
  const lists = new Set<string>();
  for (const part of leavesOf(segment)) {
    if ('segment' in part) segments.add(part.segment);
    else if ('inList' in part) lists.add(part.inList);
  }
  return { segments: [...segments], lists: [...lists] };
}

/**
 * The instants of a period, in milliseconds since 1970: from (inclusive) to (exclusive).
 *
 * @param nowMs what `within` counts back from
 */
export function rangeOf(period: Period, nowMs: number): { fromMs: number; toMs: number } {
  const at = (text: string): number => {
    const ms = parseInstant(text);
    if (ms === null) throw new RangeError(`not an instant: ${text}`);
    return ms;
  };
  if (period.within !== undefined) {
    const ms = parseDuration(period.within);
    if (ms === null) throw new RangeError(`not a duration: ${period.within}`);
    return { fromMs: nowMs - ms, toMs: Infinity };
  }
  if (period.between) return { fromMs: at(period.between[0]), toMs: at(period.between[1]) + 1 };
  return {
    fromMs: period.after === undefined ? -Infinity : at(period.after) + 1,
    toMs: period.before === undefined ? Infinity : at(period.before),
  };
}

/** The bounds as a range of whole numbers, both ends in it; `most` is Infinity without an upper bound. */
export function countRange(count: CountBounds = { gte: 1 }): { least: number; most: number } {
  const least = Math.max(0, count.gte ?? 0, (count.gt ?? -1) + 1, count.eq ?? 0);
  const most = Math.min(count.lte ?? Infinity, (count.lt ?? Infinity) - 1, count.eq ?? Infinity);
  return { least, most };
}
