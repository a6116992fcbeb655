import type {
  ActiveLiveCampaign,
  Campaign,
  CampaignDefinition,
  AudienceKind,
  CampaignStatus,
  Channel,
} from '../campaign/campaign.ts';
import type { WebhookField } from '../content/content.ts';
import type { PlannedRun } from '../schedule/due-runs.ts';
import type { EventRef, StoredEvent } from '../event.ts';
import type {
  ApiRequest,
  Attempt,
  Device,
  Message,
  Passage,
  Receipt,
  SuppressionReason,
} from '../delivery/message.ts';
import type { Profile } from '../profile.ts';
import type { RunCounts } from '../delivery/run-progress.ts';
import type { Site, Subscription, Transport, VapidKeys } from '../site.ts';
import type { WebhookAttempt, WebhookTarget } from '../delivery/webhook.ts';
import type { Segment } from '../audience/segment.ts';
import type { AccountSettings } from '../campaign/settings.ts';
import type { CampaignStats } from '../campaign/stats.ts';
import type { Bucket } from '../delivery/throughput.ts';

/** Answers with the database's clock, as well as this instance knows it. */
export interface ServerClock {
  now(): Date;
}

export interface ProfilePatch {
  identity: string;
  email?: string | null | undefined;
  name?: string | null | undefined;
  timezone?: string | null | undefined;
  language?: string | null | undefined;
  country?: string | null | undefined;
  testProfile?: boolean | undefined;
  /** Merged into what is there; null removes. */
  properties?: Record<string, unknown> | undefined;
}

export interface ProfileRepository {
  /** Creates or changes, in order. @returns the ids, in the order given */
  upsertMany(patches: ProfilePatch[]): Promise<string[]>;
  /** @returns identity → id; identities not known yet get a fresh profile */
  resolveIdentities(identities: string[]): Promise<Map<string, string>>;
  /** @returns those of the ids that exist */
  existing(ids: string[]): Promise<Set<string>>;
  byIdentity(identity: string): Promise<Profile | null>;
  byIds(ids: string[]): Promise<Map<string, Profile>>;
  /** @returns up to `limit` test profiles with an id greater than `after`, by id */
  listTestProfiles(after: string | null, limit: number): Promise<Profile[]>;
  /** Erases the profile and everything that names it. @returns whether there was one */
  erase(id: string): Promise<boolean>;
  /** Notes that the browser SDK has seen the profile now. */
  seen(id: string): Promise<void>;
  /** Erases what was being written while its profile was erased. */
  eraseLeftovers(): Promise<void>;
}

/** What may be changed of a site; null removes. */
export interface SitePatch {
  name?: string | undefined;
  origins?: string[] | undefined;
  timezone?: string | null | undefined;
  fcmLegacy?: Site['fcmLegacy'] | null;
  safari?: Site['safari'] | null;
  defaultIcon?: string | null | undefined;
}

export interface SiteRepository {
  create(site: Site): Promise<void>;
  /** @returns the site, null when there is none or no id was given */
  byId(id: string | undefined): Promise<Site | null>;
  /** @returns the site with this Safari website push id */
  byWebsitePushId(websitePushId: string): Promise<Site | null>;
  list(after: string | null, limit: number): Promise<Site[]>;
  /** @returns null when there is none */
  change(id: string, patch: SitePatch): Promise<Site | null>;
  /**
   * Makes another key pair the current one; the one before is kept for the subscriptions made under it. Repeating it
   * with the pair that is current changes nothing; one that was current before becomes so again.
   */
  rotateVapid(id: string, keys: VapidKeys): Promise<Site | null>;
}

