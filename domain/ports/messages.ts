import type { AudienceKind } from '../campaign/campaign.ts';
import type { CampaignStats } from '../campaign/stats.ts';
import type {
  ApiRequest,
  Attempt,
  Device,
  Message,
  Passage,
  Receipt,
  SuppressionReason,
} from '../delivery/message.ts';
import type { EventRef } from '../event.ts';

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
  /** Takes the open rows of a batch out of it, apart from these: they travel in another one. */
  leaveBatch(batchId: string, except: string[]): Promise<void>;
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
  /**
   * @param versions only the messages of these; absent: of all
   * @returns of each variant how many messages were sent, and how many of them have a receipt of each kind
   */
  variantStats(
    campaignId: string,
    versions?: { from: number; to: number },
  ): Promise<Map<string, VariantCounts>>;
}

export interface VariantCounts {
  sent: number;
  /** Those of the sent that a device took which reports more than clicks. */
  reporting: number;
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
