import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { visitorProfile } from '../sdk/routes.ts';
import { deviceToken } from '../subscriptions/fields.ts';
import { storeSubscription } from '../subscriptions/save.ts';
import { createIconSets } from './icons.ts';
import { buildPushPackage } from './push-package.ts';
import { readVisitorToken, userInfo, visitorToken, type VisitorClaims } from './visitor-token.ts';

/** Safari calls `v2` since macOS 10.12; earlier ones call `v1`, with the same bodies. */
const VERSIONS = ['v1', 'v2'] as const;
const MOST_LOGS = 20;
const MOST_LOG_CHARACTERS = 500;

const websitePushId = z.string().max(255);

/** `/v1/safari`: the web service that Safari's website push asks for (Apple: Configuring Safari Push Notifications). */
export function safariRoutes(deps: ApiDeps): Route[] {
  return VERSIONS.flatMap((version) => routesOf(deps, version));
}

function routesOf(deps: ApiDeps, version: (typeof VERSIONS)[number]): Route[] {
  const iconsOf = createIconSets();

  async function siteOf(id: string): Promise<Site & { safari: NonNullable<Site['safari']> }> {
    const site = await deps.sites.byWebsitePushId(id);
    if (!site?.safari) throw new Problem('not_found', `there is no website push id ${id}`);
    return { ...site, safari: site.safari };
  }

  /** @throws Problem when Safari does not show the token of a push package of the site */
  function visitorOf(site: Site, request: Request): VisitorClaims {
    const header = /^ApplePushNotifications (\S+)$/.exec(request.headers.authorization ?? '');
    const visitor = header?.[1] === undefined ? null : readVisitorToken(deps.receipts, site, header[1]);
    if (visitor) return visitor;
    throw new Problem('unauthorized', 'this is not the authenticationToken of a push package', [], {
      'WWW-Authenticate': 'ApplePushNotifications',
    });
  }

  const registration = `/v1/safari/${version}/devices/:deviceToken/registrations/:websitePushId`;
  const registrationParams = z.strictObject({ deviceToken, websitePushId });
  return [
    defineRoute({
      method: 'post',
      path: `/v1/safari/${version}/pushPackages/:websitePushId`,
      tag: 'Safari website push',
      summary: 'The push package of a website',
      description: 'Called by Safari. The body is what the page gave as userInfo.',
      access: 'open',
      maxBody: 4 * 1_024,
      params: z.strictObject({ websitePushId }),
      body: userInfo,
      answers: { 200: { description: 'A zip (application/zip)' } },
      async handle({ params, body }) {
        const site = await siteOf(params.websitePushId);
        const visitor = {
          id: body.anonymousId ?? randomUUID(),
          language: body.language,
          timezone: body.timezone,
        };
        const zip = await buildPushPackage({
          safari: site.safari,
          icons: await iconsOf(site.safari.icon),
          webServiceUrl: `${deps.publicUrl()}/v1/safari`,
          authenticationToken: visitorToken(deps.receipts, site, visitor),
        });
        return {
          status: 200,
          body: zip,
          headers: { 'Content-Type': 'application/zip', 'Cache-Control': 'no-store' },
        };
      },
    }),
    defineRoute({
      method: 'post',
      path: registration,
      tag: 'Safari website push',
      summary: 'A visitor has allowed pushes',
      description: 'Called by Safari with `Authorization: ApplePushNotifications <authenticationToken>`.',
      access: 'open',
      params: registrationParams,
      answers: { 200: { description: 'Subscribed' } },
      async handle({ params, request }) {
        const site = await siteOf(params.websitePushId);
        const { id: anonymousId, ...about } = visitorOf(site, request);
        const profileId = await visitorProfile(deps, site.id, anonymousId);
        await deps.profiles.seen(profileId);
        const fields = {
          ...about,
          siteId: site.id,
          transport: 'apns' as const,
          deviceToken: params.deviceToken,
          browserType: 'Safari',
          platformName: 'macOS',
        };
        await storeSubscription(deps, profileId, fields, 'keep');
        return { status: 200 };
      },
    }),
    defineRoute({
      method: 'delete',
      path: registration,
      tag: 'Safari website push',
      summary: 'A visitor does not allow pushes any more',
      access: 'open',
      params: registrationParams,
      answers: { 200: { description: 'Opted out, now or before' } },
      async handle({ params, request }) {
        const site = await siteOf(params.websitePushId);
        visitorOf(site, request);
        await deps.subscriptions.optOut(site.id, params.deviceToken);
        return { status: 200 };
      },
    }),
    defineRoute({
      method: 'post',
      path: `/v1/safari/${version}/log`,
      tag: 'Safari website push',
      summary: 'What Safari found wrong',
      access: 'open',
      maxBody: 16 * 1_024,
      body: z.object({ logs: z.array(z.unknown()).max(1_000) }),
      answers: { 200: { description: 'Written to the log, cut' } },
      handle({ body }) {
        for (const entry of body.logs.slice(0, MOST_LOGS)) {
          const said = typeof entry === 'string' ? entry : JSON.stringify(entry);
          deps.log.warn({ safari: said.slice(0, MOST_LOG_CHARACTERS) }, 'Safari reports a fault');
        }
        return Promise.resolve({ status: 200 });
      },
    }),
  ];
}
