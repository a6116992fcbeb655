import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { processIdentity } from './process-identity.ts';

const guard = join(dirname(fileURLToPath(import.meta.url)), 'guard.mjs');
/** The guard gives a server 10 s; after these 15 the whole group is killed. */
const stopMs = 15_000;
const largestLog = 20_000_000;
/** Of what it says last: a trace may be long, and what tells why comes before it. */
const KEPT_BYTES = 200_000;

export interface GuardedChildOptions {
  /** What the child is called in messages, such as `mongod`. */
  name: string;
  binary: string;
  args: readonly string[];
  /**
   * The files a server with a data folder keeps: its log, appended to, and the note of which process runs it,
   * so that a successor waits for one that is still ending. Without them output is only kept in memory.
   */
  files?: { log: string; owner: string };
}

export interface GuardedChild {
  /** Resolves, never rejects, with how the child ended, such as `ended with status 1`. */
  readonly ended: Promise<string>;
  /** The same as far as it is known now. */
  hasEnded(): string | undefined;
  /** The last lines that the child wrote. */
  lastLines(): string[];
  /** Ends the child and waits until it is gone. Harmless when called twice. */
  stop(): Promise<void>;
}

/**
 * Starts a server in a process group of its own, so that Ctrl-C reaches only us and we can end things in
 * order, and under a guard that ends it when this process is gone, whatever the way it went.
 */
export async function startGuarded(options: GuardedChildOptions): Promise<GuardedChild> {
  const { binary, args, files } = options;
  if (files !== undefined) await waitForPredecessor(options.name, files.owner);
  const log = files === undefined ? undefined : openLog(files.log);
  const logStart = files === undefined ? 0 : statSync(files.log).size;
  const output = log ?? 'pipe';
  const child = spawn(process.execPath, [guard, binary, ...args], {
    detached: true,
    stdio: ['pipe', output, output],
  });
  if (log !== undefined) closeSync(log);
  if (files !== undefined && child.pid !== undefined) {
    writeFileSync(files.owner, processIdentity(child.pid) ?? '');
  }

  let recent = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      recent = (recent + chunk).slice(-KEPT_BYTES);
    });
  }
  // The pipe breaks when the guard ends first; `ended` tells of that.
  child.stdin?.on('error', () => {});

  let end: string | undefined;
  const ended = new Promise<string>((resolve) => {
    const settle = (how: string) => {
      end ??= how;
      resolve(end);
    };
    child.once('error', (error) => settle(`could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      killGroup(child.pid);
      settle(code === null ? `was ended by ${signal}` : `ended with status ${code}`);
    });
  });

  return {
    ended,
    hasEnded: () => end,
    lastLines() {
      const text = files === undefined ? recent : readFrom(files.log, logStart);
      return text
        .split('\n')
        .filter((line) => line.trim() !== '')
        .slice(-1_000);
    },
    async stop() {
      child.stdin?.end();
      const timer = setTimeout(() => killGroup(child.pid), stopMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The guard may itself be killed; its server, of the same group, must not outlive it. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left, as usual.
  }
}

function openLog(file: string): number {
  try {
    if (statSync(file).size > largestLog) renameSync(file, `${file}.1`);
  } catch {
    // There is no log yet.
  }
  return openSync(file, 'a');
}

function readFrom(file: string, start: number): string {
  try {
    return readFileSync(file).subarray(start).subarray(-KEPT_BYTES).toString('utf8');
  } catch {
    return '';
  }
}

/** After kill -9 of our predecessor its server is still writing its data out for a moment. */
async function waitForPredecessor(name: string, file: string): Promise<void> {
  const identity = readOwner(file);
  if (identity === undefined) return;
  const pid = Number(identity.split('/')[0]);
  const deadline = Date.now() + stopMs;
  while (processIdentity(pid) === identity) {
    if (Date.now() > deadline) {
      throw new Error(`A ${name} that was started before (process ${pid}) still uses the same data.`);
    }
    await delay(100);
  }
}

function readOwner(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
