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
});
export type VisitorClaims = z.output<typeof claims>;

/** Keeps these signatures apart from those of receipts, whose messages have other ids. */
const PURPOSE = 'safari-registration';

/**
 * @returns the `authenticationToken` of a push package: who the visitor is, signed by the site. Safari shows it when
 *   it registers, so that a registration is attached to the visitor who was asked.
 */
export function visitorToken(receipts: ReceiptSigner, site: Site, visitor: VisitorClaims): string {
  const said = Buffer.from(JSON.stringify(visitor)).toString('base64url');
  return `${said}.${receipts.sign(site.receiptKey, PURPOSE, said)}`;
}

/** @returns the visitor, or null when the site has not signed this token */
export function readVisitorToken(receipts: ReceiptSigner, site: Site, token: string): VisitorClaims | null {
  const [said = '', signature = '', ...rest] = token.split('.');
  if (rest.length > 0 || !receipts.verify(site.receiptKey, PURPOSE, said, signature)) return null;
  try {
    return claims.parse(JSON.parse(Buffer.from(said, 'base64url').toString()));
  } catch {
    return null;
  }
}
