import type { Bucket } from '../delivery/throughput.ts';

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
