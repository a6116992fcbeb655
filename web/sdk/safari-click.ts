import type { PushReceipt } from '../../domain/content/push-payload.ts';
import { randomUuid } from './random-uuid.ts';

/** As `domain/safari-payload.ts` writes them; of domain nothing but types is loaded here. */
const PARAMETERS = ['beckon_message', 'beckon_subscription', 'beckon_token'] as const;

/**
 * Reports the click that led to this page, if its address says that a push through APNs did, and takes what says so
 * off the address, so that it is neither shared nor reported again. Whatever fails costs a number in a statistic.
 */
export function reportSafariClick(page: Window & typeof globalThis, serverUrl: string): void {
  const [messageId, subscriptionId, token] = takeOff(page);
  if (!messageId || !subscriptionId || !token) return;
  const receipt: PushReceipt = {
    messageId,
    subscriptionId,
    token,
    kind: 'clicked',
    receiptId: randomUuid(page),
    at: new Date().toISOString(),
  };
  page
    .fetch(`${serverUrl}/v1/sdk/receipts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(receipt),
      credentials: 'omit',
      keepalive: true,
    })
    .catch(() => undefined);
}

/** @returns the values of the parameters, which are on the address no more */
function takeOff(page: Window & typeof globalThis): (string | null)[] {
  const url = new URL(page.location.href);
  const values = PARAMETERS.map((name) => url.searchParams.get(name));
  if (values.every((value) => value === null)) return values;
  // By hand: writing the query again would change the escapes of the others.
  const kept = url.search
    .slice(1)
    .split('&')
    .filter((pair) => !PARAMETERS.some((name) => pair === name || pair.startsWith(`${name}=`)));
  url.search = kept.join('&');
  try {
    page.history.replaceState(page.history.state, '', url.href);
  } catch {
    // A page may not change its address, such as one in a sandbox; the click is reported all the same.
  }
  return values;
}
