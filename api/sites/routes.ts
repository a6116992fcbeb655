import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { WebsitePushIdTakenError } from '../../domain/site-errors.ts';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery, text, timezone, webUrl } from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { origin } from './origin.ts';
import { safariFaults } from './safari-credentials.ts';
import {
  fcmLegacyInput,
  fcmLegacyPatch,
  mergeFcmLegacy,
  mergeSafari,
  safariInput,
  safariPatch,
} from './safari-schema.ts';
import { vapidRoutes } from './vapid-routes.ts';
import { vapidInput } from './vapid-schema.ts';
import { siteView, viewOf } from './views.ts';

const defaultIcon = webUrl(['https:']).describe('Of pushes whose campaign names no icon');

const siteInput = z
  .strictObject({
    name: text(200),
    origins: z.array(origin).max(50).default([]),
    timezone: timezone.optional(),
    vapid: vapidInput.optional().describe('Made when absent; the private key is never shown'),
    fcmLegacy: fcmLegacyInput.optional(),
    safari: safariInput.optional(),
    defaultIcon: defaultIcon.optional(),
  })
  .meta({ id: 'SiteInput' });

const sitePatch = z
  .strictObject({
    name: text(200).optional(),
    origins: z.array(origin).max(50).optional(),
    timezone: timezone.nullable().optional(),
    fcmLegacy: fcmLegacyPatch.nullable().optional(),
    safari: safariPatch.nullable().optional(),
    defaultIcon: defaultIcon.nullable().optional(),
  })
  .meta({ id: 'SitePatch' });

/** `/v1/sites` */
export function siteRoutes(deps: ApiDeps): Route[] {
  /** @returns the faults of the settings for Safari, whose website push id must be of one site alone */
  async function faultsOf(safari: Site['safari'], siteId: string): Promise<ProblemFault[]> {
    if (!safari) return [];
    const faults = await safariFaults(safari, deps.clock.now().getTime());
    const owner = await deps.sites.byWebsitePushId(safari.websitePushId);
    if (owner && owner.id !== siteId) {
      faults.push({ pointer: '/safari/websitePushId', detail: `is that of site ${owner.id}` });
    }
    return faults;
  }

  /** As `faultsOf`, of a site that took the website push id in between. */
  async function orFaults<T>(write: Promise<T>, safari: Site['safari'], siteId: string): Promise<T> {
    try {
      return await write;
    } catch (error) {
      if (!(error instanceof WebsitePushIdTakenError)) throw error;
      const faults = await faultsOf(safari, siteId);
      // Whoever took it may have given it up again.
      const taken = { pointer: '/safari/websitePushId', detail: 'is that of another site' };
      throw new Problem('validation_failed', undefined, faults.length > 0 ? faults : [taken]);
    }
  }

  /** @returns the site as it is shown, with what it was saved with and will not work */
  function saved(site: Site, safari: unknown): object {
    if (!safari || deps.publicUrl().startsWith('https://')) return viewOf(site);
    const detail = `Safari calls BECKON_PUBLIC_URL, which must be https and is ${deps.publicUrl()}`;
    return { ...viewOf(site), warnings: [{ pointer: '/safari', detail }] };
  }

  return [
    defineRoute({
      method: 'post',
      path: '/v1/sites',
      tag: 'Sites',
      summary: 'Create a site',
      access: 'key',
      body: siteInput,
      examples: {
        shop: {
          summary: 'A shop; its VAPID keys are made for it',
          value: { name: 'Shop', origins: ['https://shop.example'], timezone: 'Europe/Berlin' },
        },
      },
      answers: { 201: { description: 'The site, with its public VAPID key', schema: siteView } },
      async handle({ body, idOf }) {
        const siteId = idOf('site');
        const fault = body.vapid ? deps.push.checkKeys(body.vapid) : null;
        const faults = [
          ...(fault === null ? [] : [{ pointer: '/vapid', detail: fault }]),
          ...(await faultsOf(body.safari, siteId)),
        ];
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const existing = await deps.sites.byId(siteId);
        const site: Site = existing ?? {
          ...body,
          id: siteId,
          vapid: body.vapid ?? deps.push.generateKeys(),
          receiptKey: randomBytes(32).toString('base64url'),
          createdAt: deps.clock.now(),
        };
        if (!existing) await orFaults(deps.sites.create(site), body.safari, siteId);
        return { status: 201, body: saved(site, body.safari) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/sites',
      tag: 'Sites',
      summary: 'List sites',
      access: 'key',
      query: pageQuery,
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(siteView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const sites = await deps.sites.list(query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(sites, query.limit, viewOf) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/sites/:id',
      tag: 'Sites',
      summary: 'Read a site',
      access: 'key',
      params: z.strictObject({ id }),
      answers: { 200: { description: 'The site', schema: siteView } },
      async handle({ params }) {
        const site = await deps.sites.byId(params.id);
        if (!site) throw new Problem('not_found', `there is no site ${params.id}`);
        return { status: 200, body: viewOf(site) };
      },
    }),
    defineRoute({
      method: 'patch',
      path: '/v1/sites/:id',
      tag: 'Sites',
      summary: 'Change a site',
      description:
        'What is absent stays as it is, also within `safari` and `fcmLegacy`, so that secrets need not be sent again; ' +
        'null takes away. VAPID keys are changed by `rotate-vapid`.',
      access: 'key',
      params: z.strictObject({ id }),
      body: sitePatch,
      examples: {
        icon: {
          summary: 'Another icon, and no legacy FCM any more',
          value: { defaultIcon: 'https://shop.example/icon.png', fcmLegacy: null },
        },
      },
      answers: { 200: { description: 'The site', schema: siteView } },
      async handle({ params, body }) {
        const before = await deps.sites.byId(params.id);
        if (!before) throw new Problem('not_found', `there is no site ${params.id}`);
        const safari = body.safari ? mergeSafari(before.safari, body.safari) : body.safari;
        const fcmLegacy = body.fcmLegacy ? mergeFcmLegacy(before.fcmLegacy, body.fcmLegacy) : body.fcmLegacy;
        const faults = await faultsOf(safari ?? undefined, params.id);
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const change = deps.sites.change(params.id, { ...body, safari, fcmLegacy });
        const site = await orFaults(change, safari ?? undefined, params.id);
        if (!site) throw new Problem('not_found', `there is no site ${params.id}`);
        return { status: 200, body: saved(site, body.safari) };
      },
    }),
    ...vapidRoutes(deps),
  ];
}