export interface SubscriptionRepository {
  /**
   * Creates, or brings back and changes the one with the same site and endpoint; what is absent stays as it is.
   * @param owner whether one that is there goes over to the profile, or keeps the one it has
   * @param vapidPublicKey what a new one of `vapid` was made under, where it does not say so itself
   */
  upsert(
    subscription: Omit<
      Subscription,
      'id' | 'createdAt' | 'syncedAt' | 'status' | 'topics' | 'customAttributes'
    > & { topics?: string[] | undefined; customAttributes?: Record<string, unknown> | undefined },
    owner: 'replace' | 'keep',
    vapidPublicKey?: string,
  ): Promise<{
    subscription: Subscription;
    created: boolean;
  }>;
  byId(id: string): Promise<Subscription | null>;
  byEndpoint(siteId: string, endpoint: string): Promise<Subscription | null>;
  list(
    filter: { siteId?: string; profileId?: string },
    after: string | null,
    limit: number,
  ): Promise<Subscription[]>;
  /** @returns the active ones of each profile on the site, or on any when none is given, oldest first */
  activeOf(siteId: string | undefined, profileIds: string[]): Promise<Map<string, Subscription[]>>;
  /** @returns the time zone of each profile's latest active subscription that has one, on any site */
  latestZones(profileIds: string[]): Promise<Map<string, string>>;
  /** Once: marks active ones as expired. @returns how many changed */
  expire(ids: string[]): Promise<number>;
  setStatus(id: string, status: Subscription['status']): Promise<Subscription | null>;
  /** Opts out the subscription with this endpoint, if there is one. */
  optOut(siteId: string, endpoint: string): Promise<void>;
  /** Expires one whose browser subscribed anew, and notes what took its place. Repeating it changes nothing. */
  replace(id: string, replacedBy: Pick<Subscription, 'id' | 'transport'>): Promise<void>;
  /**
   * @returns how many active subscriptions of a site there are of each transport, and under each VAPID key, and how
   *   many of `fcmLegacy` had their place taken by one of `vapid`
   */
  countByTransport(siteId: string): Promise<{
    transports: Record<Transport, number>;
    /** By public key; '' for those made under the site's first one. */
    vapidKeys: Record<string, number>;
    movedToVapid: number;
  }>;
}

export interface NewEvent {
  profileId: string;
  eventId: string;
  name: string;
  properties: Record<string, unknown>;
  time: Date;
  index: number;
  pending: boolean;
}

export interface EventRepository {
  /**
   * Stores with majority write concern. An event that is there already stays as it is, but becomes pending
   * when its concern was judged by an older catalogue than this one and is wanted now.
   */
  insertMany(events: NewEvent[], catalogueVersion: number): Promise<{ accepted: number; duplicates: number }>;
  /** Pending events of a lane in order of event time, arrival and batch index, majority read concern. */
  pendingOf(lane: number, limit: number): Promise<StoredEvent[]>;
  /** @returns the lanes that have pending events */
  pendingLanes(): Promise<number[]>;
  clearPending(ids: string[]): Promise<void>;
  /** Events of a profile with one of the names, at or after a time, by time; majority read concern. */
  since(profileId: string, names: string[], from: Date): AsyncIterable<StoredEvent>;
  byId(id: string): Promise<StoredEvent | null>;
  byIds(ids: string[]): Promise<Map<string, StoredEvent>>;
  /** @returns the latest events of a profile with one name, by time, the latest first */
  latest(profileId: string, name: string, limit: number): Promise<StoredEvent[]>;
  /** Marks pending what was received in between, judged by an older catalogue, and has one of the names. */
  markPendingBetween(from: Date, to: Date, catalogueVersion: number, names: string[]): Promise<number>;
}

export interface CampaignFilter {
  status?: CampaignStatus | undefined;
  label?: string | undefined;
  channel?: Channel | undefined;
  /** Absent: those that are archived and those that are not. */
  archived?: boolean | undefined;
}

