import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findMongod } from '../../embedded/mongod-binary.ts';
import { startMongod } from '../../embedded/mongod.ts';
import { findTemporal } from '../../embedded/temporal-binary.ts';
import { startTemporalServer } from '../../embedded/temporal-server.ts';

export interface SharedServers {
  /** The connection string with the database of this name. */
  mongoUri(databaseName: string): string;
  /** `host:port`; the namespace is `default` and has Beckon's search attributes. */
  temporalAddress: string;
}

interface Started {
  servers: SharedServers;
  stop(): Promise<void>;
}

// Mocha loads this file as a plugin and tests import it, by different loaders: two instances of the module.
// What they share therefore hangs on the process.
const key = Symbol.for('beckon.test.sharedServers');
const holder = globalThis as { [key]?: Promise<Started> };

const quiet = () => {};

/** The executables that `npm test` found, else what is on PATH, in the cache or fetched now. */
export async function serverBinaries(): Promise<{ mongod: string; temporal: string }> {
  const { BECKON_TEST_MONGOD, BECKON_TEST_TEMPORAL } = process.env;
  return {
    mongod: BECKON_TEST_MONGOD ?? (await findMongod({ log: quiet })),
    temporal: BECKON_TEST_TEMPORAL ?? (await findTemporal({ log: quiet })),
  };
}

/**
 * One mongod and one Temporal server for all suites of this mocha process: started when first asked for, ended
 * after the last suite. A suite takes a database name and a task queue of its own, see `uniqueName`. Ask in a
 * `before` hook with a timeout of a minute.
 */
export async function sharedServers(): Promise<SharedServers> {
  holder[key] ??= start();
  return (await holder[key]).servers;
}

let names = 0;

/** A name that nothing else of this test run has, such as `limits-1f3a-1`: for databases and task queues. */
export function uniqueName(prefix: string): string {
  names += 1;
  return `${prefix}-${process.pid.toString(16)}${Date.now().toString(16)}-${names}`;
}

async function start(): Promise<Started> {
  const { mongod, temporal } = await serverBinaries();
  const folder = await mkdtemp(join(tmpdir(), 'beckon-test-'));
  const starting = [
    startMongod({ binary: mongod, dataDir: folder, cacheSizeGb: 0.5, log: quiet }),
    startTemporalServer({ binary: temporal, ui: false, log: quiet }),
  ] as const;
  const stop = async () => {
    for (const one of await Promise.allSettled(starting)) {
      if (one.status === 'fulfilled') await one.value.stop();
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [mongo, temporalServer] = await Promise.all(starting);
    const mongoUri = (databaseName: string) => {
      const uri = new URL(mongo.uri);
      uri.pathname = `/${databaseName}`;
      return uri.href;
    };
    return { servers: { mongoUri, temporalAddress: temporalServer.address }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Mocha takes these when the file is given with `--require`. */
export const mochaHooks = {
  async afterAll(this: Mocha.Context): Promise<void> {
    const started = holder[key];
    if (started === undefined) return;
    this.timeout(60_000);
    delete holder[key];
    // When they could not be started, the suite that asked has said so.
    await started.then(
      ({ stop }) => stop(),
      () => {},
    );
  },
};
