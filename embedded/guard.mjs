// Runs a server and ends it when the process that asked for it is gone:
//   node guard.mjs <executable> [arguments]
// The parent holds the other end of standard input. However the parent ends, kill -9 included, the system
// closes that pipe, and the server is asked to end (SIGTERM) and made to after ten seconds (SIGKILL).
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const graceMs = 10_000;
const [executable, ...args] = process.argv.slice(2);
const server = spawn(executable, args, { stdio: ['ignore', 'inherit', 'inherit'] });

let ending = false;
function end() {
  if (ending) return;
  ending = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), graceMs).unref();
}

process.stdin.on('end', end).on('close', end).on('error', end).resume();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, end);
// The log pipe may close before the server has ended; that must not end the guard first.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

server.on('error', (error) => {
  console.error(`${executable} could not be started: ${error.message}`);
  process.exit(127);
});
server.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
