import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';

import { choosePort } from './free-port.ts';
import { startGuarded } from './guarded-child.ts';
import type { GuardedChild } from './guarded-child.ts';
import { ensureSearchAttributes } from '../runtime/search-attributes.ts';
import { SEARCH_ATTRIBUTES } from '../workflows/contract.ts';

const namespace = 'default';
const readyMs = 90_000;
/** Temporal's usual ports: taken when free, so that its tools work without options. */
const usualPort = 7233;
const usualUiPort = 8233;
const OUT_OF_PORTS = 'failed assigning ephemeral port';
/** Ports of connections that have ended come back after a minute. */
const PAUSES_MS = [1_000, 20_000, 40_000];
/** How many lines tell why it ended. */
const LINES_TOLD = 5;

export interface StartTemporalServerOptions {
  binary: string;
  /** Holds the database and the log; without it everything is in memory and gone at the end. */
  dataDir?: string;
  /** By default 7233 for a server with a data folder, when it is free, else any. */
  port?: number;
  /** By default 8233, likewise. */
  uiPort?: number;
  ui: boolean;
  log: (line: string) => void;
  /** Gives up trying again. */
  signal?: AbortSignal | undefined;
}

export interface RunningTemporalServer {
  /** `127.0.0.1:<port>`; the namespace is `default`. */
  address: string;
  uiUrl?: string;
  /** Resolves with one line when the server ends, be it on request or by itself. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the server of the Temporal CLI and waits until it answers and knows Beckon's search attributes.
 *
 * @throws {Error} with what the server itself said when it does not become ready.
 */
export async function startTemporalServer(
  options: StartTemporalServerOptions,
): Promise<RunningTemporalServer> {
  const { dataDir, log, ui, signal } = options;
  if (dataDir !== undefined) await mkdir(dataDir, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    const usual = dataDir !== undefined && attempt === 1;
    const port = await choosePort(options.port, usual ? [usualPort] : []);
    const uiPort = ui ? await choosePort(options.uiPort, usual ? [usualUiPort] : []) : undefined;
    const child = await startGuarded({
      name: 'temporal',
      binary: options.binary,
      args: serverArguments(dataDir, port, uiPort),
      ...(dataDir === undefined
        ? {}
        : { files: { log: join(dataDir, 'temporal.log'), owner: join(dataDir, 'owner') } }),
    });
    const address = `127.0.0.1:${port}`;
    try {
      await untilReady(child, address, signal);
      log(`Temporal listens on ${address}${uiPort === undefined ? '' : `, its UI on port ${uiPort}`}.`);
      const uiUrl = uiPort === undefined ? {} : { uiUrl: `http://127.0.0.1:${uiPort}` };
      return { address, ...uiUrl, ended: child.ended, stop: child.stop };
    } catch (error) {
      const lines = child.lastLines();
      const endedByItself = child.hasEnded() !== undefined;
      await child.stop();
      const pauseMs = PAUSES_MS[attempt - 1];
      if (pauseMs === undefined || !endedByItself) throw error;
      // The ports of its inner services it looks for itself, and there may be none for a moment.
      const isOutOfPorts = lines.some((line) => line.includes(OUT_OF_PORTS));
      // Somebody else took a port between our asking and the server's binding.
      const isTaken = lines.some((line) => line.includes('address already in use'));
      if (!isOutOfPorts && !isTaken) throw error;
      if (!isOutOfPorts) continue;
      log(`Temporal found no free port for itself; it is started again in ${pauseMs / 1000} s.`);
      await delay(pauseMs, undefined, { signal });
    }
  }
}

function serverArguments(dataDir: string | undefined, port: number, uiPort: number | undefined): string[] {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--log-level', 'warn'],
    ...(uiPort === undefined ? ['--headless'] : ['--ui-port', String(uiPort)]),
    ...(dataDir === undefined ? [] : ['--db-filename', join(dataDir, 'temporal.db')]),
    // Measured: twice the throughput, and nothing lost but the last moment if the machine itself fails.
    ...(dataDir === undefined ? [] : ['--sqlite-pragma', 'journal_mode=WAL']),
    ...(dataDir === undefined ? [] : ['--sqlite-pragma', 'synchronous=NORMAL']),
    // One machine needs no more; four partitions forward tasks to each other.
    ...['--dynamic-config-value', 'matching.numTaskqueueReadPartitions=1'],
    ...['--dynamic-config-value', 'matching.numTaskqueueWritePartitions=1'],
    ...SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
  ];
}

async function untilReady(child: GuardedChild, address: string, signal?: AbortSignal): Promise<void> {
  const deadline = Date.now() + readyMs;
  let lastProblem = 'it does not answer';
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    const end = child.hasEnded();
    if (end !== undefined) {
      throw new Error(`temporal ${end}. It said: ${cause(child.lastLines()).join('; ')}`);
    }
    try {
      const connection = await Connection.connect({ address, connectTimeout: '2s' });
      try {
        await ensureSearchAttributes(connection, namespace);
        return;
      } finally {
        await connection.close();
      }
    } catch (error) {
      lastProblem = error instanceof Error ? error.message : String(error);
    }
    await delay(100);
  }
  throw new Error(`temporal is not ready after ${readyMs / 1000} s: ${lastProblem}.`);
}

/** @returns what tells why it ended: a panic says it first, and then where in many lines; all else ends with it */
function cause(lines: string[]): string[] {
  const panic = lines.findLastIndex((line) => /^(panic|fatal error): /.test(line));
  return panic < 0 ? lines.slice(-LINES_TOLD) : lines.slice(panic, panic + LINES_TOLD);
}
