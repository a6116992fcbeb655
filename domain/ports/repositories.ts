import type { ActiveLiveCampaign, Campaign, CampaignDefinition, CampaignStatus } from '../campaign.ts';
import type { EventRef, StoredEvent } from '../event.ts';
import type { Attempt, Device, Message, Passage, Receipt, SuppressionReason } from '../message.ts';
import type { Profile } from '../profile.ts';
import type { Site, Subscription } from '../site.ts';
import type { CampaignStats } from '../stats.ts';

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
  /** @returns up to `limit` profiles with an id greater than `after`, by id */
  page(after: string | null, limit: number): Promise<Profile[]>;
  /** Erases the profile and everything that names it. @returns whether there was one */
  erase(id: string): Promise<boolean>;
  /** Erases what was being written while its profile was erased. */
  eraseLeftovers(): Promise<void>;
}

export interface SiteRepository {
  create(site: Site): Promise<void>;
  byId(id: string): Promise<Site | null>;
  list(after: string | null, limit: number): Promise<Site[]>;
}

export interface SubscriptionRepository {
  /**
   * Creates, or brings back and changes the one with the same site and endpoint; what is absent stays as it is.
   * @param owner whether one that is there goes over to the profile, or keeps the one it has
   */
  upsert(
    subscription: Omit<
      Subscription,
      'id' | 'createdAt' | 'syncedAt' | 'status' | 'topics' | 'customAttributes'
    > & { topics?: string[] | undefined; customAttributes?: Record<string, unknown> | undefined },
    owner: 'replace' | 'keep',
  ): Promise<{
    subscription: Subscription;
    created: boolean;
  }>;
  byId(id: string): Promise<Subscription | null>;
  list(
    filter: { siteId?: string; profileId?: string },
    after: string | null,
    limit: number,
  ): Promise<Subscription[]>;
  /** @returns the active ones of each profile on the site, oldest first */
  activeOf(siteId: string, profileIds: string[]): Promise<Map<string, Subscription[]>>;
  /** Once: marks active ones as expired. @returns how many changed */
  expire(ids: string[]): Promise<number>;
  setStatus(id: string, status: Subscription['status']): Promise<Subscription | null>;
  /** Opts out the subscription with this endpoint, if there is one. */
  optOut(siteId: string, endpoint: string): Promise<void>;
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
  /** Marks pending what was received in between, judged by an older catalogue, and has one of the names. */
  markPendingBetween(from: Date, to: Date, catalogueVersion: number, names: string[]): Promise<number>;
}

export interface CampaignRepository {
  /** @returns the campaign with this id; one that is there already is left as it is */
  create(id: string, definition: CampaignDefinition): Promise<Campaign>;
  byId(id: string): Promise<Campaign | null>;
  list(
    filter: { status?: CampaignStatus; label?: string },
    after: string | null,
    limit: number,
  ): Promise<Campaign[]>;
  /** Replaces a draft. @returns null when it is not a draft any more */
  replaceDraft(id: string, definition: CampaignDefinition): Promise<Campaign | null>;
  deleteDraft(id: string): Promise<boolean>;
  /**
   * Freezes a version and makes it active, in one transaction with the catalogue.
   * @returns null when it is no draft any more, or was changed since `judged`, its `updatedAt`
   */
  publish(
    id: string,
    plan: { judged: Date; startsAt: Date | 'now'; endsAt?: Date | undefined },
  ): Promise<Campaign | null>;
  /** Compare-and-set of the status, in one transaction with the catalogue. */
  changeStatus(id: string, from: CampaignStatus[], to: CampaignStatus): Promise<Campaign | null>;
  version(id: string, version: number): Promise<CampaignDefinition | null>;
  /** Marks a campaign as done with: nothing of it is open any more. */
  finish(id: string): Promise<void>;
  /** Published campaigns that are not done with: their workflow must be there. */
  unfinished(limit: number): Promise<Campaign[]>;
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
  status: 'materialising' | 'draining' | 'completed' | 'stopped';
  createdAt: Date;
  finishedAt?: Date | undefined;
}

