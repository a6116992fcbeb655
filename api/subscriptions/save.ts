import { isConfigured, vapidKeysFor, type Site, type Subscription } from '../../domain/site.ts';
import { OtherVisitorError } from '../../domain/site-errors.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import type { SubscriptionFields } from './fields.ts';

/** @returns what the schema cannot see: an unknown site or key, an endpoint of no push service that we know */
export async function subscriptionFaults(
  deps: Pick<ApiDeps, 'sites' | 'push'>,
  fields: SubscriptionFields,
): Promise<ProblemFault[]> {
  const faults: ProblemFault[] = [];
  const site = await deps.sites.byId(fields.siteId);
  if (site === null) faults.push({ pointer: '/siteId', detail: `there is no site ${fields.siteId}` });
  if (fields.transport === 'vapid') {
    const refusal = deps.push.checkEndpoint(fields.pushSubscription.endpoint);
    if (refusal !== null) faults.push({ pointer: '/pushSubscription/endpoint', detail: refusal });
  }
  return site ? [...faults, ...siteFaults(site, fields)] : faults;
}

function siteFaults(site: Site, fields: SubscriptionFields): ProblemFault[] {
  if (!isConfigured(site, fields.transport)) {
    const settings = fields.transport === 'apns' ? 'safari' : 'fcmLegacy';
    return [{ pointer: '/transport', detail: `the site has no ${settings} settings` }];
  }
  if (fields.transport === 'vapid' && fields.vapidPublicKey !== undefined && !vapidKeysFor(site, fields)) {
    return [{ pointer: '/vapidPublicKey', detail: 'is not a key that the site has or had' }];
  }
  return [];
}

/**
 * Stores a subscription of a profile.
 *
 * @param visitor stands for the visitor whose device of `apns` it is; absent where the server side says it
 * @throws Problem `other_visitor` when another one registered the device
 */
export async function storeSubscription(
  deps: Pick<ApiDeps, 'subscriptions' | 'sites'>,
  profileId: string,
  fields: SubscriptionFields,
  owner: 'replace' | 'keep' = 'replace',
  visitor?: string,
): Promise<{ subscription: Subscription; created: boolean }> {
  const { subscriptions, sites } = deps;
  switch (fields.transport) {
    case 'vapid': {
      const { pushSubscription: push, ...rest } = fields;
      const site = await sites.byId(fields.siteId);
      const address = { endpoint: push.endpoint, keys: push.keys };
      return subscriptions.upsert({ ...rest, ...address, profileId }, owner, site?.vapid.publicKey);
    }
    case 'fcmLegacy': {
      const { token: endpoint, ...rest } = fields;
      return subscriptions.upsert({ ...rest, endpoint, profileId }, owner);
    }
    case 'apns': {
      const { deviceToken: endpoint, ...rest } = fields;
      return orOtherVisitor(subscriptions.upsert({ ...rest, endpoint, profileId, visitor }, owner));
    }
  }
}

/** @throws Problem `other_visitor` when that is what the work fails with */
export async function orOtherVisitor<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof OtherVisitorError ? new Problem('other_visitor') : error;
  }
}

/** @returns 201 for a new one, else 200 */
export function answerWith({ subscription, created }: { subscription: Subscription; created: boolean }): {
  status: number;
  body: object;
} {
  return { status: created ? 201 : 200, body: viewOf(subscription) };
}

/** The keys of a browser stay with us. */
export function viewOf({ profileId, keys: _keys, ...rest }: Subscription): object {
  return { ...rest, objectId: profileId };
}

/** Where browsers that subscribed through legacy FCM had their endpoints; the token is the last part of the path. */
const FCM_ENDPOINT =
  /^https:\/\/(?:fcm\.googleapis\.com\/fcm|android\.googleapis\.com\/gcm)\/send\/([A-Za-z0-9:_-]+)$/;

/** @returns the subscription that a browser had before, by the endpoint or the token that it knew it by */
export async function earlierSubscription(
  deps: Pick<ApiDeps, 'subscriptions'>,
  siteId: string,
  known: string,
  visitor: string,
): Promise<Subscription | null> {
  const found = await deps.subscriptions.byEndpoint(siteId, known);
  // A device token of Apple's is no secret of the browser alone.
  if (found?.transport === 'apns' && !(await deps.subscriptions.isOfVisitor(siteId, known, visitor)))
    return null;
  const token = FCM_ENDPOINT.exec(known)?.[1];
  return found ?? (token === undefined ? null : deps.subscriptions.byEndpoint(siteId, token));
}
