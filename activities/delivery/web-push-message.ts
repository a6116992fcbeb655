import type { CampaignDefinition, WebPushContent } from '../../domain/campaign.ts';
import type { StoredEvent } from '../../domain/event.ts';
import { templateScope, type Profile } from '../../domain/profile.ts';
import type { PushPayload } from '../../domain/push-payload.ts';
import type { Site } from '../../domain/site.ts';
import type { TemplateEngine } from '../../domain/ports/services.ts';

/** @returns the content with every text rendered; @throws what the first text that does not render throws */
export async function renderContent(
  templates: TemplateEngine,
  definition: CampaignDefinition,
  who: { profile: Profile; event: StoredEvent | undefined; site: Site; campaignId: string },
): Promise<WebPushContent> {
  const scope = {
    profile: templateScope(who.profile),
    event: who.event?.properties ?? {},
    campaign: { id: who.campaignId, name: definition.name },
    site: { id: who.site.id, name: who.site.name },
  };
  const text = async (template: string): Promise<string> => templates.render(template, scope);
  const optional = async (template: string | undefined): Promise<string | undefined> =>
    template === undefined ? undefined : text(template);
  const link = async (template: string | undefined, protocols: string[]): Promise<string | undefined> => {
    const address = await optional(template);
    if (address === undefined || address === '') return undefined;
    if (!URL.canParse(address) || !protocols.includes(new URL(address).protocol)) {
      throw new Error(
        `rendered to ${JSON.stringify(address.slice(0, 80))}, which is no ${protocols.join('// or ')}// address`,
      );
    }
    return address;
  };
  const { what } = definition;
  const data: Record<string, string> = {};
  for (const [key, template] of Object.entries(what.data ?? {})) data[key] = await text(template);
  return {
    ...what,
    title: await text(what.title),
    body: await optional(what.body),
    url: await link(what.url, ['https:', 'http:']),
    image: await link(what.image, ['https:']),
    icon: await link(what.icon, ['https:']),
    badge: await link(what.badge, ['https:']),
    actions: await Promise.all(
      (what.actions ?? []).map(async (action) => ({
        title: await text(action.title),
        url: await link(action.url, ['https:', 'http:']),
      })),
    ),
    data,
  };
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
