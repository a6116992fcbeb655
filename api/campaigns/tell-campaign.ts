import type { Campaign } from '../../domain/campaign/campaign.ts';
import type { ApiDeps } from '../deps.ts';

/** Tells a campaign's workflow that it was edited or resumed. Where it cannot be reached, the sweep does so later. */
export async function tellCampaign(
  deps: Pick<ApiDeps, 'campaigns' | 'workflows' | 'log'>,
  campaign: Campaign,
): Promise<void> {
  try {
    if (await deps.workflows.tellCampaign(campaign.id)) await deps.campaigns.told(campaign);
  } catch (error) {
    // The row is the truth, and says that nobody was told.
    deps.log.warn({ err: error }, 'Temporal cannot be reached; the sweep will tell the campaign');
  }
}
