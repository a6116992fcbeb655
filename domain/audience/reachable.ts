import type { CampaignDefinition } from '../campaign/campaign.ts';
import type { Profile } from '../profile.ts';
import type { Subscription } from '../site.ts';
import { missingField, pushTokenOf } from '../content/webhook-payload.ts';

/**
 * @param who.active the profile's active subscriptions: on the campaign's site, or on any when it has none
 * @param who.event the properties of the event that fills the message; absent: not known yet
 * @returns why a campaign cannot reach a profile, a part of a sentence; null when it can
 */
export function unreachableBecause(
  definition: CampaignDefinition,
  who: { profile: Profile; active: Subscription[]; event?: Record<string, unknown> | undefined },
): string | null {
  if (definition.channel === 'webPush')
    return who.active.length === 0 ? 'no active subscription on the site' : null;
  const { profile, active, event } = who;
  const missing = missingField(definition, { profile, event, pushToken: pushTokenOf(active) });
  return missing === null ? null : `the profile has no ${missing}, which the webhook requires`;
}
