import { CaptureTag, Context, Liquid } from 'liquidjs';
import type { LiquidOptions, Template } from 'liquidjs';
import { createSpending, type Spending } from './render-budget.ts';
import { guardedOperators, guardFilters, guardTags } from './template-filters.ts';
import { boundRange, pathOf, visitTemplates } from './template-tokens.ts';
import {
  addressOf,
  ENCODES,
  jsonOf,
  mustFit,
  plainTextOf,
  printed,
  type OutputPiece,
  type OutputValue,
  type TemplateEscape,
} from './template-output.ts';
import type { RenderBudget, RenderTextOptions, TemplateEngine } from '../ports/services.ts';

/** Thrown when a text cannot be parsed, or cannot be rendered within the limits. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
  readonly stage: 'parse' | 'render';

  constructor(stage: 'parse' | 'render', message: string, options?: ErrorOptions) {
    super(message, options);
    this.stage = stage;
  }
}

export interface TemplateLimits {
  /** Characters of one template, and of one rendered text. */
  maxTemplateLength: number;
  maxOutputLength: number;
  /** Milliseconds that the texts of one message may take together, or one text that is rendered alone. */
  renderMs: number;
  /** What filters, ranges, lists and captures of those may make, in characters and elements. */
  memory: number;
  /** Parsed templates kept, and characters of them altogether. */
  cachedTemplates: number;
  cachedLength: number;
}

export const defaultTemplateLimits: TemplateLimits = {
  maxTemplateLength: 65_536,
  maxOutputLength: 262_144,
  renderMs: 200,
  memory: 1_000_000,
  cachedTemplates: 1_000,
  cachedLength: 4_000_000,
};

/** As the port says; this one renders at once. */
export interface SyncTemplateEngine extends TemplateEngine {
  /** @throws TemplateError when the template is faulty or a limit is passed. */
  render(text: string, scope: Record<string, unknown>, options?: RenderTextOptions): string;
}

const fileTags = ['include', 'render', 'layout', 'block'];

/** Makes an engine for Liquid templates (LiquidJS) that reads no files and cannot run away. */
export function createTemplateEngine(limits: TemplateLimits = defaultTemplateLimits): SyncTemplateEngine {
  /** The outputs of the rendering under way where they are to be escaped: in their places stand marks. */
  let outputs: OutputValue[] | null = null;
  /** Of the rendering under way. */
  let current: { context: Context; spending: Spending } | null = null;
  const underWay = (): { context: Context; spending: Spending } => {
    if (current === null) throw new Error('nothing is being rendered');
    return current;
  };
  /** By the token of an output, the last filter that its author wrote. */
  const lastFilters = new WeakMap<object, string>();
  const liquid = createLiquid(limits, {
    output(token, value) {
      underWay().spending.check();
      if (outputs === null) return mustFit(printed(value), limits.maxOutputLength);
      outputs.push({ value, filter: lastFilters.get(token) });
      return `${MARK}${outputs.length - 1}${MARK_END}`;
    },
    // What is captured is a value like others, which is escaped where it is put out.
    captured(text) {
      underWay().spending.use(mustFit(text, limits.maxOutputLength).length);
      return outputs === null ? text : plainTextOf(piecesOf(text, outputs), limits.maxOutputLength);
    },
  });
  const cache = new Map<string, ParsedTemplate>();
  let cachedLength = 0;

  function parsed(text: string): ParsedTemplate {
    const known = cache.get(text);
    if (known) {
      // Set again to move it to the end: the first entry is the one longest unused.
      cache.delete(text);
      cache.set(text, known);
      return known;
    }
    const made = attempt('parse', () => {
      if (text.includes(MARK) || text.includes(MARK_END)) throw new Error('holds what is no character');
      const templates = liquid.parse(text);
      return { templates, references: examined(templates, lastFilters, () => underWay().context) };
    });
    cache.set(text, made);
    cachedLength += text.length;
    for (const oldest of cache.keys()) {
      if (cache.size <= limits.cachedTemplates && cachedLength <= limits.cachedLength) break;
      cache.delete(oldest);
      cachedLength -= oldest.length;
    }
    return made;
  }

  function rendered(templates: Template[], escape: TemplateEscape): string {
    const { context, spending } = underWay();
    const { maxOutputLength: most } = limits;
    const text = mustFit(String(liquid.renderSync(templates, context)), most);
    spending.check();
    if (outputs === null) return text;
    const pieces = piecesOf(text, outputs);
    return escape === 'url' ? addressOf(pieces, most) : jsonOf(pieces, most);
  }

  return {
    check(text) {
      try {
        if (!isStatic(text)) parsed(text);
        return null;
      } catch (error) {
        if (error instanceof TemplateError) return error.message;
        throw error;
      }
    },

    references(text) {
      if (isStatic(text)) return [];
      try {
        return parsed(text).references;
      } catch (error) {
        // That it does not parse is what `check` says.
        if (error instanceof TemplateError) return [];
        throw error;
      }
    },

    budget: () => createSpending(limits.renderMs, limits.memory),

    render(text, scope, { escape = 'none', budget } = {}) {
      if (isStatic(text)) return text;
      const { templates } = parsed(text);
      const spending = spendingOf(budget) ?? createSpending(limits.renderMs, limits.memory);
      return attempt('render', () => {
        outputs = escape === 'none' ? null : [];
        current = { context: contextOf(liquid, scope, spending), spending };
        try {
          return spending.within(() => rendered(templates, escape));
        } finally {
          outputs = null;
          current = null;
        }
      });
    },
  };
}

