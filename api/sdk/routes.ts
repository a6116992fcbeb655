import { z } from 'zod';
import { isTestMessage } from '../../domain/delivery/test-message.ts';
import type { ApiDeps } from '../deps.ts';
import { id, instant, text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { visitorMark } from '../safari/visitor-token.ts';
import { addressFields, commonFields, subscriptionView } from '../subscriptions/fields.ts';
import {
  answerWith,
  earlierSubscription,
  orOtherVisitor,
  storeSubscription,
  subscriptionFaults,
} from '../subscriptions/save.ts';

const visitor = {
  anonymousId: text(64).describe('A random id that the SDK keeps in this browser'),
  replaces: z
    .string()
    .max(2_048)
    .optional()
    .describe('The endpoint or legacy FCM token that this browser had before: it expires'),
};
const sdkSubscription = z
  .discriminatedUnion(
    'transport',
    [
      z.strictObject({ ...commonFields, ...visitor, ...addressFields.vapid }),
      z.strictObject({ ...commonFields, ...visitor, ...addressFields.fcmLegacy }),
      z.strictObject({ ...commonFields, ...visitor, ...addressFields.apns }),
    ],
    { error: 'must be vapid, fcmLegacy or apns' },
  )
  .meta({ id: 'SdkSubscriptionInput' });

const receipt = z
  .strictObject({
    messageId: text(64),
    subscriptionId: id,
    token: text(64),
    kind: z.enum(['delivered', 'viewed', 'clicked', 'dismissed']),
    receiptId: z.uuid(),
    at: instant,
    action: text(64).optional(),
  })
  .meta({ id: 'Receipt' });

/** How far a browser's clock is believed. */
const BELIEVED_MS = 24 * 3_600_000;

/** `/v1/sdk/*`: what browsers call. Site id and allowed origin, or a signed token; no secret. */
export function sdkRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/sdk/subscriptions',
      tag: 'Browser SDK',
      summary: 'Subscribe this browser',
      description:
        'Safari registers with `/v1/safari` by itself when its user allows pushes; `apns` brings such a device back ' +
        'afterwards, for the visitor (`anonymousId`) who registered it.',
      access: 'site',
      body: sdkSubscription,
      answers: {
        201: { description: 'A new subscription', schema: subscriptionView },
        200: { description: 'One that was there', schema: subscriptionView },
      },
      async handle({ body, request }) {
        const { anonymousId, replaces, ...fields } = body;
        await checkOrigin(deps, fields.siteId, request.headers.origin);
        const faults = await subscriptionFaults(deps, fields);
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        // Whoever knows the address it had before is that browser, and stays with whom it was given to.
        const earlier =
          replaces === undefined
            ? null
            : await earlierSubscription(
                deps,
                fields.siteId,
                replaces,
                visitorMark(fields.siteId, anonymousId),
              );
        const profileId = earlier?.profileId ?? (await visitorProfile(deps, fields.siteId, anonymousId));
        await deps.profiles.seen(profileId);
        // A browser that the server side has named stays with whom it was given to.
        const mark = visitorMark(fields.siteId, anonymousId);
        const saved = await storeSubscription(deps, profileId, fields, 'keep', mark);
        if (earlier && earlier.id !== saved.subscription.id) {
          await deps.subscriptions.replace(earlier.id, saved.subscription);
        }
        return answerWith(saved);
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/sdk/subscriptions',
      tag: 'Browser SDK',
      summary: 'Opt this browser out',
      access: 'site',
      body: z
        .strictObject({
          siteId: id,
          endpoint: z.string().max(2_048),
          anonymousId: visitor.anonymousId.optional().describe('Of Safari through APNs: who registered it'),
        })
        .meta({ id: 'SdkUnsubscribe' }),
      answers: { 204: { description: 'Opted out, now or before' } },
      async handle({ body, request }) {
        await checkOrigin(deps, body.siteId, request.headers.origin);
        // Whoever knows the endpoint is the browser: nobody else is ever shown it. A device token of Apple's also
        // stands in addresses that Safari calls; it takes the visitor as well.
        const { siteId, endpoint, anonymousId } = body;
        const mark = anonymousId === undefined ? undefined : visitorMark(siteId, anonymousId);
        await orOtherVisitor(deps.subscriptions.optOut(siteId, endpoint, mark));
        return { status: 204 };
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/sdk/receipts',
      tag: 'Browser SDK',
      summary: 'Report what became of a notification',
      description:
        'Takes the token that came with the push. Reporting the same receiptId again changes nothing.',
      access: 'site',
      maxBody: 4 * 1024,
      body: receipt,
      answers: { 204: { description: 'Recorded, now or before' } },
      async handle({ body }) {
        // A test message has no row, and what becomes of it counts nowhere.
        if (isTestMessage(body.messageId)) return { status: 204 };
        const message = await deps.messages.byId(body.messageId);
        const site = message ? await deps.sites.byId(message.siteId) : null;
        if (
          !site ||
          !deps.receipts.verify(site.receiptKey, body.messageId, body.subscriptionId, body.token)
        ) {
          throw new Problem('receipt_refused');
        }
        const device = message?.devices.find((one) => one.subscriptionId === body.subscriptionId);
        if (device?.transport === 'apns' && body.kind !== 'clicked') {
          throw new Problem('receipt_refused', 'of Safari through APNs nothing but clicks is known');
        }
        const nowMs = deps.clock.now().getTime();
        const said = Date.parse(body.at);
        const at = new Date(Math.abs(said - nowMs) <= BELIEVED_MS ? Math.min(said, nowMs) : nowMs);
        const answer = await deps.messages.addReceipt(body.messageId, {
          id: body.receiptId,
          kind: body.kind,
          subscriptionId: body.subscriptionId,
          at,
          action: body.action,
        });
        if (answer === 'full')
          deps.log.warn({ message: body.messageId }, 'a message has more receipts than are kept');
        return { status: 204 };
      },
    }),
  ];
}

/**
 * A visitor is a full profile, under a name that no customer's identity can have. Who the visitor is, only the server
 * side may say: a browser could claim to be anybody.
 *
 * @returns its id, of one that is new if need be
 */
export async function visitorProfile(
  deps: Pick<ApiDeps, 'profiles'>,
  siteId: string,
  anonymousId: string,
): Promise<string> {
  const who = `anonymous/${siteId}/${anonymousId}`;
  return (await deps.profiles.resolveIdentities([who])).get(who) ?? '';
}

/** A site that is not there is told by the validation that follows. */
async function checkOrigin(deps: ApiDeps, siteId: string, origin: string | undefined): Promise<void> {
  const site = await deps.sites.byId(siteId);
  if (site && (origin === undefined || !site.origins.includes(origin))) {
    throw new Problem(
      'origin_not_allowed',
      `${origin ?? 'a call without origin'} is not an origin of the site`,
    );
  }
}
