import type { CampaignDefinition, WebPushContent } from '../../domain/campaign.ts';
import type { StoredEvent } from '../../domain/event.ts';
import { templateScope, type Profile } from '../../domain/profile.ts';
import type { PushPayload } from '../../domain/push-payload.ts';
import type { WebPushRequest } from '../../domain/ports/channels.ts';
import type { Site, Subscription } from '../../domain/site.ts';
import type { TemplateEngine } from '../../domain/ports/services.ts';
import type { DeliveryDeps } from './deps.ts';

/**
 * @param who.nowMs what `'now' | date` shows, epoch milliseconds
 * @returns the content with every text rendered
 * @throws what the first text that cannot be shown throws, with the place of the text before it
 */
export async function renderContent(
  templates: TemplateEngine,
  definition: CampaignDefinition,
  who: { profile: Profile; event: StoredEvent | undefined; site: Site; campaignId: string; nowMs: number },
): Promise<WebPushContent> {
  const scope = {
    profile: templateScope(who.profile),
    event: who.event?.properties ?? {},
    campaign: { id: who.campaignId, name: definition.name },
    site: { id: who.site.id, name: who.site.name },
    now: new Date(who.nowMs).toISOString(),
  };
  const text = async (place: string, template: string): Promise<string> => {
    try {
      return await templates.render(template, scope);
    } catch (error) {
      const fault = error instanceof Error ? error.message : String(error);
      throw new Error(`/what/${place}: ${fault}`, { cause: error });
    }
  };
  const title = async (place: string, template: string): Promise<string> => {
    const shown = await text(place, template);
    if (shown.trim() === '') throw new Error(`/what/${place}: nothing is left of it to show`);
    return shown;
  };
  const link = async (
    place: string,
    template: string | undefined,
    protocols: string[],
  ): Promise<string | undefined> => {
    if (template === undefined) return undefined;
    const address = (await text(place, template)).trim();
    if (address === '') return undefined;
    if (!URL.canParse(address) || !protocols.includes(new URL(address).protocol)) {
      const shown = JSON.stringify(address.slice(0, 80));
      throw new Error(
        `/what/${place}: came out as ${shown}, which is no ${protocols.join('// or ')}// address`,
      );
    }
    return address;
  };
  const { what } = definition;
  const data: Record<string, string> = {};
  for (const [key, template] of Object.entries(what.data ?? {}))
    data[key] = await text(`data/${key}`, template);
  return {
    ...what,
    title: await title('title', what.title),
    body: what.body === undefined ? undefined : await text('body', what.body),
    url: await link('url', what.url, PAGES),
    image: await link('image', what.image, FILES),
    icon: await link('icon', what.icon, FILES),
    badge: await link('badge', what.badge, FILES),
    actions: await Promise.all(
      (what.actions ?? []).map(async (action, i) => ({
        title: await title(`actions/${i}/title`, action.title),
        url: await link(`actions/${i}/url`, action.url, PAGES),
      })),
    ),
    data,
  };
}

const PAGES = ['https:', 'http:'];
const FILES = ['https:'];

/** A push that is ready to go to one subscription. */
export interface DeviceRequest {
  subscriptionId: string;
  request: WebPushRequest;
}

/** @returns one request for each subscription */
export function requestsTo(
  deps: Pick<DeliveryDeps, 'contact' | 'publicUrl' | 'receipts'>,
  site: Site,
  subscriptions: Subscription[],
  message: { id: string; content: WebPushContent; ttlMs: number; timeoutMs: number },
): DeviceRequest[] {
  const { id: messageId, content, ttlMs, timeoutMs } = message;
  return subscriptions.map(({ id: subscriptionId, endpoint, keys }) => ({
    subscriptionId,
    request: {
      address: { endpoint, keys },
      vapid: { ...site.vapid, subject: deps.contact },
      payload: JSON.stringify(
        payloadFor({
          content,
          messageId,
          subscriptionId,
          receiptUrl: `${deps.publicUrl}/v1/sdk/receipts`,
          receiptToken: deps.receipts.sign(site.receiptKey, messageId, subscriptionId),
        }),
      ),
      ttlSeconds: Math.floor(ttlMs / 1000),
      urgency: content.urgency ?? 'normal',
      messageId,
      timeoutMs,
    },
  }));
}

/** @returns the plaintext of the push, as the service worker reads it */
export function payloadFor(input: {
  content: WebPushContent;
  messageId: string;
  subscriptionId: string;
  receiptUrl: string;
  receiptToken: string;
}): PushPayload {
  const { content, messageId, subscriptionId, receiptUrl, receiptToken } = input;
  return {
    v: 1,
    messageId,
    subscriptionId,
    receiptUrl,
    receiptToken,
    notification: {
      title: content.title,
      body: content.body ?? '',
      tag: messageId,
      ...(content.icon ? { icon: content.icon } : {}),
      ...(content.image ? { image: content.image } : {}),
      ...(content.badge ? { badge: content.badge } : {}),
      ...(content.url ? { url: content.url } : {}),
      ...(content.requireInteraction ? { requireInteraction: true } : {}),
      ...(content.actions && content.actions.length > 0
        ? {
            actions: content.actions.map((action, i) => ({
              action: `action-${i + 1}`,
              title: action.title,
              ...(action.url ? { url: action.url } : {}),
            })),
          }
        : {}),
      ...(content.data && Object.keys(content.data).length > 0 ? { data: content.data } : {}),
    },
  };
}
