import type { z } from 'zod';
import { SEGMENT_LIMITS } from '../../domain/audience/segment.ts';
import { faultText } from '../http/validate.ts';

type Issue = z.core.$ZodIssue;

const GROUPS = ['all', 'any', 'not'] as const;

/**
 * Walks through what should be a segment, group by group, and lets each leaf be judged by its own schema.
 *
 * @param value anything that JSON can say
 * @param leaves the schema of each part that is no group, by the key that tells it; `property` for conditions
 * @returns every fault with its path; nothing is looked at below the deepest level or after the last part
 */
export function judgeSegment(value: unknown, leaves: Record<string, z.ZodType>): Issue[] {
  const kinds = [...GROUPS, ...Object.keys(leaves)];
  const issues: Issue[] = [];
  let parts = 0;

  const fault = (message: string, path: PropertyKey[]): void => {
    issues.push({ code: 'custom', message, path, input: undefined });
  };

  const visit = (part: unknown, path: PropertyKey[], depth: number): void => {
    parts += 1;
    if (parts > SEGMENT_LIMITS.parts) return;
    if (depth > SEGMENT_LIMITS.depth) {
      fault(`nests deeper than ${SEGMENT_LIMITS.depth} levels`, path);
      return;
    }
    if (typeof part !== 'object' || part === null || Array.isArray(part)) {
      fault('must be an object: a part of a segment', path);
      return;
    }
    const keys = Object.keys(part);
    const told = kinds.filter((kind) => keys.includes(kind));
    if (told.length > 1) fault(`holds ${told.join(' and ')}: wrap them in all or any`, path);
    const kind = told[0] ?? (keys.includes('op') || keys.includes('value') ? 'property' : undefined);
    if (kind === undefined) {
      const detail = `a part of a segment is one of ${kinds.join(', ')}`;
      if (keys.length === 0) fault(`is empty; ${detail}`, path);
      for (const key of keys) fault(`unknown operator; ${detail}`, [...path, key]);
    } else if (kind === 'all' || kind === 'any' || kind === 'not') {
      for (const key of keys) if (!kinds.includes(key)) fault('unknown field', [...path, key]);
      visitGroup((part as Record<string, unknown>)[kind], kind, [...path, kind], depth + 1);
    } else {
      const own = told.length > 1 ? Object.fromEntries(entriesOf(part, kind, kinds)) : part;
      const result = leaves[kind]?.safeParse(own, { error: faultText });
      for (const issue of result?.error?.issues ?? [])
        issues.push({ ...issue, path: [...path, ...issue.path] });
    }
  };

  const visitGroup = (held: unknown, kind: string, path: PropertyKey[], depth: number): void => {
    if (kind === 'not') visit(held, path, depth);
    else if (!Array.isArray(held)) fault('must be an array of parts', path);
    else held.slice(0, SEGMENT_LIMITS.parts + 1).forEach((part, i) => visit(part, [...path, i], depth));
  };

  visit(value, [], 1);
  if (parts > SEGMENT_LIMITS.parts) fault(`holds more than ${SEGMENT_LIMITS.parts} parts`, []);
  return issues;
}

/** A part without the keys of the other kinds, which were named already. */
function entriesOf(part: object, kind: string, kinds: string[]): [string, unknown][] {
  return Object.entries(part).filter(([key]) => key === kind || !kinds.includes(key));
}
