import { resolve, join } from 'node:path';

import { lockDataDir } from './data-dir-lock.ts';
import { findMongod } from './mongod-binary.ts';
import { startMongod } from './mongod.ts';
import { findTemporal } from './temporal-binary.ts';
import { startTemporalServer } from './temporal-server.ts';

export interface StartServersOptions {
  /** A server that is configured here is used and not started. */
  config: { mongodbUri?: string | undefined; temporalAddress?: string | undefined };
  /** Where the started servers keep their data; made when absent. */
  dataDir: string;
  /** Whether the started Temporal server shows its UI. */
  ui: boolean;
  log: (line: string) => void;
  /** Gives the start up between its steps. */
  signal?: AbortSignal | undefined;
  /** Executables that are known already, as in tests; else they are found or fetched. */
  binaries?: { mongod?: string | undefined; temporal?: string | undefined };
}

export interface RunningServers {
  mongoUri: string;
  /** `host:port` */
  temporalAddress: string;
  temporalUiUrl?: string;
  /** Resolves with one line when a started server ends without having been asked to. */
  lost: Promise<string>;
  /** Ends Temporal, then MongoDB, and waits for both. Close all connections first. */
  stop(): Promise<void>;
}

interface Part {
  name: string;
  ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts what is not configured: MongoDB, a Temporal server, both or neither.
 *
 * @throws {DataDirInUseError} when another process has servers running on the same data.
 * @throws {ServerNotFoundError} when an executable can be had nowhere.
 * @throws {Error} when a server does not become ready; the others are ended first.
 */
export async function startServers(options: StartServersOptions): Promise<RunningServers> {
  const { config, ui, log, signal, binaries = {} } = options;
  const dataDir = resolve(options.dataDir);
  const needsMongod = config.mongodbUri === undefined;
  const needsTemporal = config.temporalAddress === undefined;
  const lock = needsMongod || needsTemporal ? await lockDataDir(dataDir) : undefined;
  const parts: Part[] = [];
  let stopping = false;
  const stop = async () => {
    stopping = true;
    // The last one started ends first. A second call finds the same ends.
    for (const part of parts.toReversed()) await part.stop();
    await lock?.release();
  };

  try {
    // One after the other: each may show its progress for minutes.
    const mongodBinary = needsMongod ? (binaries.mongod ?? (await findMongod({ log }))) : undefined;
    const temporalBinary = needsTemporal ? (binaries.temporal ?? (await findTemporal({ log }))) : undefined;

    signal?.throwIfAborted();
    let mongoUri = config.mongodbUri ?? '';
    if (mongodBinary !== undefined) {
      const mongod = await startMongod({ binary: mongodBinary, dataDir: join(dataDir, 'mongodb'), log });
      parts.push({ name: 'mongod', ...mongod });
      mongoUri = mongod.uri;
    }
    signal?.throwIfAborted();
    let temporalAddress = config.temporalAddress ?? '';
    let temporalUiUrl: string | undefined;
    if (temporalBinary !== undefined) {
      const folder = join(dataDir, 'temporal');
      const temporal = await startTemporalServer({
        binary: temporalBinary,
        dataDir: folder,
        ui,
        log,
        signal,
      });
      parts.push({ name: 'temporal', ...temporal });
      temporalAddress = temporal.address;
      temporalUiUrl = temporal.uiUrl;
    }

    const lost = new Promise<string>((onLost) => {
      for (const { name, ended } of parts) {
        void ended.then((how) => {
          if (!stopping) onLost(`${name} ${how} though nobody asked it to; its log is in ${dataDir}.`);
        });
      }
    });
    return {
      mongoUri,
      temporalAddress,
      ...(temporalUiUrl === undefined ? {} : { temporalUiUrl }),
      lost,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
