import { z } from 'zod';
import type { SafariSettings, Site } from '../../domain/site.ts';
import { text } from '../http/fields.ts';
import { parseOrThrow } from '../http/validate.ts';
import { httpsOrigin } from './origin.ts';

const pem = (what: string) =>
  z
    .string()
    .max(32_768)
    .regex(/-----BEGIN [A-Z ]+-----/, `must be ${what} as PEM`);

const auth = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({
      kind: z.literal('token'),
      keyId: z.string().regex(/^[A-Z0-9]{10}$/, 'must be the 10 characters of an APNs key id'),
      teamId: z.string().regex(/^[A-Z0-9]{10}$/, 'must be the 10 characters of a team id'),
      privateKey: pem('the key (.p8)').describe('Never shown'),
    }),
    z.strictObject({ kind: z.literal('certificate') }),
  ],
  { error: 'must be token or certificate' },
);

const icon = z
  .string()
  .max(180_000, 'must not be larger than 128 KiB')
  .regex(/^[A-Za-z0-9+/]+={0,2}$/, 'must be base64')
  .describe('PNG, square, at least 256 pixels wide, as base64');

const safariFields = {
  websitePushId: z
    .string()
    .max(255)
    .regex(/^web(\.[A-Za-z0-9-]+)+$/, 'must be a website push id such as web.example.shop'),
  websiteName: text(200),
  allowedDomains: z.array(httpsOrigin).min(1, 'must not be empty').max(20),
  auth,
  certificate: pem('the certificate').describe('With the intermediate certificates behind it'),
  certificateKey: pem('the key').describe('Never shown'),
  icon: icon.optional(),
};

export const safariInput = z.strictObject(safariFields).meta({ id: 'SafariInput' });

/** A change: what is absent stays as it is, so that secrets need not be sent again. */
export const safariPatch = z
  .strictObject({
    ...z.strictObject(safariFields).partial().shape,
    auth: z
      .discriminatedUnion('kind', [
        z.strictObject({ ...auth.options[0].shape, privateKey: auth.options[0].shape.privateKey.optional() }),
        auth.options[1],
      ])
      .optional(),
    icon: icon.nullable().optional(),
  })
  .meta({ id: 'SafariPatch' });

export const fcmLegacyInput = z
  .strictObject({
    senderId: z.string().regex(/^\d{6,20}$/, 'must be a sender id: digits alone'),
    serverKey: z
      .string()
      .regex(/^[\x21-\x7e]{20,400}$/, 'must be a server key: 20 to 400 printable characters without spaces')
      .describe('Never shown'),
  })
  .meta({ id: 'FcmLegacyInput' });

export const fcmLegacyPatch = fcmLegacyInput.partial({ serverKey: true }).meta({ id: 'FcmLegacyPatch' });

/**
 * @returns the settings as they are to be
 * @throws Problem that names what is missing
 */
export function mergeSafari(
  existing: SafariSettings | undefined,
  patch: z.output<typeof safariPatch>,
): SafariSettings {
  const { icon: newIcon, auth: newAuth, ...rest } = patch;
  const merged: Record<string, unknown> = { ...existing, ...withoutUndefined(rest) };
  if (newAuth) {
    const kept =
      newAuth.kind === 'token' && existing?.auth.kind === 'token'
        ? { privateKey: existing.auth.privateKey }
        : {};
    merged.auth = { ...kept, ...withoutUndefined(newAuth) };
  }
  if (newIcon === null) delete merged.icon;
  else if (newIcon !== undefined) merged.icon = newIcon;
  return parseOrThrow(z.object({ safari: safariInput }), { safari: merged }, 'body').safari;
}

/** As {@link mergeSafari}. */
export function mergeFcmLegacy(
  existing: Site['fcmLegacy'],
  patch: z.output<typeof fcmLegacyPatch>,
): NonNullable<Site['fcmLegacy']> {
  const merged = { ...existing, ...withoutUndefined(patch) };
  return parseOrThrow(z.object({ fcmLegacy: fcmLegacyInput }), { fcmLegacy: merged }, 'body').fcmLegacy;
}

function withoutUndefined(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
}
