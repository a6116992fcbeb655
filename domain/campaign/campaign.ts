import type { Condition } from '../audience/conditions.ts';
import type { WebhookContent, WebPushContent, Winner } from '../content/content.ts';
import type { QuietHours } from '../schedule/quiet-hours.ts';
import type { Segment } from '../audience/segment.ts';

/** How a message travels. */
export const CHANNELS = ['webPush', 'webhook'] as const;
export type Channel = (typeof CHANNELS)[number];

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
  /**
   * A reminder: the passage is due at a date that the event names, such as two days before `departure` at 09:00 in
   * the user's time zone. A later event with the same value of `matchOn` moves it.
   */
  dateProperty?: DateProperty | undefined;
}

/** When a reminder is due: at the instant or on the date that a property of the event holds. */
export interface DateProperty {
  property: string;
  /** A duration, with a minus before it when it is to be earlier; days and weeks are the calendar's. */
  offset?: string | undefined;
  /** A local time `HH:mm`; absent: the time of day that the property holds. */
  at?: string | undefined;
}

/** Whoever `POST /v1/campaigns/:id/send` names. */
export interface ApiAudience {
  /** Names that each call's `data` must hold for every recipient. */
  requiredData?: string[] | undefined;
}

export type Audience = { live: LiveAudience } | { past: Segment } | { api: ApiAudience };

/** How the messages of a campaign come about: events open them, runs write them down, or calls name them. */
export type AudienceKind = 'live' | 'past' | 'api';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/** A recurrence in words; `on` and `at` together say when of each day that it names. */
export interface Recurrence {
  frequency: 'daily' | 'weekly' | 'monthly';
  /** Every so many days, weeks (from Monday) or months; default 1. */
  interval?: number | undefined;
  /**
   * Weekly: weekdays. Monthly: days of the month, -1 being the last (a day that a month does not have is left out),
   * or the n-th of a weekday, -1 being the last. Absent: the start's own weekday or day of the month.
   */
  on?: (Weekday | number | { weekday: Weekday; nth: number })[] | undefined;
  /** Local times `HH:mm`. */
  at: string[];
  /** The last local date, `YYYY-MM-DD`, inclusive. */
  until?: string | undefined;
  /** So many occurrences in all, from the first at or after the start. */
  count?: number | undefined;
}

/**
 * When a past-behaviour campaign has its runs, in local times: at several (`YYYY-MM-DDTHH:mm`), or again and again,
 * in words or as an RFC 5545 rule, whose times of day are `at`.
 */
export type RunSchedule = { at: string[] } | { every: Recurrence } | { rrule: string; at: string[] };

