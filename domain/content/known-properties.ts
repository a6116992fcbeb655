import { parseInstant } from '../audience/conditions.ts';
import type { KnownProperty } from '../ports/properties.ts';

type PropertyType = KnownProperty['types'][number];

/** How deep properties of properties are named, how many are, and how much of a value is shown. */
const MOST_LEVELS = 3;
const MOST_PROPERTIES = 1_000;
const MOST_EXAMPLES = 3;
const EXAMPLE_LENGTH = 80;

/** So many have a value before it is shown: what one or two have may be theirs alone. */
const SHARED_BY = 3;
const MOST_VALUES = 1_000;
/** Of a value, what is looked at to show some of it. */
const LOOKED_AT = 1_000;

interface Learned {
  path: string[];
  types: Set<PropertyType>;
  maxBytes: number;
  /** By what is shown of them: whose they are, as far as that matters; what is open is shown whoever has it. */
  values: Map<string, { shown: unknown; owners: Set<string>; isOpen: boolean }>;
  masks: Map<string, unknown>;
}

/**
 * What properties there are, of the objects that were looked at, nested ones by their path. Shown are values that
 * several have, booleans, short numbers and dates; the others are masked, as are those that say who somebody is.
 *
 * @param ownerOf whose a sample is; absent: each is somebody else's
 * @returns by name
 */
export function learnProperties(
  samples: Iterable<Record<string, unknown>>,
  ownerOf: (index: number) => string = String,
): KnownProperty[] {
  // By the path as JSON: a dot in a name is a dot, so that dots between names would make one of two.
  const known = new Map<string, Learned>();

  const note = (path: string[], value: unknown, owner: string): void => {
    const pathKey = JSON.stringify(path);
    let one = known.get(pathKey);
    if (!one) {
      if (known.size >= MOST_PROPERTIES) return;
      one = { path, types: new Set(), maxBytes: 0, values: new Map(), masks: new Map() };
      known.set(pathKey, one);
    }
    const type = typeOf(value);
    one.types.add(type);
    const text = textOf(value);
    one.maxBytes = Math.max(one.maxBytes, bytesInJson(typeof value === 'string' ? value : text));
    if (type === 'object') return;
    // Who writes `customer.name` means a name, whether it is a path or not.
    const name = path.at(-1)?.split('.').at(-1) ?? '';
    const shown = exampleOf(name, value, true);
    const mask = exampleOf(name, value, false);
    const [key, maskKey] = [JSON.stringify(shown), JSON.stringify(mask)];
    const seen = one.values.get(key);
    if (!seen && one.values.size >= MOST_VALUES) return;
    const owners = seen?.owners ?? new Set();
    if (owners.size < SHARED_BY) owners.add(owner);
    if (!seen) one.values.set(key, { shown, owners, isOpen: key === maskKey });
    if (key !== maskKey && one.masks.size < MOST_EXAMPLES) one.masks.set(maskKey, mask);
  };
  const visit = (properties: Record<string, unknown>, owner: string, above: string[]): void => {
    for (const [name, value] of Object.entries(properties)) {
      if (value === null || value === undefined) continue;
      const path = [...above, name];
      note(path, value, owner);
      if (path.length < MOST_LEVELS && typeOf(value) === 'object')
        visit(value as Record<string, unknown>, owner, path);
    }
  };
  let index = 0;
  for (const sample of samples) {
    visit(sample, ownerOf(index), []);
    index += 1;
  }
  return [...known.values()]
    .map(({ path, types, maxBytes, values, masks }) => {
      const open = [...values.values()].filter(({ owners, isOpen }) => isOpen || owners.size >= SHARED_BY);
      return {
        name: path.join('.'),
        path,
        types: [...types].sort(),
        examples: (open.length > 0 ? open.map(({ shown }) => shown) : [...masks.values()]).slice(
          0,
          MOST_EXAMPLES,
        ),
        maxBytes,
      };
    })
    .sort((a, b) => (a.name === b.name ? a.path.length - b.path.length : a.name < b.name ? -1 : 1));
}

/** @returns the property that these names lead to */
export function propertyAt(known: KnownProperty[], path: string[]): KnownProperty | undefined {
  return known.find(
    (one) => one.path.length === path.length && one.path.every((name, i) => name === path[i]),
  );
}

function typeOf(value: unknown): PropertyType {
  if (value instanceof Date) return 'date';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'string')
    return parseInstant(value) !== null || /^\d{4}-\d\d-\d\d$/.test(value) ? 'date' : 'string';
  if (typeof value === 'number' || typeof value === 'bigint') return 'number';
  return typeof value === 'boolean' ? 'boolean' : 'object';
}

/** The last part of a name that says that its values are about one person alone, or open something. */
const SENSITIVE =
  /(^|[^a-z])(identity|id_?card|passport|ssn|iban|bic|ip|tel|street|zip|postcode)$|mail|phone|mobile|password|passwd|secret|token|api_?key|card_?number|birth|address|^(first|last|full|sur|given|family|middle|maiden|nick|user|display)?[-_ ]?name$/i;
/** An e-mail address, or a telephone number, wherever it stands. */
const TELLING = /[^\s@]@[^\s@]+\.|^\+?[\d\s()/-]{8,20}$/;

/** Seven digits and more, also with what stands between the digits of cards, accounts and telephone numbers. */
const LONG_NUMBER = /\d(?:[ ().,/-]{0,2}\d){6,}/g;

/**
 * @param isShared several have the value
 * @returns what is shown of a value, or of as much of a list as there is room for
 */
function exampleOf(name: string, value: unknown, isShared: boolean): unknown {
  if (value === null || value === undefined) return null;
  if (Array.isArray(value)) return listOf(name, value, isShared);
  const type = typeOf(value);
  if (type === 'boolean') return value;
  if (type === 'object')
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, exampleOf(key, inner, isShared)]),
    );
  if (type === 'number')
    return SENSITIVE.test(name) || textOf(value).replace(/\D/g, '').length >= 7 ? '***' : value;
  const text = textOf(value).slice(0, LOOKED_AT);
  if (SENSITIVE.test(name)) return masked(text);
  if (type === 'date') return cut(text);
  return !isShared || TELLING.test(text) ? masked(text) : cut(text.replace(LONG_NUMBER, '***'));
}

function listOf(name: string, values: unknown[], isShared: boolean): unknown[] {
  const shown: unknown[] = [];
  for (const value of values) {
    shown.push(exampleOf(name, value, isShared));
    const { length } = JSON.stringify(shown);
    // Of a text that is cut there is room for one.
    if (length <= EXAMPLE_LENGTH || (shown.length === 1 && typeof shown[0] === 'string')) continue;
    shown.pop();
    break;
  }
  return shown;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function bytesInJson(text: string): number {
  return new TextEncoder().encode(JSON.stringify(text)).length - 2;
}

/** The first character alone, and that only of what is longer than it gives away. */
function masked(text: string): string {
  const [first = ''] = text;
  return text.length > 3 ? `${first}***` : '***';
}

function cut(text: string): string {
  const characters = [...text.slice(0, 2 * EXAMPLE_LENGTH)];
  return characters.length <= EXAMPLE_LENGTH && text.length <= 2 * EXAMPLE_LENGTH
    ? text
    : `${characters.slice(0, EXAMPLE_LENGTH - 1).join('')}…`;
}
