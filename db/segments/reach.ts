import type { WebhookField } from '../../domain/content/content.ts';
import type { ReachOptions } from '../../domain/ports/audience.ts';

/** Qualified, reachable by web push, by webhook, by pop-up. */
export type Counts = [number, number, number, number];

/** A web pop-up reaches whom the browser SDK has seen for so long. */
const SEEN_WITHIN_MS = 30 * 24 * 3_600_000;

/** @returns the `$group` stage that counts profiles, and by which channels they can be reached */
export function reachGroup({ nowMs, siteId, webhook }: ReachOptions): object {
  const one = (test: object): object => ({ $sum: { $cond: [test, 1, 0] } });
  const sites = { $ifNull: ['$pushSites', []] };
  const subscribed = siteId === undefined ? { $gt: [{ $size: sites }, 0] } : { $in: [siteId, sites] };
  const needs = (webhook?.required ?? []).map((field) => has(field, webhook?.properties, subscribed));
  return {
    _id: null,
    qualified: { $sum: 1 },
    webPush: one(subscribed),
    webhook: one({ $and: needs }),
    webPopup: one({ $gte: ['$seenAt', new Date(nowMs - SEEN_WITHIN_MS)] }),
  };
}

/** @returns an expression: whether a profile has what a webhook requires */
function has(field: WebhookField, properties: string[] | undefined, subscribed: object): object | boolean {
  switch (field) {
    case 'email':
    case 'identity':
      // What is absent or null sorts before every text.
      return { $gt: [`$${field}`, ''] };
    case 'profileData': {
      const all = { $objectToArray: { $ifNull: ['$properties', {}] } };
      const named = { $filter: { input: all, cond: { $in: ['$$this.k', { $literal: properties ?? [] }] } } };
      return { $gt: [{ $size: properties === undefined ? all : named }, 0] };
    }
    case 'pushToken':
      return subscribed;
    case 'objectId':
      return true;
    case 'eventProperties':
      // There is no event before somebody does something.
      return true;
  }
}
