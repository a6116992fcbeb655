import { ACCOUNT_TIME_ZONE } from '../schedule/zone-of.ts';
import type { Channel } from './campaign.ts';
import type { QuietHours } from '../schedule/quiet-hours.ts';

/** What holds for the whole account. */
export interface AccountSettings {
  /** IANA name; for profiles of which no other time zone is known. */
  timezone: string;
  /** At most so many messages a profile and channel, in a calendar day or ISO week of the profile's time zone. */
  globalLimits: Partial<
    Record<Channel, { perDay?: number | undefined; perWeek?: number | undefined } | undefined>
  >;
  /** Quiet hours of campaigns that have none of their own. */
  dnd?: QuietHours | undefined;
  /** A stable share of all profiles that no campaign reaches; percent. */
  controlGroup?: { percent: number } | undefined;
}

export const DEFAULT_SETTINGS: AccountSettings = { timezone: ACCOUNT_TIME_ZONE, globalLimits: {} };
