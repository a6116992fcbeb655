import { audienceKind, type Campaign, type WebhookDefinition } from '../../domain/campaign/campaign.ts';
import { previewInBrowsers } from '../../domain/content/browser-preview.ts';
import { languageOf } from '../../domain/content/languages.ts';
import type { Profile } from '../../domain/profile.ts';
import type { RenderContext } from '../../domain/content/render-scope.ts';
import { RenderError, renderWebPush } from '../../domain/content/render-web-push.ts';
import { sampleProperties } from '../../domain/content/sample-properties.ts';
import type { Subscription } from '../../domain/site.ts';
import {
  missingField,
  pushTokenOf,
  renderKeyValues,
  renderWebhookBody,
  webhookPayload,
  webhookProfile,
} from '../../domain/content/webhook-payload.ts';
import type { ApiDeps } from '../deps.ts';
import { siteOf } from './publish-advice.ts';

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
  const event = wishes.event ?? (await sampleEvent(deps, campaign));
  const subscriptions = wishes.profile ? await activeOf(deps, definition.siteId, profile.id) : [];
  const site = await siteOf(deps, definition);
  const context: RenderContext = {
    profile,
    event: audienceKind(definition) === 'live' ? event : undefined,
    data: wishes.data,
    site,
    campaign: { id: campaign.id, name: definition.name },
    language: wishes.language ?? languageOf(profile, subscriptions),
    nowMs: deps.clock.now().getTime(),
  };
  const about = {
    channel: definition.channel,
    objectId: wishes.profile?.id ?? null,
    filledWith: { profile: profileView(profile), event: context.event ?? null, data: wishes.data ?? null },
  };
  try {
    if (definition.channel === 'webhook')
      return { ...about, webhook: await webhookPreview(deps, campaign, definition, subscriptions, context) };
    const winner = wishes.variant ?? campaign.winner?.variant;
    const { content, variant, language } = await renderWebPush(deps.templates, definition, context, {
      winner,
    });
    const shown = previewInBrowsers(content, site ?? {});
    return { ...about, webPush: { variant: variant ?? null, language: language ?? null, ...shown } };
  } catch (error) {
    return { ...about, renderError: renderFault(error) };
  }
}

function renderFault(error: unknown): { pointer: string; detail: string } {
  const text = error instanceof Error ? error.message : String(error);
  if (error instanceof RenderError)
    return { pointer: error.pointer, detail: text.slice(error.pointer.length + 2) };
  const [, pointer = '/what', detail = text] = /^(\/what\/\S+?): ([\s\S]*)$/.exec(text) ?? [];
  return { pointer, detail };
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
  const body =
    what.body === undefined
      ? JSON.stringify(
          webhookPayload(targetId, await renderKeyValues(deps.templates, definition, context), [
            webhookProfile(definition, subject),
          ]),
        )
      : await renderWebhookBody(deps.templates, what.body, contentType, context);
  const told = { body, missing: missingField(definition, subject) };
  if (!target) return { ...told, method: null, url: null, headers: [], contentType };
  const url = new URL(target.url);
  for (const { name, value } of target.query) url.searchParams.append(name, value);
  const headers = target.headers.map(({ name, value, secret }) => ({ name, value: secret ? MASK : value }));
  return { ...told, method: target.method, url: url.href, headers, contentType };
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

async function sampleProfile(deps: PreviewDeps): Promise<Profile> {
  const known = await deps.properties.ofProfiles().catch(() => []);
  const { name, language, country, timezone, email, identity, ...properties } = sampleProperties(known);
  const text = (value: unknown, otherwise: string): string =>
    typeof value === 'string' && value !== '' ? value : otherwise;
  return sampleOf({
    name: text(name, 'Alex'),
    identity: text(identity, 'sample'),
    email: text(email, 'alex@example.com'),
    language: typeof language === 'string' ? language : undefined,
    country: typeof country === 'string' ? country : undefined,
    timezone: typeof timezone === 'string' ? timezone : undefined,
    properties,
  });
}

/** @returns a profile that is nobody, with these fields */
export function sampleOf(fields: Omit<Profile, 'id' | 'testProfile' | 'createdAt' | 'updatedAt'>): Profile {
  const then = new Date(0);
  return { ...fields, id: SAMPLE_ID, testProfile: false, createdAt: then, updatedAt: then };
}

const SAMPLE_ID = '000000000000000000000000';

async function sampleEvent(
  deps: PreviewDeps,
  { definition }: Campaign,
): Promise<Record<string, unknown> | undefined> {
  if (!('live' in definition.who)) return undefined;
  return sampleProperties(await deps.properties.ofEvent(definition.who.live.event).catch(() => []));
}

function profileView(profile: Profile): object {
  const { id, testProfile: _test, createdAt: _created, updatedAt: _updated, ...fields } = profile;
  return { objectId: id, ...fields };
}
