import type { Segment } from '../audience/segment.ts';
import type { WebhookField } from '../content/content.ts';
import type { StoredEvent } from '../event.ts';
import type { Profile } from '../profile.ts';

/** How many profiles a segment holds, and how many of them can be reached, by channel. */
export interface Reach {
  qualified: number;
  reachable: { webPush: number; webhook: number; webPopup: number };
}

/** What makes a profile reachable, by channel. */
export interface ReachOptions {
  nowMs: number;
  /** The site whose subscriptions make a profile reachable; absent: any site. */
  siteId?: string | undefined;
  /** What a webhook requires of a profile; the properties of an event are not known before there is one. */
  webhook?: { required: WebhookField[]; properties?: string[] | undefined } | undefined;
}

/**
 * Judges segments. Everything that was stored before a call began counts in its answer, and all calls agree,
 * for the population and for single profiles.
 *
 * Each throws SegmentTooSlow when no answer came within its time, and UnknownReference when a
 * saved segment or a list is not there.
 */
export interface AudienceRepository {
  /** @throws SegmentTooLarge when it could not be saved */
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

/** What of an event segments count it by. */
export type CountedEvent = Pick<StoredEvent, 'profileId' | 'name' | 'time' | 'eventId'>;

/** What segments count events by, kept beside the events in the background. */
export interface RollupRepository {
  /**
   * Must have returned before events with this arrival are stored, so that they are known to be unfolded.
   * @returns what to call when they are stored, with those that were not stored before; never when some may be missing
   */
  announce(receivedAt: Date): Promise<(stored: CountedEvent[]) => void>;
  /** Folds every event that was stored before the call began. With ids: at least those of these profiles. */
  catchUp(profileIds?: string[]): Promise<void>;
  /** Makes it all anew from the events. @returns how many profiles were gone through */
  rebuild(): Promise<number>;
  /**
   * Makes it all anew where the database holds it in the form of an earlier version; one process does, the others
   * wait. What was begun goes on from where it was left off. Before it returns, no segment may be asked.
   * @param log is told when there is something to do, and how far it is
   * @param signal leaves off
   * @throws the signal's reason when it left off
   */
  ensureForm(log: (text: string) => void, signal?: AbortSignal): Promise<void>;
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