/** A definition holds what it refers to: writing and publishing throw {@link UnknownReference} or {@link SegmentTooLarge}. */
export interface CampaignRepository {
  /** @returns the campaign with this id; one that is there already is left as it is */
  create(id: string, definition: CampaignDefinition): Promise<Campaign>;
  byId(id: string): Promise<Campaign | null>;
  list(filter: CampaignFilter, after: string | null, limit: number): Promise<Campaign[]>;
  /** Replaces a draft. @returns null when it is not a draft any more */
  replaceDraft(id: string, definition: CampaignDefinition): Promise<Campaign | null>;
  deleteDraft(id: string): Promise<boolean>;
  /** Puts a draft or a campaign that is over away, or brings it back. @returns null in another status */
  setArchived(id: string, archived: boolean): Promise<Campaign | null>;
  /**
   * Freezes a version and makes it active, in one transaction with the catalogue.
   * @returns null when it is no draft any more, or was changed since `judged`, its `updatedAt`
   */
  publish(
    id: string,
    plan: { judged: Date; startsAt: Date | 'now'; endsAt?: Date | undefined },
  ): Promise<Campaign | null>;
  /**
   * Freezes another version of a published campaign and makes it the current one, in one transaction with the
   * catalogue. What its earlier versions refer to stays held. Repeating it with the same `editId` changes nothing.
   * @returns null when it was changed since `judged`, its `updatedAt`, or is over
   */
  edit(id: string, plan: EditPlan): Promise<Campaign | null>;
  /** Notes that its workflow knows of this version. */
  told(campaign: Pick<Campaign, 'id' | 'updatedAt'>): Promise<void>;
  /** @returns the versions of a campaign after one, in order */
  versions(id: string, after: number, limit: number): Promise<CampaignVersion[]>;
  /** Compare-and-set of the status, in one transaction with the catalogue. */
  changeStatus(id: string, from: CampaignStatus[], to: CampaignStatus): Promise<Campaign | null>;
  /**
   * Marks a campaign as completed whose end has come, or whose schedule, of this version, has nothing more to do.
   * @returns whether it is
   */
  complete(id: string, version: number | null): Promise<boolean>;
  version(id: string, version: number): Promise<CampaignDefinition | null>;
  /** Makes a variant the one that alone is sent from now on, unless one is already. @returns the one that is */
  setWinner(id: string, variant: string): Promise<string>;
  /** Marks a campaign as done with: nothing of it is open any more. */
  finish(id: string): Promise<void>;
  /** Published campaigns that are not done with: their workflow must be there. */
  unfinished(after: string | null, limit: number): Promise<Campaign[]>;
}

/** A definition as it was frozen. */
export interface CampaignVersion {
  version: number;
  publishedAt: Date;
  definition: CampaignDefinition;
}

export interface EditPlan {
  editId: string;
  judged: Date;
  definition: CampaignDefinition;
  /** Absent: it has begun, and keeps its start. */
  startsAt?: Date | 'now' | undefined;
  endsAt?: Date | undefined;
  /** The schedule of a campaign that has begun is another one. */
  rescheduled: boolean;
}

export interface CatalogueRepository {
  version(): Promise<number>;
  load(): Promise<{ version: number; campaigns: ActiveLiveCampaign[] }>;
  /** Calls back whenever the catalogue may have changed. @returns how to end it */
  watch(onChange: () => void): () => Promise<void>;
}

export interface Run {
  id: string;
  campaignId: string;
  version: number;
  instant: Date;
  /** The local time of the schedule, `YYYY-MM-DDTHH:mm`; `instant` is when the first place on earth comes to it. */
  local?: string | undefined;
  /** When it was to begin: the later of `instant` and the campaign's start. */
  plannedAt?: Date | undefined;
  /** Missed: it had not begun when the next was due, since the campaign was paused or the server away. */
  status: 'materialising' | 'draining' | 'completed' | 'stopped' | 'missed';
  createdAt: Date;
  /** When its first messages could leave. */
  drainingAt?: Date | undefined;
  finishedAt?: Date | undefined;
  /** Why it sent nothing: more could be reached than its targeting cap allows. */
  aborted?: 'targetingCap' | undefined;
}

export interface RunRepository {
  /**
   * Opens the latest of the runs that are due, and records that the others were missed. What is there already is left
   * as it is: an instant of a campaign has one run.
   */
  openDue(campaign: Pick<Campaign, 'id' | 'version'>, due: PlannedRun[]): Promise<void>;
  /** @returns the run of a campaign with the latest instant, also one that was missed */
  latest(campaignId: string): Promise<Run | null>;
  /** @returns the first run of a campaign that was not missed */
  first(campaignId: string): Promise<Run | null>;
  /** @returns the runs of a campaign that are not over, up to 1,000 */
  openOf(campaignId: string): Promise<Run[]>;
  byId(id: string): Promise<Run | null>;
  /** Changes nothing of a run that is over. */
  setStatus(id: string, status: Run['status']): Promise<void>;
  /** @returns runs of a campaign, the latest first, after the one with this id */
  list(campaignId: string, after: string | null, limit: number): Promise<Run[]>;
  unfinished(after: string | null, limit: number): Promise<Run[]>;
}

