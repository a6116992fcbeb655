import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** Somebody who listens and counts who connects. */
export interface LoopbackListener {
  port: number;
  host: string;
  connections(): number;
  close(): Promise<void>;
}

/**
 * Listens on an address of this machine.
 *
 * @param serve what is done with a connection; by default nothing
 */
export async function listenOn(
  host: string,
  port = 0,
  serve: (socket: Socket) => void = () => undefined,
): Promise<LoopbackListener> {
  let connections = 0;
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => undefined);
    serve(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    host,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}
