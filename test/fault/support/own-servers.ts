import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { freePort } from '../../../embedded/free-port.ts';
import { startMongod } from '../../../embedded/mongod.ts';
import { startTemporalServer } from '../../../embedded/temporal-server.ts';
import { serverBinaries } from '../../support/servers.ts';

/** A server that a test may kill and start again under the same address. */
export interface OwnServer {
  address: string;
  /** SIGKILL for the server itself; resolves when it is gone. */
  killHard(): Promise<void>;
  /** Starts it on the same data, or with `fresh` on none, on the same port. */
  restart(options?: { fresh?: boolean }): Promise<void>;
  /** Ends it and removes its data. */
  close(): Promise<void>;
}

interface Running {
  address: string;
  ended: Promise<string>;
  stop(): Promise<void>;
}

const quiet = (): void => {};

/** A Temporal server with its data in a folder of its own. */
export async function startOwnTemporal(): Promise<OwnServer> {
  const binary = (await serverBinaries()).temporal;
  const port = await freePort();
  return ownServer((dataDir) => startTemporalServer({ binary, dataDir, port, ui: false, log: quiet }));
}

/** A replica set of one; its address is the connection string. */
export async function startOwnMongod(): Promise<OwnServer> {
  const binary = (await serverBinaries()).mongod;
  const port = await freePort();
  return ownServer(async (dataDir) => {
    const mongod = await startMongod({ binary, dataDir, port, cacheSizeGb: 0.25, log: quiet });
    return { ...mongod, address: mongod.uri };
  });
}

async function ownServer(start: (dataDir: string) => Promise<Running>): Promise<OwnServer> {
  const folder = await mkdtemp(join(tmpdir(), 'beckon-own-'));
  let lives = 0;
  let dataDir = join(folder, 'life-0');
  let running: Running;
  try {
    running = await start(dataDir);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    address: running.address,
    async killHard() {
      process.kill(await serverPid(dataDir), 'SIGKILL');
      await running.ended;
    },
    async restart({ fresh = false } = {}) {
      await running.stop();
      if (fresh) dataDir = join(folder, `life-${(lives += 1)}`);
      running = await start(dataDir);
    },
    async close() {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The `owner` file names the guard; the server is its only child. */
async function serverPid(dataDir: string): Promise<number> {
  const guard = (await readFile(join(dataDir, 'owner'), 'utf8')).split('/')[0];
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=']);
  const children = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent]) => parent === guard);
  const pid = Number(children[0]?.[0]);
  if (children.length !== 1 || !Number.isInteger(pid)) throw new Error(`no server under process ${guard}`);
  return pid;
}
