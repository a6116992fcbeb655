import { z } from 'zod';
import { TRANSPORTS } from '../../domain/site.ts';
import { country, id, json, language, properties, text, timezone } from '../http/fields.ts';

const key = (bytes: number, what: string): z.ZodType<string> =>
  z
    .string()
    .max(200)
    .refine((value) => /^[A-Za-z0-9_-]+$/.test(value) && Buffer.from(value, 'base64url').length === bytes, {
      error: `must be ${what} as unpadded base64url (${bytes} bytes)`,
    });

/** The Push API's own JSON of a subscription. */
export const pushSubscription = z.strictObject({
  endpoint: z.string().max(2_048),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({ p256dh: key(65, 'a P-256 point'), auth: key(16, 'the authentication secret') }),
});

/** A token of Apple's push service, which says how long it may be nowhere: hexadecimal, kept in lower case. */
export const deviceToken = z
  .string()
  .regex(/^([0-9A-Fa-f]{2}){16,100}$/, 'must be a device token: 32 to 200 hexadecimal digits')
  .transform((token) => token.toLowerCase());

/** What the server and the SDK say about a subscription alike, whatever its transport. */
export const commonFields = {
  siteId: id,
  browserType: text(64).optional(),
  platformName: text(64).optional(),
  language: language.optional(),
  country: country.optional(),
  timezone: timezone.optional(),
  topics: z.array(text(64)).max(100).optional(),
  customAttributes: properties.optional(),
};

/** What says where a subscription is reached, by transport. */
export const addressFields = {
  vapid: {
    transport: z.literal('vapid'),
    pushSubscription,
    vapidPublicKey: key(65, 'a P-256 point')
      .optional()
      .describe("The key it was made under; absent: the site's current one"),
  },
  fcmLegacy: {
    transport: z.literal('fcmLegacy'),
    token: z
      .string()
      .regex(/^[A-Za-z0-9:_-]{20,4096}$/, 'must be a registration token of FCM')
      .describe('The registration token'),
  },
  apns: { transport: z.literal('apns'), deviceToken },
};

/** What a call says about a subscription, once it was checked. */
export type SubscriptionFields = {
  siteId: string;
  browserType?: string | undefined;
  platformName?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  timezone?: string | undefined;
  topics?: string[] | undefined;
  customAttributes?: Record<string, unknown> | undefined;
} & (
  | {
      transport: 'vapid';
      pushSubscription: z.output<typeof pushSubscription>;
      vapidPublicKey?: string | undefined;
    }
  | { transport: 'fcmLegacy'; token: string }
  | { transport: 'apns'; deviceToken: string }
);

export const subscriptionView = z
  .looseObject({
    id: z.string(),
    siteId: z.string(),
    objectId: z.string(),
    transport: z.enum(TRANSPORTS),
    endpoint: z.string().describe('The address: a URL, the registration token or the device token'),
    vapidPublicKey: z.string().optional().describe("Absent: the site's first key"),
    status: z.enum(['active', 'optedOut', 'expired']),
    browserType: z.string().optional(),
    platformName: z.string().optional(),
    language: z.string().optional(),
    country: z.string().optional(),
    timezone: z.string().optional(),
    topics: z.array(z.string()),
    customAttributes: z.record(z.string(), json),
    createdAt: z.iso.datetime(),
    syncedAt: z.iso.datetime(),
  })
  .meta({ id: 'Subscription' });
