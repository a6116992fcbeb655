import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface FcmAnswer {
  status?: number;
  /** `results[0].error`. */
  error?: string;
  body?: string;
  headers?: Record<string, string>;
  /** Never answers, or cuts the connection. */
  instead?: 'hang' | 'cut';
}

export interface FcmLegacyService {
  url: string;
  received(): readonly { headers: NodeJS.Dict<string | string[]>; body: Record<string, any> }[];
  /** The next messages are answered so, one each; then as delivered again. */
  answer(...answers: FcmAnswer[]): void;
  connections(): number;
  close(): Promise<void>;
}

/** The legacy FCM HTTP API on loopback, for one server key; any other is answered 401. */
export async function startFcmLegacyService(serverKey: string): Promise<FcmLegacyService> {
  const received: { headers: NodeJS.Dict<string | string[]>; body: Record<string, any> }[] = [];
  const planned: FcmAnswer[] = [];
  const sockets = new Set<Socket>();
  let total = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      if (request.method !== 'POST' || request.url !== '/fcm/send') {
        response.writeHead(404).end();
        return;
      }
      if (request.headers.authorization !== `key=${serverKey}`) {
        response.writeHead(401).end('<HTML>');
        return;
      }
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, any>;
      received.push({ headers: request.headers, body });
      const { status = 200, error, body: text, headers = {}, instead } = planned.shift() ?? {};
      if (instead === 'hang') return;
      if (instead === 'cut') {
        request.socket.destroy();
        return;
      }
      const result = error === undefined ? { message_id: '0:1' } : { error };
      const counts = { success: error === undefined ? 1 : 0, failure: error === undefined ? 0 : 1 };
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(text ?? JSON.stringify({ multicast_id: 1, ...counts, results: [result] }));
    })();
  });
  server.on('connection', (socket) => {
    total += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/fcm/send`,
    received: () => received,
    answer: (...answers) => void planned.push(...answers),
    connections: () => total,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
