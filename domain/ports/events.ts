import type { StoredEvent } from '../event.ts';

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

export interface LaneRepository {
  /** @returns a token when the lane was free or its lease had run out */
  claim(lane: number, owner: string, leaseMs: number): Promise<string | null>;
  /** @returns false when it is no longer ours */
  renew(lane: number, token: string, leaseMs: number): Promise<boolean>;
  release(lane: number, token: string): Promise<void>;
}
