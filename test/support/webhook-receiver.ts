import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that came in whole. */
export interface ReceivedWebhook {
  /** When it had come in, epoch milliseconds. */
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** What it was answered. */
  status: number;
}

export interface WebhookReceiver {
  url: string;
  received: ReceivedWebhook[];
  /** Most requests that were under way at once. */
  most(): number;
  /** Every request that follows is answered like this, until the next call; `status` 0 ends the connection. */
  answer(how: { status: number; headers?: Record<string, string>; body?: string; delayMs?: number }): void;
  close(): Promise<void>;
}

/** A webhook's receiver on loopback; it answers 200. */
export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  let how: Parameters<WebhookReceiver['answer']>[0] = { status: 200 };
  const received: ReceivedWebhook[] = [];
  let underWay = 0;
  let most = 0;
  const server = createServer((request, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    response.on('close', () => {
      underWay -= 1;
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { status, headers = {}, body = '', delayMs = 0 } = how;
      const { method = '', url: path = '' } = request;
      const text = Buffer.concat(chunks).toString();
      received.push({ at: Date.now(), method, path, headers: request.headers, body: text, status });
      setTimeout(() => {
        if (status === 0) response.destroy();
        else response.writeHead(status, headers).end(body);
      }, delayMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    most: () => most,
    answer(next) {
      how = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
