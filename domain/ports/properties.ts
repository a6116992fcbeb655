/** One property that profiles or events have, as an editor offers it. */
export interface KnownProperty {
  /** The path with dots between its names; a name may hold a dot of its own, so that two may be called the same. */
  name: string;
  /** The names that lead to it, from the outside in: one for a whole property. */
  path: string[];
  types: ('string' | 'number' | 'boolean' | 'date' | 'array' | 'object')[];
  /** Up to three values, cut to 80 characters; what may be about one person alone is masked. */
  examples: unknown[];
  /** The longest value in bytes, as it stands in JSON; absent: not known. No answer of the API shows it. */
  maxBytes?: number | undefined;
}

/** Which properties there are, learned from a sample of what was stored. */
export interface PropertyRepository {
  /** @returns null when it could not be looked up in time */
  ofProfiles(): Promise<KnownProperty[] | null>;
  /** @returns the properties of the latest events of a name; [] when there are none, null when it took too long */
  ofEvent(name: string): Promise<KnownProperty[] | null>;
  /** @returns the names of events, the latest first, at most so many; null when it took too long */
  eventNames(limit: number): Promise<string[] | null>;
}
