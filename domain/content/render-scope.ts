import { templateScope, type Profile } from '../profile.ts';

/** Everything that the texts of one message may speak of. */
export interface RenderContext {
  profile: Profile;
  /** Live campaigns: the properties of the event that fills the message. */
  event?: Record<string, unknown> | undefined;
  /** API-triggered campaigns: what the call gave for this recipient; it fills `event.*` too. */
  data?: Record<string, unknown> | undefined;
  site: { id: string; name: string; defaultIcon?: string | undefined } | null;
  campaign: { id: string; name: string };
  /** The language that the profile is addressed in, `languageOf` it. */
  language?: string | undefined;
  /** What `'now' | date` shows, epoch milliseconds. */
  nowMs: number;
}

/** @returns what templates see: `profile.*`, `event.*`, `data.*`, `campaign.*`, `site.*` and `now` */
export function scopeOf({
  profile,
  event,
  data,
  site,
  campaign,
  nowMs,
}: RenderContext): Record<string, unknown> {
  return {
    profile: templateScope(profile),
    event: event ?? data ?? {},
    data: data ?? {},
    campaign: { id: campaign.id, name: campaign.name },
    site: site ? { id: site.id, name: site.name } : {},
    now: new Date(nowMs).toISOString(),
  };
}
