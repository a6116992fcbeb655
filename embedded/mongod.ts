import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import mongoose from 'mongoose';

import { choosePort } from './free-port.ts';
import { startGuarded } from './guarded-child.ts';
import type { GuardedChild } from './guarded-child.ts';

const setName = 'beckon';
const databaseName = 'beckon';
/** Recovery after a crash reads the journal of a large database; it takes minutes at most. */
const readyMs = 180_000;

export interface StartMongodOptions {
  binary: string;
  /** Holds the data, the log and the port used last; made when absent. */
  dataDir: string;
  /** By default the one used last, when it is free, else any. */
  port?: number;
  /** Memory for the storage engine's cache; by default half of the machine's. */
  cacheSizeGb?: number;
  log: (line: string) => void;
}

export interface RunningMongod {
  /** With the database `beckon`; transactions and change streams work. */
  uri: string;
  port: number;
  /** Resolves with one line when the server ends, be it on request or by itself. */
  ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts mongod as a replica set of one on 127.0.0.1 and waits until it takes writes.
 *
 * @throws {Error} with what the server itself said when it does not become ready.
 */
export async function startMongod(options: StartMongodOptions): Promise<RunningMongod> {
  const { dataDir, log } = options;
  await mkdir(join(dataDir, 'db'), { recursive: true });
  const portFile = join(dataDir, 'port');
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(options.port, await lastPort(portFile));
    const child = await startGuarded({
      name: 'mongod',
      binary: options.binary,
      args: mongodArguments(options, port),
      files: { log: join(dataDir, 'mongod.log'), owner: join(dataDir, 'owner') },
    });
    try {
      await untilPrimary(child, port);
      await writeFile(portFile, `${port}\n`);
      log(`MongoDB listens on 127.0.0.1:${port}; its data is in ${dataDir}.`);
      const uri = `mongodb://127.0.0.1:${port}/${databaseName}?replicaSet=${setName}`;
      return { uri, port, ended: child.ended, stop: child.stop };
    } catch (error) {
      const lines = child.lastLines();
      await child.stop();
      // Somebody else took the port between our asking and the server's binding.
      const taken = lines.some((line) => line.includes('Address already in use'));
      if (taken && options.port === undefined && attempt < 3) continue;
      throw error;
    }
  }
}

function mongodArguments({ dataDir, cacheSizeGb }: StartMongodOptions, port: number): string[] {
  return [
    ...['--dbpath', join(dataDir, 'db')],
    ...['--replSet', setName],
    ...['--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
    // By default the operations log may grow to a twentieth of the disk.
    ...['--oplogSize', '1024'],
    ...(cacheSizeGb === undefined ? [] : ['--wiredTigerCacheSizeGB', String(cacheSizeGb)]),
  ];
}

async function lastPort(file: string): Promise<number[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const port = Number(text.trim());
  return Number.isInteger(port) && port > 0 && port < 65_536 ? [port] : [];
}

async function untilPrimary(child: GuardedChild, port: number): Promise<void> {
  const deadline = Date.now() + readyMs;
  let lastProblem = 'it does not answer';
  while (Date.now() < deadline) {
    const end = child.hasEnded();
    if (end !== undefined) throw new Error(`mongod ${end}.${explain(child.lastLines())}`);
    // A client whose first connection failed is of no further use, hence a new one each time.
    const client = new mongoose.mongo.MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
      serverSelectionTimeoutMS: 1000,
    });
    try {
      if (await isPrimaryAt(client, `127.0.0.1:${port}`)) return;
      lastProblem = 'it did not become primary';
    } catch (error) {
      lastProblem = error instanceof Error ? error.message : String(error);
    } finally {
      await client.close();
    }
    await delay(50);
  }
  throw new Error(`mongod is not ready after ${readyMs / 1000} s: ${lastProblem}.`);
}

type MongoClient = InstanceType<typeof mongoose.mongo.MongoClient>;

/** One step towards being primary under the present address. */
async function isPrimaryAt(client: MongoClient, host: string): Promise<boolean> {
  const admin = client.db('admin');
  const hello = await admin.command({ hello: 1 });
  if (hello.isWritablePrimary === true && hello.me === host) return true;
  if (hello.isreplicaset === true) {
    const config = await configOf(client);
    if (config === undefined) {
      await admin.command({ replSetInitiate: { _id: setName, members: [{ _id: 0, host }] } });
    } else if (config.members[0]?.host !== host) {
      // The set knows its only member under last time's port, so it thinks itself no member at all.
      const moved = { ...config, version: config.version + 1, members: [{ ...config.members[0], host }] };
      await admin.command({ replSetReconfig: moved, force: true });
    }
  }
  return false;
}

interface ReplicaSetConfig {
  version: number;
  members: { host: string }[];
}

/** `replSetGetConfig` is refused by a server that is not yet member of a set; the stored document is not. */
async function configOf(client: MongoClient): Promise<ReplicaSetConfig | undefined> {
  const stored = await client.db('local').collection('system.replset').findOne({});
  return stored === null ? undefined : (stored as unknown as ReplicaSetConfig);
}

/** mongod logs JSON; what went wrong is in its errors and fatal messages. */
function explain(lines: readonly string[]): string {
  const messages: string[] = [];
  for (const line of lines) {
    try {
      const entry = JSON.parse(line) as { s?: string; msg?: string; attr?: { error?: unknown } };
      if (entry.s !== 'E' && entry.s !== 'F') continue;
      const error = entry.attr?.error;
      messages.push(`${entry.msg}${error === undefined ? '' : ` (${JSON.stringify(error)})`}`);
    } catch {
      messages.push(line);
    }
  }
  if (messages.length === 0) return '';
  return ` It said: ${messages.slice(-4).join('; ').replaceAll(/\s+/g, ' ').trim()}`;
}
