import { randomBytes } from 'node:crypto';
import type { KeyRepository } from '../../domain/ports/access.ts';
import { hashKey } from '../http/authenticate.ts';
import { newId } from '../http/ids.ts';

/**
 * Makes sure that there is an admin key: the configured one, or, when no key is there at all, a fresh one.
 *
 * @returns the fresh key, to be shown once; undefined when none was made
 */
export async function ensureAdminKey(
  keys: KeyRepository,
  configured: string | undefined,
): Promise<string | undefined> {
  if (configured !== undefined) {
    // Under one id: the key that was configured before is no key any more.
    await keys.put({ id: 'configured', hash: hashKey(configured), role: 'admin', createdAt: new Date() });
    return undefined;
  }
  if ((await keys.count()) > 0) return undefined;
  const key = `bk_${randomBytes(24).toString('base64url')}`;
  await keys.put({ id: newId(), hash: hashKey(key), role: 'admin', createdAt: new Date() });
  return key;
}
