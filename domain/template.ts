import { Liquid } from 'liquidjs';
import type { Template } from 'liquidjs';

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

export interface TemplateEngine {
  /** What is wrong with a template, in one line, or `null` when it can be rendered. */
  check(text: string): string | null;
  /**
   * Fills a template from the scope: own properties only, what is missing is empty. The word `now` in
   * `{{ 'now' | date: '%d.%m.' }}` is the scope's `now`, an ISO 8601 instant; dates are shown in UTC unless
   * the filter names a zone. Nothing is escaped: the caller knows what the text becomes part of.
   *
   * @throws TemplateError when the template is faulty or a limit is passed.
   */
  render(text: string, scope: Record<string, unknown>): string;
}

const fileTags = ['include', 'render', 'layout', 'block'];

/** Makes an engine for Liquid templates (LiquidJS) that reads no files and cannot run away. */
export function createTemplateEngine(limits: TemplateLimits = defaultTemplateLimits): TemplateEngine {
  const liquid = createLiquid(limits);
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
    const templates = attempt('parse', () => liquid.parse(text));
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

    render(text, scope) {
      if (isStatic(text)) return text;
      const templates = parsed(text);
      // A copy, because the tags `increment` and `decrement` write into the scope.
      const output = attempt('render', () => String(liquid.renderSync(templates, { ...scope })));
      if (output.length > limits.maxOutputLength) {
        throw new TemplateError('render', `the text has more than ${limits.maxOutputLength} characters`);
      }
      return output;
    },
  };
}

function createLiquid(limits: TemplateLimits): Liquid {
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
  });
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
