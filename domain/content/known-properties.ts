import { parseInstant } from '../audience/conditions.ts';
import type { KnownProperty } from '../ports/properties.ts';

type PropertyType = KnownProperty['types'][number];

/** How deep properties of properties are named, how many are, and how much of a value is shown. */
const MOST_LEVELS = 3;
const MOST_PROPERTIES = 1_000;
const MOST_EXAMPLES = 3;
const EXAMPLE_LENGTH = 80;

/**
 * What properties there are, of the objects that were looked at: nested ones by their dotted path, as templates name
 * them. Values that say who somebody is are masked.
 *
 * @returns by name
 */
export function learnProperties(samples: Iterable<Record<string, unknown>>): KnownProperty[] {
  const known = new Map<string, { types: Set<PropertyType>; examples: Map<string, unknown> }>();

  const note = (path: string, value: unknown): void => {
    let one = known.get(path);
    if (!one) {
      if (known.size >= MOST_PROPERTIES) return;
      known.set(path, (one = { types: new Set(), examples: new Map() }));
    }
    const type = typeOf(value);
    one.types.add(type);
    if (type === 'object' || one.examples.size >= MOST_EXAMPLES) return;
    const example = exampleOf(path, value);
    one.examples.set(JSON.stringify(example), example);
  };
  const visit = (properties: Record<string, unknown>, prefix: string, level: number): void => {
    for (const [name, value] of Object.entries(properties)) {
      if (value === null || value === undefined) continue;
      const path = `${prefix}${name}`;
      note(path, value);
      if (level < MOST_LEVELS && typeOf(value) === 'object')
        visit(value as Record<string, unknown>, `${path}.`, level + 1);
    }
  };
  for (const sample of samples) visit(sample, '', 1);
  return [...known]
    .map(([name, { types, examples }]) => ({
      name,
      types: [...types].sort(),
      examples: [...examples.values()],
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
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

function exampleOf(path: string, value: unknown): unknown {
  const name = path.slice(path.lastIndexOf('.') + 1);
  const text = textOf(value);
  // A date is made of digits and dashes as a telephone number is.
  const tells = typeof value === 'string' && typeOf(value) === 'string' && TELLING.test(text);
  const tellsInside = Array.isArray(value) && /[^\s@]@[^\s@]+\./.test(text);
  if (typeof value !== 'boolean' && (SENSITIVE.test(name) || tells || tellsInside))
    return typeof value === 'string' ? masked(value) : '***';
  return typeof value === 'string' || Array.isArray(value) || value instanceof Date ? cut(text) : value;
}

function textOf(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
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
