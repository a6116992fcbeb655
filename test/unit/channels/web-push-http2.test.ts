import { once } from 'node:events';
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createPushTransport, type PushTransport } from '../../../channels/web-push/push-transport.ts';
import type { PushAnswer } from '../../../channels/web-push/push-try.ts';
import { createTurns } from '../../../channels/web-push/turns.ts';
import { createLocalhostCertificate } from '../../support/push-service/certificate.ts';
import { waitFor } from '../../support/wait-for.ts';

describe('the HTTP/2 connections to a push service', function () {
  this.timeout(20_000);
  const MOST_STREAMS = 3;
  let tls: { cert: string; key: string };
  let server: Http2SecureServer;
  let transport: PushTransport;
  let sessions: ServerHttp2Session[];
  let held: { path: string; stream: ServerHttp2Stream }[];
  let begun: string[];

  before(async () => {
    tls = await createLocalhostCertificate();
  });
  beforeEach(async () => {
    [sessions, held, begun] = [[], [], []];
    server = createSecureServer({ ...tls, settings: { maxConcurrentStreams: MOST_STREAMS } });
    server.on('session', (session) => {
      sessions.push(session);
      session.on('error', () => undefined);
    });
    server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      stream.resume();
      held.push({ path: headers[':path'] ?? '', stream });
    });
    server.listen(0, 'localhost');
    await once(server, 'listening');
    transport = createPushTransport({ ca: tls.cert, connectionsPerOrigin: 1 });
  });
  afterEach(async () => {
    for (const session of sessions) session.destroy();
    server.close();
    await transport.close();
  });

  function post(name: string, timeoutMs = 10_000): Promise<PushAnswer> {
    return transport.post({
      url: new URL(`https://localhost:${(server.address() as AddressInfo).port}/${name}`),
      headers: { ttl: '1' },
      body: Buffer.from('body'),
      timeoutMs,
      mayBegin: () => begun.push(name) > 0,
    });
  }
  const arrived = (count: number): Promise<unknown> =>
    waitFor(`${count} requests`, () => Promise.resolve(held.length === count));
  const answer = (at: number): void => held[at]?.stream.respond({ ':status': 201 }, { endStream: true });
  const CREATED = { kind: 'answered', status: 201 };

  it('carry no more requests than the service takes: others are asked to begin when one has ended', async () => {
    const posts = ['a', 'b', 'c', 'd', 'e'].map((name) => post(name));
    await arrived(MOST_STREAMS);
    expect(begun).to.deep.equal(['a', 'b', 'c']);
    answer(1);
    expect(await posts[1]).to.deep.equal(CREATED);
    await arrived(MOST_STREAMS + 1);
    expect(begun).to.deep.equal(['a', 'b', 'c', 'd']);
    for (const at of [0, 2, 3]) answer(at);
    await arrived(5);
    answer(4);
    expect(await Promise.all(posts)).to.deep.equal(posts.map(() => CREATED));
    expect(sessions).to.have.length(1);
  });

  it('take no request after a goodbye, while what is under way gets its answer', async () => {
    const first = post('first');
    await arrived(1);
    const session = sessions[0];
    session?.goaway(0, 2 ** 31 - 1);
    await waitFor('another connection', async () => {
      void post('later', 5_000);
      await new Promise((resolve) => setImmediate(resolve));
      return sessions.length === 2;
    });
    answer(0);
    expect(await first).to.deep.equal(CREATED);
    await waitFor('a request on it', () =>
      Promise.resolve(held.some(({ stream }) => stream.session !== session)),
    );
  });

  it('are given up for new requests when nothing came back on them', async () => {
    expect(await post('hangs', 100)).to.deep.equal({ kind: 'failed', reason: 'timeout' });
    const next = post('next');
    await arrived(2);
    answer(1);
    expect(await next).to.deep.equal(CREATED);
    expect(sessions).to.have.length(2);
    expect(held.map(({ path }) => path)).to.deep.equal(['/hangs', '/next']);
  });

  it('stay when one request hangs and another is answered in the meantime', async () => {
    const hangs = post('hangs', 300);
    await arrived(1);
    const other = post('other');
    await arrived(2);
    answer(1);
    expect(await other).to.deep.equal(CREATED);
    expect(await hangs).to.deep.equal({ kind: 'failed', reason: 'timeout' });
    const next = post('next');
    await arrived(3);
    answer(2);
    expect(await next).to.deep.equal(CREATED);
    expect(sessions).to.have.length(1);
  });

  it('never see a request whose time was over while it waited', async () => {
    const posts = ['a', 'b', 'c'].map((name) => post(name));
    await arrived(MOST_STREAMS);
    expect(await post('late', 50)).to.deep.equal({ kind: 'failed', reason: 'timeout' });
    for (const at of [0, 1, 2]) answer(at);
    await Promise.all(posts);
    const last = post('last');
    await arrived(4);
    answer(3);
    await last;
    expect(begun).to.deep.equal(['a', 'b', 'c', 'last']);
  });

  it('that break fail what is under way, and the next request makes a new one', async () => {
    const first = post('first');
    await arrived(1);
    sessions[0]?.destroy();
    expect(await first).to.deep.equal({ kind: 'failed', reason: 'connectionReset' });
    const next = post('next');
    await arrived(2);
    answer(1);
    expect(await next).to.deep.equal(CREATED);
  });
});

describe('the turns of pushes', () => {
  it('prepare a few, then let these go on, and leave the event loop to others before the next few', async () => {
    const turns = createTurns();
    const log: string[] = [];
    const all = Array.from({ length: 20 }, async (_, i) => {
      log.push(`on ${await turns.take(() => (log.push(`prepare ${i}`), i))}`);
    });
    const ticks: number[] = [];
    const tick = (): void => {
      ticks.push(log.length);
      if (log.length < 40) setImmediate(tick);
    };
    setImmediate(tick);
    await Promise.all(all);
    const few = (from: number, to: number): string[] => {
      const places = Array.from({ length: to - from }, (_, i) => from + i);
      return [...places.map((i) => `prepare ${i}`), ...places.map((i) => `on ${i}`)];
    };
    expect(log).to.deep.equal([...few(0, 8), ...few(8, 16), ...few(16, 20)]);
    expect(ticks).to.include.members([16, 32]);
  });

  it('pass on what a preparation throws, and go on with the others', async () => {
    const turns = createTurns();
    const failing = turns.take(() => {
      throw new Error('no such key');
    });
    const other = turns.take(() => 'other');
    expect(await failing.catch((error: Error) => error.message)).to.equal('no such key');
    expect(await other).to.equal('other');
    expect(await turns.take(() => 'later')).to.equal('later');
  });
});
