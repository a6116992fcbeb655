import { parseInstant, type Condition } from './conditions.ts';
import {
  countRange,
  type Behaviour,
  type EventFilter,
  type Leaf,
  type Period,
  type Segment,
  type SubscriptionFilter,
} from './segment.ts';
import { listText, nameText, spanText, timesText, valueText } from './word-text.ts';

/** The names of what a segment refers to, by id. */
export interface ReferenceNames {
  segments?: ReadonlyMap<string, string>;
  lists?: ReadonlyMap<string, string>;
  sites?: ReadonlyMap<string, string>;
}

/** A clause such as `who did "Charged"`. The two for whom there is none keep their names until they are said. */
type Clause = 'everyone' | 'noOne' | (string & {});

/** @returns whom a segment holds for, as a clause that follows `everyone` or `those` */
export function segmentClause(segment: Segment, names: ReferenceNames = {}): Clause {
  return clauseOf(segment, false, names).text;
}

/** A clause, and whether it joins several, so that it takes brackets inside of another. */
interface Said {
  text: Clause;
  joins?: true;
}

/** Negations are taken down to the parts, where they can be said plainly. */
function clauseOf(segment: Segment, negated: boolean, names: ReferenceNames): Said {
  if ('not' in segment) return clauseOf(segment.not, !negated, names);
  if ('all' in segment || 'any' in segment) {
    const isAll = 'all' in segment;
    const parts = (isAll ? segment.all : segment.any).map((part) => clauseOf(part, negated, names));
    return joined(parts, isAll === negated ? 'or' : 'and');
  }
  return { text: leafClause(segment, negated, names) };
}

function joined(parts: Said[], word: 'and' | 'or'): Said {
  // Who is left when nothing is asked for, and who decides it alone.
  const [none, decisive]: Clause[] = word === 'and' ? ['everyone', 'noOne'] : ['noOne', 'everyone'];
  if (parts.some(({ text }) => text === decisive)) return { text: decisive ?? '' };
  const left = parts.filter(({ text }) => text !== none);
  const [first] = left;
  if (!first) return { text: none ?? '' };
  if (left.length === 1) return first;
  const texts = left.map(({ text, joins }) => (joins ? `(${text})` : text));
  return { text: texts.join(` ${word} `), joins: true };
}

function leafClause(part: Leaf, negated: boolean, names: ReferenceNames): Clause {
  const not = negated ? 'not ' : '';
  if ('did' in part) return behaviourClause(part.did, negated);
  if ('didNot' in part) return behaviourClause(part.didNot, !negated);
  if ('firstDid' in part) return occurrenceClause('first', part.firstDid, negated);
  if ('lastDid' in part) return occurrenceClause('last', part.lastDid, negated);
  if ('segment' in part) return `who is ${not}in the saved segment ${named(part.segment, names.segments)}`;
  if ('inList' in part) return `who is ${not}in the list ${named(part.inList, names.lists)}`;
  if ('subscription' in part) return subscriptionClause(part.subscription, negated, names);
  return propertyClause(part, negated);
}

function named(id: string, names: ReadonlyMap<string, string> | undefined): string {
  const name = names?.get(id);
  return name === undefined ? id : nameText(name);
}

function behaviourClause(behaviour: Behaviour, negated: boolean): Clause {
  const { least, most } = countRange(behaviour.count);
  const what = `${eventText(behaviour)}${periodText(behaviour)}`;
  if (least > most) return negated ? 'everyone' : 'noOne';
  if (!negated) return countedClause(what, least, most);
  if (least === 0 && most === Infinity) return 'noOne';
  if (most === Infinity) return countedClause(what, 0, least - 1);
  if (least === 0) return countedClause(what, most + 1, Infinity);
  return `who did ${what} any number of times but ${boundsText(least, most)}`;
}

function countedClause(what: string, least: number, most: number): Clause {
  if (most === 0) return `who did not do ${what}`;
  if (most === Infinity && least <= 1) return least === 0 ? 'everyone' : `who did ${what}`;
  return `who did ${what} ${boundsText(least, most)}`;
}

