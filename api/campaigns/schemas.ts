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