export interface RunProgressRepository {
  /**
   * Counts a run's rows, all at one instant. Of a run that is over they are counted once and kept.
   * @param youngerMs figures that were counted less than so long ago do as well; those of a huge run may be older
   */
  counts(run: Run, youngerMs?: number): Promise<RunCounts>;
}

/** How a holder of a row's token leaves it. */
export type Settlement =
  | { kind: 'sent'; sentAt: Date }
  | { kind: 'failed'; reason: string; detail?: string | undefined }
  /** Kept out as one of a control group; `controlAt` is when it would have been sent. */
  | { kind: 'control'; controlAt: Date; detail: string }
  | {
      kind: 'suppressed';
      reason: SuppressionReason;
      detail?: string | undefined;
      qualified: boolean;
      closedBy?: EventRef;
    }
  /** Comes back at `dueAt`; `tried` counts a try. */
  | {
      kind: 'again';
      dueAt: Date;
      tried: boolean;
      sentAt?: Date | undefined;
      /** It waits for the end of quiet hours. */
      released?: true | undefined;
      /** With `released`: it had not been tried, and its time to live counts from `dueAt`. */
      isFirst?: boolean | undefined;
    };

/** What is written about one claimed row, only where the token still holds it. */
export interface MessageResult {
  messageId: string;
  token: string;
  settlement: Settlement;
  attempts: Attempt[];
  devices: Device[];
  /** Which variant was, or was to be, sent. */
  variant?: string | undefined;
}

/** `released`: only rows that waited for the end of quiet hours, or only others; absent: both. */
export type ClaimQuery =
  | { runId: string; partitions: { from: number; to: number }; limit: number; released?: boolean }
  | { queueOf: string; limit: number; released?: boolean }
  | { messageId: string }
  /** What of a webhook's batch is open, whether or not it is due. */
  | { batchId: string };

export interface MessageRepository {
  /** Rows that are there already are left alone. @returns how many were new */
  insertRunRows(rows: NewRunRow[]): Promise<number>;
  /** The same for a run whose rows are drawn, and nothing once its draw may have begun: it is no longer materialising. */
  insertRowsToDraw(runId: string, rows: NewRunRow[]): Promise<number>;
  /** Inserts queued rows of an API call; those that are there already are left alone. @returns how many were new */
  insertApiRows(rows: NewApiRow[]): Promise<number>;
  /** Writes down in which batch claimed rows travel. @returns the ids of those that the token still holds */
  noteBatch(rows: { id: string; token: string }[], batchId: string): Promise<Set<string>>;
  /** @returns how many rows of a batch are open */
  countOpenOfBatch(batchId: string): Promise<number>;
  /** `conflict`: another waiting row of the passage is there. */
  insertTriggerRow(row: NewTriggerRow): Promise<'inserted' | 'exists' | 'conflict'>;
  byId(id: string): Promise<Message | null>;
  /** The latest passages, and the one with the id. */
  passagesOf(profileId: string, campaignId: string, matchValue: string, id: string): Promise<Message[]>;
  openPassages(profileId: string, campaignId: string): Promise<Message[]>;
  /** @returns the latest messages of a campaign to one profile, the latest first */
  ofProfile(profileId: string, campaignId: string, limit: number): Promise<Message[]>;
  /** Compare-and-set from waiting or due. @returns whether it was this call that closed it */
  closePassage(
    id: string,
    close: { reason: SuppressionReason; closedBy: EventRef; qualified: boolean; detail?: string },
  ): Promise<boolean>;
  /**
   * Compare-and-set of a waiting row whose latest event is older.
   * @param filledBy only where the event of this id fills it
   */
  restartPassage(
    id: string,
    passage: Pick<Passage, 'event' | 'qualifiesAt'>,
    dueAt: Date,
    released: boolean,
    filledBy?: string,
  ): Promise<boolean>;
  /**
   * Takes due rows, and rows whose holder's lease has run out, under a fresh token.
   * @param leaseMs how long by the database's clock
   */
  claim(query: ClaimQuery, token: string, nowMs: number, leaseMs: number): Promise<Message[]>;
  /** @returns the ids of the rows that the token no longer held: their results were not recorded */
  record(results: MessageResult[]): Promise<string[]>;
  /** The next instant at which a run's partitions have something to do; null when all is settled. */
  nextDue(runId: string, partitions: { from: number; to: number }): Promise<Date | null>;
  /** @returns whether a passage is open that was opened under this version or one before it */
  hasOpenUpTo(campaignId: string, version: number): Promise<boolean>;
  /** Leaves a due trigger row to its campaign's queue. @returns false when it is not due, or being sent, or settled */
  queue(id: string, nowMs: number): Promise<boolean>;
  /** The next instant at which a campaign's queue has something to do; null when it is empty. */
  nextQueued(campaignId: string): Promise<Date | null>;
  /** @returns how many rows are queued, counting no further than `most` */
  countQueued(campaignId: string, most: number): Promise<number>;
  /** @returns the campaigns that have queued rows */
  queuedCampaigns(): Promise<string[]>;
  /** @returns how many rows are open, counting no further than `most` */
  countOpen(runId: string, most: number): Promise<number>;
  /** Suppresses up to `limit` rows that are not being sent. @returns those closed, with what names their workflow */
  closeOpen(
    filter: { campaignId: string; runId?: string },
    reason: SuppressionReason,
    nowMs: number,
    limit: number,
  ): Promise<{ id: string; profileId: string; trigger: boolean }[]>;
  /** Open trigger rows that are not queued and should have been sent before the instant, and rows whose lease ran out before it. */
  overdueTriggers(before: Date, limit: number): Promise<Message[]>;
  addReceipt(messageId: string, receipt: Receipt): Promise<'recorded' | 'repeated' | 'unknown' | 'full'>;
  list(
    campaignId: string,
    filter: { state?: string },
    after: string | null,
    limit: number,
  ): Promise<Message[]>;
  stats(campaignId: string, kind: AudienceKind, nowMs: number): Promise<CampaignStats>;
  /** @returns of each variant how many messages were sent, and how many of them have a receipt of each kind */
  variantStats(campaignId: string): Promise<Map<string, VariantCounts>>;
}

