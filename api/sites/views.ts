import { z } from 'zod';
import type { SafariSettings, Site } from '../../domain/site.ts';
import { describeCertificate } from './safari-credentials.ts';

/** What is told of a site: secrets only by whether they are there. */
export const siteView = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    origins: z.array(z.string()),
    timezone: z.string().optional(),
    vapid: z.object({ publicKey: z.string() }),
    earlierVapid: z
      .array(z.object({ publicKey: z.string(), retiredAt: z.iso.datetime() }))
      .optional()
      .describe('Keys that pushes to older subscriptions are still signed with, the latest first'),
    fcmLegacy: z.object({ senderId: z.string(), hasServerKey: z.literal(true) }).optional(),
    safari: z
      .object({
        websitePushId: z.string(),
        websiteName: z.string(),
        allowedDomains: z.array(z.string()),
        auth: z.union([
          z.object({
            kind: z.literal('token'),
            keyId: z.string(),
            teamId: z.string(),
            hasPrivateKey: z.literal(true),
          }),
          z.object({ kind: z.literal('certificate') }),
        ]),
        certificate: z.object({ subject: z.string(), validTo: z.iso.datetime() }).nullable(),
        hasCertificateKey: z.literal(true),
        hasIcon: z.boolean(),
      })
      .optional(),
    defaultIcon: z.string().optional(),
    createdAt: z.iso.datetime(),
    warnings: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .describe('Of what was just saved: what will not work so'),
  })
  .meta({ id: 'Site' });

/** @returns the site as it is shown */
export function viewOf(site: Site): object {
  const { id, name, origins, timezone, vapid, earlierVapid, fcmLegacy, safari, defaultIcon, createdAt } =
    site;
  return {
    id,
    name,
    origins,
    timezone,
    vapid: { publicKey: vapid.publicKey },
    earlierVapid: earlierVapid?.map(({ publicKey, retiredAt }) => ({ publicKey, retiredAt })),
    fcmLegacy: fcmLegacy && { senderId: fcmLegacy.senderId, hasServerKey: true },
    safari: safari && safariView(safari),
    defaultIcon,
    createdAt,
  };
}

function safariView({ websitePushId, websiteName, allowedDomains, auth, certificate, icon }: SafariSettings) {
  return {
    websitePushId,
    websiteName,
    allowedDomains,
    auth:
      auth.kind === 'token'
        ? { kind: 'token', keyId: auth.keyId, teamId: auth.teamId, hasPrivateKey: true }
        : { kind: 'certificate' },
    certificate: describeCertificate(certificate),
    hasCertificateKey: true,
    hasIcon: icon !== undefined,
  };
}
