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
