import { z } from 'zod';
import { CHANNELS, type CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { duration, id, text } from '../http/fields.ts';
import { faultText } from '../http/validate.ts';
import { segment, where } from '../segments/schemas.ts';
import { webhookWhat, webPushWhat } from './what-schema.ts';
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

const api = z.strictObject({
  requiredData: z
    .array(text(128))
    .max(50)
    .optional()
    .describe('Names that each call of /send must give for every recipient'),
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

const basics = {
  name: text(200),
  labels: z.array(text(64)).max(20).default([]),
  who: z
    .strictObject({ live: live.optional(), past: segment.optional(), api: api.optional() })
    .refine(
      (who) => Object.values(who).filter((audience) => audience !== undefined).length === 1,
      'needs exactly one of live, past and api',
    )
    .describe(
      'Whoever does something from now on (live), whoever is in a segment (past), or whom calls name (api)',
    ),
  when: when.default({}),
  setup: setup.optional(),
};

const UNKNOWN_CHANNEL = 'must be webPush or webhook';

const ofEveryChannel = z
  .discriminatedUnion(
    'channel',
    [
      z.strictObject({ ...basics, channel: z.literal('webPush'), siteId: id, what: webPushWhat }),
      z.strictObject({
        ...basics,
        channel: z.literal('webhook'),
        siteId: id.optional().describe('Whose time zone and subscriptions count; absent: any'),
        what: webhookWhat,
      }),
    ],
    { error: UNKNOWN_CHANNEL },
  )
  .meta({ id: 'CampaignInput' });

/** What is the same whatever the channel: of `what` only that it is there. */
const ofNoChannel = z.strictObject({
  ...basics,
  channel: z.enum(CHANNELS, { error: UNKNOWN_CHANNEL }),
  siteId: id.optional(),
  what: z.looseObject({}),
});

/**
 * The body of `POST /v1/campaigns` and `PUT /v1/campaigns/:id`. Without a channel that tells what it is to hold, it is
 * judged by what does not depend on that, so that all of it is told at once.
 */
export const campaignInput = z.preprocess((value, context) => {
  if (ofNoChannel.shape.channel.safeParse((value as { channel?: unknown } | null)?.channel).success)
    return value;
  for (const issue of ofNoChannel.safeParse(value, { error: faultText }).error?.issues ?? [])
    context.addIssue(issue as never);
  return value;
}, ofEveryChannel);

/**
 * @param start where the body names none
 * @returns the parsed body as the domain knows it
 */
export function definitionOf(input: z.output<typeof campaignInput>, start = 'now'): CampaignDefinition {
  return { ...input, when: { ...input.when, start: input.when.start ?? start } } as CampaignDefinition;
}

const instantText = z.iso.datetime();

/** The fields of a definition, whatever its channel. */
export const definitionShape = {
  ...basics,
  channel: z.enum(CHANNELS),
  siteId: id.optional(),
  what: z.union([webPushWhat, webhookWhat]),
};

export const campaignView = z
  .looseObject({
    ...definitionShape,
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
    winner: z.object({ variant: z.string(), at: instantText }).optional(),
    nextRunAt: instantText
      .optional()
      .describe('Past behaviour, of one campaign alone: when the next run begins, if one is to come'),
    nextRunLocal: z.string().optional().describe('The local time of that run'),
    workflowId: z.string().optional(),
    warnings: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .describe(
        'Of publishing, and of editing what is published: what is probably not meant, and where it stands',
      ),
  })
  .describe('The definition as posted, and these fields beside it')
  .meta({ id: 'Campaign' });

const counts = z.record(z.string(), z.number().int());
const knowable = z.number().nullable().describe('Null when all of it that was sent went through APNs');
const receipts = { delivered: knowable, viewed: knowable, clicked: z.number(), dismissed: knowable };
const ofTransport = z.object({ sent: z.number(), ...receipts });

const rate = z
  .number()
  .nullable()
  .describe('Of the sent messages that could report it, from 0 to 1; null where it cannot be told');

const variantView = z
  .object({
    name: z.string(),
    weight: z.number().describe('0: an earlier version had it'),
    sent: z.number(),
    failed: z.number(),
    ...receipts,
    rates: z.object({ delivered: rate, viewed: rate, clicked: rate, dismissed: rate }),
  })
  .meta({ id: 'VariantStats' });

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
    devices: z.object({
      sent: z.number(),
      ...receipts,
      transports: z
        .object({ vapid: ofTransport, apns: ofTransport, fcmLegacy: ofTransport })
        .optional()
        .describe(
          'Web push: by how devices are reached; delivered, viewed and dismissed of apns are always null',
        ),
    }),
    variants: z.array(variantView).optional().describe('Of a campaign with variants: them side by side'),
    winner: z
      .object({ variant: z.string(), at: instantText })
      .nullable()
      .optional()
      .describe(
        'Of a campaign with a winner rule: the variant that alone is sent; null while it is not decided',
      ),
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
    queued: z
      .boolean()
      .optional()
      .describe("The campaign's queue sends it: its rate was used up, or a call named the profile"),
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
    request: z
      .looseObject({ sendId: z.string(), transactional: z.boolean() })
      .optional()
      .describe('API-triggered: the call of /send that named the profile'),
    variant: z.string().optional().describe('Which variant was sent, or was to be'),
    batchId: z.string().optional().describe('Webhooks: the request that it travels in'),
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
