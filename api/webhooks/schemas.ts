import { z } from 'zod';
import { isDurationForm, parseDuration } from '../../domain/schedule/duration.ts';
import { headerNameFault, headerValueFault } from '../../domain/delivery/webhook-headers.ts';
import {
  DEFAULT_WEBHOOK_LIMITS,
  DEFAULT_WEBHOOK_RETRIES,
  MAX_WEBHOOK_TIMEOUT_MS,
} from '../../domain/delivery/webhook.ts';
import { duration, id, text } from '../http/fields.ts';

const DAY_MS = 86_400_000;
const MAX_HEADERS = 50;
/** As many as a request and its answer can be expected to take of them. */
const MAX_HEADER_BYTES = 8_192;

/** @returns a duration from `minMs` to `maxMs`, said as `from` and `to` */
const between = (minMs: number, maxMs: number, said: string): z.ZodType<string> =>
  z.string().superRefine((value, context) => {
    const ms = parseDuration(value);
    if (!isDurationForm(value))
      context.addIssue({ code: 'custom', message: 'must be a duration such as 5s, 10m or 2h' });
    else if (ms === null || ms < minMs || ms > maxMs)
      context.addIssue({ code: 'custom', message: `must be ${said}` });
  });

const pair = z.strictObject({ name: text(128), value: z.string().max(2_000) });

const headerInput = z.strictObject({
  name: z
    .string()
    .max(128)
    .superRefine((value, context) => {
      const fault = headerNameFault(value);
      if (fault !== null) context.addIssue({ code: 'custom', message: fault });
    }),
  value: z
    .string()
    .max(4_096)
    .superRefine((value, context) => {
      const fault = headerValueFault(value);
      if (fault !== null) context.addIssue({ code: 'custom', message: fault });
    })
    .optional()
    .describe('May be absent, to keep the one there is, when a secret header is changed'),
  secret: z.boolean().default(false).describe('Kept encrypted, and never shown'),
});

const limitsInput = z.strictObject({
  concurrency: z
    .number()
    .int()
    .min(1)
    .max(64)
    .default(DEFAULT_WEBHOOK_LIMITS.concurrency)
    .describe('Requests under way at once, over all workers'),
  perMinute: z
    .number()
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe('Requests begun in any minute, over all workers; absent: as many as there are'),
  timeout: between(1_000, MAX_WEBHOOK_TIMEOUT_MS, 'from 1s to 15s')
    .default(DEFAULT_WEBHOOK_LIMITS.timeout)
    .describe('How long one request may take, from 1s to 15s'),
});

const retriesInput = z
  .strictObject({
    maxTries: z
      .number()
      .int()
      .min(1)
      .max(50)
      .default(DEFAULT_WEBHOOK_RETRIES.maxTries)
      .describe('Tries altogether, the first included'),
    base: between(1_000, 3_600_000, 'from 1s to 1h')
      .default(DEFAULT_WEBHOOK_RETRIES.base)
      .describe('How long the first wait is'),
    factor: z
      .number()
      .min(1)
      .max(10)
      .default(DEFAULT_WEBHOOK_RETRIES.factor)
      .describe('How many times as long each further wait is'),
    cap: between(1_000, DAY_MS, 'from 1s to 1d')
      .default(DEFAULT_WEBHOOK_RETRIES.cap)
      .describe('How long a wait is at most'),
    jitter: z
      .number()
      .min(0)
      .max(1)
      .default(DEFAULT_WEBHOOK_RETRIES.jitter)
      .describe('The random share of a wait'),
  })
  .superRefine(({ base, cap }, context) => {
    const [capMs, baseMs] = [parseDuration(cap), parseDuration(base)];
    // What is no duration is told of by itself.
    if (capMs !== null && baseMs !== null && capMs < baseMs)
      context.addIssue({ code: 'custom', path: ['cap'], message: 'must not be shorter than base' });
  });

/** @param refusal why webhooks may not reach an address */
export function webhookInput(refusal: (url: string) => string | null) {
  return z
    .strictObject({
      name: text(200),
      method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
      url: z
        .string()
        .max(2_048)
        .superRefine((value, context) => {
          const fault = refusal(value);
          if (fault !== null) context.addIssue({ code: 'custom', message: fault });
        })
        .describe('http or https, without credentials; of a public host'),
      query: z.array(pair).max(50).default([]).describe('Added to the URL, in order'),
      headers: z
        .array(headerInput)
        .max(MAX_HEADERS)
        .superRefine((headers, context) => {
          const names = headers.map(({ name }) => name.toLowerCase());
          for (const [i, name] of names.entries()) {
            if (names.indexOf(name) === i) continue;
            context.addIssue({ code: 'custom', path: [i, 'name'], message: 'is there already' });
          }
          const size = headers.reduce((sum, { name, value = '' }) => sum + name.length + value.length, 0);
          if (size > MAX_HEADER_BYTES)
            context.addIssue({ code: 'custom', message: 'must not be larger than 8 KiB together' });
        })
        .default([]),
      contentType: z.enum(['json', 'text']).default('json'),
      disabled: z.boolean().default(false).describe('Messages to it fail as targetGone'),
      limits: limitsInput.default({ ...DEFAULT_WEBHOOK_LIMITS }),
      retries: retriesInput.default({ ...DEFAULT_WEBHOOK_RETRIES }),
    })
    .meta({ id: 'WebhookInput' });
}

export type WebhookInput = z.output<ReturnType<typeof webhookInput>>;

const instantText = z.iso.datetime();

export const webhookView = z
  .object({
    id,
    name: z.string(),
    method: z.enum(['POST', 'PUT', 'PATCH']),
    url: z.string(),
    query: z.array(z.object({ name: z.string(), value: z.string() })),
    headers: z.array(
      z.object({
        name: z.string(),
        value: z.string().optional().describe('Absent for a secret one'),
        secret: z.boolean(),
      }),
    ),
    contentType: z.enum(['json', 'text']),
    disabled: z.boolean(),
    limits: z.object({ concurrency: z.number(), perMinute: z.number().optional(), timeout: duration }),
    retries: z.object({
      maxTries: z.number(),
      base: duration,
      factor: z.number(),
      cap: duration,
      jitter: z.number(),
    }),
    previousSecretUntil: instantText
      .optional()
      .describe('Until when the signing secret before the last rotation signs as well'),
    createdAt: instantText,
    updatedAt: instantText,
  })
  .meta({ id: 'Webhook' });

/** As create and rotate answer, and nothing else does. */
export const webhookWithSecret = webhookView
  .extend({ signingSecret: z.string().describe('Shown this once; `whsec_` and base64') })
  .meta({ id: 'WebhookWithSecret' });

export const attemptView = z
  .object({
    id: z.string(),
    campaignId: z.string(),
    batchId: z.string().describe('The `webhook-id` of its requests'),
    at: instantText,
    durationMs: z.number(),
    messages: z.number().int().describe('How many messages travelled in it'),
    try: z.number().int().describe('Which try of the batch it was, from 1'),
    outcome: z.looseObject({ kind: z.string() }),
    answer: z
      .object({
        status: z.number().int(),
        body: z.string().describe('Its first 4 KiB'),
        truncated: z.boolean(),
      })
      .optional()
      .describe('Absent when there was none'),
    detail: z.string().optional().describe('Why there was no answer'),
  })
  .meta({ id: 'WebhookAttempt' });
