// The API as a process of its own, as in production: bench/ingest.ts posts to it. It prints its address.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startApi } from '../api/server.ts';
import { readConfig } from '../config.ts';
import { freePort } from '../embedded/free-port.ts';
import { createLog } from '../runtime/log.ts';
import { runUntilSignal } from '../runtime/run-until-signal.ts';

export const ADMIN_KEY = 'bench-admin-key-0123456789';

export interface ApiProcess {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/**
 * Starts the API on a database. Temporal is away: nothing that is posted concerns a campaign.
 *
 * @param options.folds whether it folds events into the roll-up
 * @param options.node what Node is told, such as `--cpu-prof`
 */
export async function startApiProcess(
  mongodbUri: string,
  { folds, node = [] }: { folds: boolean; node?: string[] },
): Promise<ApiProcess> {
  const away = await freePort();
  const child = spawn(process.execPath, [...node, '--import', 'tsx', fileURLToPath(import.meta.url)], {
    env: {
      PATH: process.env.PATH,
      NODE_ENV: 'production',
      MONGODB_URI: mongodbUri,
      TEMPORAL_ADDRESS: `127.0.0.1:${away}`,
      BECKON_ADMIN_KEY: ADMIN_KEY,
      BECKON_TEST_FOLDS: String(folds),
      PORT: '0',
      LOG_LEVEL: 'error',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A bench that is broken off must not leave it behind.
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [url] = (await Promise.race([once(lines, 'line'), exited.then(() => [])])) as string[];
  if (url === undefined || child.pid === undefined) throw new Error('the API ended before it was ready');
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      process.off('exit', end);
    },
  };
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { mongodbUri, temporalAddress } = config;
  if (mongodbUri === undefined || temporalAddress === undefined) throw new Error('no servers are named');
  const api = await startApi({
    config: { ...config, mongodbUri, temporalAddress },
    log: createLog(config.logLevel),
    folds: process.env.BECKON_TEST_FOLDS === 'true',
  });
  // Whatever ends the bench closes this pipe: a signal's handler may not get to run.
  process.stdin.on('close', () => process.exit()).resume();
  process.stdout.write(`http://127.0.0.1:${api.port}\n`);
  await runUntilSignal();
  await api.close();
  process.stdin.destroy();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  });
}