export interface RunRepository {
  open(run: Omit<Run, 'createdAt' | 'status'>): Promise<Run>;
  byId(id: string): Promise<Run | null>;
  /** Changes nothing of a run that is over. */
  setStatus(id: string, status: Run['status']): Promise<void>;
  list(campaignId: string, after: string | null, limit: number): Promise<Run[]>;
  unfinished(limit: number): Promise<Run[]>;
}

/** How a holder of a row's token leaves it. */
export type Settlement =
  | { kind: 'sent'; sentAt: Date }
  | { kind: 'failed'; reason: string; detail?: string | undefined }
  | {
      kind: 'suppressed';
      reason: SuppressionReason;
      detail?: string | undefined;
      qualified: boolean;
      closedBy?: EventRef;
    }
  /** Comes back at `dueAt`; `tried` counts a try. */
  | { kind: 'again'; dueAt: Date; tried: boolean; sentAt?: Date | undefined };

/** What is written about one claimed row, only where the token still holds it. */
export interface MessageResult {
  messageId: string;
  token: string;
  settlement: Settlement;
  attempts: Attempt[];
  devices: Device[];
}

export type ClaimQuery =
  { runId: string; partitions: { from: number; to: number }; limit: number } | { messageId: string };

export interface MessageRepository {
  /** Rows that are there already are left alone. @returns how many were new */
  insertRunRows(rows: NewRunRow[]): Promise<number>;
  /** `conflict`: another waiting row of the passage is there. */
  insertTriggerRow(row: NewTriggerRow): Promise<'inserted' | 'exists' | 'conflict'>;
  byId(id: string): Promise<Message | null>;
  /** The latest passages, and the one with the id. */
  passagesOf(profileId: string, campaignId: string, matchValue: string, id: string): Promise<Message[]>;
  openPassages(profileId: string, campaignId: string): Promise<Message[]>;
  /** Compare-and-set from waiting or due. @returns whether it was this call that closed it */
  closePassage(
    id: string,
    close: { reason: SuppressionReason; closedBy: EventRef; qualified: boolean },
  ): Promise<boolean>;
  /** Compare-and-set of a waiting row whose latest event is older. */
  restartPassage(id: string, passage: Pick<Passage, 'event' | 'qualifiesAt'>, dueAt: Date): Promise<boolean>;
  /**
   * Takes due rows, and rows whose holder's lease has run out, under a fresh token.
   * @param leaseMs how long by the database's clock
   */
  claim(query: ClaimQuery, token: string, nowMs: number, leaseMs: number): Promise<Message[]>;
  /** @returns the ids of the rows that the token no longer held: their results were not recorded */
  record(results: MessageResult[]): Promise<string[]>;
  /** The next instant at which a run's partitions have something to do; null when all is settled. */
  nextDue(runId: string, partitions: { from: number; to: number }): Promise<Date | null>;
  /** @returns how many rows are open, counting no further than `most` */
  countOpen(runId: string, most: number): Promise<number>;
  /** Suppresses up to `limit` rows that are not being sent. @returns those closed, with what names their workflow */
  closeOpen(
    filter: { campaignId: string; runId?: string },
    reason: SuppressionReason,
    nowMs: number,
    limit: number,
  ): Promise<{ id: string; profileId: string; trigger: boolean }[]>;
  /** Open trigger rows that should have been sent before the instant, and rows whose lease ran out before it. */
  overdueTriggers(before: Date, limit: number): Promise<Message[]>;
  addReceipt(messageId: string, receipt: Receipt): Promise<'recorded' | 'repeated' | 'unknown' | 'full'>;
  list(
    campaignId: string,
    filter: { state?: string },
    after: string | null,
    limit: number,
  ): Promise<Message[]>;
  stats(campaignId: string, kind: 'live' | 'past', nowMs: number): Promise<CampaignStats>;
}

export interface NewRunRow {
  runId: string;
  profileId: string;
  campaignId: string;
  version: number;
  siteId: string;
  partition: number;
  dueAt: Date;
  /** Settled from the start: quiet hours that discard. */
  suppressed?: SuppressionReason | undefined;
}

export interface NewTriggerRow {
  id: string;
  profileId: string;
  campaignId: string;
  version: number;
  siteId: string;
  passage: Passage;
  dueAt: Date;
  /** Closed from the start: by an event that came before its opening was dispatched. */
  suppressed?: SuppressionReason | undefined;
  qualified?: boolean | undefined;
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
