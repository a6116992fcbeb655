import { createHash } from 'node:crypto';
import type { Request } from 'express';
import type { KeyRepository } from '../../domain/ports/access.ts';
import type { Caller } from './mount.ts';
import { Problem } from './problem.ts';

const KEPT_MS = 10_000;
const MOST_KEPT = 1_000;

/** @returns the hex SHA-256 by which a key is looked up */
export function hashKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** @returns a check of `Authorization: Bearer <key>`; a key that is known stays known for 10 s */
export function createAuthenticate(
  keys: KeyRepository,
  nowMs: () => number,
): (request: Request) => Promise<Caller> {
  const kept = new Map<string, { caller: Caller; untilMs: number }>();

  return async (request) => {
    const header = request.headers.authorization;
    const key = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(header ?? '')?.[1];
    const challenge = { 'WWW-Authenticate': 'Bearer' };
    if (key === undefined) {
      throw new Problem('unauthorized', 'send the header Authorization: Bearer <key>', [], challenge);
    }
    const hash = hashKey(key);
    const known = kept.get(hash);
    if (known && known.untilMs > nowMs()) return known.caller;
    const found = await keys.byHash(hash);
    if (found === null) throw new Problem('unauthorized', 'this key is not known', [], challenge);
    if (kept.size >= MOST_KEPT) kept.clear();
    const caller = { keyId: found.id };
    kept.set(hash, { caller, untilMs: nowMs() + KEPT_MS });
    return caller;
  };
}
