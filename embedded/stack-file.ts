import { readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/** How another process on this machine finds a running stack. */
export interface StackFile {
  pid: number;
  url: string;
  temporalUiUrl: string | undefined;
  adminKey: string | undefined;
}

const fileOf = (dataDir: string): string => join(resolve(dataDir), 'stack.json');

/** Leaves word of a running stack in its data directory; only its user can read it. */
export async function writeStackFile(dataDir: string, stack: StackFile): Promise<void> {
  await writeFile(fileOf(dataDir), JSON.stringify(stack), { mode: 0o600 });
}

export async function removeStackFile(dataDir: string): Promise<void> {
  await rm(fileOf(dataDir), { force: true });
}

/** @returns the stack that runs on this data directory, if its API answers */
export async function findRunningStack(dataDir: string): Promise<StackFile | undefined> {
  try {
    const stack = JSON.parse(await readFile(fileOf(dataDir), 'utf8')) as StackFile;
    const response = await fetch(`${stack.url}/readyz`, { signal: AbortSignal.timeout(3_000) });
    return response.ok ? stack : undefined;
  } catch {
    return undefined;
  }
}