function boundsText(least: number, most: number): string {
  if (most === Infinity) return `at least ${timesText(least)}`;
  if (least === most) return `exactly ${timesText(most)}`;
  return least === 0 ? `at most ${timesText(most)}, or never` : `${least} to ${most} times`;
}

function occurrenceClause(
  which: 'first' | 'last',
  occurrence: EventFilter & Period,
  negated: boolean,
): string {
  const clause = `who did ${eventText(occurrence)} for the ${which} time${periodText(occurrence, ' ever')}`;
  return negated ? `who is not one of those ${clause}` : clause;
}

function subscriptionClause(filter: SubscriptionFilter, negated: boolean, names: ReferenceNames): string {
  const { status = 'active', siteId, where = [] } = filter;
  const kind = { active: 'active', optedOut: 'opted-out', expired: 'expired', any: '' }[status];
  const article = negated ? 'no' : /^[aeo]/.test(kind) ? 'an' : 'a';
  const subscription = ['who has', article, kind, 'subscription'].filter((word) => word !== '').join(' ');
  const site = siteId === undefined ? '' : ` on the site ${named(siteId, names.sites)}`;
  return `${subscription}${site}${whereText(where)}`;
}

function eventText({ event, where = [] }: EventFilter): string {
  return `${nameText(event)}${whereText(where)}`;
}

/** @returns the conditions on what was named before, such as ` with "price" of at least 20` */
export function whereText(where: readonly Condition[]): string {
  if (where.length === 0) return '';
  const conditions = where.map((one) => `${nameText(one.property)} ${testText(one, false)}`);
  return ` (where ${conditions.join(' and ')})`;
}

function periodText({ within, between, before, after }: Period, ever = ''): string {
  if (within !== undefined) return ` in the last ${spanText(within)}`;
  if (between) return ` from ${between[0]} to ${between[1]}`;
  if (after === undefined && before === undefined) return ever;
  return `${after === undefined ? '' : ` after ${after}`}${before === undefined ? '' : ` before ${before}`}`;
}

function propertyClause(condition: Condition, negated: boolean): string {
  return `whose ${nameText(condition.property)} ${testText(condition, negated)}`;
}

/** @returns a test as a verb and what it is of, such as `is at least 20` */
function testText({ op, value }: Condition, negated: boolean): string {
  const is = negated ? 'is not' : 'is';
  const isInstant = typeof value === 'string' && parseInstant(value) !== null;
  const one = valueText(value);
  const list = (word: 'and' | 'or'): string =>
    listText((Array.isArray(value) ? value : [value]).map(valueText), word);
  switch (op) {
    case 'eq':
      return `${is} ${one}`;
    case 'ne':
      return `${negated ? 'is' : 'is not'} ${one}`;
    case 'in':
      return `${is} ${list('or')}`;
    case 'notIn':
      return `${negated ? 'is' : 'is not'} ${list('or')}`;
    case 'gt':
      return `${is} ${isInstant ? 'after' : 'more than'} ${one}`;
    case 'gte':
      return `${is} ${isInstant ? 'at or after' : 'at least'} ${one}`;
    case 'lt':
      return `${is} ${isInstant ? 'before' : 'less than'} ${one}`;
    case 'lte':
      return `${is} ${isInstant ? 'at or before' : 'at most'} ${one}`;
    case 'between':
      return `${is} between ${list('and')}`;
    case 'contains':
      return `${negated ? 'does not contain' : 'contains'} ${one}`;
    case 'startsWith':
      return `${negated ? 'does not start with' : 'starts with'} ${one}`;
    case 'exists':
      return negated ? 'is not known' : 'is known';
    case 'notExists':
      return negated ? 'is known' : 'is not known';
    case 'before':
    case 'after':
      return `${is} ${op} ${one}`;
    case 'withinLast':
      return `${negated ? 'does not lie' : 'lies'} within the last ${spanText(String(value))}`;
  }
}
