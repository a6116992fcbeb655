import type { PushPayload } from './push-payload.ts';
import type { RenderedWebPush } from './render-web-push.ts';

/** @returns the plaintext of a push, as the service worker reads it */
export function payloadFor(input: {
  content: RenderedWebPush;
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
}): PushPayload {
  const { content, messageId, subscriptionId, receiptUrl, receiptToken } = input;
  return {
    v: 1,
    messageId,
    subscriptionId,
    receiptUrl,
    receiptToken,
    notification: {
      title: content.title,
      body: content.body ?? '',
      tag: content.topic ?? messageId,
      ...(content.icon ? { icon: content.icon } : {}),
      ...(content.image ? { image: content.image } : {}),
      ...(content.badge ? { badge: content.badge } : {}),
      ...(content.url ? { url: content.url } : {}),
      ...(content.requireInteraction ? { requireInteraction: true } : {}),
      ...(content.actions && content.actions.length > 0
        ? {
            actions: content.actions.map((action, i) => ({
              action: `action-${i + 1}`,
              title: action.title,
              ...(action.url ? { url: action.url } : {}),
            })),
          }
        : {}),
      ...(content.data && Object.keys(content.data).length > 0 ? { data: content.data } : {}),
    },
  };
}
