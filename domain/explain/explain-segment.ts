import type { Condition, Operator } from '../audience/conditions.ts';
import {
  countRange,
  type Behaviour,
  type EventFilter,
  type Period,
  type Segment,
} from '../audience/segment.ts';

/** A part of a segment in words, and whether it holds for one profile; null when that could not be judged. */
export interface JudgedPart {
  text: string;
  holds: boolean | null;
  /** Why it could not be judged. */
  fault?: string;
  parts?: JudgedPart[];
}

/** What was found out about a part that holds no other parts. */
export type LeafVerdict = Pick<JudgedPart, 'holds' | 'fault'>;

/**
 * @param verdicts what each of `leavesOf` came to; one that is absent could not be judged
 * @param properties what conditions on the profile see, to say what is there instead
 * @param names of saved segments and lists, by their ids; those that are not known are told by the id alone
 * @returns the whole as a tree
 */
export function judgeSegment(
  segment: Segment,
  verdicts: ReadonlyMap<Segment, LeafVerdict>,
  properties: Record<string, unknown>,
  names: ReadonlyMap<string, string> = new Map(),
): JudgedPart {
  const judge = (part: Segment): JudgedPart => judgeSegment(part, verdicts, properties, names);
  if ('all' in segment) {
    const parts = segment.all.map(judge);
    return { text: parts.length === 0 ? 'everyone' : 'all of', holds: every(parts), parts };
  }
  if ('any' in segment) {
    const parts = segment.any.map(judge);
    const none = every(parts.map(negated));
    return {
      text: parts.length === 0 ? 'no one' : 'at least one of',
      holds: none === null ? null : !none,
      parts,
    };
  }
  if ('not' in segment) {
    const part = judge(segment.not);
    return { text: 'not', holds: negated(part).holds, parts: [part] };
  }
  return { text: describeLeaf(segment, properties, names), holds: null, ...verdicts.get(segment) };
}

function every(parts: Pick<JudgedPart, 'holds'>[]): boolean | null {
  if (parts.some(({ holds }) => holds === false)) return false;
  return parts.some(({ holds }) => holds === null) ? null : true;
}

function negated({ holds }: Pick<JudgedPart, 'holds'>): { holds: boolean | null } {
  return { holds: holds === null ? null : !holds };
}

/** @returns in words the parts that keep a judged segment from holding */
export function failingParts(judged: JudgedPart, wanted = true): string[] {
  if (judged.holds === wanted) return [];
  if (judged.text === 'not' && judged.parts)
    return judged.parts.flatMap((part) => failingParts(part, !wanted));
  if (judged.parts && judged.parts.length > 0)
    return judged.parts.flatMap((part) => failingParts(part, wanted));
  if (judged.parts) return [`it holds for ${judged.text}`];
  if (judged.holds === null) {
    const fault = judged.fault === undefined ? '' : ` (${judged.fault})`;
    return [`it could not be judged whether the profile ${judged.text}${fault}`];
  }
  return [
    wanted ? `it does not hold that the profile ${judged.text}` : `it holds that the profile ${judged.text}`,
  ];
}

function describeLeaf(
  part: Exclude<Segment, { all: unknown } | { any: unknown } | { not: unknown }>,
  properties: Record<string, unknown>,
  names: ReadonlyMap<string, string>,
): string {
  const named = (id: string): string => {
    const name = names.get(id);
    return name === undefined ? id : `${JSON.stringify(name)} (${id})`;
  };
  if ('did' in part) return `did ${behaviourText(part.did)}`;
  if ('didNot' in part) return `did not do ${behaviourText(part.didNot)}`;
  if ('firstDid' in part)
    return `did ${eventText(part.firstDid)} for the first time${periodText(part.firstDid)}`;
  if ('lastDid' in part) return `did ${eventText(part.lastDid)} for the last time${periodText(part.lastDid)}`;
  if ('segment' in part) return `is in the saved segment ${named(part.segment)}`;
  if ('inList' in part) return `is in the list ${named(part.inList)}`;
  if ('subscription' in part) {
    const { status = 'active', siteId, where = [] } = part.subscription;
    const site = siteId === undefined ? '' : ` on the site ${siteId}`;
    return `has a subscription (${status})${site}${whereText(where)}`;
  }
  return `has a ${conditionText(part, properties)}`;
}

function behaviourText(behaviour: Behaviour): string {
  return `${eventText(behaviour)}${countText(behaviour)}${periodText(behaviour)}`;
}

function eventText({ event, where = [] }: EventFilter): string {
  return `${JSON.stringify(event)}${whereText(where)}`;
}

function whereText(where: Condition[]): string {
  return where.length === 0 ? '' : ` where ${where.map((one) => conditionText(one)).join(' and ')}`;
}

function countText({ count }: Behaviour): string {
  const { least, most } = countRange(count);
  const times = (n: number): string => (n === 1 ? 'once' : `${n} times`);
  if (count === undefined || (least === 1 && most === Infinity)) return '';
  if (least === most) return ` exactly ${times(least)}`;
  if (most === Infinity) return ` at least ${times(least)}`;
  return least === 0 ? ` at most ${times(most)}` : ` ${least} to ${times(most)}`;
}

function periodText({ within, between, before, after }: Period): string {
  if (within !== undefined) return ` within the last ${within}`;
  if (between) return ` between ${between[0]} and ${between[1]}`;
  return `${after === undefined ? '' : ` after ${after}`}${before === undefined ? '' : ` before ${before}`}`;
}

const WORDS: Record<Operator, string> = {
  eq: 'that is',
  ne: 'that is not',
  gt: 'greater than',
  gte: 'of at least',
  lt: 'less than',
  lte: 'of at most',
  between: 'between',
  in: 'that is one of',
  notIn: 'that is none of',
  contains: 'that contains',
  startsWith: 'that starts with',
  exists: 'that is there',
  notExists: 'that is not there',
  before: 'before',
  after: 'after',
  withinLast: 'within the last',
};

/**
 * @param properties when given, what is there is said as well
 * @returns a condition in words, such as `price of at least 20 (it is 5)`
 */
export function conditionText(
  { property, op, value }: Condition,
  properties?: Record<string, unknown>,
): string {
  const operand = value === undefined ? '' : ` ${valueText(value)}`;
  const said = `${property} ${WORDS[op]}${operand}`;
  if (properties === undefined) return said;
  const actual = Object.hasOwn(properties, property) ? properties[property] : undefined;
  return `${said} (${actual === undefined || actual === null ? 'it is not there' : `it is ${valueText(actual)}`})`;
}

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
