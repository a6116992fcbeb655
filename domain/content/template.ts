import { CaptureTag, Liquid, toValueSync } from 'liquidjs';
import type { Context, LiquidOptions, Template } from 'liquidjs';
import {
  addressOf,
  jsonOf,
  mustFit,
  plainTextOf,
  type OutputPiece,
  type OutputValue,
} from './template-output.ts';
import type { RenderTextOptions, TemplateEngine } from '../ports/services.ts';

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
  /** Milliseconds one rendering may take. */
  renderMs: number;
  /** What filters, ranges and lists of one rendering may make, in characters and elements. */
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
  /** By the token of an output, the last filter that its author wrote. */
  const lastFilters = new WeakMap<object, string>();
  const liquid = createLiquid(limits, {
    output(token, value) {
      if (outputs === null) return value;
      outputs.push({ value, filter: lastFilters.get(token) });
      return `${MARK}${outputs.length - 1}${MARK_END}`;
    },
    // What is captured is a value like others, which is escaped where it is put out.
    captured(text) {
      mustFit(text, limits.maxOutputLength);
      return outputs === null ? text : plainTextOf(piecesOf(text, outputs), limits.maxOutputLength);
    },
  });
  const cache = new Map<string, Template[]>();
  let cachedLength = 0;

  function parsed(text: string): Template[] {
    const known = cache.get(text);
    if (known) {
      // Set again to move it to the end: the first entry is the one longest unused.
      cache.delete(text);
      cache.set(text, known);
      return known;
    }
    const templates = attempt('parse', () => {
      if (text.includes(MARK) || text.includes(MARK_END)) throw new Error('holds what is no character');
      const made = liquid.parse(text);
      noteLastFilters(made, lastFilters);
      return made;
    });
    cache.set(text, templates);
    cachedLength += text.length;
    for (const oldest of cache.keys()) {
      if (cache.size <= limits.cachedTemplates && cachedLength <= limits.cachedLength) break;
      cache.delete(oldest);
      cachedLength -= oldest.length;
    }
    return templates;
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
      return attempt('parse', () => liquid.globalVariableSegmentsSync(parsed(text))).map((segments) => {
        // What stands in brackets is known only when it is rendered.
        const dynamic = segments.findIndex((segment) => Array.isArray(segment));
        return (dynamic === -1 ? segments : segments.slice(0, dynamic)).map(String);
      });
    },

    render(text, scope, { escape = 'none' } = {}) {
      if (isStatic(text)) return text;
      const templates = parsed(text);
      return attempt('render', () => {
        outputs = escape === 'none' ? null : [];
        try {
          // A copy, because the tags `increment` and `decrement` write into the scope.
          const { maxOutputLength: most } = limits;
          const rendered = mustFit(String(liquid.renderSync(templates, { ...scope })), most);
          if (outputs === null) return rendered;
          const pieces = piecesOf(rendered, outputs);
          return escape === 'url' ? addressOf(pieces, most) : jsonOf(pieces, most);
        } finally {
          outputs = null;
        }
      });
    },
  };
}

const MAX_DEPTH = 100;

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

/** Outputs that end in `json`, `raw` or `url_encode` are escaped already, or are not to be. */
function noteLastFilters(templates: Template[], lastFilters: WeakMap<object, string>, depth = 0): void {
  // Far below what would exhaust the stack of whoever goes through the template.
  if (depth > MAX_DEPTH) throw new Error(`nests deeper than ${MAX_DEPTH} levels`);
  for (const template of templates) {
    const { value, token } = template as Template & { value?: { filters?: { name: string }[] } };
    const filters = value?.filters ?? [];
    const last = filters.at(-1);
    // LiquidJS adds a filter of its own to an output, and tells the tag `echo` by the token of the tag.
    const own = last === undefined ? undefined : (Reflect.get(last, 'token') as object | undefined);
    const echo = filters.at(-1)?.name;
    if (echo !== undefined) lastFilters.set(token, echo);
    const written = filters.at(-2)?.name;
    if (own !== undefined && written !== undefined) lastFilters.set(own, written);
    if (template.children)
      noteLastFilters(toValueSync(template.children(false, true)), lastFilters, depth + 1);
  }
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
    renderLimit: limits.renderMs,
    memoryLimit: limits.memory,
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
  // It draws at random, so that a message tried again would read differently.
  liquid.unregisterFilter('sample');
  takeNowFromScope(liquid);
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
    const message = error instanceof Error ? error.message : String(error);
    throw new TemplateError(stage, message.split('\n')[0] ?? message, { cause: error });
  }
}
