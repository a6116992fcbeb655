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