interface ParsedTemplate {
  templates: Template[];
  references: string[][];
}

function spendingOf(budget: RenderBudget | undefined): Spending | undefined {
  return budget as Spending | undefined;
}

/** What LiquidJS looks its variables up in and spends its limits of. */
function contextOf(liquid: Liquid, scope: Record<string, unknown>, spending: Spending): Context {
  const memoryLimit = { use: (count: number) => spending.use(count), check: () => spending.check() };
  const renderLimit = { use: () => spending.check(), check: () => spending.check() };
  const limiters = { memoryLimit, renderLimit, liquid } as unknown as ConstructorParameters<
    typeof Context
  >[3];
  // A copy, because the tags `increment` and `decrement` write into the scope.
  return new Context({ ...scope }, liquid.options, { sync: true }, limiters);
}

/** Around the number of an output; noncharacters, which no text has. */
const MARK = '\ufdd0';
const MARK_END = '\ufdd1';

function piecesOf(text: string, outputs: OutputValue[]): OutputPiece[] {
  return text.split(/\ufdd0(\d+)\ufdd1/).flatMap((part, i): OutputPiece[] => {
    if (i % 2 === 0) return part === '' ? [] : [part];
    const output = outputs[Number(part)];
    return output ? [output] : [];
  });
}

/**
 * Notes the last filter of each output, makes ranges end, and gathers what the templates read of the scope.
 * @throws Error when a template has more parts than can be followed in time
 */
function examined(
  templates: Template[],
  lastFilters: WeakMap<object, string>,
  context: () => Context,
): string[][] {
  const references = new Map<string, string[]>();
  visitTemplates(templates, {
    template: (template) => noteLastFilters(template, lastFilters),
    token(token, isOwn) {
      boundRange(token, context);
      const path = pathOf(token);
      if (path?.[0] !== undefined && !isOwn(path[0])) references.set(JSON.stringify(path), path);
    },
  });
  return [...references.values()];
}

