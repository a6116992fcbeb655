import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { VaultLockedError } from '../domain/vault-errors.ts';

/** Keeps secrets so that the database alone does not tell them. */
export interface Vault {
  /** Whether there is a key. */
  unlocked: boolean;
  /**
   * @param place what it belongs to, such as `webhook/<id>/signing`: what was sealed for one opens at no other
   * @throws VaultLockedError when there is no key
   */
  seal(text: string, place: string): string;
  /** @throws VaultLockedError when there is no key, or what was sealed is not opened by it at this place */
  open(sealed: string, place: string): string;
}

/** Says how it was sealed, so that another way can follow. */
const VERSION = 'v1.';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * AES-256-GCM with a random nonce: `v1.` and base64url of nonce, tag and ciphertext.
 *
 * @param key 32 bytes; null seals and opens nothing
 */
export function createVault(key: Buffer | null): Vault {
  if (key !== null && key.length !== 32) throw new RangeError('the key of the vault must have 32 bytes');
  const keyFor = (deed: string): Buffer => {
    if (key === null) throw new VaultLockedError(`BECKON_SECRET_KEY is not set, so no secret can be ${deed}`);
    return key;
  };
  return {
    unlocked: key !== null,
    seal(text, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', keyFor('kept'), nonce).setAAD(Buffer.from(place));
      const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return VERSION + Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed.slice(VERSION.length), 'base64url');
      const nonce = bytes.subarray(0, NONCE_BYTES);
      const tag = bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES);
      const opener = keyFor('read');
      try {
        if (!sealed.startsWith(VERSION)) throw new Error('sealed in another way');
        const decipher = createDecipheriv('aes-256-gcm', opener, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(Buffer.from(place)).setAuthTag(tag);
        return (
          decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
        );
      } catch {
        throw new VaultLockedError('BECKON_SECRET_KEY does not open a secret: it was kept with another key');
      }
    },
  };
}
