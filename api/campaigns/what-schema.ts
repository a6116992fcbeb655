import { z } from 'zod';
import {
  DEFAULT_BATCH_SIZE,
  MAX_BATCH_SIZE,
  MAX_BATCH_WAIT_MS,
  MAX_DATA_KEYS,
  WEBHOOK_FIELDS,
} from '../../domain/content/content.ts';
import { parseWait } from '../../domain/schedule/duration.ts';
import { duration, id, language, text, webUrl } from '../http/fields.ts';

const image = webUrl(['https:']).or(template());
/** A text with Liquid expressions, whose address is known only once it is rendered. */
function template(): z.ZodType<string> {
  return z
    .string()
    .max(2_048)
    .refine((value) => value.includes('{{') || value.includes('{%'), 'must be an https URL');
}
const link = webUrl(['https:', 'http:']).or(template());

const texts = {
  title: z.string().min(1, 'must not be empty').max(500),
  body: z.string().max(2_000).optional(),
  url: link.optional().describe('Where a click leads; Safari through APNs shows nothing without'),
  image: image.optional(),
  icon: image.optional().describe('Absent: the default icon of the site'),
  badge: image.optional(),
  actions: z
    .array(z.strictObject({ title: z.string().min(1).max(100), url: link.optional() }))
    .max(2, 'browsers show at most 2 actions')
    .optional(),
  data: z
    .record(text(64), z.string().max(1_000))
    .refine(
      (all) => Object.keys(all).length <= MAX_DATA_KEYS,
      `must not have more than ${MAX_DATA_KEYS} keys`,
    )
    .optional(),
};
const someTexts = { ...texts, title: texts.title.optional() };
const languages = z
  .record(language, z.strictObject(someTexts))
  .refine((all) => Object.keys(all).length <= 50, 'must not have more than 50 languages')
  .optional()
  .describe('By language tag: what differs for profiles of that language; pt also serves pt-BR');

const percent = z
  .number()
  .refine((value) => value > 0 && value < 100, 'must be more than 0 and less than 100')
  .meta({ exclusiveMinimum: 0, exclusiveMaximum: 100 });
const utmValue = z.string().min(1, 'must not be empty').max(200).optional();

export const webPushWhat = z
  .strictObject({
    ...texts,
    ttl: duration.optional().describe('How long it is worth delivering, from the due instant; default 24h'),
    requireInteraction: z.boolean().optional(),
    urgency: z.enum(['very-low', 'low', 'normal', 'high']).optional(),
    topic: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,32}$/, 'must be 1 to 32 characters of A-Z a-z 0-9 _ -')
      .optional()
      .describe('What has the same topic replaces each other; absent: each message has its own'),
    languages,
    variants: z
      .array(
        z.strictObject({
          name: text(64),
          weight: z.number().refine((value) => value > 0 && value <= 1_000_000, 'must be more than 0'),
          content: z.strictObject({ ...someTexts, languages }),
        }),
      )
      .min(2)
      .max(10)
      .optional()
      .describe('A/B/n: each profile gets one of them, always the same'),
    winner: z
      .strictObject({ after: duration, by: z.enum(['clicked', 'viewed']), sample: percent.optional() })
      .optional()
      .describe('From when on only the best variant is sent; with `sample` the others of a run wait for it'),
    utm: z
      .strictObject({
        source: utmValue,
        medium: utmValue,
        campaign: utmValue,
        term: utmValue,
        content: utmValue,
      })
      .optional()
      .describe('UTM parameters, added to every link that does not have them'),
  })
  .meta({ id: 'WebPushContent' });

const field = z.enum(WEBHOOK_FIELDS);
const fields = z.array(field).max(WEBHOOK_FIELDS.length);

export const webhookWhat = z
  .strictObject({
    webhookId: id.describe('The webhook target'),
    fields: fields
      .min(1, 'must not be empty')
      .optional()
      .describe('What each profile of the standard payload has; absent: all'),
    properties: z.array(text(128)).max(200).optional().describe('The properties in ProfileData; absent: all'),
    required: fields.optional().describe('Whoever lacks one of these cannot be reached'),
    keyValues: z
      .record(text(128), z.string().max(2_000))
      .refine((all) => Object.keys(all).length <= 100, 'must not have more than 100 pairs')
      .optional()
      .describe('`key_values` of the standard payload'),
    body: z
      .string()
      .min(1, 'must not be empty')
      .max(65_536)
      .optional()
      .describe('A Liquid template in the place of the standard payload, for one message a request'),
    batch: z
      .strictObject({
        size: z
          .number()
          .refine(
            (n) => Number.isInteger(n) && n >= 1 && n <= MAX_BATCH_SIZE,
            `must be a whole number from 1 to ${MAX_BATCH_SIZE}`,
          )
          .meta({ type: 'integer', minimum: 1, maximum: MAX_BATCH_SIZE })
          .optional(),
        maxWait: z
          .string()
          .refine(
            (value) => (parseWait(value) ?? Infinity) <= MAX_BATCH_WAIT_MS,
            `must be a wait such as 250ms or 2s, at most ${MAX_BATCH_WAIT_MS / 1_000} s`,
          )
          .optional(),
      })
      .optional()
      .describe(
        `Profiles in a request, default ${DEFAULT_BATCH_SIZE}, and how long live ones wait for each other, default 250ms`,
      ),
    ttl: duration.optional(),
  })
  .meta({ id: 'WebhookContent' });
