import { z } from 'zod';
import type { CampaignDefinition } from '../../domain/campaign.ts';
import { duration, id, text, webUrl } from '../http/fields.ts';
import { segment, where } from '../segments/schemas.ts';
import { dateProperty, when } from './when-schema.ts';

const eventMatch = z.strictObject({ event: text(128), where });

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
  dateProperty: dateProperty.optional(),
  filter: segment
    .optional()
    .describe('Only profiles of this segment, judged at the event and again before the send'),
});

const MOST_CAP = 1_000_000_000;
const share = z
  .number()
  .refine((percent) => percent > 0 && percent <= 100, 'must be more than 0 and at most 100')
  .meta({ exclusiveMinimum: 0, maximum: 100 });

const setup = z.strictObject({
  controlGroup: z
    .strictObject({ percent: share })
    .optional()
    .describe('A stable share of the audience that is kept from getting it and recorded beside those who do'),
  targetingCap: z
    .strictObject({
      limit: z
        .number()
        .refine(
          (n) => Number.isInteger(n) && n >= 1 && n <= MOST_CAP,
          `must be a whole number from 1 to ${MOST_CAP}`,
        )
        .meta({ type: 'integer', minimum: 1, maximum: MOST_CAP }),
      ifExceeded: z.enum(['truncate', 'abort']).default('truncate'),
    })
    .optional()
    .describe(
      'At most so many messages over all runs; abort (past behaviour) sends nothing when more are reachable',
    ),
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
    when: when.default({}),
    what,
    setup: setup.optional(),
  })
  .meta({ id: 'CampaignInput' });

/**
 * @param start where the body names none
 * @returns the parsed body as the domain knows it
 */
export function definitionOf(input: z.output<typeof campaignInput>, start = 'now'): CampaignDefinition {
  return { ...input, when: { ...input.when, start: input.when.start ?? start } } as CampaignDefinition;
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
    versionAt: instantText.optional().describe('When it was edited last'),
    startsAt: instantText.optional(),
    endsAt: instantText.optional(),
    finishedAt: instantText.optional(),
    archivedAt: instantText.optional(),
    nextRunAt: instantText
      .optional()
      .describe('Past behaviour, of one campaign alone: when the next run begins, if one is to come'),
    nextRunLocal: z.string().optional().describe('The local time of that run'),
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
    cutOffAt: instantText.optional().describe('Nothing leaves from then on'),
    released: z.boolean().optional().describe('It waits, or waited, for the end of quiet hours'),
    queued: z.boolean().optional().describe("The campaign's rate was used up: its queue sends it"),
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

const count = z.number().int();
const runProgress = z
  .object({
    materialised: count.describe('How many messages it has: the sum of the seven figures after this'),
    due: count.describe('Due now and not taken up yet'),
    waiting: count.describe('Not due yet, or not drawn yet'),
    sending: count,
    sent: count,
    failed: count,
    suppressed: count,
    controlGroup: count,
    ratePerMinute: count
      .nullable()
      .describe('Messages settled in the last minute; null while it is not known'),
    expectedEnd: instantText
      .nullable()
      .describe(
        'If it goes on like this, whatever the cut-off; null while it is not known, and when it is over',
      ),
  })
  .meta({ id: 'RunProgress' });

export const runView = z
  .looseObject({
    id: z.string(),
    campaignId: z.string(),
    instant: instantText.describe('When the first place on earth comes to the local time'),
    local: z.string().optional().describe('The local time of the schedule'),
    plannedAt: instantText.optional().describe('When it was to begin'),
    status: z
      .enum(['materialising', 'draining', 'completed', 'stopped', 'missed'])
      .describe('missed: it had not begun when the next one was due'),
    version: z.number(),
    createdAt: instantText,
    drainingAt: instantText.optional(),
    finishedAt: instantText.optional(),
    progress: runProgress,
    workflowId: z.string(),
  })
  .meta({ id: 'Run' });
