import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * What seals secrets in the database, made at the first start and kept beside the data: the same at every start.
 *
 * @throws when the file holds something else: a new key would leave every secret closed
 */
export async function keptSecretKey(dataDir: string): Promise<Buffer> {
  const file = join(dataDir, 'secret-key');
  const kept = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  });
  if (kept === null) {
    const key = randomBytes(32);
    await writeFile(file, `${key.toString('base64')}\n`, { mode: 0o600, flag: 'wx' });
    return key;
  }
  const key = Buffer.from(kept, 'base64');
  if (key.length !== 32)
    throw new Error(`${file} does not hold 32 bytes as base64; bring it back, or remove it`);
  return key;
}
