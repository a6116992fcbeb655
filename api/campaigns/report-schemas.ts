import { z } from 'zod';

const instantText = z.iso.datetime();

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
