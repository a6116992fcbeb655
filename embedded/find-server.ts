import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

import { cacheRoot, installInto } from './cache.ts';
import { createProgress } from './progress.ts';
import type { Progress, ProgressStep } from './progress.ts';

/** One place that a server's executable can be had from. */
export interface ServerSource {
  /** Such as `official download`. */
  name: string;
  version: string;
  /** Why this source is of no use on this machine, if so. */
  unavailable?: () => string | undefined;
  /** Puts the executable, under its usual name, into the folder. Fails soon when the network is closed. */
  install(folder: string, step: ProgressStep): Promise<void>;
}

/** What is searched for. */
export interface ServerKind {
  /** The executable's name as on PATH. */
  executable: string;
  /** Such as `MongoDB server`. */
  title: string;
  /** Runs the executable and gives its version; throws with the reason when Beckon cannot use it. */
  check(path: string): Promise<string>;
  /** In the order to try. */
  sources: readonly ServerSource[];
  /** What to install by hand when nothing works: a few lines. */
  byHand: string;
}

export interface FindServerOptions {
  env?: NodeJS.ProcessEnv;
  /** Where fetched servers are kept; by default the user's cache. */
  cacheDir?: string;
  /** Where long steps are shown; by default standard error. */
  progress?: Progress;
  /** Told, one line each, what was found and passed over. */
  log: (line: string) => void;
}

/** Thrown when an executable can be had nowhere; the message lists all that was tried and what to do. */
export class ServerNotFoundError extends Error {
  override readonly name = 'ServerNotFoundError';
  constructor(kind: ServerKind, tried: readonly string[]) {
    const list = tried.map((line) => `  - ${line}`).join('\n');
    super(
      `No usable ${kind.title} (${kind.executable}) could be found or fetched. Tried:\n${list}\n${kind.byHand}`,
    );
  }
}

/**
 * Finds a server's executable: on PATH, in the cache, or from each source in turn, which fills the cache.
 *
 * @returns the executable's path.
 * @throws {ServerNotFoundError}
 */
export async function findServer(kind: ServerKind, options: FindServerOptions): Promise<string> {
  const { env = process.env, log } = options;
  const cacheDir = options.cacheDir ?? cacheRoot(env);
  const progress = options.progress ?? createProgress(process.stderr);
  const tried: string[] = [];
  const passOver = (what: string, error: unknown) => {
    const line = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    tried.push(line);
    log(line);
  };

  const onPath = await listOnPath(kind.executable, env);
  if (onPath.length === 0) tried.push(`${kind.executable} on PATH: there is none`);
  for (const path of onPath) {
    try {
      log(`Using ${kind.title} ${await kind.check(path)} from PATH: ${path}`);
      return path;
    } catch (error) {
      passOver(`${path} on PATH`, error);
    }
  }

  for (const source of kind.sources) {
    const path = cachedPath(kind, source, cacheDir);
    if (!(await isExecutable(path))) continue;
    try {
      await kind.check(path);
      return path;
    } catch (error) {
      passOver(`${path} in the cache`, error);
    }
  }

  for (const source of kind.sources) {
    const what = `${source.name} of ${kind.executable} ${source.version}`;
    const unavailable = source.unavailable?.();
    if (unavailable !== undefined) {
      tried.push(`${what}: ${unavailable}`);
      continue;
    }
    try {
      return await fetchFrom(kind, source, cacheDir, progress);
    } catch (error) {
      passOver(what, error);
    }
  }
  throw new ServerNotFoundError(kind, tried);
}

async function fetchFrom(
  kind: ServerKind,
  source: ServerSource,
  cacheDir: string,
  progress: Progress,
): Promise<string> {
  const path = cachedPath(kind, source, cacheDir);
  const step = progress.step(`Fetching ${kind.title} ${source.version} (${source.name})`);
  const build = async (folder: string) => {
    await source.install(folder, step);
    await kind.check(join(folder, kind.executable));
  };
  const isUsable = () =>
    kind.check(path).then(
      () => true,
      () => false,
    );
  try {
    await installInto(join(cacheDir, folderName(kind, source)), build, isUsable);
    step.end('done');
    return path;
  } catch (error) {
    step.end('failed');
    throw error;
  }
}

function folderName(kind: ServerKind, source: ServerSource): string {
  return `${kind.executable}-${source.version}`;
}

function cachedPath(kind: ServerKind, source: ServerSource, cacheDir: string): string {
  return join(cacheDir, folderName(kind, source), kind.executable);
}

async function listOnPath(executable: string, env: NodeJS.ProcessEnv): Promise<string[]> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => isAbsolute(folder));
  const found: string[] = [];
  for (const folder of new Set(folders)) {
    const path = join(folder, executable);
    if (await isExecutable(path)) found.push(path);
  }
  return found;
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
