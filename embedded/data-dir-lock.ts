import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { processIdentity } from './process-identity.ts';

export interface DataDirLock {
  release(): Promise<void>;
}

/** Thrown when a running process uses the data directory. */
export class DataDirInUseError extends Error {
  override readonly name = 'DataDirInUseError';
  constructor(dataDir: string, pid: string) {
    super(
      `The data directory ${dataDir} is in use by process ${pid}: stop that first, ` +
        'or set BECKON_DATA_DIR to another folder.',
    );
  }
}

/**
 * Takes the data directory for this process, making it when absent. The lock of a process that no longer runs
 * is taken over.
 *
 * @throws {DataDirInUseError}
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  await mkdir(dataDir, { recursive: true });
  const lock = join(dataDir, 'lock');
  const mine = processIdentity(process.pid) ?? String(process.pid);
  const holder = await take(lock, mine);
  if (holder !== undefined) throw new DataDirInUseError(dataDir, pidOf(holder));
  return {
    async release() {
      if ((await read(lock)) === mine) await rm(lock, { force: true });
    },
  };
}

/**
 * Makes `path` hold `mine`, unless a running process holds it: then that one's identity is returned.
 *
 * A stale file is replaced only by the holder of a second lock, named after what the stale file says. So
 * nobody replaces what another has just put there; and should that holder be killed in between, its own lock
 * is taken over in the same way.
 */
async function take(path: string, mine: string): Promise<string | undefined> {
  for (;;) {
    if (await put(path, mine, link)) return undefined;
    const holder = await read(path);
    if (holder === undefined) continue; // released just now
    if (processIdentity(Number(pidOf(holder))) === holder) return holder;
    const digest = createHash('sha256').update(holder).digest('hex').slice(0, 12);
    const mutex = `${path}-${digest}`;
    if ((await take(mutex, mine)) !== undefined) {
      await delay(5);
      continue;
    }
    try {
      if ((await read(path)) === holder) {
        await put(path, mine, rename);
        return undefined;
      }
    } finally {
      await rm(mutex, { force: true });
    }
  }
}

/** Writes beside and moves into place, so that nobody ever reads half a lock. False: there is one already. */
async function put(path: string, text: string, place: typeof link | typeof rename): Promise<boolean> {
  const draft = `${path}-${randomUUID()}`;
  await writeFile(draft, text);
  try {
    await place(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

function pidOf(identity: string): string {
  return identity.split('/')[0] ?? '';
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
