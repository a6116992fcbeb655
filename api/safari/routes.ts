import { randomUUID } from 'node:crypto';
import type { Request } from 'express';
import { z } from 'zod';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { createThrottle, remoteNetwork } from '../http/throttle.ts';
import { visitorProfile } from '../sdk/routes.ts';
import { deviceToken } from '../subscriptions/fields.ts';
import { orOtherVisitor, storeSubscription } from '../subscriptions/save.ts';
import { createIconSets } from './icons.ts';
import { createPushPackages } from './push-package.ts';
import { readVisitorToken, userInfo, visitorMark, visitorToken } from './visitor-token.ts';

/** Safari calls `v2` since macOS 10.12; earlier ones call `v1`, with the same bodies. */
const VERSIONS = ['v1', 'v2'] as const;
const MOST_LOGS = 20;
const MOST_LOG_CHARACTERS = 500;

const websitePushId = z.string().max(255);

/** How many packages are made for one site, and how much one address may ask for or tell. */
const OF_SITE = { burst: 600, perMinute: 600 };
const OF_ADDRESS = { burst: 30, perMinute: 30 };
/** Of all addresses together: what is told goes to the log. */
const LOGS = { burst: 60, perMinute: 60 };

/** `/v1/safari`: the web service that Safari's website push asks for (Apple: Configuring Safari Push Notifications). */
export function safariRoutes(deps: ApiDeps): Route[] {
  const shared = {
    iconsOf: createIconSets(),
    packageOf: createPushPackages(),
    packageForSite: createThrottle(OF_SITE),
    packageForAddress: createThrottle(OF_ADDRESS),
    logOfAll: createThrottle(LOGS),
    logOfAddress: createThrottle(OF_ADDRESS),
  };
  return VERSIONS.flatMap((version) => routesOf(deps, version, shared));
}

/** What both versions share: limits hold for them together. */
interface Shared {
  iconsOf: ReturnType<typeof createIconSets>;
  packageOf: ReturnType<typeof createPushPackages>;
  packageForSite: (siteId: string) => void;
  packageForAddress: (network: string) => void;
  logOfAll: (who: string) => void;
  logOfAddress: (network: string) => void;
}

function routesOf(deps: ApiDeps, version: (typeof VERSIONS)[number], shared: Shared): Route[] {
  async function siteOf(id: string): Promise<Site & { safari: NonNullable<Site['safari']> }> {
    const site = await deps.sites.byWebsitePushId(id);
    if (!site?.safari) throw new Problem('not_found', `there is no website push id ${id}`);
    return { ...site, safari: site.safari };
  }

  /** @throws Problem when Safari does not show the token of a push package of the site */
  function visitorOf(site: Site, request: Request): NonNullable<ReturnType<typeof readVisitorToken>> {
    const header = /^ApplePushNotifications (\S+)$/.exec(request.headers.authorization ?? '');
    const nowMs = deps.clock.now().getTime();
    const read = header?.[1] === undefined ? null : readVisitorToken(deps.receipts, site, header[1], nowMs);
    if (read) return read;
    throw refusal();
  }

  function refusal(): Problem {
    return new Problem('unauthorized', 'this is not the authenticationToken of a push package', [], {
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
      answers: { 200: { description: 'A zip', type: 'application/zip' } },
      async handle({ params, body, request }) {
        const network = remoteNetwork(request);
        if (network !== null) shared.packageForAddress(network);
        const site = await siteOf(params.websitePushId);
        shared.packageForSite(site.id);
        const visitor = {
          id: body.anonymousId ?? randomUUID(),
          language: body.language,
          timezone: body.timezone,
        };
        const zip = await shared.packageOf({
          safari: site.safari,
          icons: await shared.iconsOf(site.safari.icon),
          webServiceUrl: `${deps.publicUrl()}/v1/safari`,
          authenticationToken: visitorToken(deps.receipts, site, visitor, deps.clock.now().getTime()),
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
      scheme: 'ApplePushNotifications',
      tag: 'Safari website push',
      summary: 'A visitor has allowed pushes',
      description: 'Called by Safari with `Authorization: ApplePushNotifications <authenticationToken>`.',
      access: 'open',
      params: registrationParams,
      answers: { 200: { description: 'Subscribed' } },
      async handle({ params, request }) {
        const site = await siteOf(params.websitePushId);
        const { visitor, expired } = visitorOf(site, request);
        const { id: anonymousId, ...about } = visitor;
        const mark = visitorMark(site.id, anonymousId);
        // Safari keeps the package: who allows pushes again in its settings long after shows the old token.
        if (expired && !(await deps.subscriptions.isOfVisitor(site.id, params.deviceToken, mark)))
          throw refusal();
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
        await storeSubscription(deps, profileId, fields, 'keep', mark);
        return { status: 200 };
      },
    }),
    defineRoute({
      method: 'delete',
      path: registration,
      scheme: 'ApplePushNotifications',
      tag: 'Safari website push',
      summary: 'A visitor does not allow pushes any more',
      access: 'open',
      params: registrationParams,
      answers: { 200: { description: 'Opted out, now or before' } },
      async handle({ params, request }) {
        const site = await siteOf(params.websitePushId);
        // However old the token is: whoever allowed pushes may always end it.
        const { visitor } = visitorOf(site, request);
        const mark = visitorMark(site.id, visitor.id);
        await orOtherVisitor(deps.subscriptions.optOut(site.id, params.deviceToken, mark));
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
      handle({ body, request }) {
        const network = remoteNetwork(request);
        if (network !== null) shared.logOfAddress(network);
        shared.logOfAll('all');
        for (const entry of body.logs.slice(0, MOST_LOGS)) {
          const said = typeof entry === 'string' ? entry : JSON.stringify(entry);
          deps.log.warn({ safari: said.slice(0, MOST_LOG_CHARACTERS) }, 'Safari reports a fault');
        }
        return Promise.resolve({ status: 200 });
      },
    }),
  ];
}
