import type { PushReceipt, ReceiptKind } from '../../domain/content/push-payload.ts';
import type { WorkerScope } from './worker-types.ts';

/** Pauses before the second, third and fourth try: a worker is ended about 30 s after its event. */
const RETRY_AFTER_MS = [500, 2_000, 6_000];

/** Of which message, and where its receipts go. */
export interface ReceiptAddress {
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
}

/**
 * Posts a receipt, again when the network fails or the server is busy, each time with the same
 * `receiptId`. Never rejects: a receipt that is lost costs a number in a statistic, nothing else.
 */
export async function postReceipt(
  scope: WorkerScope,
  address: ReceiptAddress,
  kind: ReceiptKind,
  action?: string,
): Promise<void> {
  const receipt: PushReceipt = {
    messageId: address.messageId,
    subscriptionId: address.subscriptionId,
    token: address.receiptToken,
    kind,
    receiptId: scope.crypto.randomUUID(),
    at: new Date().toISOString(),
    ...(action ? { action } : {}),
  };
  const body = JSON.stringify(receipt);
  for (const pause of [...RETRY_AFTER_MS, null]) {
    if (await tryPost(scope, address.receiptUrl, body)) return;
    if (pause !== null) await new Promise<void>((resolve) => scope.setTimeout(resolve, pause));
  }
}

/** True when another try would not help: it was taken, or refused for good. */
async function tryPost(scope: WorkerScope, url: string, body: string): Promise<boolean> {
  try {
    const response = await scope.fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      credentials: 'omit',
      keepalive: true,
    });
    return response.ok || (response.status < 500 && response.status !== 429);
  } catch {
    return false;
  }
}
