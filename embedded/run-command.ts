import { spawn } from 'node:child_process';

export interface RunCommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** After this many milliseconds the command is killed; without it, it may take as long as it likes. */
  timeoutMs?: number;
  /** Called with each line of output as it comes. */
  onLine?: (line: string) => void;
}

/** Thrown when a command is not installed, ends with a status other than 0, or takes too long. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly notInstalled: boolean;
  constructor(message: string, notInstalled = false) {
    super(message);
    this.notInstalled = notInstalled;
  }
}

const keptLines = 200;
const shownLines = 4;

/**
 * Runs a command to its end and gives back what it wrote (standard output and error together; the last 200
 * lines).
 *
 * @throws {CommandError} with the last lines of the output in its message.
 */
export function runCommand(
  command: string,
  args: readonly string[],
  options: RunCommandOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = withResolvers();
  const { cwd, env = process.env, timeoutMs, onLine } = options;
  const child = spawn(command, args, { ...(cwd === undefined ? {} : { cwd }), env });
  child.stdin.end();
  const lines: string[] = [];
  const addLine = (line: string) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    onLine?.(line);
  };
  for (const stream of [child.stdout, child.stderr]) {
    let partial = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (partial + chunk).split('\n');
      partial = parts.pop() ?? '';
      parts.forEach(addLine);
    });
    stream.on('end', () => {
      if (partial !== '') addLine(partial);
    });
  }
  let timedOut = false;
  const timer = setTimeout(
    () => {
      timedOut = true;
      child.kill('SIGKILL');
    },
    timeoutMs ?? 2 ** 31 - 1,
  );
  child.on('error', (error: NodeJS.ErrnoException) => {
    clearTimeout(timer);
    const notInstalled = error.code === 'ENOENT';
    reject(new CommandError(notInstalled ? `${command} is not installed` : error.message, notInstalled));
  });
  child.on('close', (code, signal) => {
    clearTimeout(timer);
    if (code === 0) return resolve(lines.join('\n'));
    const how = timedOut
      ? `took longer than ${(timeoutMs ?? 0) / 1000} s`
      : code === null
        ? `was ended by ${signal ?? 'a signal'}`
        : `ended with status ${code}`;
    const tail = lines
      .filter((line) => line.trim() !== '')
      .slice(-shownLines)
      .join('; ');
    reject(new CommandError(`"${[command, ...args].join(' ')}" ${how}${tail === '' ? '' : `: ${tail}`}`));
  });
  return promise;
}

function withResolvers() {
  let resolve!: (output: string) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<string>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
