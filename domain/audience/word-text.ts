import { parseDuration } from '../schedule/duration.ts';

const MOST_LISTED = 6;
const MOST_CHARACTERS = 120;
const UNITS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' };

/** @returns `a, b and c`, without those that are too many to be read */
export function listText(parts: string[], word: 'and' | 'or'): string {
  const [last = '', ...others] = parts.length > MOST_LISTED ? shortened(parts) : [...parts].reverse();
  return others.length === 0 ? last : `${others.reverse().join(', ')} ${word} ${last}`;
}

/** The last first. */
function shortened(parts: string[]): string[] {
  const shown = parts.slice(0, MOST_LISTED - 1);
  return [`${parts.length - shown.length} more`, ...shown.reverse()];
}

/** @returns a name in quotes, so that it is told from the words around it */
export function nameText(name: string): string {
  return valueText(name);
}

/** @returns a value as it would be written down, cut where it is long */
export function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const characters = [...text.slice(0, 2 * MOST_CHARACTERS)];
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS - 1).join('')}…` : text;
}

/** @returns a duration in words, such as `10 minutes` */
export function spanText(duration: string): string {
  const [, count, unit = ''] = /^0*(\d+)([smhdw])$/.exec(duration) ?? [];
  const word = UNITS[unit];
  if (count === undefined || word === undefined || parseDuration(duration) === null) return duration;
  return `${count} ${word}${count === '1' ? '' : 's'}`;
}

/** @returns `once`, `twice`, `5 times` */
export function timesText(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
}
