import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { expect } from 'chai';
import { generate } from 'selfsigned';
import { Webhook } from 'standardwebhooks';
import {
  classifyWebhookAnswer,
  createWebhookChannel,
  MAX_BODY_BYTES,
} from '../../../channels/webhook/webhook-channel.ts';
import type { WebhookAnswer, WebhookChannel, WebhookRequest } from '../../../domain/ports/channels.ts';
import { listenOn, type LoopbackListener } from '../../support/loopback-listener.ts';
import { waitFor } from '../../support/wait-for.ts';

const NOW = Date.parse('2026-03-01T12:00:00.900Z');
const SECRETS = [
  `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  `whsec_${Buffer.alloc(24, 2).toString('base64')}`,
];

/** A request as it came over the wire. */
interface Wire {
  line: string;
  headers: Map<string, string>;
  names: string[];
  body: string;
}

describe('the webhook channel', () => {
  const closers: (() => Promise<void>)[] = [];
  let channel: WebhookChannel;
  beforeEach(() => {
    channel = createWebhookChannel({ allow: ['127.0.0.0/8'], now: () => NOW });
    closers.push(() => channel.close());
  });
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  /** Answers each request that came whole; one after the other on a connection. */
  async function target(answer: (wire: Wire, socket: Socket) => void): Promise<LoopbackListener> {
    const listener = await listenOn('127.0.0.1', 0, (socket) => {
      let text = '';
      socket.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const end = text.indexOf('\r\n\r\n');
        const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0);
        if (end < 0 || Buffer.byteLength(text.slice(end + 4)) < length) return;
        const [line = '', ...rest] = text.slice(0, end).split('\r\n');
        const pairs = rest.map((one): [string, string] => [
          one.slice(0, one.indexOf(':')).toLowerCase(),
          one.slice(one.indexOf(':') + 1).trim(),
        ]);
        const wire = {
          line,
          headers: new Map(pairs),
          names: pairs.map(([name]) => name),
          body: text.slice(end + 4),
        };
        text = '';
        answer(wire, socket);
      });
    });
    closers.push(() => listener.close());
    return listener;
  }

  const send = (
    { port }: { port: number },
    more: Partial<WebhookRequest> = {},
    mayBegin?: () => boolean,
  ): Promise<WebhookAnswer> =>
    channel.send(
      {
        method: 'POST',
        url: `http://127.0.0.1:${port}/hook?a=1`,
        headers: {},
        contentType: 'application/json',
        body: '{"name":"Zoë 🛒"}',
        id: 'batch_1',
        signingSecrets: [],
        timeoutMs: 5_000,
        ...more,
      },
      mayBegin,
    );
  const plain = (status: number, body = '', headers = ''): string =>
    `HTTP/1.1 ${status} X\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

  it('sends the body, the headers of the target and its own, and keeps the connection', async () => {
    const seen: Wire[] = [];
    const to = await target((wire, socket) => {
      seen.push(wire);
      socket.write(plain(200, 'thanks'));
    });
    const headers = { Authorization: 'Bearer abc', 'X-Empty': '' };
    for (const method of ['POST', 'PUT', 'PATCH'] as const) {
      const { outcome, answer, detail } = await send(to, { method, headers });
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
      expect(answer).to.deep.equal({ status: 200, body: 'thanks', truncated: false });
      expect(detail).to.equal(undefined);
    }
    expect(seen.map(({ line }) => line)).to.deep.equal(
      ['POST', 'PUT', 'PATCH'].map((method) => `${method} /hook?a=1 HTTP/1.1`),
    );
    expect(seen[0]?.body).to.equal('{"name":"Zoë 🛒"}');
    expect(Object.fromEntries(seen[0]?.headers ?? [])).to.include({
      authorization: 'Bearer abc',
      'x-empty': '',
      'content-type': 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'Beckon',
      'webhook-id': 'batch_1',
      'webhook-timestamp': '1772366400',
    });
    expect(seen[0]?.names, 'not signed without a secret').not.to.include('webhook-signature');
    for (let i = 0; i < 10; i += 1) await send(to);
    // One may be busy with ending the answer before when the next begins.
    expect(to.connections()).to.be.at.most(2);
  });

  it('signs for each secret as Standard Webhooks says, by its library and by hand', async () => {
    let wire: Wire | undefined;
    const to = await target((got, socket) => {
      wire = got;
      socket.write(plain(204));
    });
    const live = createWebhookChannel({ allow: ['127.0.0.0/8'], now: () => Date.now() });
    closers.push(() => live.close());
    channel = live;
    await send(to, { signingSecrets: SECRETS });
    const { headers, body } = wire!;
    for (const secret of SECRETS)
      expect(new Webhook(secret).verify(body, Object.fromEntries(headers))).to.deep.equal(JSON.parse(body));
    const other = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
    expect(() => new Webhook(other).verify(body, Object.fromEntries(headers))).to.throw(
      'No matching signature',
    );

    const signed = `${headers.get('webhook-id')}.${headers.get('webhook-timestamp')}.${body}`;
    const byHand = SECRETS.map((secret) => {
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      return `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
    });
    expect(headers.get('webhook-signature')).to.equal(byHand.join(' '));
  });

  it('speaks TLS with the name of the target, whose certificate must be for it', async () => {
    const { cert, private: key } = await generate([{ name: 'commonName', value: 'hooks.example.com' }], {
      keyType: 'ec',
      algorithm: 'sha256',
      extensions: [
        { name: 'basicConstraints', cA: true, critical: true },
        { name: 'subjectAltName', altNames: [{ type: 2, value: 'hooks.example.com' }] },
      ],
    });
    const server = createServer({ cert, key }, (request, response) => {
      response.end(`${request.headers.host} ${request.httpVersion}`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => void server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    let leadsTo = '127.0.0.1';
    const use = (ca?: string): void => {
      channel = createWebhookChannel({
        allow: ['127.0.0.1/32'],
        now: () => NOW,
        resolve: () => Promise.resolve([{ address: leadsTo, family: 4 }]),
        ...(ca === undefined ? {} : { ca }),
      });
      const made = channel;
      closers.unshift(() => made.close());
    };
    const to = (name: string): { url: string } => ({ url: `https://${name}:${port}/` });
    use(cert);
    const { outcome, answer } = await send({ port }, to('hooks.example.com'));
    expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
    expect(answer?.body).to.equal(`hooks.example.com:${port} 1.1`);
    const other = await send({ port }, to('other.example.com'));
    expect(other.outcome).to.deep.equal({ kind: 'unreachable', reason: 'tls' });
    use();
    const unknown = await send({ port }, to('hooks.example.com'));
    expect(unknown.outcome).to.deep.equal({ kind: 'unreachable', reason: 'tls' });
    use(cert);
    leadsTo = '127.0.0.2';
    const refused = await send({ port }, to('hooks.example.com'));
    expect(refused.outcome).to.deep.equal({ kind: 'rejected', reason: 'addressNotAllowed' });
  });

  it('tells what an answer means', () => {
    const classified = (status: number, retryAfter?: string): unknown =>
      classifyWebhookAnswer(status, retryAfter, NOW);
    for (const status of [200, 201, 202, 204, 299])
      expect(classified(status)).to.deep.equal({ kind: 'delivered', status });
    for (const status of [300, 301, 302, 303, 304, 307, 308])
      expect(classified(status)).to.deep.equal({ kind: 'rejected', reason: 'redirect', status });
    for (const status of [400, 401, 403, 404, 409, 410, 413, 422, 451])
      expect(classified(status, '5')).to.deep.equal({ kind: 'rejected', reason: `http${status}`, status });
    for (const status of [408, 425, 429, 500, 502, 503, 504, 599]) {
      expect(classified(status)).to.deep.equal({ kind: 'throttled', status });
      expect(classified(status, '120')).to.deep.equal({ kind: 'throttled', status, retryAfterMs: 120_000 });
      expect(classified(status, 'Sun, 01 Mar 2026 12:01:00 GMT')).to.deep.equal({
        kind: 'throttled',
        status,
        retryAfterMs: 59_100,
      });
    }
  });

  it('reads Retry-After from the answer, and keeps what the target said', async () => {
    const to = await target((_wire, socket) => socket.write(plain(503, 'later', 'Retry-After: 7\r\n')));
    const { outcome, answer } = await send(to);
    expect(outcome).to.deep.equal({ kind: 'throttled', status: 503, retryAfterMs: 7_000 });
    expect(answer).to.deep.equal({ status: 503, body: 'later', truncated: false });
  });

  it('asks in the moment of sending whether it still may, and sends nothing when not', async () => {
    const to = await target((_wire, socket) => socket.write(plain(200)));
    const { outcome, answer } = await send(to, {}, () => false);
    expect(outcome).to.deep.equal({ kind: 'notBegun' });
    expect(answer).to.equal(undefined);
    let connected = -1;
    await send(to, {}, () => {
      connected = to.connections();
      return true;
    });
    expect(connected, 'asked once the connection was there').to.be.greaterThan(0);
  });

  it('begins nothing for a request that waited in line until its time was over', async () => {
    const one = createWebhookChannel({ allow: ['127.0.0.0/8'], now: () => NOW, connectionsPerOrigin: 1 });
    closers.push(() => one.close());
    channel = one;
    let requests = 0;
    let answer = (): void => undefined;
    const to = await target((_wire, socket) => {
      requests += 1;
      answer = () => void socket.write(plain(204));
      if (requests > 1) answer();
    });
    const first = send(to, { timeoutMs: 20_000 });
    await waitFor('the request before it', () => requests === 1);
    let asked = 0;
    const { outcome } = await send(to, { timeoutMs: 100 }, () => {
      asked += 1;
      return true;
    });
    expect(outcome).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
    // Its turn would be between these two.
    answer();
    for (const { outcome } of [await first, await send(to)])
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 204 });
    await one.close();
    expect([requests, asked]).to.deep.equal([2, 0]);
  });

  describe('with what cannot be sent', () => {
    const refused = async (more: Partial<WebhookRequest>): Promise<WebhookAnswer> => {
      const to = await listenOn('127.0.0.1');
      closers.push(() => to.close());
      const answer = await send(to, more);
      expect(to.connections(), JSON.stringify(more)).to.equal(0);
      return answer;
    };

    it('refuses headers that would inject others, are none, or are its own', async () => {
      const bad: Record<string, string>[] = [
        { 'X-A': 'a\r\nX-B: b' },
        { 'X-A': 'a\nX-B: b' },
        { 'X-A': 'a\r' },
        { 'X-A': 'a\0b' },
        { 'X-A': 'ä' },
        { 'X-A': ' a' },
        { 'X-A\r\nX-B': 'b' },
        { 'X A': 'b' },
        { 'X-A:': 'b' },
        { '': 'b' },
        ...[
          'Host',
          'content-length',
          'Transfer-Encoding',
          'Connection',
          'Content-Type',
          'Expect',
          'Upgrade',
          'TE',
          'Proxy-Authorization',
          'webhook-signature',
          'Webhook-Id',
        ].map((name) => ({ [name]: '1' })),
      ];
      for (const headers of bad) {
        const { outcome, detail } = await refused({ headers });
        expect(outcome, JSON.stringify(headers)).to.deep.equal({
          kind: 'rejected',
          reason: 'invalidRequest',
        });
        expect(detail).to.be.a('string').that.is.not.empty;
      }
    });

    it('refuses an id or content type with a line break, and a signing secret that is none', async () => {
      for (const more of [
        { id: 'a\r\nb: c' },
        { contentType: 'text/plain\r\nx: y' },
        { signingSecrets: ['whsec_!!!'] },
        { signingSecrets: [SECRETS[0]!, ''] },
      ]) {
        expect((await refused(more)).outcome).to.deep.equal({ kind: 'rejected', reason: 'invalidRequest' });
      }
    });

    it('refuses a body that is far too large', async () => {
      const { outcome } = await refused({ body: 'x'.repeat(MAX_BODY_BYTES + 1) });
      expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'payloadTooLarge' });
    });

    it('says nothing of a value that may be secret', async () => {
      const { detail } = await refused({ headers: { Authorization: 'Bearer hunter2\n' } });
      expect(detail).to.include('Authorization').and.not.include('hunter2');
    });
  });

  describe('with a target that means ill', () => {
    it('gives up one that takes the request and says nothing', async () => {
      const to = await target(() => undefined);
      const startedMs = performance.now();
      const { outcome, answer, detail } = await send(to, { timeoutMs: 300 });
      expect(outcome).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
      expect(answer).to.equal(undefined);
      expect(detail).to.include('300 ms');
      expect(performance.now() - startedMs).to.be.within(290, 9_000);
    });

    it('gives up one that sends its headers a byte at a time, or goes on with informational answers', async () => {
      for (const drip of ['a', 'HTTP/1.1 100 Continue\r\n\r\n']) {
        const to = await target((_wire, socket) => {
          if (drip === 'a') socket.write('HTTP/1.1 200 OK\r\nx: ');
          const timer = setInterval(() => socket.write(drip), 20);
          socket.on('close', () => {
            clearInterval(timer);
          });
        });
        const { outcome } = await send(to, { timeoutMs: 300 });
        expect(outcome, drip).to.have.property('kind', 'unreachable');
      }
    });

    it('takes the status of one that streams for ever, keeps 4 KiB and hangs up', async () => {
      for (const status of [200, 500]) {
        let closed = false;
        const to = await target((_wire, socket) => {
          socket.write(`HTTP/1.1 ${status} X\r\ntransfer-encoding: chunked\r\n\r\n`);
          const chunk = `4000\r\n${'é'.repeat(0x2000)}\r\n`;
          const more = (): void => {
            while (!socket.destroyed && socket.write(chunk));
          };
          socket.on('drain', more).on('close', () => (closed = true));
          more();
        });
        const { outcome, answer } = await send(to, { timeoutMs: 10_000 });
        expect(outcome).to.deep.equal({ kind: status === 200 ? 'delivered' : 'throttled', status });
        expect(answer).to.deep.equal({ status, body: 'é'.repeat(2_048), truncated: true });
        await waitFor('the connection to be closed', () => closed);
      }
    });

    it('takes the status of one whose body drips, and does not wait for its end', async () => {
      const to = await target((_wire, socket) => {
        socket.write('HTTP/1.1 202 X\r\ncontent-length: 1000000\r\n\r\nbegun');
      });
      const startedMs = performance.now();
      const { outcome, answer } = await send(to, { timeoutMs: 15_000 });
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 202 });
      expect(answer).to.deep.equal({ status: 202, body: 'begun', truncated: true });
      expect(performance.now() - startedMs).to.be.lessThan(9_000);
    });

    it('leaves a gzip bomb packed, and shows its first bytes as text', async () => {
      const bomb = gzipSync(Buffer.alloc(20_000_000));
      expect(bomb.length).to.be.greaterThan(4_096);
      const to = await target((wire, socket) => {
        expect(wire.headers.get('accept-encoding')).to.equal('identity');
        socket.write(`HTTP/1.1 200 X\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`);
        socket.write(bomb);
      });
      const { outcome, answer } = await send(to);
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
      expect(answer?.truncated).to.equal(true);
      expect(answer?.body.length).to.be.within(1, 4_096);
      // eslint-disable-next-line no-control-regex -- that there are none is what it looks for
      expect(answer?.body).not.to.match(/[\u0000-\u0008\u000e-\u001f]/);
    });

    it('gives up one whose headers are huge, or never end', async () => {
      const one = await target((_wire, socket) =>
        socket.write(plain(200, '', `x: ${'y'.repeat(100_000)}\r\n`)),
      );
      const endless = await target((_wire, socket) => {
        socket.write('HTTP/1.1 200 X\r\n');
        const more = (): void => {
          while (!socket.destroyed && socket.write(`x: ${'y'.repeat(1_000)}\r\n`));
        };
        socket.on('drain', more);
        more();
      });
      for (const to of [one, endless]) {
        const { outcome, detail } = await send(to);
        expect(outcome).to.deep.equal({ kind: 'unreachable', reason: 'network' });
        expect(detail).to.include('headers of the answer are longer');
      }
    });

    it('names what became of a connection that ends before, in and after the headers', async () => {
      const ends: [string, string][] = [
        ['', 'connectionReset'],
        ['HTTP/1.1 20', 'connectionReset'],
        ['HTTP/1.1 200 OK\r\nx: y\r\n', 'connectionReset'],
        ['SSH-2.0-OpenSSH_9.6\r\n', 'network'],
      ];
      for (const [said, reason] of ends) {
        const to = await target((_wire, socket) => socket.end(said));
        expect((await send(to)).outcome, said).to.deep.equal({ kind: 'unreachable', reason });
      }
      const midBody = await target((_wire, socket) =>
        socket.end('HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\nhal'),
      );
      expect(await send(midBody)).to.deep.equal({
        outcome: { kind: 'delivered', status: 200 },
        answer: { status: 200, body: 'hal', truncated: true },
      });
    });

    it('names one that nobody listens at, and one that speaks no TLS', async () => {
      const to = await listenOn('127.0.0.1', 0, (socket) => socket.end('HTTP/1.1 200 X\r\n\r\n'));
      const tls = await send(to, { url: `https://127.0.0.1:${to.port}/` });
      expect(tls.outcome).to.deep.equal({ kind: 'unreachable', reason: 'tls' });
      await to.close();
      const gone = await send(to);
      expect(gone.outcome).to.deep.equal({ kind: 'unreachable', reason: 'connectionRefused' });
    });

    it('keeps its memory while a hundred of them send as fast as they can', async () => {
      const block = Buffer.alloc(65_536, 'x');
      const to = await target((_wire, socket) => {
        socket.write('HTTP/1.1 200 X\r\ncontent-length: 100000000\r\n\r\n');
        const more = (): void => {
          while (!socket.destroyed && socket.write(block));
        };
        socket.on('drain', more);
        more();
      });
      await send(to);
      const used = (): number => process.memoryUsage().rss;
      const before = used();
      let highest = before;
      const timer = setInterval(() => (highest = Math.max(highest, used())), 5);
      const answers = await Promise.all(Array.from({ length: 100 }, () => send(to, { timeoutMs: 15_000 })));
      clearInterval(timer);
      for (const { outcome, answer } of answers) {
        expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
        expect(answer?.body).to.have.lengthOf(4_096);
      }
      // They would have sent 10 GB; what both sides hold in this one process stays far below.
      expect((highest - before) / 1_048_576, 'MiB more').to.be.lessThan(150);
    }).timeout(60_000);
  });
});