export interface VariantCounts {
  sent: number;
  failed: number;
  delivered: number;
  viewed: number;
  clicked: number;
  dismissed: number;
}

/** A recipient of an API-triggered campaign. */
export interface NewApiRow {
  id: string;
  profileId: string;
  campaignId: string;
  version: number;
  siteId: string | undefined;
  dueAt: Date;
  request: ApiRequest;
}

export interface NewRunRow {
  runId: string;
  profileId: string;
  campaignId: string;
  version: number;
  siteId: string | undefined;
  partition: number;
  dueAt: Date;
  /** Settled from the start: quiet hours that discard; with a targeting cap also who cannot be reached. */
  suppressed?: SuppressionReason | undefined;
  detail?: string | undefined;
  /** Nothing of it leaves from then on. */
  cutOffAt?: Date | undefined;
  /** It is due at the end of quiet hours, and leaves under their rate. */
  released?: true | undefined;
  /** With a targeting cap: its place in the draw, until which it is held back. */
  rank?: number | undefined;
  held?: true | undefined;
}

export interface NewTriggerRow {
  id: string;
  profileId: string;
  campaignId: string;
  version: number;
  siteId: string | undefined;
  passage: Passage;
  dueAt: Date;
  /** It is due at the end of quiet hours, and leaves under their rate. */
  released?: true | undefined;
  /** Closed from the start: by an event that came before its opening was dispatched. */
  suppressed?: SuppressionReason | undefined;
  qualified?: boolean | undefined;
}

/** What is left of a rate, shared by everybody who sends under it, and judged by the database's clock. */
export interface ThroughputRepository {
  /**
   * Takes up to so many of what may leave now. A grant that is never settled counts as if all had left.
   * @returns how many were granted, under which name, and when the next one can be
   */
  take(bucket: Bucket, wanted: number): Promise<{ grant: string; granted: number; nextAt: Date }>;
  /** Says how many of a grant left: the others may be taken again. Saying it again changes nothing. */
  settle(bucket: Bucket, grant: string, left: number): Promise<void>;
  /**
   * Notes that somebody sees to the queue of a campaign.
   * @param dueAt of what was queued; default now
   * @returns whether nobody did, or nobody looks before then: then the caller is to wake it
   */
  wake(campaignId: string, dueAt?: Date): Promise<boolean>;
  /** Notes until when whoever sees to the queue waits: what is due before then is to wake it. */
  doze(campaignId: string, until: Date): Promise<void>;
  /** Notes that nobody does any more. */
  sleep(campaignId: string): Promise<void>;
}

