import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ReceiptSigner } from '../../domain/ports/services.ts';

const TOKEN_BYTES = 16;

/** Signs receipts with HMAC-SHA-256 cut to 128 bits: whoever holds a push may report about it, nobody else. */
export function createReceiptSigner(): ReceiptSigner {
  const sign = (receiptKey: string, messageId: string, subscriptionId: string): Buffer =>
    createHmac('sha256', receiptKey)
      .update(`${messageId.length}:${messageId}${subscriptionId}`)
      .digest()
      .subarray(0, TOKEN_BYTES);

  return {
    sign: (...about) => sign(...about).toString('base64url'),
    verify(receiptKey, messageId, subscriptionId, token) {
      const given = Buffer.from(token, 'base64url');
      return (
        given.length === TOKEN_BYTES && timingSafeEqual(given, sign(receiptKey, messageId, subscriptionId))
      );
    },
  };
}
