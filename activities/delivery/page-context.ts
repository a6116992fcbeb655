import type { Campaign, CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { Message } from '../../domain/delivery/message.ts';
import type { Profile } from '../../domain/profile.ts';
import type { AccountSettings } from '../../domain/campaign/settings.ts';
import type { Site, Subscription } from '../../domain/site.ts';
import type { WebhookTarget } from '../../domain/delivery/webhook.ts';
import type { DeliveryDeps } from './deps.ts';

/** Everything that the messages of one page read, fetched a few times a page and not a few times a message. */
export interface PageContext {
  campaigns: Map<string, Campaign>;
  definitions: Map<string, CampaignDefinition>;
  sites: Map<string, Site>;
  webhooks: Map<string, WebhookTarget>;
  profiles: Map<string, Profile>;
  subscriptions: Map<string, Subscription[]>;
  events: Map<string, StoredEvent>;
  /** The zones that limits go by, of profiles that have none of their own; empty where nothing is limited. */
  latestZones: Map<string, string>;
  settings: AccountSettings;
  /** What is the same for every message of a version, made when the first one asks for it. */
  shared: Map<string, Promise<unknown>>;
}

/** @returns the key of a frozen version in {@link PageContext.definitions} */
export function definitionKey(row: Pick<Message, 'campaignId' | 'version'>): string {
  return `${row.campaignId}/${row.version}`;
}

/** @returns the key of a profile's addresses in {@link PageContext.subscriptions}: on the row's site, or on any */
export function addressKey(row: { siteId?: string | undefined; profileId: string }): string {
  return `${row.siteId ?? ''}/${row.profileId}`;
}

/** @returns what is the same for every message of the key on this page */
export function onceAPage<T>(context: PageContext, key: string, make: () => Promise<T>): Promise<T> {
  const known = context.shared.get(key) as Promise<T> | undefined;
  if (known) return known;
  const made = make();
  context.shared.set(key, made);
  return made;
}

type ContextDeps = Pick<
  DeliveryDeps,
  'campaigns' | 'sites' | 'webhooks' | 'profiles' | 'subscriptions' | 'events' | 'settings'
>;

/** Reads what the rows of a page need. What is not there is left out of the maps. */
export async function loadPageContext(deps: ContextDeps, rows: Message[]): Promise<PageContext> {
  const campaigns = new Map<string, Campaign>();
  const definitions = new Map<string, CampaignDefinition>();
  const sites = new Map<string, Site>();
  const subscriptions = new Map<string, Subscription[]>();

  const loadCampaigns = [...new Set(rows.map((row) => row.campaignId))].map(async (id) => {
    const campaign = await deps.campaigns.byId(id);
    if (campaign) campaigns.set(id, campaign);
  });
  const loadDefinitions = [...new Map(rows.map((row) => [definitionKey(row), row])).entries()].map(
    async ([key, row]) => {
      const definition = await deps.campaigns.version(row.campaignId, row.version);
      if (definition) definitions.set(key, definition);
    },
  );
  const loadSites = [...new Set(rows.map((row) => row.siteId))].map(async (siteId) => {
    const ids = rows.filter((row) => row.siteId === siteId).map((row) => row.profileId);
    const [site, active] = await Promise.all([
      deps.sites.byId(siteId),
      deps.subscriptions.activeOf(siteId, ids),
    ]);
    if (site) sites.set(site.id, site);
    for (const [profileId, list] of active) subscriptions.set(addressKey({ siteId, profileId }), list);
  });
  const eventIds = rows.flatMap((row) => (row.passage ? [row.passage.event.id] : []));
  const [settings, profiles, events] = await Promise.all([
    deps.settings.read(),
    deps.profiles.byIds([...new Set(rows.map((row) => row.profileId))]),
    eventIds.length > 0 ? deps.events.byIds(eventIds) : new Map<string, StoredEvent>(),
    ...loadCampaigns,
    ...loadDefinitions,
    ...loadSites,
  ]);
  const targetIds = [...definitions.values()].flatMap((definition) =>
    definition.channel === 'webhook' ? [definition.what.webhookId] : [],
  );
  const webhooks =
    targetIds.length > 0
      ? await deps.webhooks.byIds([...new Set(targetIds)])
      : new Map<string, WebhookTarget>();
  const zoneless = [...profiles.values()].filter(({ timezone }) => !timezone).map(({ id }) => id);
  const latestZones =
    zoneless.length > 0 && isLimited(settings)
      ? await deps.subscriptions.latestZones(zoneless)
      : new Map<string, string>();
  return {
    campaigns,
    definitions,
    sites,
    webhooks,
    profiles,
    subscriptions,
    events,
    latestZones,
    settings,
    shared: new Map(),
  };
}

function isLimited({ globalLimits }: AccountSettings): boolean {
  return Object.values(globalLimits).some(
    (limit) => limit?.perDay !== undefined || limit?.perWeek !== undefined,
  );
}

/** Adds what more rows need. */
export function addToContext(context: PageContext, more: PageContext): void {
  for (const name of [
    'campaigns',
    'definitions',
    'sites',
    'webhooks',
    'profiles',
    'subscriptions',
    'events',
    'latestZones',
  ] as const)
    for (const [key, value] of more[name]) (context[name] as Map<string, unknown>).set(key, value);
}
