import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { publishWarnings } from '../../domain/content/publish-warnings.ts';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import type { ProblemFault } from '../http/problem.ts';

/** @returns the site that a campaign is about, if it names one that is there */
export async function siteOf(
  deps: Pick<ApiDeps, 'sites'>,
  { siteId }: CampaignDefinition,
): Promise<Site | null> {
  return siteId === undefined ? null : deps.sites.byId(siteId);
}

/** @returns what a campaign can be published with and is probably not meant, by what the account has seen so far */
export async function warningsOf(
  deps: Pick<ApiDeps, 'properties' | 'templates' | 'log'>,
  definition: CampaignDefinition,
  site: Site | null,
): Promise<ProblemFault[]> {
  const { who } = definition;
  // Advice must not keep anything from being published.
  const unknown = (error: unknown): null => {
    deps.log.warn({ err: error }, 'properties could not be looked up; nothing is said about unknown ones');
    return null;
  };
  const [profile, event] = await Promise.all([
    deps.properties.ofProfiles().catch(unknown),
    'live' in who ? deps.properties.ofEvent(who.live.event).catch(unknown) : null,
  ]);
  return publishWarnings(definition, deps.templates, { profile, event, site });
}
