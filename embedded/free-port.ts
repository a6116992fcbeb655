import { createServer } from 'node:net';

/**
 * A port of 127.0.0.1 that nothing listens on now: the first free one of `preferred`, else any; 0 stands for any.
 * Another process may take it before it is used, so whoever uses it must be ready to ask again.
 */
export async function freePort(preferred: readonly number[] = []): Promise<number> {
  for (const wanted of preferred) {
    const port = await tryListen(wanted);
    if (port !== undefined) return port;
  }
  const port = await tryListen(0);
  if (port === undefined) throw new Error('There is no free port on 127.0.0.1.');
  return port;
}

/**
 * The port that was asked for, any for 0, or one that `freePort` finds.
 *
 * @throws {Error} when the port that was asked for is taken: another server may answer there, and would be
 *   mistaken for ours.
 */
export async function choosePort(wanted: number | undefined, preferred: readonly number[]): Promise<number> {
  if (wanted === undefined) return freePort(preferred);
  const port = await tryListen(wanted);
  if (port === undefined) throw new Error(`Port ${wanted} of 127.0.0.1 is taken.`);
  return port;
}

/** @returns the port that it could listen on, the one chosen for 0; undefined when it is taken */
function tryListen(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined));
    });
  });
}
