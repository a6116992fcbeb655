import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

import { processIdentity } from './process-identity.ts';

/** The user's own cache for fetched servers: `$XDG_CACHE_HOME/beckon`, else `~/.cache/beckon`. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  // The XDG specification says that a relative path is to be ignored.
  const base = env.XDG_CACHE_HOME;
  return join(base !== undefined && isAbsolute(base) ? base : join(homedir(), '.cache'), 'beckon');
}

/**
 * Fills a folder of the cache in one step: `build` writes into a temporary folder beside it, which is renamed
 * when complete. Of two processes doing this at once one wins and both go on with its folder, provided
 * `isUsable` says so of it; an unusable folder is replaced.
 *
 * @throws whatever `build` throws; nothing is left behind then.
 */
export async function installInto(
  target: string,
  build: (folder: string) => Promise<void>,
  isUsable: () => Promise<boolean>,
): Promise<void> {
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  await removeAbandoned(parent);
  const temporary = join(parent, temporaryName());
  await mkdir(temporary);
  try {
    await build(temporary);
    await moveInto(temporary, target, isUsable);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function moveInto(from: string, target: string, isUsable: () => Promise<boolean>): Promise<void> {
  try {
    await rename(from, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    if (await isUsable()) return;
    const aside = join(dirname(target), temporaryName());
    await rename(target, aside);
    await rename(from, target);
    await rm(aside, { recursive: true, force: true });
  }
}

function temporaryName(): string {
  return `.tmp-${process.pid}-${Math.random().toString(36).slice(2, 10)}`;
}

/** A process that was killed while it built left its folder, of gigabytes at worst. */
async function removeAbandoned(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const pid = /^\.tmp-(\d+)-/.exec(name)?.[1];
    if (pid === undefined || processIdentity(Number(pid)) !== undefined) continue;
    await rm(join(parent, name), { recursive: true, force: true });
  }
}
