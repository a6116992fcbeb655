// Runs an API as a process of its own that joins a test's stack, so that it can be killed. Its environment is
// `stack.env()`; the first line it prints is the address it listens on.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startApi } from '../../api/server.ts';
import { createLog } from '../../runtime/log.ts';
import { readConfig } from '../../config.ts';
import type { TestStack } from './stack.ts';

export interface ApiProcess {
  url: string;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
}

/** Starts an API in a process of its own. @throws when it does not come up */
export async function startApiProcess(stack: TestStack): Promise<ApiProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url)], {
    env: { PATH: process.env.PATH, ...stack.env(), PORT: '0', LOG_LEVEL: 'fatal' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([once(lines, 'line'), exited.then(() => [undefined])]);
  const url = first[0] as string | undefined;
  if (url === undefined) throw new Error('the API ended before it was ready');
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { mongodbUri, temporalAddress } = config;
  if (mongodbUri === undefined || temporalAddress === undefined) throw new Error('no servers are named');
  const taskQueue = process.env.BECKON_TEST_TASK_QUEUE ?? '';
  const log = createLog(config.logLevel);
  const api = await startApi({ config: { ...config, mongodbUri, temporalAddress }, log, taskQueue });
  process.stdout.write(`http://localhost:${api.port}\n`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
