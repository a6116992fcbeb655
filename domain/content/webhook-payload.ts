import type { WebhookDefinition } from '../campaign/campaign.ts';
import { WEBHOOK_FIELDS, type WebhookField } from './content.ts';
import type { TemplateEngine } from '../ports/services.ts';
import type { Profile } from '../profile.ts';
import { scopeOf, type RenderContext } from './render-scope.ts';
import type { Subscription } from '../site.ts';

/** One profile of the standard payload; what was not chosen, or is not there, is left out. */
export interface WebhookProfile {
  Email?: string;
  Identity?: string;
  ObjectId?: string;
  ProfileData?: Record<string, unknown>;
  Event_properties?: Record<string, unknown>;
  Push_token?: string;
}

/** The standard payload, as CleverTap documents it. */
export interface WebhookPayload {
  targetId: number;
  key_values: Record<string, string>;
  profiles: WebhookProfile[];
}

/** What a webhook can be told about one profile. */
export interface WebhookSubject {
  profile: Profile;
  /** Live campaigns: the properties of the event that fills the message. */
  event?: Record<string, unknown> | undefined;
  /** The address of the most recently synced active subscription. */
  pushToken?: string | undefined;
}

/** @returns the token or endpoint of the subscription that was synced last; undefined when there is none */
export function pushTokenOf(
  active: Pick<Subscription, 'id' | 'endpoint' | 'syncedAt'>[],
): string | undefined {
  let latest: (typeof active)[number] | undefined;
  for (const one of active) {
    // The id settles a tie, so that a repeat tells the same.
    const ahead = latest ? one.syncedAt.getTime() - latest.syncedAt.getTime() : 1;
    if (ahead > 0 || (ahead === 0 && latest && one.id > latest.id)) latest = one;
  }
  return latest?.endpoint;
}

/** @returns the first of the fields that the campaign requires and the profile lacks; null when it has them all */
export function missingField({ what }: WebhookDefinition, subject: WebhookSubject): WebhookField | null {
  const values = valuesOf(what.properties, subject);
  const lacks = (field: WebhookField): boolean => {
    const value = values[field];
    if (value === undefined || value === '') return true;
    return typeof value === 'object' && Object.keys(value).length === 0;
  };
  return (what.required ?? []).find(lacks) ?? null;
}

/** @returns what the standard payload says about a profile */
export function webhookProfile({ what, who }: WebhookDefinition, subject: WebhookSubject): WebhookProfile {
  const values = valuesOf(what.properties, subject);
  const chosen = what.fields ?? WEBHOOK_FIELDS;
  const has = (field: WebhookField): boolean => chosen.includes(field) && values[field] !== undefined;
  return {
    ...(has('email') ? { Email: values.email as string } : {}),
    ...(has('identity') ? { Identity: values.identity as string } : {}),
    ...(has('objectId') ? { ObjectId: values.objectId as string } : {}),
    ...(has('profileData') ? { ProfileData: values.profileData as Record<string, unknown> } : {}),
    ...('live' in who && has('eventProperties')
      ? { Event_properties: values.eventProperties as Record<string, unknown> }
      : {}),
    ...(has('pushToken') ? { Push_token: values.pushToken as string } : {}),
  };
}

/**
 * @param targetId the campaign's integer
 * @param profiles of one request
 * @returns the standard payload
 */
export function webhookPayload(
  targetId: number,
  keyValues: Record<string, string>,
  profiles: WebhookProfile[],
): WebhookPayload {
  return { targetId, key_values: keyValues, profiles };
}

/**
 * Renders `key_values`, which are the same for every profile of a request.
 * @throws what the first that does not render throws, with its place before it
 */
export async function renderKeyValues(
  templates: TemplateEngine,
  { what }: WebhookDefinition,
  context: Pick<RenderContext, 'campaign' | 'site' | 'nowMs'>,
): Promise<Record<string, string>> {
  const {
    profile: _profile,
    event: _event,
    data: _data,
    ...shared
  } = scopeOf({ ...context, profile: NOBODY });
  const rendered: Record<string, string> = {};
  const budget = templates.budget();
  for (const [key, template] of Object.entries(what.keyValues ?? {}))
    rendered[key] = await at(`keyValues/${key}`, () => templates.render(template, shared, { budget }));
  return rendered;
}

/**
 * Renders a body of the campaign's own for one message.
 * @throws what keeps it from being rendered, or from being the JSON that the target is told it is
 */
export async function renderWebhookBody(
  templates: TemplateEngine,
  template: string,
  contentType: 'json' | 'text',
  context: RenderContext,
): Promise<string> {
  const body = await at('body', () =>
    templates.render(template, scopeOf(context), { escape: contentType === 'json' ? 'json' : 'none' }),
  );
  if (contentType === 'json' && !isJson(body))
    throw new Error('/what/body: what came out is not the JSON that the target is told it is');
  return body;
}

/**
 * @param about.subscriptions active ones of the profile
 * @returns the body of a request about one profile: the campaign's own, or the standard payload
 * @throws what keeps it from being rendered
 */
export async function bodyForOne(
  templates: TemplateEngine,
  about: {
    targetId: number;
    definition: WebhookDefinition;
    contentType: 'json' | 'text';
    subscriptions: Subscription[];
  },
  context: RenderContext,
): Promise<string> {
  const { targetId, definition, contentType, subscriptions } = about;
  const { body } = definition.what;
  if (body !== undefined) return renderWebhookBody(templates, body, contentType, context);
  const keyValues = await renderKeyValues(templates, definition, context);
  const { profile, event } = context;
  const told = webhookProfile(definition, { profile, event, pushToken: pushTokenOf(subscriptions) });
  return JSON.stringify(webhookPayload(targetId, keyValues, [told]));
}

/** The parser's own words would quote what was rendered. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

async function at<T>(place: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const fault = error instanceof Error ? error.message : String(error);
    throw new Error(`/what/${place}: ${fault}`, { cause: error });
  }
}

function valuesOf(
  properties: string[] | undefined,
  { profile, event, pushToken }: WebhookSubject,
): Record<WebhookField, string | Record<string, unknown> | undefined> {
  const { identity, email, id: objectId } = profile;
  const named = properties?.filter((name) => Object.hasOwn(profile.properties, name));
  const profileData = named
    ? Object.fromEntries(named.map((name) => [name, profile.properties[name]]))
    : profile.properties;
  return { email, identity, objectId, profileData, eventProperties: event, pushToken };
}

const NOBODY: Profile = {
  id: '',
  testProfile: false,
  properties: {},
  createdAt: new Date(0),
  updatedAt: new Date(0),
};
