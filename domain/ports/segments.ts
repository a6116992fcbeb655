import type { Segment } from '../audience/segment.ts';

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
  /** @returns the names of those of the ids that exist, by id */
  names(ids: string[]): Promise<Map<string, string>>;
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
  /** @returns the names of those of the ids that exist, by id */
  names(ids: string[]): Promise<Map<string, string>>;
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
