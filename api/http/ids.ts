import { createHash, randomBytes } from 'node:crypto';

/** @returns a fresh 24-digit hexadecimal id: seconds first, so that later ones sort after earlier ones */
export function newId(): string {
  const seconds = Math.floor(Date.now() / 1000)
    .toString(16)
    .padStart(8, '0');
  return seconds + randomBytes(8).toString('hex');
}

/** @returns a 24-digit hexadecimal id, the same for the same parts */
export function derivedId(...parts: string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex').slice(0, 24);
}
