import type { Profile } from '../domain/profile.ts';
import type { Part } from './segments/parts.ts';

export interface ProfileDoc extends Omit<Profile, 'id'> {
  _id: string;
  /** Which part of the population it is in; see `segments/parts.ts`. */
  part?: Part;
  /** What conditions on the profile are answered from, below its part; see `segments/search-fields.ts`. */
  q?: Partial<Record<Part, Record<string, unknown>>>;
  /** What the profile did, by the key of the event's name, latest first; see `segments/fold.ts`. */
  did?: Record<string, string[]>;
  traces?: string[];
  spill?: Record<string, string>;
  /** Grows whenever something is folded into the document. */
  folds?: number;
  foldsWanted?: number;
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
  part: 0,
  folds: 0,
  foldsWanted: 0,
  q: 0,
  did: 0,
  traces: 0,
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
