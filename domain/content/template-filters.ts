import { CaseTag, defaultOperators, evalToken, Tag, toValue } from 'liquidjs';
import type { Context, Emitter, Liquid, LiquidOptions, TagToken, TopLevelToken } from 'liquidjs';
import { weigh } from './render-budget.ts';
import { mustFit, printed } from './template-output.ts';

/*
 * LiquidJS looks at its limits between tags and where it makes something, not while a filter or an operator is at
 * work. So none begins without time left, and each is given only what it can come to an end with.
 */

/** They take the same time whatever they are given. */
const INSTANT = new Set(['size', 'first', 'last', 'default', 'raw']);
/** They look for a text in another: long ones in long ones takes the product of both. */
const SEARCHES = new Set([
  ...['split', 'remove', 'remove_first', 'remove_last'],
  ...['replace', 'replace_first', 'replace_last'],
]);
const MOST_SEARCH = 20_000_000;
/** They read a property of each element, whose name they parse each time. */
const BY_PROPERTY = new Set([
  ...['map', 'sum', 'sort', 'sort_natural', 'where', 'reject', 'group_by', 'has', 'find', 'find_index'],
]);
const MOST_PROPERTY = 128;
/** Each directive of a format takes long. */
const DATES = new Set([
  'date',
  'date_to_xmlschema',
  'date_to_rfc822',
  'date_to_string',
  'date_to_long_string',
]);
const MOST_FORMAT = 200;
/** LiquidJS does not count what they make. */
const UNCOUNTED = new Set(['url_encode', 'url_decode', 'cgi_escape', 'uri_escape', 'slugify']);

/** The limit looks at a clock of its own. */
const ANY = 0;

type Handler = (this: unknown, ...values: unknown[]) => unknown;
interface FilterCall {
  context: Context;
}

/** Puts limits around every filter, and takes those away that cannot have any. */
export function guardFilters(liquid: Liquid, maxLength: number): void {
  // It draws at random, so that a message tried again would read differently.
  liquid.unregisterFilter('sample');
  for (const [name, original] of Object.entries(liquid.filters)) {
    // An expression for each element: a program in a text, parsed and run unseen.
    if (name.endsWith('_exp')) {
      liquid.unregisterFilter(name);
      continue;
    }
    if (typeof original !== 'function' || INSTANT.has(name)) continue;
    const work = (name === 'sort' || name === 'sort_natural' ? sortBy(name) : original) as Handler;
    const guarded = function* (this: FilterCall, ...values: unknown[]): Generator<unknown, unknown, unknown> {
      const { renderLimit, memoryLimit } = this.context;
      renderLimit.check(ANY);
      for (const value of values) weigh(value);
      mustBeCheap(name, values);
      const made: unknown = yield work.apply(this, values);
      if (typeof made === 'string') mustFit(made, maxLength);
      if (UNCOUNTED.has(name)) memoryLimit.use(String(made).length);
      weigh(made);
      return made;
    };
    liquid.registerFilter(name, guarded as Parameters<Liquid['registerFilter']>[1]);
  }
}

function mustBeCheap(name: string, [value, ...args]: unknown[]): void {
  if (SEARCHES.has(name)) mustBeFound(printed(value), printed(args[0]));
  if (BY_PROPERTY.has(name)) {
    const property = printed(args[0]);
    if (property.length > MOST_PROPERTY || property.includes('('))
      throw new Error(`${name} takes the name of a property`);
  }
  if (DATES.has(name) && args.some((arg) => printed(arg).length > MOST_FORMAT))
    throw new Error(`${name} takes a format of at most ${MOST_FORMAT} characters`);
}

function mustBeFound(text: string, part: string): void {
  if (text.length * part.length > MOST_SEARCH)
    throw new Error('a text is too long to be looked for in another');
}

/** As LiquidJS sorts, with an eye on the time; what is a list or an object is sorted by how it is printed. */
function sortBy(name: 'sort' | 'sort_natural'): Handler {
  return function (this: unknown, given: unknown, property: unknown): unknown {
    const { context } = this as FilterCall;
    const list: unknown = toValue(given);
    const values: unknown[] = Array.isArray(list) ? list : list === null || list === undefined ? [] : [list];
    context.memoryLimit.use(values.length);
    const path = property === undefined || property === '' ? null : printed(property).split('.');
    const keyed = values.map((value) => {
      let key: unknown = value;
      for (const part of path ?? []) key = context.readProperty(key as object, part) as unknown;
      return { value, key: name === 'sort' ? comparable(key) : natural(key) };
    });
    keyed.sort((a, b) => {
      context.renderLimit.check(ANY);
      if (a.key === null || b.key === null) return Number(a.key === null) - Number(b.key === null);
      return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
    });
    return keyed.map(({ value }) => value);
  };
}

function comparable(key: unknown): string | number | null {
  const value: unknown = toValue(key);
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.getTime();
  return typeof value === 'number' ? value : printed(value);
}

function natural(key: unknown): string | null {
  const value: unknown = toValue(key);
  return value === null || value === undefined ? null : printed(value).toLowerCase();
}

type Operators = NonNullable<LiquidOptions['operators']>;
type Compare = (l: unknown, r: unknown, context: Context) => unknown;

/** @returns the operators of LiquidJS within limits */
export function guardedOperators(): Operators {
  const compare = Object.entries(defaultOperators).map(([name, original]) => {
    if (['not', 'and', 'or'].includes(name)) return [name, original];
    const guarded = function* (
      l: unknown,
      r: unknown,
      context: Context,
    ): Generator<unknown, unknown, unknown> {
      context.renderLimit.check(ANY);
      const [left, right] = [toValue(l), toValue(r)] as unknown[];
      for (const value of [left, right]) if (Array.isArray(value)) weigh(value);
      if (name === 'contains' && typeof left === 'string') mustBeFound(left, printed(right));
      return yield (original as Compare)(l, r, context);
    };
    return [name, guarded];
  });
  return Object.fromEntries(compare) as Operators;
}

/** The tags of LiquidJS that do much at once, within limits. */
export function guardTags(liquid: Liquid): void {
  const equal = (liquid.options.operators['=='] ?? (() => false)) as Compare;
  liquid.registerTag(
    'case',
    class extends CaseTag {
      override *render(context: Context, emitter: Emitter): Generator<unknown, void, unknown> {
        const { renderer } = this.liquid;
        const target: unknown = toValue(yield this.value.value(context, false));
        let hit = false;
        for (const { values, templates } of this.branches) {
          for (const token of values) {
            if ((yield equal(target, yield evalToken(token, context), context)) !== true) continue;
            yield renderer.renderTemplates(templates, context, emitter);
            hit = true;
            break;
          }
        }
        if (!hit) yield renderer.renderTemplates(this.elseTemplates, context, emitter);
      }
    },
  );
  liquid.registerTag(
    '#',
    class extends Tag {
      constructor(token: TagToken, rest: TopLevelToken[], owner: Liquid) {
        super(token, rest, owner);
        // LiquidJS asks a pattern that takes the square of many empty lines.
        const others = token.args.split('\n').slice(1);
        if (others.some((line) => !/^(?:#|$)/.test(line.trim())))
          throw new Error("every line of an inline comment must start with a '#' character");
      }
      render(): void {
        // Nothing: it is a comment.
      }
    },
  );
}