export interface LaneRepository {
  /** @returns a token when the lane was free or its lease had run out */
  claim(lane: number, owner: string, leaseMs: number): Promise<string | null>;
  /** @returns false when it is no longer ours */
  renew(lane: number, token: string, leaseMs: number): Promise<boolean>;
  release(lane: number, token: string): Promise<void>;
}

export interface KeyRepository {
  /** @param hash hex SHA-256 of the key */
  byHash(hash: string): Promise<ApiKey | null>;
  /** Adds the key, or puts it in the place of the one with its id. */
  put(key: ApiKey & { hash: string }): Promise<void>;
  count(): Promise<number>;
}

export interface ApiKey {
  id: string;
  role: 'admin';
  createdAt: Date;
}

export interface IdempotencyRepository {
  /** Takes the key, or says what became of the call that took it. */
  begin(
    key: string,
    fingerprint: string,
    leaseMs: number,
  ): Promise<
    | { kind: 'begun'; token: string }
    | { kind: 'running' }
    | { kind: 'differs' }
    | { kind: 'done'; status: number; body: unknown }
  >;
  /** Both only while the token still holds the key. */
  finish(key: string, token: string, status: number, body: unknown): Promise<void>;
  abandon(key: string, token: string): Promise<void>;
}

/** How many profiles a segment holds, and how many of them can be reached, by channel. */
export interface Reach {
  qualified: number;
  reachable: { webPush: number; webhook: number; webPopup: number };
}

/**
 * Judges segments. Everything that was stored before a call began counts in its answer, and all calls agree,
 * for the population and for single profiles.
 *
 * Each throws {@link SegmentTooSlow} when no answer came within its time, and {@link UnknownReference} when a
 * saved segment or a list is not there.
 */
/** What makes a profile reachable, by channel. */
export interface ReachOptions {
  nowMs: number;
  siteId?: string | undefined;
  /** What a webhook requires of a profile; the properties of an event are not known before there is one. */
  webhook?: { required: WebhookField[]; properties?: string[] | undefined } | undefined;
}

export interface AudienceRepository {
  /** @param siteId the site whose subscriptions make a profile reachable; absent: any site */
  estimate(segment: Segment, options: ReachOptions): Promise<Reach>;
  /** @returns those of the profiles that the segment holds for */
  members(segment: Segment, profileIds: string[], nowMs: number): Promise<Set<string>>;
  /** @returns the segment's profiles after an id, by id; none also when none was found for long; `after` null at the end */
  page(
    segment: Segment,
    after: string | null,
    limit: number,
    nowMs: number,
  ): Promise<{ profiles: Profile[]; after: string | null }>;
}

/** What segments count events by, kept beside the events in the background. */
export interface RollupRepository {
  /**
   * Must have returned before events with this arrival are stored, so that they are known to be unfolded.
   * @returns what to call when they are stored, or were not
   */
  announce(receivedAt: Date): Promise<() => void>;
  /** Folds every event that was stored before the call began. With ids: at least those of these profiles. */
  catchUp(profileIds?: string[]): Promise<void>;
  /** Makes it all anew from the events. @returns how many profiles were gone through */
  rebuild(): Promise<number>;
  /** Folds in the background until the returned function is called. */
  start(onTrouble: (error: unknown) => void): () => Promise<void>;
}

/** A property of an event with an index of its own, so that segments may filter by it quickly. */
export interface PromotedProperty {
  event: string;
  property: string;
}

export interface PromotedPropertyRepository {
  list(): Promise<PromotedProperty[]>;
  /** Builds the index. @returns `full` when there are as many as there may be */
  promote(property: PromotedProperty): Promise<'promoted' | 'full'>;
  /** @returns whether there was one */
  demote(property: PromotedProperty): Promise<boolean>;
}

