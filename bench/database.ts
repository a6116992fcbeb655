import { join } from 'node:path';
import type { Connection } from 'mongoose';
import { connectDatabase } from '../db/connection.ts';
import { createRepositories, type Repositories } from '../db/repositories.ts';
import { followServerClock } from '../db/server-clock.ts';
import { findMongod } from '../embedded/mongod-binary.ts';
import { startMongod } from '../embedded/mongod.ts';
import { say } from './report.ts';

const CACHE_GB = 8;

export interface BenchServer {
  /** The connection string with the database of this name. */
  uri(database: string): string;
  stop(): Promise<void>;
}

/** Starts a mongod of the bench's own on a folder; it ends with this process. */
export async function startServer(folder: string): Promise<BenchServer> {
  const binary = process.env.BECKON_TEST_MONGOD ?? (await findMongod({ log: say }));
  const mongod = await startMongod({
    binary,
    dataDir: join(folder, 'mongodb'),
    cacheSizeGb: CACHE_GB,
    log: say,
  });
  return {
    uri(database) {
      const uri = new URL(mongod.uri);
      uri.pathname = `/${database}`;
      return uri.href;
    },
    stop: mongod.stop,
  };
}

export interface BenchDatabase {
  connection: Connection;
  repositories: Repositories;
  close(): Promise<void>;
}

/** Connects as a server does, with the repositories and their indexes. */
export async function openDatabase(uri: string): Promise<BenchDatabase> {
  const connection = await connectDatabase(uri);
  const clock = await followServerClock(connection);
  const repositories = await createRepositories(connection, clock);
  return {
    connection,
    repositories,
    async close() {
      clock.stop();
      await connection.close();
    },
  };
}
