import { audienceKind, type Campaign, type WebhookDefinition } from '../../domain/campaign/campaign.ts';
import { previewInBrowsers } from '../../domain/content/browser-preview.ts';
import { languageOf } from '../../domain/content/languages.ts';
import type { Profile } from '../../domain/profile.ts';
import type { RenderContext } from '../../domain/content/render-scope.ts';
import { renderWebPush } from '../../domain/content/render-web-push.ts';
import { winnerIn } from '../../domain/content/winner.ts';
import type { Subscription } from '../../domain/site.ts';
import { bodyForOne, missingField, pushTokenOf } from '../../domain/content/webhook-payload.ts';
import { targetAddress } from '../../domain/delivery/webhook.ts';
import type { ApiDeps } from '../deps.ts';
import { siteOf } from './publish-advice.ts';
import { renderFault } from './render-fault.ts';
import { isSample, sampleData, sampleEvent, sampleProfile } from './sample.ts';

/** Whom a campaign is previewed for, and what fills it; what is absent is made up from what is known. */
export interface PreviewWishes {
  profile?: Profile | undefined;
  event?: Record<string, unknown> | undefined;
  data?: Record<string, unknown> | undefined;
  /** In the place of the profile's. */
  language?: string | undefined;
  /** In the place of the profile's. */
  variant?: string | undefined;
}

type PreviewDeps = Pick<
  ApiDeps,
  'sites' | 'subscriptions' | 'properties' | 'templates' | 'webhooks' | 'clock'
>;

/** @returns what a profile would be shown or a webhook told, or the text that keeps it from being rendered */
export async function previewOf(
  deps: PreviewDeps,
  campaign: Campaign,
  wishes: PreviewWishes = {},
): Promise<Record<string, unknown>> {
  const { definition } = campaign;
  const profile = wishes.profile ?? (await sampleProfile(deps));
  const event = wishes.event ?? (await sampleEvent(deps, definition));
  const subscriptions = wishes.profile ? await activeOf(deps, definition.siteId, profile.id) : [];
  const site = await siteOf(deps, definition);
  const context: RenderContext = {
    profile,
    event: audienceKind(definition) === 'live' ? event : undefined,
    data: wishes.data ?? sampleData(definition),
    site,
    campaign: { id: campaign.id, name: definition.name },
    language: wishes.language ?? languageOf(profile, subscriptions),
    nowMs: deps.clock.now().getTime(),
  };
  const about = {
    channel: definition.channel,
    objectId: isSample(profile) ? null : profile.id,
    filledWith: {
      profile: profileView(profile),
      event: context.event ?? null,
      data: context.data ?? null,
    },
  };
  try {
    if (definition.channel === 'webhook')
      return { ...about, webhook: await webhookPreview(deps, campaign, definition, subscriptions, context) };
    const winner = wishes.variant ?? winnerIn(campaign, definition)?.variant;
    const { content, variant, language } = await renderWebPush(deps.templates, definition, context, {
      winner,
    });
    const shown = previewInBrowsers(content, site ?? {});
    return { ...about, webPush: { variant: variant ?? null, language: language ?? null, ...shown } };
  } catch (error) {
    return { ...about, renderError: renderFault(error) };
  }
}

async function webhookPreview(
  deps: PreviewDeps,
  { targetId }: Campaign,
  definition: WebhookDefinition,
  subscriptions: Subscription[],
  context: RenderContext,
): Promise<object> {
  const { what } = definition;
  const target = await deps.webhooks.byId(what.webhookId);
  const contentType = target?.contentType ?? 'json';
  const { profile, event } = context;
  const subject = { profile, event, pushToken: pushTokenOf(subscriptions) };
  const about = { targetId, definition, contentType, subscriptions };
  const body = await bodyForOne(deps.templates, about, context);
  const told = { body, missing: missingField(definition, subject) };
  if (!target) return { ...told, method: null, url: null, headers: [], contentType };
  const headers = target.headers.map(({ name, value, secret }) => ({ name, value: secret ? MASK : value }));
  return { ...told, method: target.method, url: targetAddress(target), headers, contentType };
}

/** In the place of what is secret. */
const MASK = '••••••';

async function activeOf(
  deps: PreviewDeps,
  siteId: string | undefined,
  profileId: string,
): Promise<Subscription[]> {
  return (await deps.subscriptions.activeOf(siteId, [profileId])).get(profileId) ?? [];
}

function profileView(profile: Profile): object {
  const { id, testProfile: _test, createdAt: _created, updatedAt: _updated, ...fields } = profile;
  return { objectId: id, ...fields };
}