/** Outputs that end in `json`, `raw` or `url_encode` are escaped already, or are not to be. */
function noteLastFilters(template: Template, lastFilters: WeakMap<object, string>): void {
  const { value, token } = template as Template & {
    value?: { filters?: { name: string; args?: unknown[] }[] };
  };
  const filters = value?.filters ?? [];
  const last = filters.at(-1);
  // LiquidJS adds a filter of its own to an output, and tells the tag `echo` by the token of the tag.
  const own = last === undefined ? undefined : (Reflect.get(last, 'token') as object | undefined);
  const echo = meaningful(filters);
  if (echo !== undefined) lastFilters.set(token, echo);
  const written = meaningful(filters.slice(0, -1));
  if (own !== undefined && written !== undefined) lastFilters.set(own, written);
}

/** What says how an output is escaped: a `default` of a fixed text changes nothing of what was encoded before it. */
function meaningful(filters: { name: string; args?: unknown[] }[]): string | undefined {
  const last = filters.at(-1);
  if (last?.name !== 'default') return last?.name;
  const before = meaningful(filters.slice(0, -1));
  const isFixed = (last.args ?? []).every(
    (arg) => typeof arg === 'object' && arg !== null && 'content' in arg,
  );
  return isFixed && before !== undefined && ENCODES.has(before) ? before : 'default';
}

type OutputEscape = NonNullable<LiquidOptions['outputEscape']>;

interface OutputHooks {
  /** @returns what is written for the value of an output */
  output(token: object, value: unknown): unknown;
  /** @returns what the variable holds for the text of a `capture` */
  captured(text: string): string;
}

function createLiquid(limits: TemplateLimits, hooks: OutputHooks): Liquid {
  const liquid = new Liquid({
    strictFilters: true,
    strictVariables: false,
    ownPropertyOnly: true,
    templates: {},
    timezoneOffset: 0,
    locale: 'en-US',
    parseLimit: limits.maxTemplateLength,
    operators: guardedOperators(),
    // LiquidJS calls it as a filter, with the token of the output; what it gives is written as any value is.
    outputEscape: function (this: { token: object }, value: unknown) {
      return hooks.output(this.token, value);
    } as unknown as OutputEscape,
  });
  // As any other filter: what it means is up to where its outcome stands.
  liquid.registerFilter('raw', (value: unknown) => value);
  liquid.registerTag(
    'capture',
    class extends CaptureTag {
      override *render(context: Context): Generator<unknown, void, string> {
        const text = yield this.liquid.renderer.renderTemplates(this.templates, context);
        (context.bottom() as Record<string, unknown>)[this.variable] = hooks.captured(text);
      }
    },
  );
  for (const tag of fileTags) delete liquid.tags[tag];
  takeNowFromScope(liquid);
  guardFilters(liquid, limits.maxOutputLength);
  guardTags(liquid);
  return liquid;
}

/** LiquidJS reads the machine's clock for 'now' and 'today'; here the time comes with the scope. */
function takeNowFromScope(liquid: Liquid): void {
  for (const name of [
    'date',
    'date_to_xmlschema',
    'date_to_rfc822',
    'date_to_string',
    'date_to_long_string',
  ]) {
    const original = liquid.filters[name];
    if (typeof original !== 'function') throw new Error(`LiquidJS has no filter ${name}`);
    liquid.registerFilter(name, function (value: unknown, ...rest: unknown[]): unknown {
      const isNow = value === 'now' || value === 'today';
      // eslint-disable-next-line no-invalid-this -- LiquidJS hands filters their context as `this`
      return original.call(this, isNow ? this.context.getSync(['now']) : value, ...rest) as unknown;
    });
  }
}

function isStatic(text: string): boolean {
  return !text.includes('{{') && !text.includes('{%');
}

function attempt<T>(stage: 'parse' | 'render', work: () => T): T {
  try {
    return work();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    // LiquidJS wraps what it catches, and tells of it by the message alone.
    const message = /call stack/i.test(text) ? 'nests too deeply' : text;
    throw new TemplateError(stage, message.split('\n')[0] ?? message, { cause: error });
  }
}
