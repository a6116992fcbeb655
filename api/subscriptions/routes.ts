import { z } from 'zod';
import type { Subscription } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import {
  country,
  id,
  identity,
  json,
  language,
  pageOf,
  pageQuery,
  properties,
  text,
  timezone,
} from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const key = (bytes: number, what: string): z.ZodType<string> =>
  z
    .string()
    .max(200)
    .refine((value) => /^[A-Za-z0-9_-]+$/.test(value) && Buffer.from(value, 'base64url').length === bytes, {
      error: `must be ${what} as unpadded base64url (${bytes} bytes)`,
    });

/** The Push API's own JSON of a subscription. */
export const pushSubscription = z.strictObject({
  endpoint: z.string().max(2_048),
  expirationTime: z.number().nullable().optional(),
  keys: z.strictObject({ p256dh: key(65, 'a P-256 point'), auth: key(16, 'the authentication secret') }),
});

/** What the server and the SDK say about a subscription alike. */
export const subscriptionFields = {
  siteId: id,
  transport: z.literal('vapid', { error: 'must be vapid' }),
  pushSubscription,
  browserType: text(64).optional(),
  platformName: text(64).optional(),
  language: language.optional(),
  country: country.optional(),
  timezone: timezone.optional(),
  topics: z.array(text(64)).max(100).optional(),
  customAttributes: properties.optional(),
};

export const subscriptionView = z
  .looseObject({
    id: z.string(),
    siteId: z.string(),
    objectId: z.string(),
    transport: z.literal('vapid'),
    endpoint: z.string(),
    status: z.enum(['active', 'optedOut', 'expired']),
    browserType: z.string().optional(),
    platformName: z.string().optional(),
    language: z.string().optional(),
    country: z.string().optional(),
    timezone: z.string().optional(),
    topics: z.array(z.string()),
    customAttributes: z.record(z.string(), json),
    createdAt: z.iso.datetime(),
    syncedAt: z.iso.datetime(),
  })
  .meta({ id: 'Subscription' });

/** `/v1/subscriptions` */
export function subscriptionRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/subscriptions',
      tag: 'Subscriptions',
      summary: 'Subscribe a browser of a profile to a site',
      description: 'Posting the same endpoint again changes the subscription and makes it active again.',
      access: 'key',
      body: z
        .strictObject({ ...subscriptionFields, identity: identity.optional(), objectId: id.optional() })
        .refine((body) => (body.identity === undefined) !== (body.objectId === undefined), {
          error: 'needs exactly one of identity and objectId',
        })
        .meta({ id: 'SubscriptionInput' }),
      answers: {
        201: { description: 'A new subscription', schema: subscriptionView },
        200: { description: 'One that was there', schema: subscriptionView },
      },
      async handle({ body }) {
        const { identity: wanted, objectId, ...fields } = body;
        const faults = await subscriptionFaults(deps, fields);
        if (objectId !== undefined && !(await deps.profiles.existing([objectId])).has(objectId)) {
          faults.push({ pointer: '/objectId', detail: 'there is no profile with this objectId' });
        }
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const profileId =
          objectId ?? (await deps.profiles.resolveIdentities([wanted ?? ''])).get(wanted ?? '') ?? '';
        return saveSubscription(deps, profileId, fields);
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/subscriptions',
      tag: 'Subscriptions',
      summary: 'List subscriptions',
      access: 'key',
      query: pageQuery.extend({ siteId: id.optional(), identity: identity.optional() }),
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(subscriptionView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const filter: { siteId?: string; profileId?: string } = {};
        if (query.siteId !== undefined) filter.siteId = query.siteId;
        if (query.identity !== undefined) {
          const profile = await deps.profiles.byIdentity(query.identity);
          if (!profile) return { status: 200, body: { data: [], nextCursor: null } };
          filter.profileId = profile.id;
        }
        const found = await deps.subscriptions.list(filter, query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, viewOf) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/subscriptions/:id',
      tag: 'Subscriptions',
      summary: 'Read a subscription',
      access: 'key',
      params: z.strictObject({ id }),
      answers: { 200: { description: 'The subscription', schema: subscriptionView } },
      async handle({ params }) {
        const found = await deps.subscriptions.byId(params.id);
        if (!found) throw new Problem('not_found', `there is no subscription ${params.id}`);
        return { status: 200, body: viewOf(found) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/subscriptions/:id',
      tag: 'Subscriptions',
      summary: 'Opt a subscription out',
      access: 'key',
      params: z.strictObject({ id }),
      answers: { 200: { description: 'The subscription, opted out', schema: subscriptionView } },
      async handle({ params }) {
        const found = await deps.subscriptions.setStatus(params.id, 'optedOut');
        if (!found) throw new Problem('not_found', `there is no subscription ${params.id}`);
        return { status: 200, body: viewOf(found) };
      },
    }),
  ];
}

interface SubscriptionFields {
  siteId: string;
  transport: 'vapid';
  pushSubscription: { endpoint: string; keys: { p256dh: string; auth: string } };
  [more: string]: unknown;
}

/** @returns what the schema cannot see: an unknown site, an endpoint of no push service that we know */
export async function subscriptionFaults(
  deps: Pick<ApiDeps, 'sites' | 'push'>,
  fields: SubscriptionFields,
): Promise<ProblemFault[]> {
  const faults: ProblemFault[] = [];
  if ((await deps.sites.byId(fields.siteId)) === null) {
    faults.push({ pointer: '/siteId', detail: `there is no site ${fields.siteId}` });
  }
  const refusal = deps.push.checkEndpoint(fields.pushSubscription.endpoint);
  if (refusal !== null) faults.push({ pointer: '/pushSubscription/endpoint', detail: refusal });
  return faults;
}

/** Stores a subscription of a profile. @returns 201 for a new one, else 200 */
export async function saveSubscription(
  deps: Pick<ApiDeps, 'subscriptions'>,
  profileId: string,
  fields: SubscriptionFields,
  owner: 'replace' | 'keep' = 'replace',
): Promise<{ status: number; body: object }> {
  const { pushSubscription: push, ...rest } = fields;
  const { subscription, created } = await deps.subscriptions.upsert(
    { ...rest, profileId, endpoint: push.endpoint, keys: push.keys },
    owner,
  );
  return { status: created ? 201 : 200, body: viewOf(subscription) };
}

/** The keys of a browser stay with us. */
function viewOf({ profileId, keys: _keys, ...rest }: Subscription): object {
  return { ...rest, objectId: profileId };
}
