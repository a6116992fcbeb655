import type { Campaign, CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { addressWarnings } from '../../domain/content/address-warnings.ts';
import { publishWarnings } from '../../domain/content/publish-warnings.ts';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import type { ProblemFault } from '../http/problem.ts';
import { webhookWarnings, type WebhookAdviceDeps } from './webhook-advice.ts';

/** @returns the site that a campaign is about, if it names one that is there */
export async function siteOf(
  deps: Pick<ApiDeps, 'sites'>,
  { siteId }: CampaignDefinition,
): Promise<Site | null> {
  return siteId === undefined ? null : deps.sites.byId(siteId);
}

/** @returns what a campaign can be published with and is probably not meant, by what the account has seen so far */
export async function warningsOf(
  deps: WebhookAdviceDeps & Pick<ApiDeps, 'log' | 'publicUrl'>,
  { id, definition }: Pick<Campaign, 'id' | 'definition'>,
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
  const receiptUrl = `${deps.publicUrl()}/v1/sdk/receipts`;
  const warnings = [
    ...publishWarnings(definition, deps.templates, { profile, event, site, receiptUrl }),
    ...(await addressWarnings(definition, deps.templates, { profile, event })),
  ];
  if (definition.channel !== 'webhook') return warnings;
  const ofTarget = await webhookWarnings(deps, { id, definition }, site).catch((error: unknown) => {
    deps.log.warn({ err: error }, 'the webhook target could not be looked up; nothing is said about it');
    return [];
  });
  return [...warnings, ...ofTarget];
}
