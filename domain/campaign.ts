import type { Condition } from './conditions.ts';
import type { QuietHours } from './quiet-hours.ts';
import type { Urgency } from './outcome.ts';
import type { Segment } from './segment.ts';

/** How a message travels. */
export type Channel = 'webPush';

/** draft → scheduled → running ⇄ paused → completed / stopped. */
export type CampaignStatus = 'draft' | 'scheduled' | 'running' | 'paused' | 'completed' | 'stopped';

/** One event name with conditions on its properties. */
export interface EventMatch {
  event: string;
  where?: Condition[] | undefined;
}

/** Who enters a live campaign: whoever does `event`, unless one of the cancelling events follows. */
export interface LiveAudience extends EventMatch {
  /** One passage per profile and value of this property, else one per profile. */
  matchOn?: string | undefined;
  /** Qualifies only when this event does not follow within the duration. */
  inaction?: (EventMatch & { within: string }) | undefined;
  cancelledBy?: EventMatch[] | undefined;
  /** What the event does again while its passage is open. Default `ignore`. */
  onRepeat?: 'ignore' | 'restart' | undefined;
  filter?: Segment | undefined;
}

export type Audience = { live: LiveAudience } | { past: Segment };

/** When: instants are ISO 8601 with offset, durations such as `30m`, local times `HH:mm`. */
export interface CampaignSchedule {
  start: string;
  end?: string | undefined;
  delay?: string | undefined;
  dnd?: QuietHours | undefined;
  /** How often the same profile may get it; default every time. */
  requalify?: Requalify | undefined;
  /** Sends past the account's global campaign limits, and takes no slot of them. */
  ignoreGlobalLimits?: boolean | undefined;
}

/** Counted from the last send, or from when a control profile would have got it, across versions. */
export type Requalify = { mode: 'everyTime' } | { mode: 'once' } | { mode: 'interval'; interval: string };

/** How much of its audience a campaign reaches. */
export interface CampaignSetup {
  /** A stable share of the audience that is kept from getting it and recorded beside those who do; percent. */
  controlGroup?: { percent: number } | undefined;
  /** At most so many messages over all runs; `abort` (past behaviour only) sends nothing when more are reachable. */
  targetingCap?: { limit: number; ifExceeded: 'truncate' | 'abort' } | undefined;
}

/** What a web push shows; every text may hold Liquid expressions. */
export interface WebPushContent {
  title: string;
  body?: string | undefined;
  url?: string | undefined;
  image?: string | undefined;
  icon?: string | undefined;
  badge?: string | undefined;
  actions?: { title: string; url?: string | undefined }[] | undefined;
  ttl?: string | undefined;
  requireInteraction?: boolean | undefined;
  urgency?: Urgency | undefined;
  data?: Record<string, string> | undefined;
}

/** Everything a person writes down about a campaign; publishing freezes it as a numbered version. */
export interface CampaignDefinition {
  name: string;
  channel: Channel;
  siteId: string;
  labels: string[];
  who: Audience;
  when: CampaignSchedule;
  what: WebPushContent;
  setup?: CampaignSetup | undefined;
}

/** @returns the segment that a campaign's audience is judged by, if it has one */
export function segmentOf({ who }: CampaignDefinition): Segment | undefined {
  return 'live' in who ? who.live.filter : who.past;
}

/** A campaign as it stands, with the definition that new passages and runs use. */
export interface Campaign {
  id: string;
  /** Unique integer for payloads that need one. */
  targetId: number;
  status: CampaignStatus;
  /** 0 for a draft, then the number of the version published last. */
  version: number;
  definition: CampaignDefinition;
  createdAt: Date;
  updatedAt: Date;
  publishedAt?: Date | undefined;
  /** The instant from which it acts, resolved from `when.start` at publish. */
  startsAt?: Date | undefined;
  endsAt?: Date | undefined;
  /** The catalogue's version that first held it; an event judged by an older view may have missed it. */
  catalogueVersion?: number | undefined;
  finishedAt?: Date | undefined;
  /** Put away: lists leave it out unless they are asked for it. */
  archivedAt?: Date | undefined;
}

/** A campaign in the view that events are judged by. */
export interface ActiveLiveCampaign {
  id: string;
  name: string;
  version: number;
  siteId: string;
  live: LiveAudience;
  when: CampaignSchedule;
  publishedAt: Date;
  startsAt: Date;
  endsAt?: Date | undefined;
  catalogueVersion: number;
  /** Its events open nothing; what closes a passage goes on closing it. */
  paused: boolean;
}

/** @returns whether a campaign in this status may change to that one */
export function mayBecome(from: CampaignStatus, to: CampaignStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

const TRANSITIONS: Record<CampaignStatus, readonly CampaignStatus[]> = {
  draft: ['scheduled', 'running'],
  scheduled: ['running', 'paused', 'stopped', 'completed'],
  running: ['paused', 'stopped', 'completed'],
  paused: ['running', 'scheduled', 'stopped', 'completed'],
  completed: [],
  stopped: [],
};

/** Why nothing of a campaign may leave right now, or `open` when it may. */
export type Gate = 'open' | 'notStarted' | 'paused' | 'stopped' | 'ended';

/**
 * Judges whether a send may start.
 *
 * @param campaign status and limits as read
 * @param nowMs epoch milliseconds
 */
export function gateOf(
  campaign: { status: CampaignStatus; startsAt?: Date | undefined; endsAt?: Date | undefined },
  nowMs: number,
): Gate {
  switch (campaign.status) {
    case 'draft':
      return 'notStarted';
    case 'stopped':
      return 'stopped';
    case 'completed':
      return 'ended';
    case 'scheduled':
    case 'running':
    case 'paused':
      if (campaign.endsAt !== undefined && nowMs >= campaign.endsAt.getTime()) return 'ended';
      if (campaign.status === 'paused') return 'paused';
      if (campaign.startsAt === undefined || nowMs < campaign.startsAt.getTime()) return 'notStarted';
      return 'open';
  }
}
