import type { CampaignDefinition } from '../../domain/campaign.ts';
import type { StoredEvent } from '../../domain/event.ts';
import type { Message } from '../../domain/message.ts';
import type { Profile } from '../../domain/profile.ts';
import type { AccountSettings } from '../../domain/settings.ts';
import type { Site, Subscription } from '../../domain/site.ts';
import type { DeliveryDeps } from './deps.ts';

/** Everything that the messages of one page read, fetched a few times a page and not a few times a message. */
export interface PageContext {
  definitions: Map<string, CampaignDefinition>;
  sites: Map<string, Site>;
  profiles: Map<string, Profile>;
  subscriptions: Map<string, Subscription[]>;
  events: Map<string, StoredEvent>;
  /** The zones that limits go by, of profiles that have none of their own; empty where nothing is limited. */
  latestZones: Map<string, string>;
  settings: AccountSettings;
}

/** @returns the key of a frozen version in {@link PageContext.definitions} */
export function definitionKey(row: Pick<Message, 'campaignId' | 'version'>): string {
  return `${row.campaignId}/${row.version}`;
}

/** @returns the key of a profile's addresses on a site in {@link PageContext.subscriptions} */
export function addressKey(row: Pick<Message, 'siteId' | 'profileId'>): string {
  return `${row.siteId}/${row.profileId}`;
}

/** Reads what the rows of a page need. What is not there is left out of the maps. */
export async function loadPageContext(
  deps: Pick<DeliveryDeps, 'campaigns' | 'sites' | 'profiles' | 'subscriptions' | 'events' | 'settings'>,
  rows: Message[],
): Promise<PageContext> {
  const definitions = new Map<string, CampaignDefinition>();
  const sites = new Map<string, Site>();
  const subscriptions = new Map<string, Subscription[]>();

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
    if (site) sites.set(siteId, site);
    for (const [profileId, list] of active) subscriptions.set(addressKey({ siteId, profileId }), list);
  });
  const eventIds = rows.flatMap((row) => (row.passage ? [row.passage.event.id] : []));
  const [settings, profiles, events] = await Promise.all([
    deps.settings.read(),
    deps.profiles.byIds([...new Set(rows.map((row) => row.profileId))]),
    eventIds.length > 0 ? deps.events.byIds(eventIds) : new Map<string, StoredEvent>(),
    ...loadDefinitions,
    ...loadSites,
  ]);
  const zoneless = [...profiles.values()].filter(({ timezone }) => !timezone).map(({ id }) => id);
  const latestZones =
    zoneless.length > 0 && isLimited(settings)
      ? await deps.subscriptions.latestZones(zoneless)
      : new Map<string, string>();
  return { definitions, sites, profiles, subscriptions, events, latestZones, settings };
}

function isLimited({ globalLimits }: AccountSettings): boolean {
  return Object.values(globalLimits).some(
    (limit) => limit?.perDay !== undefined || limit?.perWeek !== undefined,
  );
}
