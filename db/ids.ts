import { createHash } from 'node:crypto';
import mongoose from 'mongoose';

/** @returns a fresh 24-character id; later ones sort after earlier ones */
export function newId(): string {
  return new mongoose.Types.ObjectId().toHexString();
}

/** @returns a 24-character id, the same for the same parts */
export function derivedId(...parts: string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:${part}`);
  return hash.digest('hex').slice(0, 24);
}