/** When: instants are ISO 8601 with offset, durations such as `30m`, local times `HH:mm`. */
export interface CampaignSchedule {
  start: string;
  end?: string | undefined;
  /** Past behaviour; absent: one run, at the start. */
  schedule?: RunSchedule | undefined;
  /** Whose local times those of the schedule are: an IANA name or `profile`, each user's own; default the account's. */
  timezone?: string | undefined;
  /** With `timezone: "profile"`: what becomes of those whose time is past already when the run starts. Default `drop`. */
  ifPast?: 'drop' | 'nextDay' | undefined;
  /** Past behaviour: nothing leaves so long after the set time, or after `HH:mm` of its day. */
  cutOff?: string | undefined;
  /** At most so many messages leave in any minute, over all workers. */
  throughput?: { perMinute: number } | undefined;
  delay?: string | undefined;
  /** In the user's time zone; absent: the account's, unless they are ignored. */
  dnd?: QuietHours | undefined;
  ignoreQuietHours?: boolean | undefined;
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

interface CampaignBasics {
  name: string;
  labels: string[];
  who: Audience;
  when: CampaignSchedule;
  setup?: CampaignSetup | undefined;
}

/** A campaign to the browsers that subscribed to a site. */
export interface WebPushDefinition extends CampaignBasics {
  channel: 'webPush';
  siteId: string;
  what: WebPushContent;
}

/** A campaign to a webhook target. */
export interface WebhookDefinition extends CampaignBasics {
  channel: 'webhook';
  /** Whose time zone stands in for a profile without one, and whose subscriptions `Push_token` is of; absent: any. */
  siteId?: string | undefined;
  what: WebhookContent;
}

/** Everything a person writes down about a campaign; publishing freezes it as a numbered version. */
export type CampaignDefinition = WebPushDefinition | WebhookDefinition;

/** @returns how the messages of a campaign come about */
export function audienceKind({ who }: Pick<CampaignDefinition, 'who'>): AudienceKind {
  return 'live' in who ? 'live' : 'past' in who ? 'past' : 'api';
}

/** @returns the segment that a campaign's audience is judged by, if it has one */
export function segmentOf({ who }: Pick<CampaignDefinition, 'who'>): Segment | undefined {
  return 'live' in who ? who.live.filter : 'past' in who ? who.past : undefined;
}

/** @returns when a campaign that is published now acts, with `now` for a start that has come */
export function plannedSpan(
  { start, end }: Pick<CampaignSchedule, 'start' | 'end'>,
  nowMs: number,
): { startsAt: Date | 'now'; endsAt: Date | undefined } {
  const startMs = start === 'now' ? nowMs : Date.parse(start);
  return {
    startsAt: startMs <= nowMs ? 'now' : new Date(startMs),
    endsAt: end === undefined ? undefined : new Date(end),
  };
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
  /** Since when the version holds that is the current one; absent while it is the first. */
  versionAt?: Date | undefined;
  /** The instant from which it acts, resolved from `when.start` at publish. */
  startsAt?: Date | undefined;
  endsAt?: Date | undefined;
  /** Since when the schedule of its runs holds, where that was changed after its start. */
  rescheduledAt?: Date | undefined;
  /** The catalogue's version that first held the current version; an event judged by an older view may have missed it. */
  catalogueVersion?: number | undefined;
  /** Its workflow has not been told of the latest edit. */
  untold?: true | undefined;
  finishedAt?: Date | undefined;
  /** What has won among variants; holds only where rule and texts are the ones that it came of. */
  winners?: Winner[] | undefined;
  /** Put away: lists leave it out unless they are asked for it. */
  archivedAt?: Date | undefined;
}

/** What operators tell a campaign by. */
export interface CampaignLabel {
  id: string;
  name: string;
  /** Absent: the campaign is not there any more. */
  channel?: Channel | undefined;
}

/** @returns what operators tell a campaign by; its id alone when it is not there any more */
export function labelOf(
  id: string,
  campaign: Pick<Campaign, 'definition'> | null | undefined,
): CampaignLabel {
  return { id, name: campaign?.definition.name ?? id, channel: campaign?.definition.channel };
}

/** What one version of a live campaign says to whoever entered under it. */
export interface LiveVersion {
  version: number;
  live: LiveAudience;
  when: CampaignSchedule;
  /** When this version was published. */
  publishedAt: Date;
  /** The catalogue's version that first held it. */
  catalogueVersion: number;
}

/** A campaign in the view that events are judged by, with the version that holds now. */
export interface ActiveLiveCampaign extends LiveVersion {
  id: string;
  name: string;
  channel: Channel;
  siteId?: string | undefined;
  startsAt: Date;
  endsAt?: Date | undefined;
  /** Its events open nothing; what closes a passage goes on closing it. */
  paused: boolean;
  /** What whoever entered before keeps: up to {@link EARLIER_VERSIONS} versions before this one. */
  earlier: LiveVersion[];
}

/** How many versions before its current one a live campaign goes on judging passages by. */
export const EARLIER_VERSIONS = 50;

/** Published and not over. */
export const UNDER_WAY = ['scheduled', 'running', 'paused'] as const satisfies readonly CampaignStatus[];

/** @returns whether a campaign with this status is published and not over */
export function isUnderWay(status: CampaignStatus): boolean {
  return (UNDER_WAY as readonly CampaignStatus[]).includes(status);
}

/** @returns whether nothing more happens in a campaign with this status */
export function isCampaignOver(status: CampaignStatus): status is 'completed' | 'stopped' {
  return status === 'completed' || status === 'stopped';
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
