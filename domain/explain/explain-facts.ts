import type { Campaign, CampaignDefinition } from '../campaign/campaign.ts';
import type { StoredEvent } from '../event.ts';
import type { EventVerdict } from './explain-events.ts';
import type { JudgedPart } from './explain-segment.ts';
import type { Message } from '../delivery/message.ts';
import type { Profile } from '../profile.ts';
import type { Run } from '../delivery/run.ts';
import type { AccountSettings } from '../campaign/settings.ts';
import type { Site, Subscription } from '../site.ts';

/** The steps of a message, in the order in which they are taken. */
export const STEPS = [
  'campaign',
  'profile',
  'who',
  'schedule',
  'filter',
  'cancellingEvents',
  'window',
  'delay',
  'quietHours',
  'reachable',
  'requalify',
  'controlGroup',
  'limits',
  'cap',
  'render',
  'delivery',
] as const;
export type StepName = (typeof STEPS)[number];

export interface Step {
  step: StepName;
  /** `info`: neither kept it from being sent nor let it pass. */
  outcome: 'passed' | 'failed' | 'notReached' | 'info';
  detail: string;
  at?: Date | undefined;
  /** Who and filter: the segment as of now, part by part. */
  segment?: JudgedPart | undefined;
  /** Who, of a live campaign: the latest opening events. */
  events?: EventVerdict[] | undefined;
}

export interface Explanation {
  verdict: 'sent' | 'failed' | 'waiting' | 'control' | 'notSent';
  /** One sentence. */
  summary: string;
  steps: Step[];
}

/** Everything that was found out about one profile and one campaign. */
export interface ExplainFacts {
  nowMs: number;
  campaign: Campaign;
  /** How the profile was asked for, in words. */
  asked: string;
  profile: Profile | null;
  site: Site | null;
  /** On the campaign's site, of any status. */
  subscriptions: Subscription[];
  settings: AccountSettings;
  /** What the profile holds of limits; null when nothing is known. */
  held: { slots: { key: string; messageIds: string[] }[]; turnAt: Date | null; gotAt?: Date | null } | null;
  /** The messages of the campaign to the profile, the latest first. */
  rows: Message[];
  /** What the message that is explained entered under; `event` of a reminder: the one that names its date. */
  own?: { definition: CampaignDefinition; event?: StoredEvent | undefined } | undefined;
  /** Past behaviour: the latest runs, the latest first. */
  runs: Run[];
  /** Past behaviour: the segment as of now. */
  segment?: JudgedPart | undefined;
  /** Live: the latest opening events, the latest first. */
  events: EventVerdict[];
  /** Live: the filter as of now. */
  filter?: JudgedPart | undefined;
  /** Live: the first event that cancels the message that is explained, if it came. */
  cancelledBy?: StoredEvent | undefined;
  /** The time zone of the profile's latest subscription on any site. */
  latestZone?: string | undefined;
}
