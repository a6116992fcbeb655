import { expect } from 'chai';
import type { LookupAddress } from 'node:dns';
import { isIPv6 } from 'node:net';
import { createAddressGuard } from '../../../channels/webhook/address-guard.ts';
import { createWebhookChannel } from '../../../channels/webhook/webhook-channel.ts';
import type { WebhookChannel, WebhookRequest } from '../../../domain/ports/channels.ts';
import { HOSTILE_URLS } from '../../support/hostile-urls.ts';
import { listenOn, type LoopbackListener } from '../../support/loopback-listener.ts';

const request = (url: string, more: Partial<WebhookRequest> = {}): WebhookRequest => ({
  method: 'POST',
  url,
  headers: {},
  contentType: 'application/json',
  body: '{}',
  id: 'msg_1',
  signingSecrets: [],
  timeoutMs: 5_000,
  ...more,
});
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).hostname : '');
const found = (...addresses: string[]): LookupAddress[] =>
  addresses.map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok';

describe('where webhooks may go', () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).toReversed()) await close();
  });
  const channelWith = (
    resolve: (hostname: string) => Promise<LookupAddress[]>,
    allow: string[] = [],
  ): WebhookChannel => {
    const channel = createWebhookChannel({ allow, now: () => Date.now(), resolve });
    closers.push(() => channel.close());
    return channel;
  };
  const listen = async (...args: Parameters<typeof listenOn>): Promise<LoopbackListener> => {
    const listener = await listenOn(...args);
    closers.push(() => listener.close());
    return listener;
  };

  it('has a table of at least 45 hostile addresses, each of them once', () => {
    const urls = HOSTILE_URLS.map(({ url }) => url(1));
    expect(new Set(urls)).to.have.lengthOf.at.least(45);
    expect(new Set(urls)).to.have.lengthOf(urls.length);
  });

  for (const { what, url, resolvesTo } of HOSTILE_URLS.filter((one) => one.resolvesTo === undefined)) {
    it(`are told before anything is resolved: ${what} (${url(80)})`, () => {
      expect(resolvesTo).to.equal(undefined);
      expect(createAddressGuard([]).urlRefusal(url(80))?.detail).to.be.a('string').that.is.not.empty;
    });
  }

  it('connects to none of the hostile addresses, by whatever way they are written', async () => {
    const four = await listen('127.0.0.1');
    const six = await listen('::1', four.port);
    const any = await listen('127.0.0.2', four.port);
    const table = new Map(
      HOSTILE_URLS.map(({ url, resolvesTo }) => [
        hostOf(url(four.port)),
        found(...(resolvesTo ?? ['127.0.0.1'])),
      ]),
    );
    const channel = channelWith((hostname) => Promise.resolve(table.get(hostname) ?? found('127.0.0.1')));
    let begun = 0;
    const mayBegin = (): boolean => {
      begun += 1;
      return true;
    };
    const outcomes = await Promise.all(
      HOSTILE_URLS.map(async ({ what, url }) => ({
        what,
        ...(await channel.send(request(url(four.port)), mayBegin)),
      })),
    );
    for (const { what, outcome, detail, answer } of outcomes) {
      expect(outcome, what).to.have.property('kind', 'rejected');
      expect(outcome, what)
        .to.have.property('reason')
        .that.matches(/^(addressNotAllowed|invalidRequest)$/);
      expect(detail, what).to.be.a('string').that.is.not.empty;
      expect(answer, what).to.equal(undefined);
    }
    const names = outcomes.filter(({ what }) => what.startsWith('a name'));
    expect(names.map(({ outcome }) => 'reason' in outcome && outcome.reason)).to.satisfy((all: string[]) =>
      all.every((reason) => reason === 'addressNotAllowed'),
    );
    expect([four, six, any].map((one) => one.connections())).to.deep.equal([0, 0, 0]);
    expect(begun, 'requests that began').to.equal(0);
  });

  it('does reach the same listeners where they are allowed, so that the test above can fail', async () => {
    const four = await listen('127.0.0.1', 0, (socket) => void socket.once('data', () => socket.end(ok)));
    const six = await listen('::1', four.port, (socket) => void socket.once('data', () => socket.end(ok)));
    const channel = channelWith(() => Promise.resolve(found('127.0.0.1')), ['127.0.0.0/8', '::1/128']);
    const urls = [
      '127.0.0.1',
      '0x7f000001',
      '2130706433',
      '[::ffff:127.0.0.1]',
      'hooks.example.com',
      '[::1]',
    ];
    for (const host of urls) {
      const { outcome } = await channel.send(request(`http://${host}:${four.port}/`));
      expect(outcome, host).to.deep.equal({ kind: 'delivered', status: 200 });
    }
    expect([four.connections(), six.connections()]).to.deep.equal([5, 1]);
  });

  it('are not left by a redirect to another address, nor to the same', async () => {
    const secret = await listen('127.0.0.1');
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of [
        `http://127.0.0.1:${secret.port}/`,
        '/elsewhere',
        '//169.254.169.254/latest/',
      ]) {
        const head = `HTTP/1.1 ${status} Moved\r\nlocation: ${location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`;
        const open = await listen(
          '127.0.0.2',
          0,
          (socket) => void socket.once('data', () => socket.end(head)),
        );
        const channel = channelWith(() => Promise.resolve(found('127.0.0.2')), ['127.0.0.2/32']);
        const { outcome } = await channel.send(request(`http://hooks.example.com:${open.port}/`));
        expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'redirect', status });
        expect(open.connections()).to.equal(1);
      }
    }
    expect(secret.connections()).to.equal(0);
  });

  it('are looked at again for each connection: a name that turns private later is refused', async () => {
    const open = await listen('127.0.0.2', 0, (socket) => void socket.once('data', () => socket.end(ok)));
    const secret = await listen('127.0.0.1', open.port);
    let lookUps = 0;
    const channel = channelWith(() => {
      lookUps += 1;
      return Promise.resolve(found(lookUps === 1 ? '127.0.0.2' : '127.0.0.1'));
    }, ['127.0.0.2/32']);
    const url = `http://hooks.example.com:${open.port}/`;
    const first = await channel.send(request(url));
    expect(first.outcome.kind).to.equal('delivered');
    expect(lookUps, 'one look-up for one connection').to.equal(1);
    const second = await channel.send(request(url));
    expect(second.outcome).to.deep.equal({ kind: 'rejected', reason: 'addressNotAllowed' });
    expect(second.detail).to.include('127.0.0.1');
    expect([open.connections(), secret.connections()]).to.deep.equal([1, 0]);
  });

  it('are refused when only one of the addresses of a name is', async () => {
    const open = await listen('127.0.0.2', 0, (socket) => void socket.once('data', () => socket.end(ok)));
    const secret = await listen('127.0.0.1', open.port);
    for (const addresses of [
      ['127.0.0.2', '127.0.0.1'],
      ['127.0.0.1', '127.0.0.2'],
      ['127.0.0.2', '::1'],
    ]) {
      const channel = channelWith(() => Promise.resolve(found(...addresses)), ['127.0.0.2/32']);
      const { outcome } = await channel.send(request(`http://hooks.example.com:${open.port}/`));
      expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'addressNotAllowed' });
    }
    expect([open.connections(), secret.connections()]).to.deep.equal([0, 0]);
  });

  it('lead to the address that was looked at, with the name of the target in the request', async () => {
    let head = '';
    const open = await listen('127.0.0.2', 0, (socket) => {
      socket.once('data', (bytes) => {
        head = bytes.toString();
        socket.end(ok);
      });
    });
    const channel = channelWith(() => Promise.resolve(found('127.0.0.2')), ['127.0.0.2/32']);
    const { outcome } = await channel.send(request(`http://hooks.example.com:${open.port}/a?b=c`));
    expect(outcome.kind).to.equal('delivered');
    expect(head).to.match(/^POST \/a\?b=c HTTP\/1\.1\r\n/);
    expect(head.toLowerCase()).to.include(`host: hooks.example.com:${open.port}\r\n`);
  });

  it('are unreachable, and not refused, when a name cannot be resolved or resolves to nothing', async () => {
    const failing = channelWith(() => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })));
    const empty = channelWith(() => Promise.resolve([]));
    for (const channel of [failing, empty]) {
      const { outcome } = await channel.send(request('http://hooks.example.com/'));
      expect(outcome).to.deep.equal({ kind: 'unreachable', reason: 'dns' });
    }
  });

  it('are public ones without a word, of IPv4, of IPv6 and by name', () => {
    const { urlRefusal } = createAddressGuard([]);
    for (const host of [
      '93.184.215.14',
      '[2606:2800:21f:cb07:6820:80da:af6b:8b2c]',
      'hooks.example.com',
      'crm',
    ]) {
      expect(urlRefusal(`https://${host}/path?query=1`), host).to.equal(null);
    }
  });

  it('are private ones that were allowed, and no others', () => {
    const { addressRefusal, urlRefusal } = createAddressGuard(['10.1.0.0/16', 'fd12::/16']);
    expect(addressRefusal('10.1.2.3')).to.equal(null);
    expect(addressRefusal('::ffff:10.1.2.3')).to.equal(null);
    expect(addressRefusal('fd12::1')).to.equal(null);
    expect(addressRefusal('10.2.0.1')).to.include('BECKON_WEBHOOK_ALLOW');
    expect(addressRefusal('fd13::1')).to.be.a('string');
    expect(addressRefusal('127.0.0.1')).to.be.a('string');
    // What a local name resolves to decides then.
    expect(urlRefusal('http://crm.internal/')).to.equal(null);
  });
});
