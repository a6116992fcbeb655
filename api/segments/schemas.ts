import { z } from 'zod';
import { checkCondition, operators } from '../../domain/audience/conditions.ts';
import {
  checkSegment,
  MOST_COUNT,
  SEGMENT_LIMITS,
  type Fault,
  type Segment,
} from '../../domain/audience/segment.ts';
import { duration, id, instant, json, text } from '../http/fields.ts';
import { judgeSegment } from './judge.ts';

const MOST_VALUES = 1_000;
const LONGEST_TEXT = 1_024;

const condition = z
  .strictObject({
    property: z.string(),
    op: z.enum(operators, { error: `must be one of ${operators.join(', ')}` }),
    value: json.optional(),
  })
  .superRefine(({ property, op, value }, context) => {
    for (const message of checkCondition({ property, op, value }))
      context.addIssue({ code: 'custom', message });
    if (!Array.isArray(value)) tooLong(value, ['value']);
    else if (value.length > MOST_VALUES) issue(`must not hold more than ${MOST_VALUES} values`, ['value']);
    else value.forEach((one, i) => tooLong(one, ['value', i]));

    function tooLong(one: unknown, path: PropertyKey[]): void {
      if (typeof one === 'string' && one.length > LONGEST_TEXT)
        issue(`must not be longer than ${LONGEST_TEXT} characters`, path);
    }
    function issue(message: string, path: PropertyKey[]): void {
      context.addIssue({ code: 'custom', message, path });
    }
  })
  .meta({ id: 'Condition' });

/** Conditions that must all hold. */
export const where = z
  .array(condition)
  .max(SEGMENT_LIMITS.where, `must not hold more than ${SEGMENT_LIMITS.where} conditions`)
  .optional();

const bound = z
  .number()
  .refine(
    (n) => Number.isInteger(n) && n >= 0 && n <= MOST_COUNT,
    `must be a whole number from 0 to ${MOST_COUNT}`,
  )
  .meta({ type: 'integer', minimum: 0, maximum: MOST_COUNT })
  .optional();

const occurrence = z.strictObject({
  event: text(128).describe('The name of an event, or one of ours such as Notification Clicked'),
  where: where.describe('On the properties of the event as it was posted'),
  within: duration.optional().describe('Counts back from now'),
  between: z.tuple([instant, instant]).optional().describe('Both ends belong to it'),
  before: instant.optional().describe('The instant itself is not in it'),
  after: instant.optional().describe('The instant itself is not in it'),
});

const behaviour = occurrence.extend({
  count: z
    .strictObject({ eq: bound, gt: bound, gte: bound, lt: bound, lte: bound })
    .optional()
    .describe('How often; default { "gte": 1 }'),
});

const subscription = z.strictObject({
  siteId: id.optional(),
  status: z.enum(['active', 'optedOut', 'expired', 'any']).optional().describe('Default active'),
  where: where.describe(
    'On browserType, platformName, language, country, timezone, topics, transport, createdAt, or an attribute',
  ),
});

/** What is no group: one key and what it holds, with every fault that the domain knows. */
const leaves = {
  did: z.strictObject({ did: behaviour.superRefine(withDomain('did')) }),
  didNot: z.strictObject({ didNot: behaviour.superRefine(withDomain('didNot')) }),
  firstDid: z.strictObject({ firstDid: occurrence.superRefine(withDomain('firstDid')) }),
  lastDid: z.strictObject({ lastDid: occurrence.superRefine(withDomain('lastDid')) }),
  subscription: z.strictObject({ subscription }),
  segment: z.strictObject({ segment: id.describe('The id of a saved segment') }),
  inList: z.strictObject({ inList: id.describe('The id of a list') }),
};

/** The faults that a part has as a whole; those of its single fields are found by their own schemas. */
function withDomain(kind: 'did' | 'didNot' | 'firstDid' | 'lastDid') {
  return (value: { where?: unknown }, context: z.RefinementCtx): void => {
    const faults: Fault[] = checkSegment({ [kind]: { ...value, where: undefined } } as never, '');
    for (const { pointer, detail } of faults) {
      const path = pointer.split('/').slice(2);
      if (AS_A_WHOLE.includes(path.join('/'))) context.addIssue({ code: 'custom', message: detail, path });
    }
  };
}
const AS_A_WHOLE = ['', 'count', 'between'];

/** The grammar, for documents; a value comes here only after it was judged part by part. */
const grammar: z.ZodType<Segment> = z
  .lazy(() =>
    z.union([
      z.strictObject({ all: z.array(grammar).max(SEGMENT_LIMITS.parts) }),
      z.strictObject({ any: z.array(grammar).max(SEGMENT_LIMITS.parts) }),
      z.strictObject({ not: grammar }),
      ...Object.values(leaves),
      condition,
    ]),
  )
  .meta({ id: 'Segment' });

/**
 * A segment. It is judged part by part and never deeper than its limit, before anything recurses into it, so
 * that each fault is named where it is, in a time that grows with its size alone.
 */
export const segment: z.ZodType<Segment> = z.preprocess((value, context) => {
  for (const fault of judgeSegment(value, { ...leaves, property: condition }))
    context.addIssue(fault as never);
  return value;
}, grammar);
