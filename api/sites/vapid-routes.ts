import { z } from 'zod';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { id } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { vapidInput } from './vapid-schema.ts';
import { siteView, viewOf } from './views.ts';

/** Each pair is kept for the subscriptions made under it. */
const MOST_EARLIER_PAIRS = 50;

const subscribersView = z
  .object({
    active: z
      .object({ vapid: z.number(), fcmLegacy: z.number(), apns: z.number() })
      .describe('Active subscriptions by transport'),
    vapidKeys: z
      .array(
        z.object({
          publicKey: z.string(),
          current: z.boolean(),
          active: z.number().describe('Active subscriptions made under it'),
        }),
      )
      .describe('The current key first, then the earlier ones, the latest first'),
    movedToVapid: z
      .number()
      .describe('Subscriptions of legacy FCM whose browser has subscribed by VAPID since'),
  })
  .meta({ id: 'SiteSubscribers' });

/** The VAPID keys of a site, and who subscribed under which. */
export function vapidRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/sites/:id/rotate-vapid',
      tag: 'Sites',
      summary: 'Change the VAPID keys of a site',
      description:
        'The pair before is kept: pushes to subscriptions made under it go on being signed by it, until their ' +
        'browsers subscribe anew. A pair that the site had before becomes the current one again.',
      access: 'key',
      params: z.strictObject({ id }),
      body: z
        .strictObject({ vapid: vapidInput.optional().describe('Made when absent') })
        .meta({ id: 'RotateVapidInput' })
        .default({}),
      examples: { made: { summary: 'A pair that is made here', value: {} } },
      answers: { 200: { description: 'The site, with its new public key', schema: siteView } },
      async handle({ params, body, idOf }) {
        const before = await deps.sites.byId(params.id);
        if (!before) throw new Problem('not_found', `there is no site ${params.id}`);
        const fault = body.vapid ? deps.push.checkKeys(body.vapid) : null;
        if (fault !== null) {
          throw new Problem('validation_failed', undefined, [{ pointer: '/vapid', detail: fault }]);
        }
        if ((before.earlierVapid ?? []).length >= MOST_EARLIER_PAIRS) {
          throw new Problem(
            'too_many',
            `a site keeps at most ${MOST_EARLIER_PAIRS} earlier key pairs; one without active subscriptions can be deleted`,
          );
        }
        const keys = body.vapid ?? deps.push.generateKeys();
        const site = await deps.sites.rotateVapid(params.id, keys, idOf('rotation'));
        if (!site) throw new Problem('not_found', `there is no site ${params.id}`);
        return { status: 200, body: viewOf(site) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/sites/:id/vapid-keys/:publicKey',
      tag: 'Sites',
      summary: 'Forget an earlier VAPID key pair of a site',
      description: 'Only one under which no active subscription was made. It cannot be made current again.',
      access: 'key',
      params: z.strictObject({ id, publicKey: vapidInput.shape.publicKey }),
      answers: { 200: { description: 'The site, without the pair', schema: siteView } },
      async handle({ params }) {
        const site = await deps.sites.byId(params.id);
        if (!site) throw new Problem('not_found', `there is no site ${params.id}`);
        const { publicKey } = params;
        if (site.vapid.publicKey === publicKey) {
          throw new Problem('in_use', 'it is the current pair; rotate-vapid makes another one current');
        }
        if (!site.earlierVapid?.some((pair) => pair.publicKey === publicKey)) {
          throw new Problem('not_found', `the site has no pair ${publicKey}`);
        }
        const { vapidKeys } = await deps.subscriptions.countByTransport(params.id);
        const active = activeUnder(site, vapidKeys, publicKey);
        if (active > 0) throw new Problem('in_use', `${active} active subscriptions were made under it`);
        const after = await deps.sites.removeVapid(params.id, publicKey);
        if (!after) throw new Problem('not_found', `there is no site ${params.id}`);
        return { status: 200, body: viewOf(after) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/sites/:id/subscribers',
      tag: 'Sites',
      summary: 'Count the subscribers of a site by transport and VAPID key',
      access: 'key',
      params: z.strictObject({ id }),
      answers: { 200: { description: 'The counts', schema: subscribersView } },
      async handle({ params }) {
        const site = await deps.sites.byId(params.id);
        if (!site) throw new Problem('not_found', `there is no site ${params.id}`);
        const { transports, vapidKeys, movedToVapid } = await deps.subscriptions.countByTransport(params.id);
        const current = site.vapid.publicKey;
        const keys = [current, ...(site.earlierVapid ?? []).map(({ publicKey }) => publicKey)];
        return {
          status: 200,
          body: {
            active: transports,
            vapidKeys: keys.map((key) => ({
              publicKey: key,
              current: key === current,
              active: activeUnder(site, vapidKeys, key),
            })),
            movedToVapid,
          },
        };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/sdk/manifest.json',
      tag: 'Browser SDK',
      summary: 'The web app manifest that legacy FCM needs',
      description: 'For pages that have no manifest of their own; others add `gcm_sender_id` to theirs.',
      access: 'open',
      query: z.strictObject({ siteId: id }),
      answers: {
        200: {
          description: 'The manifest',
          type: 'application/manifest+json',
          schema: z.object({ name: z.string(), gcm_sender_id: z.string().optional() }),
        },
      },
      async handle({ query }) {
        const site = await deps.sites.byId(query.siteId);
        if (!site) throw new Problem('not_found', `there is no site ${query.siteId}`);
        return {
          status: 200,
          headers: { 'Content-Type': 'application/manifest+json', 'Cache-Control': 'public, max-age=3600' },
          body: { name: site.name, gcm_sender_id: site.fcmLegacy?.senderId },
        };
      },
    }),
  ];
}

/** @returns how many active subscriptions were made under a key; those without a note were under the site's first */
function activeUnder(site: Site, counted: Record<string, number>, key: string): number {
  const first = site.firstVapidPublicKey ?? site.vapid.publicKey;
  return (counted[key] ?? 0) + (key === first ? (counted[''] ?? 0) : 0);
}
