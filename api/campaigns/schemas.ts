import { z } from 'zod';
import { operators } from '../../domain/conditions.ts';
import type { CampaignDefinition } from '../../domain/campaign.ts';
import { duration, id, instant, json, localTime, text, webUrl } from '../http/fields.ts';

const condition = z
  .strictObject({
    property: z.string().max(128),
    op: z.enum(operators, { error: `must be one of ${operators.join(', ')}` }),
    value: json.optional(),
  })
  .meta({ id: 'Condition' });

const where = z.array(condition).max(20, 'must not hold more than 20 conditions').optional();
const eventMatch = z.strictObject({ event: text(128), where });

/** Recursive: a segment may hold segments. */
const segment: z.ZodType = z
  .lazy(() =>
    z.union([
      z.strictObject({ all: z.array(segment).max(200) }),
      z.strictObject({ any: z.array(segment).max(200) }),
      z.strictObject({ not: segment }),
      condition,
    ]),
  )
  .meta({ id: 'Segment' });

const live = z.strictObject({
  event: text(128).describe('The event that opens a trigger'),
  where,
  matchOn: text(128)
    .optional()
    .describe('One trigger per profile and value of this property, such as cartId'),
  inaction: eventMatch
    .extend({ within: duration })
    .optional()
    .describe('Qualifies only when this event does not follow within the window'),
  cancelledBy: z.array(eventMatch).max(20).optional(),
  onRepeat: z.enum(['ignore', 'restart']).optional(),
  filter: segment
    .optional()
    .describe('Only profiles of this segment, judged at the event and again before the send'),
});

const when = z.strictObject({
  start: z
    .union([z.literal('now'), instant], { error: 'must be "now" or an ISO 8601 instant with offset' })
    .default('now'),
  end: instant.optional(),
  delay: duration.optional().describe('Live: after qualifying'),
  dnd: z
    .strictObject({ from: localTime, to: localTime, action: z.enum(['delay', 'discard']) })
    .refine((quiet) => quiet.from !== quiet.to, 'must not begin and end at the same time')
    .optional()
    .describe("Quiet hours in the user's time zone"),
});

const image = webUrl(['https:']).or(template());
/** A text with Liquid expressions, whose address is known only once it is rendered. */
function template(): z.ZodType<string> {
  return z
    .string()
    .max(2_048)
    .refine((value) => value.includes('{{') || value.includes('{%'), 'must be an https URL');
}
const link = webUrl(['https:', 'http:']).or(template());

const what = z.strictObject({
  title: z.string().min(1, 'must not be empty').max(500),
  body: z.string().max(2_000).optional(),
  url: link.optional(),
  image: image.optional(),
  icon: image.optional(),
  badge: image.optional(),
  actions: z
    .array(z.strictObject({ title: z.string().min(1).max(100), url: link.optional() }))
    .max(2, 'browsers show at most 2 actions')
    .optional(),
  ttl: duration.optional().describe('How long it is worth delivering, from the due instant; default 24h'),
  requireInteraction: z.boolean().optional(),
  urgency: z.enum(['very-low', 'low', 'normal', 'high']).optional(),
  data: z.record(text(64), z.string().max(1_000)).optional(),
});

/** The body of `POST /v1/campaigns` and `PUT /v1/campaigns/:id`. */
export const campaignInput = z
  .strictObject({
    name: text(200),
    channel: z.literal('webPush', { error: 'must be webPush' }),
    siteId: id,
    labels: z.array(text(64)).max(20).default([]),
    who: z
      .strictObject({ live: live.optional(), past: segment.optional() })
      .refine(
        (who) => (who.live === undefined) !== (who.past === undefined),
        'needs exactly one of live and past',
      )
      .describe('Whoever does something from now on (live), or whoever is in a segment (past)'),
    when: when.default({ start: 'now' }),
    what,
  })
  .meta({ id: 'CampaignInput' });

/** @returns the parsed body as the domain knows it */
export function definitionOf(input: z.output<typeof campaignInput>): CampaignDefinition {
  return input as CampaignDefinition;
}

const instantText = z.iso.datetime();

export const campaignView = z
  .looseObject({
    ...campaignInput.shape,
    id: z.string(),
    targetId: z.number().int(),
    status: z.enum(['draft', 'scheduled', 'running', 'paused', 'completed', 'stopped']),
    version: z.number().int(),
    createdAt: instantText,
    updatedAt: instantText,
    publishedAt: instantText.optional(),
    startsAt: instantText.optional(),
    endsAt: instantText.optional(),
    finishedAt: instantText.optional(),
    workflowId: z.string().optional(),
  })
  .describe('The definition as posted, and these fields beside it')
  .meta({ id: 'Campaign' });

const counts = z.record(z.string(), z.number().int());
const receipts = { delivered: z.number(), viewed: z.number(), clicked: z.number(), dismissed: z.number() };

export const statsView = z
  .object({
    entered: z.number(),
    qualified: z.number().describe('Always controlGroup + sent + failed + suppressed + waiting'),
    waiting: z.number(),
    inWindow: z.number(),
    notQualified: counts,
    controlGroup: z.number(),
    sent: z.number(),
    ...receipts,
    failed: counts,
    suppressed: counts,
    totals: z.object(receipts),
    devices: z.object({ sent: z.number(), ...receipts }),
  })
  .meta({ id: 'CampaignStats' });

const eventView = z.looseObject({ eventId: z.string(), name: z.string(), time: instantText });

export const messageView = z
  .looseObject({
    id: z.string(),
    objectId: z.string(),
    runId: z.string().optional(),
    qualified: z.boolean().optional(),
    state: z.enum(['waiting', 'due', 'sending', 'sent', 'failed', 'suppressed', 'control']),
    reason: z.string().optional(),
    detail: z.string().optional(),
    version: z.number(),
    dueAt: instantText,
    sentAt: instantText.optional(),
    settledAt: instantText.optional(),
    createdAt: instantText,
    tries: z.number(),
    devices: z.array(
      z.looseObject({
        subscriptionId: z.string(),
        state: z.enum(['pending', 'delivered', 'gone', 'rejected', 'givenUp']),
        tries: z.number().int(),
        reason: z.string().optional(),
      }),
    ),
    attempts: z.array(
      z.looseObject({
        subscriptionId: z.string(),
        at: instantText,
        durationMs: z.number(),
        outcome: z.looseObject({
          kind: z.enum(['delivered', 'gone', 'throttled', 'rejected', 'unreachable']),
          status: z.number().int().optional(),
          reason: z.string().optional(),
          retryAfterMs: z.number().optional(),
        }),
      }),
    ),
    receipts: z.array(
      z.looseObject({
        id: z.string(),
        kind: z.enum(['delivered', 'viewed', 'clicked', 'dismissed']),
        subscriptionId: z.string(),
        at: instantText,
        action: z.string().optional(),
      }),
    ),
    trigger: z
      .looseObject({
        matchValue: z.string(),
        openedBy: eventView,
        event: eventView,
        closedBy: eventView.optional(),
        qualifiesAt: instantText,
      })
      .optional(),
    workflowId: z.string().optional(),
  })
  .meta({ id: 'Message' });

export const runView = z
  .looseObject({
    id: z.string(),
    campaignId: z.string(),
    instant: instantText,
    status: z.enum(['materialising', 'draining', 'completed', 'stopped']),
    version: z.number(),
    createdAt: instantText,
    finishedAt: instantText.optional(),
    workflowId: z.string(),
  })
  .meta({ id: 'Run' });