export interface SavedSegment {
  id: string;
  name: string;
  segment: Segment;
  createdAt: Date;
  updatedAt: Date;
}

/** Who uses a segment or a list: what keeps it from being deleted. */
export interface ReferenceUser {
  kind: 'segment' | 'campaign';
  id: string;
  name: string;
}

/**
 * Whatever is saved holds what it refers to, in one transaction. Saving throws {@link UnknownReference},
 * {@link ReferenceCycle} or {@link SegmentTooLarge} when it cannot be.
 */
export interface SegmentRepository {
  /** An id that is there already is left as it is. */
  create(segment: Pick<SavedSegment, 'id' | 'name' | 'segment'>): Promise<SavedSegment>;
  byId(id: string): Promise<SavedSegment | null>;
  list(after: string | null, limit: number): Promise<SavedSegment[]>;
  /** @returns those of the ids that exist */
  existing(ids: string[]): Promise<Set<string>>;
  /** @returns null when there is none with this id */
  replace(segment: Pick<SavedSegment, 'id' | 'name' | 'segment'>): Promise<SavedSegment | null>;
  /** @returns who uses it when it is in use, and is not deleted; null when there is none with this id */
  delete(id: string): Promise<'deleted' | ReferenceUser[] | null>;
}

/** A custom list: an audience that was uploaded. */
export interface CustomList {
  id: string;
  name: string;
  /** How many profiles are in it. */
  size: number;
  createdAt: Date;
  updatedAt: Date;
}

export interface ListRepository {
  create(list: Pick<CustomList, 'id' | 'name'>): Promise<CustomList>;
  byId(id: string): Promise<CustomList | null>;
  list(after: string | null, limit: number): Promise<CustomList[]>;
  /** @returns those of the ids that exist */
  existing(ids: string[]): Promise<Set<string>>;
  /** Adds profiles; those in it already stay. @returns how many were new, or null when the list is not there */
  add(id: string, profileIds: string[]): Promise<number | null>;
  /** @returns identity → id, of those that are known */
  profilesByIdentity(identities: string[]): Promise<Map<string, string>>;
  /** @returns email → ids of the profiles that have it */
  profilesByEmail(emails: string[]): Promise<Map<string, string[]>>;
  /** @returns who uses it when it is in use, and is not deleted; null when there is none with this id */
  delete(id: string): Promise<'deleted' | ReferenceUser[] | null>;
  /** Empties lists that were deleted and of which members are left, because that broke off. */
  finishRemovals(): Promise<void>;
}

export interface SettingsRepository {
  read(): Promise<AccountSettings>;
  write(settings: AccountSettings): Promise<void>;
}

/** A slot of a period: at most `limit` messages hold one at a time. */
export interface LimitPeriod {
  /** Such as `day 2026-11-21` or `week 2026-W47`, in the profile's time zone. */
  key: string;
  limit: number;
}

/**
 * Slots of the global limits and turns at campaigns. What a message holds that was closed without being sent
 * counts as given back, also when nobody gave it back.
 */
export interface LimitRepository {
  /**
   * Takes a slot in every period, or in none. Asking again for the same message changes nothing; slots that it
   * holds in other periods are given back.
   * @returns the key of the first period that is full, or `granted`
   */
  take(
    owner: { profileId: string; channel: string },
    messageId: string,
    periods: LimitPeriod[],
  ): Promise<'granted' | { full: string }>;
  giveBack(owner: { profileId: string; channel: string }, messageId: string): Promise<void>;
  /**
   * Takes the profile's turn at a campaign, unless another message took one at or after `since` (null: ever).
   * Asking again for the same message moves its turn to the later instant.
   */
  takeTurn(
    turn: { profileId: string; campaignId: string; messageId: string; at: Date },
    since: Date | null,
  ): Promise<'granted' | { takenAt: Date }>;
  giveTurnBack(turn: { profileId: string; campaignId: string; messageId: string }): Promise<void>;
  /**
   * What a profile holds. `turnAt` is the latest turn that stands; `gotAt` the latest of those whose message got
   * to it, or would have: not of one that is still under way, and may yet fail.
   */
  of(
    profileId: string,
    campaignId: string,
  ): Promise<{
    slots: { key: string; messageIds: string[] }[];
    turnAt: Date | null;
    gotAt: Date | null;
  }>;
}

