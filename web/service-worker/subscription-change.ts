import { textOf } from '../sdk/base64url.ts';
import { describeBrowser } from '../sdk/browser-info.ts';
import { forgetOfWorker, keepForWorker, pendingOfWorker } from '../sdk/pending-replaces.ts';
import type { SubscriptionChangeEventLike, SubscriptionLike, WorkerScope } from './worker-types.ts';

/**
 * The browser gave the subscription a new address: subscribes again if it did not do so itself, and
 * reports it as the SDK does. The site, the server, the visitor and the VAPID key are read from the
 * worker's own address, where the SDK puts them; a worker registered otherwise does nothing.
 */
export async function renewSubscription(
  scope: WorkerScope,
  event: SubscriptionChangeEventLike,
): Promise<void> {
  const query = new URL(scope.location.href).searchParams;
  const siteId = query.get('site');
  const serverUrl = query.get('server');
  if (!siteId || !serverUrl) return;
  if (event.oldSubscription?.endpoint) await keepForWorker(scope, siteId, event.oldSubscription.endpoint);
  const replaces = (await pendingOfWorker(scope, siteId)) ?? event.oldSubscription?.endpoint;
  const subscription = event.newSubscription ?? (await subscribeAgain(scope, event, query.get('key')));
  if (!subscription) return;
  const answer = await scope.fetch(`${serverUrl}/v1/sdk/subscriptions`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      siteId,
      transport: 'vapid',
      pushSubscription: subscription.toJSON(),
      ...keyOf(subscription),
      ...(replaces ? { replaces } : {}),
      ...describeBrowser(scope.navigator),
      ...(query.get('visitor') ? { anonymousId: query.get('visitor') } : {}),
    }),
    credentials: 'omit',
    keepalive: true,
  });
  // Else the next page of the site tells.
  if (answer.ok) await forgetOfWorker(scope, siteId);
}

/** The key that it was made under, where the browser tells. */
function keyOf({ options }: SubscriptionLike): { vapidPublicKey?: string } {
  return options?.applicationServerKey ? { vapidPublicKey: textOf(options.applicationServerKey) } : {};
}

async function subscribeAgain(
  scope: WorkerScope,
  event: SubscriptionChangeEventLike,
  vapidPublicKey: string | null,
): Promise<SubscriptionLike | null> {
  const applicationServerKey = event.oldSubscription?.options?.applicationServerKey ?? vapidPublicKey;
  if (!applicationServerKey) return null;
  return scope.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
}
