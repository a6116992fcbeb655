import { RESERVED_NAME, RESERVED_NAMES } from '../reserved-names.ts';
import { durationFault, parseDuration } from '../schedule/duration.ts';

export const operators = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'between',
  'in',
  'notIn',
  'contains',
  'startsWith',
  'exists',
  'notExists',
  'before',
  'after',
  'withinLast',
] as const;

export type Operator = (typeof operators)[number];

/** One test of one property of an event or a profile. What `value` must be depends on `op`. */
export interface Condition {
  /** The property's own name; a dot in it is a dot, not a path. */
  property: string;
  op: Operator;
  value?: unknown;
}

const maxNameLength = 128;
/** Of a text that is looked for in others. */
const maxPartLength = 1_000;

/**
 * Whether the properties meet every condition (no conditions: yes). A property that is missing, inherited,
 * `null` or `undefined` is absent, and an absent one meets only `ne`, `notIn` and `notExists`. Types are
 * never converted into each other; an ISO 8601 instant (or a Date) is compared as the instant it stands for.
 * An array meets `eq`, `in` and `contains` when any element does, and `ne` and `notIn` when none does.
 * A condition that `checkCondition` would fault is not met; nothing throws.
 */
export function matchesAll(
  conditions: readonly Condition[],
  properties: Record<string, unknown>,
  nowMs: number,
): boolean {
  return conditions.every((condition) => matches(condition, properties, nowMs));
}

function matches(
  { property, op, value }: Condition,
  properties: Record<string, unknown>,
  nowMs: number,
): boolean {
  const actual = Object.hasOwn(properties, property) ? properties[property] : undefined;
  const elements = actual === undefined || actual === null ? [] : Array.isArray(actual) ? actual : [actual];
  switch (op) {
    case 'eq':
      return elements.some((element) => isSame(element, value));
    case 'ne':
      return !elements.some((element) => isSame(element, value));
    case 'in':
      return Array.isArray(value) && elements.some((element) => isAnyOf(element, value));
    case 'notIn':
      return Array.isArray(value) && !elements.some((element) => isAnyOf(element, value));
    case 'contains':
      return elements.some((element) => isText(element) && isText(value) && element.includes(value));
    case 'startsWith':
      return isText(actual) && isText(value) && actual.startsWith(value);
    case 'exists':
      return actual !== undefined && actual !== null;
    case 'notExists':
      return actual === undefined || actual === null;
    case 'gt':
      return difference(actual, value) > 0;
    case 'gte':
      return difference(actual, value) >= 0;
    case 'lt':
      return difference(actual, value) < 0;
    case 'lte':
      return difference(actual, value) <= 0;
    case 'between':
      return Array.isArray(value) && difference(actual, value[0]) >= 0 && difference(actual, value[1]) <= 0;
    case 'before':
      return instantOf(actual) < instantOf(value);
    case 'after':
      return instantOf(actual) > instantOf(value);
    case 'withinLast': {
      const lengthMs = parseDuration(value as string);
      const at = instantOf(actual);
      return lengthMs !== null && at >= nowMs - lengthMs && at <= nowMs;
    }
    default:
      return false;
  }
}

/**
 * What is wrong with a condition that came from outside, a sentence each; nothing when it may be used.
 * `eq`, `ne` take a text, a finite number or a truth value, `in` and `notIn` a list of these; `gt` to `lte`
 * a finite number or an instant, `between` two of a kind in ascending order (both ends belong to it);
 * `contains` and `startsWith` a text that is not empty; `before` and `after` an instant; `withinLast` a
 * duration; `exists` and `notExists` nothing.
 */
export function checkCondition(condition: Condition): string[] {
  const faults = checkName(condition.property);
  if (!operators.includes(condition.op)) return [...faults, `op must be one of ${operators.join(', ')}`];
  const fault = checkValue(condition.op, condition.value);
  return fault === null ? faults : [...faults, `value of ${condition.op} must be ${fault}`];
}

function checkName(name: unknown): string[] {
  if (typeof name !== 'string' || name === '') return ['property must be a name'];
  const faults: string[] = [];
  if (name.length > maxNameLength) faults.push(`property must have at most ${maxNameLength} characters`);
  if (name.includes('\0')) faults.push('property must not contain a NUL character');
  if (name.startsWith('$')) faults.push('property must not start with "$"');
  if (RESERVED_NAMES.has(name)) faults.push(`property ${RESERVED_NAME}`);
  return faults;
}

function checkValue(op: Operator, value: unknown): string | null {
  switch (op) {
    case 'eq':
    case 'ne':
      return isScalar(value) ? null : 'a text, a number, true or false';
    case 'in':
    case 'notIn':
      return Array.isArray(value) && value.length > 0 && value.every(isScalar)
        ? null
        : 'a list, not empty, of texts, numbers, true or false';
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return isOrdered(value) ? null : 'a number or an ISO 8601 instant with offset';
    case 'between':
      return Array.isArray(value) && value.length === 2 && difference(value[0], value[1]) <= 0
        ? null
        : 'two numbers or two ISO 8601 instants with offset, in ascending order';
    case 'contains':
    case 'startsWith':
      return isText(value) && value !== '' && value.length <= maxPartLength
        ? null
        : `a text of 1 to ${maxPartLength} characters`;
    case 'exists':
    case 'notExists':
      return value === undefined ? null : 'left out';
    case 'before':
    case 'after':
      return isText(value) && !Number.isNaN(instantOf(value)) ? null : 'an ISO 8601 instant with offset';
    case 'withinLast':
      return durationFault(value as string, '30m, 2h or 3d')?.replace('must be ', '') ?? null;
  }
}

/**
 * Reads an ISO 8601 instant: date, time to the minute or finer, and `Z` or an offset.
 *
 * @returns milliseconds since 1970, or `null` for any other text and for dates that no calendar has.
 */
export function parseInstant(text: string): number | null {
  const match =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/.exec(
      text,
    );
  if (!match) return null;
  const [, year, month, day] = match;
  // Date.parse lets 30 February pass as 1 or 2 March.
  const lastDay = new Date(new Date(0).setUTCFullYear(Number(year), Number(month), 0)).getUTCDate();
  const ms = Number(day) > lastDay ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function isOrdered(value: unknown): boolean {
  return !Number.isNaN(difference(value, value));
}

function isSame(left: unknown, right: unknown): boolean {
  return left === right || instantOf(left) === instantOf(right);
}

function isAnyOf(element: unknown, list: unknown[]): boolean {
  return list.some((item) => isSame(element, item));
}

/** NaN, which compares as false with everything, when the value is not an instant. */
function instantOf(value: unknown): number {
  if (typeof value === 'string') return parseInstant(value) ?? Number.NaN;
  return value instanceof Date ? value.getTime() : Number.NaN;
}

/** Left minus right, both numbers or both instants; NaN for anything else. */
function difference(left: unknown, right: unknown): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  return instantOf(left) - instantOf(right);
}