/**
 * The slots of targeting caps. A row that holds one is marked `capSlot` in the write that counts it; the slot of
 * one that was settled and not sent is free again, and is given back when somebody asks for one.
 */
export interface CapRepository {
  /**
   * Draws held rows of a run, those with the lowest rank, for the slots that are left; `admit` then admits them.
   * With `abort` and more rows than slots the run is marked as aborted instead, and draws nothing ever.
   * @returns how many were drawn, or `unfinished` while rows of an earlier draw are to be admitted
   */
  draw(
    run: { campaignId: string; runId: string },
    cap: { limit: number; ifExceeded: 'truncate' | 'abort' },
  ): Promise<number | 'unfinished' | 'aborted'>;
  /** Admits up to `most` rows of the campaign's latest draw. Repeating it is harmless. @returns how many */
  admit(campaignId: string, most: number): Promise<number>;
  /** Gives back the slots of up to `most` rows that were settled and not sent. @returns how many */
  reclaim(campaignId: string, most: number): Promise<number>;
  /**
   * Suppresses up to `most` rows of a run: those still held, or everything that is not being sent and has no slot.
   * @returns how many
   */
  suppress(runId: string, which: 'held' | 'withoutSlot', detail: string, most: number): Promise<number>;
  /** Takes a slot for a row that is being sent; asking again changes nothing. @returns false when none is left */
  take(row: { id: string; campaignId: string; token: string }, limit: number): Promise<boolean>;
}

/** Where webhook campaigns go. Secrets are encrypted before they are written. */
export interface WebhookRepository {
  create(target: WebhookTarget): Promise<void>;
  byId(id: string): Promise<WebhookTarget | null>;
  /** @returns whether there is one; needs no secret to be read */
  exists(id: string): Promise<boolean>;
  byIds(ids: string[]): Promise<Map<string, WebhookTarget>>;
  list(after: string | null, limit: number): Promise<WebhookTarget[]>;
  /** Changes everything but the signing secrets. @returns null when there is none with this id */
  replace(target: WebhookTarget): Promise<WebhookTarget | null>;
  /**
   * Makes a secret the one that signs first; the one before signs beside it for so long, or until the next rotation.
   * A repeat under the same `rotation` takes the place of what that one made, which nobody was told.
   *
   * @returns null when there is none with this id
   */
  rotateSecret(
    id: string,
    change: { rotation: string; secret: string; previousForMs: number },
  ): Promise<WebhookTarget | null>;
  /** @returns the campaigns that use it when it is in use, and is not deleted; null when there is none with this id */
  delete(id: string): Promise<'deleted' | ReferenceUser[] | null>;
  addAttempt(attempt: WebhookAttempt): Promise<void>;
  /** @returns the attempts of a target, the latest first, after the one with this id */
  attempts(
    webhookId: string,
    filter: { campaignId?: string | undefined; batchId?: string | undefined },
    after: string | null,
    limit: number,
  ): Promise<WebhookAttempt[]>;
}

/** How many requests to a target are under way at once, over all workers. */
export interface WebhookSlotRepository {
  /** @returns whether a slot was free; it is again after `leaseMs` by the database's clock, or when it is given back */
  take(webhookId: string, concurrency: number, holder: string, leaseMs: number): Promise<boolean>;
  giveBack(webhookId: string, holder: string): Promise<void>;
}

/** One property that profiles or events have, as an editor offers it. */
export interface KnownProperty {
  name: string;
  types: ('string' | 'number' | 'boolean' | 'date' | 'array' | 'object')[];
  /** Up to three values, cut to 80 characters. */
  examples: unknown[];
}

/** Which properties there are, learned from a sample of what was stored. */
export interface PropertyRepository {
  ofProfiles(): Promise<KnownProperty[]>;
  /** @returns the properties of the latest events of a name; [] when there are none */
  ofEvent(name: string): Promise<KnownProperty[]>;
  /** @returns the names of events, the latest first, at most so many */
  eventNames(limit: number): Promise<string[]>;
}
