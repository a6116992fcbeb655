import type { WebPushDefinition } from '../../domain/campaign/campaign.ts';
import { payloadFor } from '../../domain/content/compose-push.ts';
import { languageOf } from '../../domain/content/languages.ts';
import type { Message } from '../../domain/delivery/message.ts';
import type { DeliveryOutcome } from '../../domain/delivery/outcome.ts';
import { unreachableBecause } from '../../domain/audience/reachable.ts';
import { renderWebPush, type RenderedWebPush } from '../../domain/content/render-web-push.ts';
import { safariPayload } from '../../domain/content/safari-payload.ts';
import { isConfigured, vapidKeysFor, type Site, type Subscription } from '../../domain/site.ts';
import { devicesOf, type Addressed, type Recipient } from './address.ts';
import type { DeliveryDeps } from './deps.ts';
import { winnerOf } from './winner.ts';
import type { Sent } from './webhook-request.ts';

type PushDeps = Pick<
  DeliveryDeps,
  | 'webPush'
  | 'fcmLegacy'
  | 'apns'
  | 'contact'
  | 'publicUrl'
  | 'receipts'
  | 'templates'
  | 'clock'
  | 'limits'
  | 'campaigns'
  | 'messages'
  | 'runs'
>;

/** One try to reach one browser. */
export interface DevicePush {
  subscriptionId: string;
  send(mayBegin: () => boolean): Promise<DeliveryOutcome | { kind: 'notBegun' }>;
}

/** @returns the browsers that a message of a web push campaign goes to */
export function addressWebPush(deps: PushDeps, to: Recipient<WebPushDefinition>): Addressed {
  const { row, site, subscriptions } = to;
  if (!site) return { kind: 'failed', reason: 'campaignGone', detail: 'its site is not there any more' };
  const devices = devicesOf(
    row,
    subscriptions.map(({ id, transport }) => ({
      subscriptionId: id,
      ...(transport === 'vapid' ? {} : { transport }),
    })),
  );
  if (devices.length === 0) {
    const detail = unreachableBecause(to.definition, { profile: to.profile, active: subscriptions });
    return { kind: 'unreachable', detail: detail ?? 'no device of an earlier try is left' };
  }
  const pending = subscriptions.filter(({ id }) =>
    devices.some((device) => device.subscriptionId === id && device.state === 'pending'),
  );
  return {
    kind: 'addressed',
    devices,
    async ready(page) {
      const nowMs = deps.clock.nowMs();
      const event = row.passage ? page.events.get(row.passage.event.id)?.properties : undefined;
      const context = {
        profile: to.profile,
        event,
        data: row.request?.data,
        site,
        campaign: { id: row.campaignId, name: to.definition.name },
        language: languageOf(to.profile, subscriptions),
        nowMs,
      };
      const campaign = page.campaigns.get(row.campaignId);
      const { definition } = to;
      const about = campaign && { campaign, definition, version: row.version };
      // What some device was shown already is what the others get, whoever has won meanwhile.
      const winner = triedAs(row) ?? (about && (await winnerOf(deps, page, about, nowMs)));
      const { content, variant } = await renderWebPush(deps.templates, to.definition, context, { winner });
      const message = { id: row.id, content, expiresAtMs: to.expiresAtMs, timeoutMs: deps.limits.timeoutMs };
      const pushes = pushesTo(deps, site, pending, message);
      return { variant, send: (mayBegin) => sendToDevices(deps, pushes, mayBegin) };
    },
  };
}

/** @returns the variant that the message had in its earlier tries */
function triedAs({ variant, tries }: Message): string | undefined {
  return tries > 0 ? variant : undefined;
}

/** @returns what became of the sends that were begun */
async function sendToDevices(
  deps: Pick<DeliveryDeps, 'clock'>,
  pushes: DevicePush[],
  mayBegin: () => boolean,
): Promise<Sent> {
  const tries = pushes.map(async ({ subscriptionId, send }) => {
    const at = new Date(deps.clock.nowMs());
    const startedMs = deps.clock.monotonicMs();
    const outcome = await send(mayBegin);
    const durationMs = Math.round(deps.clock.monotonicMs() - startedMs);
    return outcome.kind === 'notBegun' ? [] : [{ subscriptionId, outcome, at, durationMs }];
  });
  return { attempts: (await Promise.all(tries)).flat() };
}

/** A rendered message on its way to browsers. */
export interface OutgoingPush {
  id: string;
  content: RenderedWebPush;
  /** When its time to live ends, epoch milliseconds. */
  expiresAtMs: number;
  timeoutMs: number;
}

/** @returns one push for each subscription, by its own transport */
export function pushesTo(
  deps: PushDeps,
  site: Site,
  subscriptions: Subscription[],
  message: OutgoingPush,
): DevicePush[] {
  return subscriptions.map((subscription) => ({
    subscriptionId: subscription.id,
    send: (mayBegin) => sendPush(deps, site, subscription, message, mayBegin),
  }));
}

async function sendPush(
  deps: PushDeps,
  site: Site,
  subscription: Subscription,
  { id: messageId, content, expiresAtMs, timeoutMs }: OutgoingPush,
  mayBegin: () => boolean,
): Promise<DeliveryOutcome | { kind: 'notBegun' }> {
  const { id: subscriptionId, endpoint, transport } = subscription;
  const receiptToken = deps.receipts.sign(site.receiptKey, messageId, subscriptionId);
  const urgency = content.urgency ?? 'normal';
  // What has the same one replaces each other underway.
  const replaces = content.topic ?? messageId;
  const ttlSeconds = Math.max(0, Math.floor((expiresAtMs - deps.clock.nowMs()) / 1_000));
  const payload = (): string =>
    JSON.stringify(
      payloadFor({
        content,
        messageId,
        subscriptionId,
        receiptUrl: `${deps.publicUrl}/v1/sdk/receipts`,
        receiptToken,
      }),
    );
  if (!isConfigured(site, transport)) return { kind: 'rejected', reason: 'notConfigured' };
  switch (transport) {
    case 'vapid': {
      const vapid = vapidKeysFor(site, subscription);
      if (!vapid || !subscription.keys) return { kind: 'rejected', reason: 'notConfigured' };
      const request = {
        address: { endpoint, keys: subscription.keys },
        vapid: { ...vapid, subject: deps.contact },
        payload: payload(),
        ttlSeconds,
        urgency,
        messageId,
        topic: content.topic,
        timeoutMs,
      };
      return deps.webPush.send(request, mayBegin);
    }
    case 'fcmLegacy': {
      const { serverKey } = site.fcmLegacy!;
      const request = { registrationToken: endpoint, serverKey, payload: payload() };
      return deps.fcmLegacy.send({ ...request, ttlSeconds, urgency, replaces, timeoutMs }, mayBegin);
    }
    case 'apns': {
      const safari = site.safari!;
      const click = { messageId, subscriptionId, token: receiptToken };
      const made = safariPayload(content, safari, click);
      if (made.kind === 'rejected') return { kind: 'rejected', reason: made.reason, detail: made.detail };
      const expiresAtSeconds = Math.floor(expiresAtMs / 1_000);
      const request = { deviceToken: endpoint, safari, payload: made.payload, expiresAtSeconds };
      return deps.apns.send({ ...request, urgency, replaces, timeoutMs }, mayBegin);
    }
  }
}
