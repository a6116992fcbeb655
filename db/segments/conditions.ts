import { parseInstant, type Condition } from '../../domain/audience/conditions.ts';
import { parseDuration } from '../../domain/schedule/duration.ts';
import { PROFILE_FIELDS } from '../../domain/profile.ts';
import { and, or, type Filter } from './filter.ts';
import type { Part } from './parts.ts';
import { searchKey } from './search-fields.ts';

const NAMED = new Set<string>(PROFILE_FIELDS);
const NOT_A_LIST = { $not: { $type: 'array' } } as const;

/**
 * A condition on a profile as a filter of its document, exactly as `matchesAll` judges it. Comparisons read the
 * search fields, in which instants are dates, by one wildcard index; parts of texts are looked for in what was
 * posted.
 *
 * @param nowMs what `withinLast` counts back from
 * @param part that of the profiles that are asked
 */
export function profileCondition({ property, op, value }: Condition, nowMs: number, part: Part): Filter {
  const path = `q.${part}.${searchKey(property)}`;
  const at = (test: object): Filter => ({ [path]: test });
  switch (op) {
    case 'eq':
      return at({ $eq: comparable(value) });
    case 'ne':
      return at({ $ne: comparable(value) });
    case 'in':
      return at({ $in: (value as unknown[]).map(comparable) });
    case 'notIn':
      return at({ $nin: (value as unknown[]).map(comparable) });
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return at({ [`$${op}`]: comparable(value), ...NOT_A_LIST });
    case 'between': {
      const [least, most] = value as [unknown, unknown];
      return at({ $gte: comparable(least), $lte: comparable(most), ...NOT_A_LIST });
    }
    case 'before':
      return at({ $lt: comparable(value), ...NOT_A_LIST });
    case 'after':
      return at({ $gt: comparable(value), ...NOT_A_LIST });
    case 'withinLast':
      return at({
        $gte: new Date(nowMs - (parseDuration(value as string) ?? 0)),
        $lte: new Date(nowMs),
        ...NOT_A_LIST,
      });
    case 'exists':
      return at({ $exists: true });
    case 'notExists':
      return at({ $exists: false });
    case 'startsWith':
      return or([
        at({ $regex: `^${escaped(value as string)}`, ...NOT_A_LIST }),
        // A text that is an instant is a date among the search fields.
        and([at({ $type: 'date', ...NOT_A_LIST }), { $expr: beginsWith(posted(property), value as string) }]),
      ]);
    case 'contains':
      return or([
        at({ $regex: escaped(value as string) }),
        and([at({ $type: 'date' }), { $expr: holdsText(posted(property), value as string) }]),
      ]);
  }
}

/** @returns whether nobody meets the condition who has no such property */
export function needsProperty({ op }: Condition): boolean {
  return op !== 'ne' && op !== 'notIn' && op !== 'notExists';
}

/**
 * Conditions on what was posted (an event's properties, a subscription's attributes) as a filter.
 *
 * @param prefix path of the document that holds the properties
 * @returns the filter, and whether it is exact: if not, it lets more through, to be judged by `matchesAll`
 */
export function postedConditions(
  conditions: readonly Condition[],
  prefix: string,
): { filter: Filter; exact: boolean } {
  const parts: Filter[] = [];
  let exact = true;
  for (const condition of conditions) {
    const filter = postedCondition(condition, prefix);
    if (filter === null) exact = false;
    else parts.push(filter);
  }
  return { filter: and(parts), exact };
}

/** @returns null for what a query cannot say exactly: names with dots, and instants, which were posted as texts */
function postedCondition({ property, op, value }: Condition, prefix: string): Filter | null {
  if (/[.$]/.test(property) || holdsInstant(value)) return null;
  const path = `${prefix}.${property}`;
  const at = (test: object): Filter => ({ [path]: test });
  switch (op) {
    case 'eq':
      return at({ $eq: value });
    case 'ne':
      return at({ $ne: value });
    case 'in':
      return at({ $in: value });
    case 'notIn':
      return at({ $nin: value });
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return at({ [`$${op}`]: value, ...NOT_A_LIST });
    case 'between': {
      const [least, most] = value as [unknown, unknown];
      return at({ $gte: least, $lte: most, ...NOT_A_LIST });
    }
    case 'exists':
      return { $expr: { $gt: [`$${path}`, null] } };
    case 'notExists':
      return { $expr: { $lte: [`$${path}`, null] } };
    case 'startsWith':
      return at({ $regex: `^${escaped(value as string)}`, ...NOT_A_LIST });
    case 'contains':
      return at({ $regex: escaped(value as string) });
    case 'before':
    case 'after':
    case 'withinLast':
      return null;
  }
}

function holdsInstant(value: unknown): boolean {
  return [value].flat().some((one) => typeof one === 'string' && parseInstant(one) !== null);
}

function comparable(value: unknown): unknown {
  const ms = typeof value === 'string' ? parseInstant(value) : null;
  return ms === null ? value : new Date(ms);
}

/** A text as it stands, in a regular expression. */
function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll('\0', '\\x00');
}

/** What was posted under a name, whatever signs the name holds. */
function posted(property: string): object | string {
  if (NAMED.has(property)) return `$${property}`;
  return { $getField: { field: { $literal: property }, input: '$properties' } };
}

function beginsWith(value: object | string, text: string): object {
  return {
    $and: [{ $eq: [{ $type: value }, 'string'] }, { $eq: [{ $indexOfCP: [value, { $literal: text }] }, 0] }],
  };
}

function holdsText(value: object | string, text: string): object {
  const held = {
    $and: [
      { $eq: [{ $type: '$$this' }, 'string'] },
      { $gte: [{ $indexOfCP: ['$$this', { $literal: text }] }, 0] },
    ],
  };
  return {
    $gt: [
      { $size: { $filter: { input: { $cond: [{ $isArray: [value] }, value, [value]] }, cond: held } } },
      0,
    ],
  };
}
