import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { id, identity, pageOf, pageQuery } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { subscriptionExamples } from './examples.ts';
import { addressFields, commonFields, subscriptionView } from './fields.ts';
import { answerWith, storeSubscription, subscriptionFaults, viewOf } from './save.ts';

const who = { identity: identity.optional(), objectId: id.optional() };

const subscriptionInput = z
  .discriminatedUnion(
    'transport',
    [
      z.strictObject({ ...commonFields, ...who, ...addressFields.vapid }),
      z.strictObject({ ...commonFields, ...who, ...addressFields.fcmLegacy }),
      z.strictObject({ ...commonFields, ...who, ...addressFields.apns }),
    ],
    { error: 'must be vapid, fcmLegacy or apns' },
  )
  .refine((body) => (body.identity === undefined) !== (body.objectId === undefined), {
    error: 'needs exactly one of identity and objectId',
  })
  .meta({ id: 'SubscriptionInput' });

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
      body: subscriptionInput,
      examples: subscriptionExamples,
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
        return answerWith(await storeSubscription(deps, profileId, fields));
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
