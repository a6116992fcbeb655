import type { z } from 'zod';
import { Problem, type ProblemFault } from './problem.ts';
import { RESERVED_NAME } from '../../domain/reserved-names.ts';

/** @returns the JSON pointer (RFC 6901) of a path */
export function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/**
 * Parses a value or throws one `validation_failed` that names every fault.
 *
 * @param place `body`, or `query` / `path`, whose faults point at `?name` and `:name`
 */
export function parseOrThrow<S extends z.ZodType>(
  schema: S,
  value: unknown,
  place: 'body' | 'query' | 'path',
): z.output<S> {
  const result = schema.safeParse(value, { error: faultText });
  if (place === 'body' && value === undefined && !result.success)
    throw new Problem('validation_failed', undefined, [{ pointer: '', detail: 'the body is required' }]);
  // A record leaves this name out without a word, so it is looked for in the value itself.
  const hidden = place === 'body' ? prototypeNames(value, []) : [];
  if (result.success && hidden.length === 0) return result.data;
  const issues = result.error?.issues.flatMap((issue) => faultsOf(issue, place)) ?? [];
  const faults = [
    ...issues,
    ...hidden.filter(({ pointer }) => issues.every((one) => one.pointer !== pointer)),
  ];
  throw new Problem('validation_failed', undefined, faults.slice(0, MOST_FAULTS));
}

const MOST_FAULTS = 100;

/** @returns a fault for every `__proto__` of a parsed JSON text */
function prototypeNames(value: unknown, path: string[]): ProblemFault[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Object.hasOwn(value, '__proto__')
    ? [{ pointer: pointerOf([...path, '__proto__']), detail: RESERVED_NAME }]
    : [];
  return [...own, ...Object.entries(value).flatMap(([key, part]) => prototypeNames(part, [...path, key]))];
}

function faultsOf(
  issue: z.core.$ZodIssue,
  place: 'body' | 'query' | 'path',
  base: PropertyKey[] = [],
): ProblemFault[] {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ pointer: at([...path, key], place), detail: 'unknown field' }));
  }
  if (issue.code === 'invalid_key') {
    return issue.issues.map(({ message }) => ({ pointer: at(path, place), detail: `its name ${message}` }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // The alternative with the fewest faults is the one that was meant.
    const best = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a) || a.length - b.length)[0];
    if (best && best.length > 0) return best.flatMap((inner) => faultsOf(inner, place, path));
  }
  return [{ pointer: at(path, place), detail: issue.message }];
}

/** How far a parse went before it failed: an alternative that got further is the likelier one. */
function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.min(...issues.map((issue) => issue.path.length));
}

function at(path: readonly PropertyKey[], place: 'body' | 'query' | 'path'): string {
  if (place === 'body') return pointerOf(path);
  return `${place === 'query' ? '?' : ':'}${path.map(String).join('.')}`;
}

/** Faults in our words where a schema has none of its own. */
export function faultText(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    if (issue.input === undefined) return 'is required';
    return `must be ${WITH_ARTICLE[issue.expected] ?? `a ${issue.expected}`}`;
  }
  if (issue.code === 'invalid_value') {
    return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
  }
  if (issue.code === 'too_small') return sizeText('at least', issue.minimum, issue.origin);
  if (issue.code === 'too_big') return sizeText('at most', issue.maximum, issue.origin);
  if (issue.code === 'invalid_format')
    return `must be ${FORMATS[issue.format] ?? 'of the form it is to have'}`;
  if (issue.code === 'invalid_union')
    return Array.isArray(issue.options)
      ? `must be one of ${issue.options.map(String).join(', ')}`
      : 'is of none of the forms that it may have';
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${String(issue.divisor)}`;
  // Checks of our own say themselves what is wrong.
  return undefined;
}

/** A number is large itself; of anything else it is said what there is too much or too little of. */
function sizeText(bound: string, size: number | bigint, origin: string): string {
  const counted = COUNTED[origin];
  if (counted === undefined) return `must be ${bound} ${size}`;
  return `must have ${bound} ${size} ${counted[Number(size) === 1 ? 0 : 1]}`;
}

const COUNTED: Record<string, [string, string]> = {
  array: ['entry', 'entries'],
  set: ['entry', 'entries'],
  map: ['entry', 'entries'],
  object: ['field', 'fields'],
  string: ['character', 'characters'],
};

const FORMATS: Record<string, string> = {
  uuid: 'a UUID such as 0f9e0c1d-3b57-4f2b-8f0b-6f1f6d6a2a51',
  url: 'a URL',
  email: 'an e-mail address',
  date: 'a date such as 2027-12-31',
  datetime: 'an ISO 8601 instant',
};

const WITH_ARTICLE: Record<string, string> = {
  object: 'an object',
  array: 'an array',
  int: 'a whole number',
  record: 'an object',
  boolean: 'true or false',
};
