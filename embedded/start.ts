import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Runtime } from '@temporalio/worker';
import { startApi } from '../api/server.ts';
import { startFailure } from '../runtime/start-failure.ts';
import { createLog } from '../runtime/log.ts';
import { runUntilSignal } from '../runtime/run-until-signal.ts';
import { startUnlessAsked } from '../runtime/start-unless-asked.ts';
import { ConfigError, readConfig, type Config } from '../config.ts';
import { startWorker, workerLogger } from '../worker.ts';
import { choosePort } from './free-port.ts';
import { ensureDemoPush, type DemoPush } from './demo-push.ts';
import { keptSecretKey } from './secret-key.ts';
import { removeStackFile, writeStackFile } from './stack-file.ts';
import { startServers } from './stack.ts';

/** A whole Beckon: the servers that were not configured, the API and a worker. */
export interface RunningStack {
  url: string;
  temporalUiUrl: string | undefined;
  adminKey: string | undefined;
  demoPush: DemoPush;
  /** Resolves with one line when a part ends by itself. */
  lost: Promise<string>;
  /** Ends everything in order: API, worker, Temporal, MongoDB. */
  stop(): Promise<void>;
}

/**
 * Starts everything, the data in `config.dataDir`.
 *
 * @param options.say told what happens, a line at a time
 * @param options.exactPort false: when the port is taken, a free one is used
 * @param options.signal gives the start up: what was started is ended in order
 * @throws the signal's reason when it was given up
 */
export async function startStack(
  config: Config,
  options: { say: (line: string) => void; exactPort: boolean; ui: boolean; signal?: AbortSignal },
): Promise<RunningStack> {
  const { say, signal } = options;
  const dataDir = resolve(config.dataDir);
  await mkdir(dataDir, { recursive: true });
  // Before minutes of other work, and not after it; known to the worker, for browsers send their receipts there.
  const port = options.exactPort
    ? await portToListenOn(config.port)
    : await choosePort(undefined, [config.port]);
  const servers = await startServers({ config, dataDir, ui: options.ui, log: say, signal });
  const parts: { close(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    await removeStackFile(dataDir);
    for (const part of parts.toReversed()) await part.close();
    parts.length = 0;
    await servers.stop();
  };
  try {
    signal?.throwIfAborted();
    const demoPush = await ensureDemoPush(dataDir);
    const isEmbedded = config.mongodbUri === undefined;
    const adminKey = config.adminKey ?? (isEmbedded ? await keptAdminKey(dataDir) : undefined);
    const secretKey = config.secretKey ?? (await keptSecretKey(dataDir));
    const full = {
      ...config,
      port,
      adminKey,
      secretKey,
      mongodbUri: servers.mongoUri,
      temporalAddress: servers.temporalAddress,
      pushHosts: [...config.pushHosts, demoPush.host],
    };
    const log = createLog(config.logLevel);
    Runtime.install({ logger: workerLogger(), shutdownSignals: [] });
    say('Starting the worker and the API');
    const publicUrl = config.publicUrl ?? `http://localhost:${port}`;
    const worker = await startWorker({ config: full, log, publicUrl, pushCa: demoPush.cert, signal });
    parts.push(worker);
    const api = await startApi({ config: full, log, signal });
    parts.push(api);
    const workerEnd = worker.running.then(
      () => 'the worker ended',
      (error: unknown) => `the worker failed: ${String(error)}`,
    );
    const shownKey = adminKey ?? api.newAdminKey;
    const { temporalUiUrl } = servers;
    await writeStackFile(dataDir, { pid: process.pid, url: api.url, temporalUiUrl, adminKey: shownKey });
    return {
      url: api.url,
      temporalUiUrl,
      adminKey: shownKey,
      demoPush,
      lost: Promise.race([servers.lost, workerEnd]),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function portToListenOn(wanted: number): Promise<number> {
  try {
    return await choosePort(wanted, []);
  } catch {
    throw new Error(`port ${wanted} is taken; set PORT to another one (0 takes a free one)`);
  }
}

/** The key of a stack of one's own is kept beside its data, so that every start can show it. */
async function keptAdminKey(dataDir: string): Promise<string> {
  const file = join(dataDir, 'admin-key');
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept.trim() !== '') return kept.trim();
  const key = `bk_${randomBytes(24).toString('base64url')}`;
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}

async function main(): Promise<void> {
  const print = (line: string): void => void process.stdout.write(`${line}\n`);
  const asked = runUntilSignal();
  const config = readConfig({ LOG_LEVEL: 'warn', ...process.env });
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const stack = await startUnlessAsked(
    asked,
    (signal) => startStack(config, { say, exactPort: true, ui: true, signal }),
    (started) => started.stop(),
  );
  const told = config.mongodbUri === undefined || config.adminKey !== undefined;
  const key = stack.adminKey ?? (told ? '' : 'the one shown at the first start');
  print('');
  print('Beckon is ready.');
  print(`  API          ${stack.url}`);
  print(`  API docs     ${stack.url}/docs/`);
  if (stack.temporalUiUrl !== undefined) print(`  Temporal UI  ${stack.temporalUiUrl}`);
  print(`  Admin key    ${key}`);
  print('');
  print('Ctrl-C stops everything. In another terminal, npm run demo shows it at work.');
  const lost = stack.lost.then((line) => ({ line }));
  const end = await Promise.race([asked, lost]);
  if (typeof end !== 'string') process.stderr.write(`${end.line}; stopping.\n`);
  else process.stderr.write('\nStopping: API, worker, Temporal, MongoDB.\n');
  await stack.stop();
  process.exitCode = typeof end === 'string' ? 0 : 1;
}

/** One clear line, or the list of faults. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  return startFailure(error);
}

if (process.argv.some((argument) => argument.endsWith('embedded/start.ts'))) {
  main().catch((error: unknown) => {
    process.stderr.write(`${explain(error)}\n`);
    process.exit(1);
  });
}
