import type { Profile } from '../domain/profile.ts';

export interface ProfileDoc extends Omit<Profile, 'id'> {
  _id: string;
  /** What conditions on the profile are answered from; see `segments/search-fields.ts`. */
  q?: Record<string, unknown>;
  /** What the profile did, by the key of the event's name, latest first; see `segments/fold.ts`. */
  did?: Record<string, string[]>;
  t1?: Record<string, string>;
  t2?: Record<string, string>;
  spill?: Record<string, string>;
  spillDue?: true;
  /** Sites on which it has an active subscription. */
  pushSites?: string[];
  /** Grows with every change of its subscriptions, so that two of them at once conflict. */
  reachVersion?: number;
  /** When the browser SDK saw it last. */
  seenAt?: Date;
}

/** Leaves out what only segments are answered from, which can be most of the document. */
export const PROFILE_PROJECTION = {
  q: 0,
  did: 0,
  t1: 0,
  t2: 0,
  spill: 0,
  spillDue: 0,
  pushSites: 0,
  reachVersion: 0,
  seenAt: 0,
} as const;

/** @returns the profile as the domain knows it, of a document read with {@link PROFILE_PROJECTION} */
export function toProfile({ _id, ...rest }: ProfileDoc): Profile {
  return { ...rest, id: _id };
}
