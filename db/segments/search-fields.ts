import { parseInstant } from '../../domain/audience/conditions.ts';
import { PROFILE_FIELDS } from '../../domain/profile.ts';

const NAMED = new Set<string>(PROFILE_FIELDS);

/**
 * A property's name as one step of a path: no dot, no dollar sign in it, whatever the name.
 * `a.b` becomes `a%2Eb`.
 */
export function searchKey(name: string): string {
  return name.replace(/[%.$]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/**
 * A value as conditions compare it: a text that is an ISO 8601 instant becomes a Date, what cannot be compared
 * (an object, a list in a list) an empty document that only says that something is there.
 *
 * @returns undefined for what counts as absent
 */
export function searchValue(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  return Array.isArray(value) ? value.map(comparable) : comparable(value);
}

function comparable(value: unknown): unknown {
  if (typeof value === 'string') {
    const ms = parseInstant(value);
    return ms === null ? value : new Date(ms);
  }
  return typeof value === 'number' || typeof value === 'boolean' ? value : {};
}

/**
 * The part of a profile's document that conditions are answered from (`q`), one wildcard index over all of it.
 * A property with the name of one of the profile's own fields is left out: conditions never mean it.
 *
 * @param fields the named fields, absent ones left out
 */
export function searchFields(
  fields: Record<string, unknown>,
  properties: Record<string, unknown>,
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(properties)) {
    if (!NAMED.has(name)) shown[searchKey(name)] = searchValue(value) ?? null;
  }
  for (const [name, value] of Object.entries(fields)) {
    if (NAMED.has(name)) shown[name] = searchValue(value) ?? null;
  }
  return shown;
}
