import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery, text, timezone } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';

const base64url = z
  .string()
  .max(200)
  .regex(/^[A-Za-z0-9_-]+$/, 'must be unpadded base64url');

const origin = z
  .string()
  .max(300)
  .refine((value) => {
    if (!URL.canParse(value)) return false;
    const url = new URL(value);
    const local = url.hostname === 'localhost' || url.hostname === '127.0.0.1';
    return url.origin === value && (url.protocol === 'https:' || (url.protocol === 'http:' && local));
  }, 'must be a web origin such as https://shop.example, without path');

const siteInput = z
  .strictObject({
    name: text(200),
    origins: z.array(origin).max(50).default([]),
    timezone: timezone.optional(),
    vapid: z
      .strictObject({ publicKey: base64url, privateKey: base64url })
      .optional()
      .describe('Made when absent; the private key is never shown'),
  })
  .meta({ id: 'SiteInput' });

const siteView = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    origins: z.array(z.string()),
    timezone: z.string().optional(),
    vapid: z.object({ publicKey: z.string() }),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Site' });

/** `/v1/sites` */
export function siteRoutes(deps: ApiDeps): Route[] {
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
        const fault = body.vapid ? deps.push.checkKeys(body.vapid) : null;
        if (fault !== null)
          throw new Problem('validation_failed', undefined, [{ pointer: '/vapid', detail: fault }]);
        const siteId = idOf('site');
        const existing = await deps.sites.byId(siteId);
        const site: Site = existing ?? {
          id: siteId,
          name: body.name,
          origins: body.origins,
          timezone: body.timezone,
          vapid: body.vapid ?? deps.push.generateKeys(),
          receiptKey: randomBytes(32).toString('base64url'),
          createdAt: deps.clock.now(),
        };
        if (!existing) await deps.sites.create(site);
        return { status: 201, body: viewOf(site) };
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
  ];
}

function viewOf({ vapid, receiptKey: _receiptKey, ...rest }: Site): object {
  return { ...rest, vapid: { publicKey: vapid.publicKey } };
}
