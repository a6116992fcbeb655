import { evalToken, toValueSync, type Context, type Template } from 'liquidjs';

/** Of one expression: filters, arguments of a filter, brackets in each other, parts of a path. */
const MOST_PARTS = 50;
/** Of one expression: values and the operators between them. */
const MOST_OPERANDS = 200;
/** Of one template: tags and outputs in each other. Far below what would exhaust the stack of whoever follows them. */
const MOST_LEVELS = 100;

/** What a token may have; LiquidJS tells kinds of tokens apart by it as well. */
interface AnyToken {
  content?: string | number;
  props?: AnyToken[];
  variable?: AnyToken;
  lhs?: AnyToken;
  rhs?: AnyToken;
  initial?: { postfix: AnyToken[] };
  filters?: { args: (AnyToken | [string, AnyToken | undefined])[] }[];
}

type AnyTemplate = Template & { localScope?: () => Iterable<{ content: string }> };

/** What the templates are seen as by whoever goes through them. */
export interface TemplateVisitor {
  template?(template: Template): void;
  /** A token, before those inside of it. `names` are those that the template gave, and not the scope. */
  token?(token: AnyToken, isOwn: (name: string) => boolean): void;
}

/**
 * Goes through templates as they are rendered.
 * @throws Error when they nest too deeply, or an expression has too many parts: whoever follows it takes long
 */
export function visitTemplates(templates: Template[], visitor: TemplateVisitor): void {
  const assigned = new Set<string>();
  const blocks: Set<string>[] = [];
  const isOwn = (name: string): boolean => assigned.has(name) || blocks.some((names) => names.has(name));

  function visitToken(token: AnyToken | undefined, depth = 0): void {
    if (typeof token !== 'object') return;
    const fault = sizeFault(token, depth);
    if (fault !== null) throw new Error(fault);
    // Taken before, because the visitor may put others in their places.
    const parts = [
      token.variable,
      token.lhs,
      token.rhs,
      ...(token.props ?? []),
      ...(token.initial?.postfix ?? []),
    ];
    visitor.token?.(token, isOwn);
    for (const part of parts) visitToken(part, depth + 1);
    for (const { args } of token.filters ?? [])
      for (const arg of args) visitToken(Array.isArray(arg) ? arg[1] : arg, depth + 1);
  }
  function visit(list: AnyTemplate[], depth: number): void {
    if (depth > MOST_LEVELS) throw new Error(`nests deeper than ${MOST_LEVELS} levels`);
    for (const template of list) {
      visitor.template?.(template);
      for (const token of template.arguments?.() ?? []) visitToken(token as AnyToken);
      for (const { content } of template.localScope?.() ?? []) assigned.add(content);
      if (!template.children) continue;
      const names = template.blockScope?.();
      if (names) blocks.push(new Set(names));
      visit(toValueSync(template.children(false, true)), depth + 1);
      if (names) blocks.pop();
    }
  }
  visit(templates, 0);
}

function sizeFault({ props, initial, filters }: AnyToken, depth: number): string | null {
  if (depth > MOST_PARTS) return `has brackets nested deeper than ${MOST_PARTS} levels`;
  if ((props?.length ?? 0) > MOST_PARTS) return `has a path of more than ${MOST_PARTS} parts`;
  if ((initial?.postfix.length ?? 0) > MOST_OPERANDS) return 'has too many conditions in one expression';
  if ((filters?.length ?? 0) > MOST_PARTS) return `has more than ${MOST_PARTS} filters in one expression`;
  if (filters?.some(({ args }) => args.length > MOST_PARTS))
    return `has a filter of more than ${MOST_PARTS} arguments`;
  return null;
}

/** @returns the path that a token reads, as far as it is known beforehand; null when it reads none */
export function pathOf(token: AnyToken): string[] | null {
  if (!token.props || token.variable) return null;
  const path: string[] = [];
  for (const [i, prop] of token.props.entries()) {
    // What stands in brackets is known only when it is rendered, but for the name of a root.
    const inner = i === 0 && prop.props ? pathOf(prop) : null;
    if (inner) path.push(...inner);
    else if (prop.content === undefined) return path.length > 0 ? path : null;
    else path.push(String(prop.content));
  }
  return path;
}

/**
 * Bounds the ends of ranges: beyond the whole numbers that can be counted one by one, LiquidJS would count for ever.
 * @param context of the rendering under way
 */
export function boundRange(token: AnyToken, context: () => Context): void {
  for (const end of ['lhs', 'rhs'] as const) {
    const original = token[end];
    if (original === undefined) continue;
    token[end] = {
      get content() {
        const value: unknown = toValueSync(evalToken(original as Parameters<typeof evalToken>[0], context()));
        if (Math.abs(Number(value)) > MOST_RANGE) throw new Error('a range ends beyond what can be counted');
        return Number(value);
      },
    };
  }
}

const MOST_RANGE = 1_000_000_000;
