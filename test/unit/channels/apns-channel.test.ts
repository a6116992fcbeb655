import { expect } from 'chai';
import { createApnsChannel, type ApnsChannelOptions } from '../../../channels/apns/apns-channel.ts';
import type { ApnsChannel, ApnsRequest } from '../../../domain/ports/channels.ts';
import { safariPayload } from '../../../domain/content/safari-payload.ts';
import { startApnsService, type ApnsService } from '../../support/apns-service/apns-service.ts';
import {
  apnsKey,
  safariSettings,
  websiteCertificate,
  type Certificate,
} from '../../support/apns-service/credentials.ts';
import { freePort } from '../../../embedded/free-port.ts';
import { waitFor } from '../../support/wait-for.ts';

const TOKEN = 'ab'.repeat(32);
const EXACT =
  '{"aps":{"alert":{"title":"Still thinking, Jörg? 🛒","body":"Your cart is waiting"},' +
  '"url-args":["cart/7?beckon_message=m1&beckon_subscription=s1&beckon_token=t1"]}}';

describe('the APNs channel', function () {
  this.timeout(20_000);
  const key = apnsKey();
  let certificate: Certificate;
  let service: ApnsService;
  let channel: ApnsChannel;

  before(async () => {
    certificate = await websiteCertificate();
  });
  async function start(
    more: { maxConcurrentStreams?: number } = {},
    options: ApnsChannelOptions = {},
  ): Promise<void> {
    service = await startApnsService({
      tokenKey: key.publicKey,
      clientCertificate: certificate.cert,
      ...more,
    });
    channel = createApnsChannel({ host: service.host, port: service.port, ca: service.ca, ...options });
  }
  afterEach(async () => {
    await channel.close();
    await service.close();
  });

  const request = (more: Partial<ApnsRequest> = {}): ApnsRequest => ({
    deviceToken: TOKEN,
    safari: safariSettings(certificate, key.pem),
    payload: EXACT,
    expiresAtSeconds: 1_900_000_000,
    urgency: 'normal',
    replaces: 'm1',
    timeoutMs: 5_000,
    ...more,
  });

  it('hands Apple the exact payload, with topic, expiration, priority and collapse id', async () => {
    await start();
    const made = safariPayload(
      {
        title: 'Still thinking, Jörg? 🛒',
        body: 'Your cart is waiting',
        url: 'https://shop.example/cart/7',
      },
      { allowedDomains: ['https://shop.example'] },
      { messageId: 'm1', subscriptionId: 's1', token: 't1' },
    );
    expect(made).to.deep.equal({ kind: 'ready', payload: EXACT, cut: false });
    expect(await channel.send(request({ deviceToken: TOKEN.toUpperCase() }))).to.deep.equal({
      kind: 'delivered',
      status: 200,
    });
    const [push] = service.received();
    expect(push?.body).to.equal(EXACT);
    expect(push?.deviceToken).to.equal(TOKEN);
    expect(push?.headers).to.include({
      ':method': 'POST',
      ':path': `/3/device/${TOKEN}`,
      'apns-topic': 'web.example.shop',
      'apns-push-type': 'alert',
      'apns-expiration': '1900000000',
      'apns-priority': '5',
    });
    expect(push?.headers['apns-collapse-id']).to.match(/^[\w-]{32}$/);
    await channel.send(request({ urgency: 'high' }));
    const again = service.received()[1]?.headers;
    expect(again?.['apns-priority']).to.equal('10');
    expect(again?.['apns-collapse-id'], 'of a repeat').to.equal(push?.headers['apns-collapse-id']);
    await channel.send(request({ replaces: 'm2' }));
    expect(service.received()[2]?.headers['apns-collapse-id']).to.not.equal(again?.['apns-collapse-id']);
  });

  it('authorises by the website certificate', async () => {
    await start();
    const outcome = await channel.send(request({ safari: safariSettings(certificate) }));
    expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
    expect(service.received()[0]?.headers.authorization).to.equal(undefined);
  });

  it('is refused by name with a key or a certificate that Apple does not know', async () => {
    await start();
    const safari = safariSettings(certificate, apnsKey().pem);
    expect(await channel.send(request({ safari }))).to.deep.equal({
      kind: 'rejected',
      reason: 'InvalidAuthentication',
      status: 403,
      detail: 'InvalidProviderToken',
    });
    const other = safariSettings(await websiteCertificate());
    expect(await channel.send(request({ safari: other }))).to.deep.equal({
      kind: 'rejected',
      reason: 'InvalidAuthentication',
      status: 403,
      detail: 'BadCertificate',
    });
  });

  const documented: [number, string, object][] = [
    ...[
      'BadCollapseId BadDeviceToken BadExpirationDate BadMessageId BadPriority BadTopic DeviceTokenNotForTopic',
      'DuplicateHeaders IdleTimeout InvalidPushType MissingDeviceToken MissingTopic PayloadEmpty TopicDisallowed',
    ]
      .join(' ')
      .split(' ')
      .map((reason): [number, string, object] => [
        400,
        reason,
        { kind: 'rejected', reason: 'BadRequest', status: 400, detail: reason },
      ]),
    ...[
      'BadCertificate BadCertificateEnvironment ExpiredProviderToken Forbidden InvalidProviderToken',
      'MissingProviderToken UnrelatedKeyIdInToken BadEnvironmentKeyIdInToken',
    ]
      .join(' ')
      .split(' ')
      .map((reason): [number, string, object] => [
        403,
        reason,
        { kind: 'rejected', reason: 'InvalidAuthentication', status: 403, detail: reason },
      ]),
    [404, 'BadPath', { kind: 'rejected', reason: 'http404', status: 404, detail: 'BadPath' }],
    [
      405,
      'MethodNotAllowed',
      { kind: 'rejected', reason: 'http405', status: 405, detail: 'MethodNotAllowed' },
    ],
    ...['ExpiredToken', 'Unregistered', 'DeviceTokenInactiveForTopic'].map(
      (reason): [number, string, object] => [
        410,
        reason,
        { kind: 'gone', status: 410, reason: 'DeviceTokenInactiveForTopic' },
      ],
    ),
    [
      413,
      'PayloadTooLarge',
      { kind: 'rejected', reason: 'payloadTooLarge', status: 413, detail: 'PayloadTooLarge' },
    ],
    ...['TooManyProviderTokenUpdates', 'TooManyRequests'].map((reason): [number, string, object] => [
      429,
      reason,
      { kind: 'throttled', status: 429, reason },
    ]),
    [500, 'InternalServerError', { kind: 'throttled', status: 500 }],
    ...['ServiceUnavailable', 'Shutdown'].map((reason): [number, string, object] => [
      503,
      reason,
      { kind: 'throttled', status: 503, reason: 'ServerUnavailable' },
    ]),
  ];
  it('names every documented error, each after one request', async () => {
    await start();
    for (const [index, [status, reason, outcome]] of documented.entries()) {
      service.answer({ status, reason });
      const got = await channel.send(request());
      expect(got, `${status} ${reason}`).to.deep.include(outcome);
      expect(service.received(), `${status} ${reason}`).to.have.length(index + 1);
    }
    // What it leaves behind does not stand in the way of the next.
    expect(await channel.send(request())).to.deep.equal({ kind: 'delivered', status: 200 });
    expect(service.received()).to.have.length(documented.length + 1);
  });

  it('takes an answer that is no JSON, or none at all, as one that may come to something later', async () => {
    await start();
    for (const answer of [{ status: 503, body: '<html>' }, { status: 503 }, 'cut'] as const) {
      service.answer(answer);
      const got = await channel.send(request());
      expect(got.kind, JSON.stringify(got)).to.be.oneOf(['unreachable', 'throttled']);
    }
    expect(service.received()).to.have.length(3);
    expect((await channel.send(request())).kind).to.equal('delivered');
  });

  it('keeps one connection for a site, another for another one, and closes it when it idles', async () => {
    await start({}, { idleMs: 200 });
    await Promise.all(Array.from({ length: 20 }, (_, i) => channel.send(request({ replaces: `m${i}` }))));
    expect(service.connections()).to.deep.equal({ open: 1, total: 1 });
    await channel.send(request({ safari: safariSettings(certificate) }));
    expect(service.connections().total).to.equal(2);
    await waitFor('idle connections to close', () => service.connections().open === 0);
    expect((await channel.send(request())).kind).to.equal('delivered');
    expect(service.connections().total).to.equal(3);
    expect(service.received()).to.have.length(22);
  });

  it('connects anew after Apple asked it to go away', async () => {
    await start();
    await channel.send(request());
    service.goAway();
    await waitFor('the connection to close', () => service.connections().open === 0);
    expect((await channel.send(request())).kind).to.equal('delivered');
    expect(service.connections().total).to.equal(2);
  });

  it('asks whether it may begin only when the connection has room for the request', async () => {
    await start({ maxConcurrentStreams: 2 });
    const release = service.hold();
    const asked: number[] = [];
    let allowed = true;
    const sends = Array.from({ length: 5 }, (_, i) =>
      channel.send(request({ replaces: `m${i}` }), () => {
        asked.push(i);
        return allowed;
      }),
    );
    await waitFor('two requests', () => service.received().length === 2);
    expect(asked).to.deep.equal([0, 1]);
    allowed = false;
    release();
    const kinds = (await Promise.all(sends)).map(({ kind }) => kind);
    expect(kinds).to.deep.equal(['delivered', 'delivered', 'notBegun', 'notBegun', 'notBegun']);
    expect(service.received()).to.have.length(2);
    expect(service.most()).to.equal(2);
    expect((await channel.send(request())).kind).to.equal('delivered');
  });

  it('gives up in time, and begins nothing of it later', async () => {
    await start({ maxConcurrentStreams: 1 });
    service.answer('hang');
    const [hung, waiting] = await Promise.all([
      channel.send(request({ timeoutMs: 300 })),
      channel.send(request({ timeoutMs: 300, replaces: 'm2' })),
    ]);
    expect(hung).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
    expect(waiting).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
    expect((await channel.send(request({ replaces: 'm3' }))).kind).to.equal('delivered');
    const collapse = service.received().map(({ headers }) => headers['apns-collapse-id']);
    expect(new Set(collapse).size).to.equal(2);
    expect(collapse).to.have.length(2);
  });

  it('lets what is under way on a connection finish when one push on it took too long', async () => {
    await start({ maxConcurrentStreams: 3 });
    await channel.send(request());
    const release = service.hold();
    const send = (replaces: string, timeoutMs = 5_000) => channel.send(request({ replaces, timeoutMs }));
    // Three are with Apple, one waits for room on the connection.
    const others = [send('b1'), send('b2')];
    const tooLate = send('a', 300);
    others.push(send('b3'));
    await waitFor('three requests', () => service.received().length === 4);
    const late = await tooLate;
    expect(late).to.deep.equal({ kind: 'unreachable', reason: 'timeout' });
    release();
    for (const outcome of await Promise.all(others)) {
      expect(outcome).to.deep.equal({ kind: 'delivered', status: 200 });
    }
    expect(service.received(), 'each was sent once').to.have.length(5);
    await waitFor('the connection to be closed', () => service.connections().open === 0);
    expect((await channel.send(request({ replaces: 'c' }))).kind).to.equal('delivered');
    expect(service.connections().total).to.equal(2);
  });

  it('says why nobody could be reached', async () => {
    await start();
    const nobody = createApnsChannel({ host: 'localhost', port: await freePort(), ca: service.ca });
    expect(await nobody.send(request())).to.deep.equal({
      kind: 'unreachable',
      reason: 'connectionRefused',
    });
    await nobody.close();
    const mistrusting = createApnsChannel({ host: service.host, port: service.port });
    expect(await mistrusting.send(request())).to.deep.equal({ kind: 'unreachable', reason: 'tls' });
    await mistrusting.close();
    expect(service.received()).to.have.length(0);
  });

  it('refuses without asking anybody what cannot be sent, and tells nothing of a key', async () => {
    await start();
    expect(await channel.send(request({ payload: 'x'.repeat(4_097) }))).to.include({
      kind: 'rejected',
      reason: 'payloadTooLarge',
    });
    expect(await channel.send(request({ deviceToken: '../../x' }))).to.include({
      kind: 'rejected',
      reason: 'invalidSubscription',
    });
    const outcome = await channel.send(request({ safari: safariSettings(certificate, 'no key at all') }));
    expect(outcome).to.include({ kind: 'rejected', reason: 'InvalidAuthentication' });
    expect(JSON.stringify(outcome)).to.not.contain('no key at all');
    expect(service.connections().total).to.equal(0);
  });
});
