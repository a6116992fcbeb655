import { openTarget } from './click.ts';
import { readNotificationData, readPayload, toShownNotification } from './notification-data.ts';
import { postReceipt } from './receipts.ts';
import { renewSubscription } from './subscription-change.ts';
import type { NotificationEventLike, PushEventLike, WorkerScope } from './worker-types.ts';

const scope = self as unknown as WorkerScope;

/** Shows one of our pushes and reports it; a receipt never holds the notification up. */
async function handlePush(event: PushEventLike): Promise<void> {
  const payload = readPayload(event.data);
  if (!payload) return;
  const delivered = postReceipt(scope, payload, 'delivered');
  const viewed = scope.registration
    .showNotification(payload.notification.title, toShownNotification(payload))
    .then(() => postReceipt(scope, payload, 'viewed'));
  // A notification that cannot be shown must not end the worker while the first receipt is retried.
  await Promise.all([delivered, settle(viewed)]);
}

/** The window is opened first: a browser allows it only for a moment after the click. */
async function handleClick(event: NotificationEventLike): Promise<void> {
  const data = readNotificationData(event.notification.data);
  if (!data) return;
  event.notification.close();
  const opened = openTarget(scope, data, event.action);
  await Promise.all([opened, postReceipt(scope, data, 'clicked', event.action)]);
}

async function handleClose(event: NotificationEventLike): Promise<void> {
  const data = readNotificationData(event.notification.data);
  if (data) await postReceipt(scope, data, 'dismissed');
}

/** Whatever goes wrong in a handler ends there: the browser would only log it. */
function settle(work: Promise<void>): Promise<void> {
  // eslint-disable-next-line no-console -- the browser's console is where its developer looks
  return work.catch((error: unknown) => console.warn('push:', error));
}

scope.addEventListener('push', (event) => event.waitUntil(settle(handlePush(event))));
scope.addEventListener('notificationclick', (event) => event.waitUntil(settle(handleClick(event))));
scope.addEventListener('notificationclose', (event) => event.waitUntil(settle(handleClose(event))));
scope.addEventListener('pushsubscriptionchange', (event) =>
  event.waitUntil(settle(renewSubscription(scope, event))),
);
