import { checkCondition, matchesAll, type Condition } from './conditions.ts';

/** A predicate over profiles. `{ all: [] }` holds for everyone, `{ any: [] }` for no one. */
export type Segment = { all: Segment[] } | { any: Segment[] } | { not: Segment } | Condition;

/** How deep a segment may nest, and how many conditions it may hold. */
export const SEGMENT_LIMITS = { depth: 10, conditions: 200 } as const;

/**
 * @param scope the profile as conditions see it
 * @param nowMs the instant that `withinLast` counts back from, epoch milliseconds
 * @returns whether the profile belongs to the segment
 */
export function inSegment(segment: Segment, scope: Record<string, unknown>, nowMs: number): boolean {
  if ('all' in segment) return segment.all.every((part) => inSegment(part, scope, nowMs));
  if ('any' in segment) return segment.any.some((part) => inSegment(part, scope, nowMs));
  if ('not' in segment) return !inSegment(segment.not, scope, nowMs);
  return matchesAll([segment], scope, nowMs);
}

/** A fault and the JSON pointer of its place. */
export interface Fault {
  pointer: string;
  detail: string;
}

/** @returns every fault of the segment, with pointers below `pointer` */
export function checkSegment(segment: Segment, pointer: string): Fault[] {
  const faults: Fault[] = [];
  let conditions = 0;
  const visit = (part: Segment, at: string, depth: number): void => {
    if (depth > SEGMENT_LIMITS.depth) {
      faults.push({ pointer: at, detail: `nests deeper than ${SEGMENT_LIMITS.depth} levels` });
    } else if ('all' in part) part.all.forEach((next, i) => visit(next, `${at}/all/${i}`, depth + 1));
    else if ('any' in part) part.any.forEach((next, i) => visit(next, `${at}/any/${i}`, depth + 1));
    else if ('not' in part) visit(part.not, `${at}/not`, depth + 1);
    else {
      conditions += 1;
      for (const detail of checkCondition(part)) faults.push({ pointer: at, detail });
    }
  };
  visit(segment, pointer, 1);
  if (conditions > SEGMENT_LIMITS.conditions) {
    faults.push({ pointer, detail: `holds more than ${SEGMENT_LIMITS.conditions} conditions` });
  }
  return faults;
}
