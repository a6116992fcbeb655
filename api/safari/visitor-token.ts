import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { ReceiptSigner } from '../../domain/ports/services.ts';
import type { Site } from '../../domain/site.ts';
import { language, text, timezone } from '../http/fields.ts';

/** What a page says of its visitor when Safari asks for the push package; whatever else it says is left out. */
export const userInfo = z.object({
  anonymousId: text(64).optional().catch(undefined),
  language: language.optional().catch(undefined),
  timezone: timezone.optional().catch(undefined),
});

const claims = z.object({
  id: text(64),
  language: language.optional(),
  timezone: timezone.optional(),
  /** Epoch seconds until which it registers devices; one without does not. */
  until: z.number().int().optional(),
});
export type VisitorClaims = Omit<z.output<typeof claims>, 'until'>;

/** Keeps these signatures apart from those of receipts, whose messages have other ids. */
const PURPOSE = 'safari-registration';
/** How long a push package registers devices. */
export const VISITOR_TOKEN_DAYS = 30;

/**
 * @returns the `authenticationToken` of a push package: who the visitor is, signed by the site. Safari shows it when
 *   it registers, so that a registration is attached to the visitor who was asked.
 */
export function visitorToken(
  receipts: ReceiptSigner,
  site: Site,
  visitor: VisitorClaims,
  nowMs: number,
): string {
  const until = Math.floor(nowMs / 1_000) + VISITOR_TOKEN_DAYS * 86_400;
  const said = Buffer.from(JSON.stringify({ ...visitor, until })).toString('base64url');
  return `${said}.${receipts.sign(site.receiptKey, PURPOSE, said)}`;
}

/**
 * @returns the visitor and whether the token is too old to register a device that is new to us; null when the site
 *   has not signed it (each site signs with a key of its own)
 */
export function readVisitorToken(
  receipts: ReceiptSigner,
  site: Site,
  token: string,
  nowMs: number,
): { visitor: VisitorClaims; expired: boolean } | null {
  const [said = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || !receipts.verify(site.receiptKey, PURPOSE, said, signature)) return null;
  try {
    const { until, ...visitor } = claims.parse(JSON.parse(Buffer.from(said, 'base64url').toString()));
    return { visitor, expired: until === undefined || until * 1_000 <= nowMs };
  } catch {
    return null;
  }
}

/** @returns what is kept with a device for the visitor who registered it: proves an id, and does not tell it */
export function visitorMark(siteId: string, anonymousId: string): string {
  return createHash('sha256').update(`${siteId}/${anonymousId}`).digest('base64url');
}
