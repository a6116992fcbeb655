import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { freePort } from './free-port.ts';

/**
 * A place on this machine where the demo's push service may stand: its port and certificate. A stack of one's
 * own sends there and nowhere else on loopback, and only to whoever holds this certificate's key.
 */
export interface DemoPush {
  host: string;
  port: number;
  /** PEM texts. */
  cert: string;
  key: string;
  notAfter: string;
}

const VALID_MS = 365 * 86_400_000;
const PREFERRED_PORT = 9443;

/** @returns the one kept in the data directory, made when it is missing or about to run out */
export async function ensureDemoPush(dataDir: string): Promise<DemoPush> {
  const file = join(dataDir, 'demo-push.json');
  const kept = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as DemoPush,
    () => undefined,
  );
  if (kept !== undefined && Date.parse(kept.notAfter) > Date.now() + 86_400_000) return kept;
  const port = await freePort([PREFERRED_PORT]);
  const notAfter = new Date(Date.now() + VALID_MS);
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notAfterDate: notAfter,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  const made = { host: `localhost:${port}`, port, cert, key, notAfter: notAfter.toISOString() };
  await mkdir(dataDir, { recursive: true });
  await writeFile(file, JSON.stringify(made), { mode: 0o600 });
  return made;
}
