import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { waitFor } from '../../support/wait-for.ts';

const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** A worker in a process of its own, as `npm run start:worker` starts one. */
export interface WorkerProcess {
  pid: number;
  signal(name: NodeJS.Signals): void;
  /** Resolves when the process is gone. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** The lines it has written so far. */
  lines(): readonly string[];
  /** Ends it, whatever state it is in, and waits until it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts `worker.ts` and waits until it polls.
 *
 * @param env beside the environment of this process
 * @throws with what the worker wrote when it ends before it is ready
 */
export async function startWorkerProcess(env: Record<string, string>): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ['--import', 'tsx', 'worker.ts'], {
    cwd: root,
    env: { ...process.env, LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // Also when the tests are broken off.
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => process.off('exit', killAtExit));
  const written: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => written.push(line));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  let isOver = false;
  const over = ended.finally(() => (isOver = true));
  over.catch(() => undefined);

  const kill = async (): Promise<void> => {
    if (isOver) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const ready = waitFor(
    'the worker to be ready',
    () => isOver || written.some((line) => line.includes('the worker is ready')),
    60_000,
  );
  await ready.catch(async (error: unknown) => {
    await kill();
    throw error;
  });
  if (isOver) throw new Error(`the worker ended before it was ready:\n${written.join('\n')}`);
  return {
    pid: child.pid ?? 0,
    signal: (name) => void child.kill(name),
    ended,
    lines: () => written,
    kill,
  };
}
