import type { Profile } from '../profile.ts';
import type { Site, Subscription } from '../site.ts';

/** The account's time zone until it is set. */
export const ACCOUNT_TIME_ZONE = 'UTC';

/**
 * Whose time zone the account's limits go by. It is the same for every campaign, whichever site it is on: else two
 * of them would count by two different days.
 *
 * @param latest of the profile's latest active subscription on any site
 * @param account the account's, as its settings have it
 */
export function limitZoneOf(
  profile: Pick<Profile, 'timezone'>,
  latest: string | undefined,
  account: string,
): string {
  return profile.timezone ?? latest ?? account;
}

/**
 * Whose time zone counts: the profile's, else its latest subscription's, else the site's, else the account's.
 *
 * @param account the account's, as its settings have it
 */
export function zoneOf(
  profile: Pick<Profile, 'timezone'> | undefined,
  subscriptions: Pick<Subscription, 'timezone' | 'syncedAt'>[],
  site: Pick<Site, 'timezone'> | undefined,
  account: string,
): string {
  if (profile?.timezone) return profile.timezone;
  let latest: Pick<Subscription, 'timezone' | 'syncedAt'> | undefined;
  for (const subscription of subscriptions) {
    if (!subscription.timezone) continue;
    if (!latest || subscription.syncedAt > latest.syncedAt) latest = subscription;
  }
  return latest?.timezone ?? site?.timezone ?? account;
}
