import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { expect } from 'chai';
import { createHostAllowList } from '../../../channels/web-push/allowed-hosts.ts';
import { generateVapidKeys } from '../../../channels/web-push/vapid-keys.ts';
import { createWebPushChannel, topicOf } from '../../../channels/web-push/web-push-channel.ts';
import type { WebPushChannelOptions } from '../../../channels/web-push/web-push-channel.ts';
import type { WebPushChannel, WebPushRequest } from '../../../domain/ports/channels.ts';
import { createLocalhostCertificate } from '../../support/push-service/certificate.ts';
import { startPushService } from '../../support/push-service/push-service.ts';
import type { PushService } from '../../support/push-service/push-service.ts';

const vapid = { ...generateVapidKeys(), subject: 'mailto:ops@shop.example' };

for (const http2 of [true, false]) {
  describe(`the web push channel over HTTP/${http2 ? '2' : '1.1'}`, function () {
    this.timeout(20_000);
    let service: PushService;
    let channel: WebPushChannel;

    function open(options: Partial<WebPushChannelOptions> = {}): WebPushChannel {
      const allowedHosts = createHostAllowList([service.host]);
      return createWebPushChannel({ allowedHosts, ca: service.ca, now: Date.now, ...options });
    }

    function push(change: Partial<WebPushRequest> = {}): WebPushRequest {
      return {
        address: service.subscribe(),
        vapid,
        payload: '{"v":1}',
        ttlSeconds: 60,
        urgency: 'normal',
        messageId: 'message-1',
        timeoutMs: 15_000,
        ...change,
      };
    }

    beforeEach(async () => {
      service = await startPushService({ http2 });
      channel = open();
    });
    afterEach(async () => {
      await service.close();
      await channel.close();
    });

    it('delivers what the browser decrypts, with the headers of RFC 8030', async () => {
      const payload = JSON.stringify({ title: 'Noch da? 🛒' });
      const address = service.subscribe({ vapidPublicKey: vapid.publicKey });
      const outcome = await channel.send(push({ address, payload, ttlSeconds: 90.7, urgency: 'high' }));
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 201 });
      const [received] = service.received();
      expect(received?.payload).to.equal(payload);
      expect(received?.httpVersion).to.equal(http2 ? '2.0' : '1.1');
      expect(received?.headers).to.include({
        ttl: '90',
        urgency: 'high',
        topic: topicOf('message-1'),
        'content-encoding': 'aes128gcm',
        'content-type': 'application/octet-stream',
      });
      expect(received?.claims).to.include({ aud: service.url, sub: 'mailto:ops@shop.example' });
    });

    it('gives each message a topic of 32 base64url characters of its own', () => {
      expect(topicOf('message-1')).to.match(/^[\w-]{32}$/);
      expect(topicOf('message-1')).to.not.equal(topicOf('message-2'));
    });

    it('sends the topic of the campaign in place of the one of the message', async () => {
      expect((await channel.send(push({ topic: 'cart_42-' }))).kind).to.equal('delivered');
      expect(service.received()[0]?.topic).to.equal('cart_42-');
    });

    it('delivers the longest payload and refuses one byte more without a request', async () => {
      expect((await channel.send(push({ payload: 'x'.repeat(3_993) }))).kind).to.equal('delivered');
      const tooLong = await channel.send(push({ payload: `é${'x'.repeat(3_992)}` }));
      expect(tooLong).to.deep.equal({
        kind: 'rejected',
        reason: 'payloadTooLarge',
        detail: 'the message has 3994 bytes, 1 more than the 3993 that a push may have',
      });
      expect(service.received()).to.have.length(1);
    });

    for (const [status, kind] of [
      [404, 'gone'],
      [410, 'gone'],
      [413, 'rejected'],
      [400, 'rejected'],
      [403, 'rejected'],
      [503, 'throttled'],
    ] as const) {
      it(`calls an answer of ${status} ${kind}`, async () => {
        service.answer({ answer: { status } });
        expect(await channel.send(push())).to.include({ kind, status });
      });
    }

    it('passes on how long a throttling service asks to wait', async () => {
      service.answer({ answer: { status: 429, retryAfter: '30' } });
      const expected = { kind: 'throttled', status: 429, retryAfterMs: 30_000 };
      expect(await channel.send(push())).to.deep.equal(expected);
    });

    it('does not follow a redirect', async () => {
      const other = service.subscribe();
      service.answer({ answer: { status: 307, headers: { location: other.endpoint } } });
      const outcome = await channel.send(push());
      expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'http307', status: 307 });
      expect(service.received()).to.have.length(1);
    });

    it('is told unauthorized when the subscription is for another key', async () => {
      const address = service.subscribe({ vapidPublicKey: generateVapidKeys().publicKey });
      const outcome = await channel.send(push({ address }));
      expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'unauthorized', status: 403 });
    });

    it('calls VAPID keys that cannot sign unauthorized, without a request', async () => {
      const outcome = await channel.send(push({ vapid: { ...vapid, privateKey: 'nonsense' } }));
      expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'unauthorized' });
      expect(service.connections().total).to.equal(0);
    });

    it('sends nothing to a subscription whose keys or endpoint are malformed', async () => {
      const good = service.subscribe();
      const point = Buffer.from(good.keys.p256dh, 'base64url').fill(7, 1).toString('base64url');
      for (const address of [
        { ...good, endpoint: 'nowhere' },
        { ...good, keys: { ...good.keys, p256dh: '' } },
        { ...good, keys: { ...good.keys, p256dh: '!'.repeat(87) } },
        { ...good, keys: { ...good.keys, p256dh: point } },
        { ...good, keys: { ...good.keys, auth: 'c2hvcnQ' } },
        { endpoint: good.endpoint } as typeof good,
      ]) {
        const outcome = await channel.send(push({ address }));
        expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'invalidSubscription' });
      }
      expect(service.connections().total).to.equal(0);
    });

    it('opens no connection to a host that is not allowed, or without TLS', async () => {
      const strict = open({ allowedHosts: createHostAllowList() });
      const address = service.subscribe();
      const refused = { kind: 'rejected', reason: 'hostNotAllowed' };
      expect(await strict.send(push({ address }))).to.deep.equal(refused);
      const plain = { ...address, endpoint: address.endpoint.replace('https:', 'http:') };
      expect(await channel.send(push({ address: plain }))).to.deep.equal(refused);
      expect(service.connections().total).to.equal(0);
      await strict.close();
    });

    it('gives up a service that hangs, and goes on with the next push', async () => {
      await channel.send(push());
      service.answer({ answer: 'hang', when: (received) => received.topic === topicOf('hangs') });
      const hanging = await channel.send(push({ messageId: 'hangs', timeoutMs: 100 }));
      expect(hanging).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
      expect((await channel.send(push())).kind).to.equal('delivered');
    });

    if (http2) {
      it('sends pushes side by side over one connection', async () => {
        const single = open({ connectionsPerOrigin: 1 });
        await single.send(push());
        service.answer({ answer: 'hang', when: (received) => received.topic === topicOf('hangs') });
        const hanging = single.send(push({ messageId: 'hangs' }));
        await service.waitForReceived(2);
        expect((await single.send(push())).kind).to.equal('delivered');
        expect(service.connections().total).to.equal(1);
        service.dropConnections();
        expect(await hanging).to.deep.equal({ kind: 'unreachable', reason: 'connectionReset' });
        await single.close();
      });
    }

    it('calls a connection that is cut unreachable, and sends each push once', async () => {
      const few = open({ connectionsPerOrigin: 4 });
      const address = service.subscribe();
      await few.send(push({ address }));
      service.answer({ answer: 'drop', times: 1 });
      service.setDelay(20);
      const sends = Array.from({ length: 20 }, (_, i) => few.send(push({ address, messageId: `cut-${i}` })));
      const outcomes = await Promise.all(sends);
      expect(outcomes).to.deep.include({ kind: 'unreachable', reason: 'connectionReset' });
      const topics = service.received().map((received) => received.topic);
      expect(new Set(topics).size).to.equal(topics.length);
      expect((await few.send(push({ messageId: 'after' }))).kind).to.equal('delivered');
      await few.close();
    });

    it('does not trust a certificate it was not given', async () => {
      const trusting = createHostAllowList([service.host]);
      const wary = createWebPushChannel({ allowedHosts: trusting, now: Date.now });
      const outcome = await wary.send(push());
      expect(outcome).to.deep.equal({ kind: 'unreachable', reason: 'tls' });
      await wary.close();
    });

    it('trusts what Node is told to trust beside the certificates it is given', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'beckon-ca-'));
      const before = process.env.NODE_EXTRA_CA_CERTS;
      try {
        const file = join(folder, 'extra.pem');
        await writeFile(file, service.ca);
        process.env.NODE_EXTRA_CA_CERTS = file;
        const other = open({ ca: (await createLocalhostCertificate()).cert });
        expect((await other.send(push())).kind).to.equal('delivered');
        await other.close();
      } finally {
        if (before === undefined) delete process.env.NODE_EXTRA_CA_CERTS;
        else process.env.NODE_EXTRA_CA_CERTS = before;
        await rm(folder, { recursive: true });
      }
    });

    it('keeps its connections: many pushes at once share a few', async () => {
      const few = open({ connectionsPerOrigin: 4 });
      const address = service.subscribe();
      const sends = Array.from({ length: 60 }, (_, i) => few.send(push({ address, messageId: `m-${i}` })));
      const outcomes = await Promise.all(sends);
      expect(outcomes.every((outcome) => outcome.kind === 'delivered')).to.equal(true);
      expect(service.connections().total).to.be.within(1, 4);
      await few.close();
    });

    it('asks whether it may begin when it has a connection, and then sends nothing when it may not', async () => {
      const fresh = open({ connectionsPerOrigin: 1 });
      let asked = 0;
      const refuse = (): boolean => {
        asked += 1;
        expect(service.connections().total).to.equal(1);
        return false;
      };
      expect(await fresh.send(push(), refuse)).to.deep.equal({ kind: 'notBegun' });
      expect(asked).to.equal(1);
      expect(service.received()).to.have.length(0);
      expect((await fresh.send(push(), () => true)).kind).to.equal('delivered');
      await fresh.close();
    });

    it('counts as delivered what is accepted with an answer too long to be read', async () => {
      const single = open({ connectionsPerOrigin: 1 });
      service.answer({ answer: { status: 201, body: 'x'.repeat(1_000_000) }, times: 1 });
      expect((await single.send(push())).kind).to.equal('delivered');
      expect((await single.send(push())).kind).to.equal('delivered');
      // HTTP/1.1 can only stop reading by giving up the connection.
      expect(service.connections().total).to.equal(http2 ? 1 : 2);
      await single.close();
    });

    it('calls every push after its close unreachable', async () => {
      await channel.close();
      expect(await channel.send(push())).to.deep.equal({ kind: 'unreachable', reason: 'network' });
    });
  });
}

describe('the web push channel with nothing at the other end', () => {
  const keys = {
    p256dh: generateVapidKeys().publicKey,
    auth: Buffer.alloc(16, 7).toString('base64url'),
  };

  async function outcomeFrom(host: string, timeoutMs: number) {
    const channel = createWebPushChannel({ allowedHosts: createHostAllowList([host]), now: Date.now });
    const address = { endpoint: `https://${host}/push/1`, keys };
    const rest = { vapid, payload: '{}', ttlSeconds: 0, urgency: 'low', messageId: 'm' } as const;
    const outcome = await channel.send({ address, timeoutMs, ...rest });
    await channel.close();
    return outcome;
  }

  it('says that the connection is refused', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    const expected = { kind: 'unreachable', reason: 'connectionRefused' };
    expect(await outcomeFrom(`127.0.0.1:${port}`, 5_000)).to.deep.equal(expected);
  });

  it('counts a TLS handshake that never ends into the time of the whole try', async () => {
    const sockets: { destroy(): void }[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const pending = outcomeFrom(`127.0.0.1:${port}`, 100);
    await once(silent, 'connection');
    expect(await pending).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
    sockets.forEach((socket) => socket.destroy());
    silent.close();
  });
});
