import { expect } from 'chai';
import { createFcmLegacyChannel } from '../../../channels/fcm-legacy/fcm-legacy-channel.ts';
import type { FcmLegacyChannel, FcmLegacyRequest } from '../../../domain/ports/channels.ts';
import { freePort } from '../../../embedded/free-port.ts';
import {
  startFcmLegacyService,
  type FcmAnswer,
  type FcmLegacyService,
} from '../../support/fcm-legacy-service.ts';

const SERVER_KEY = 'AAAA-test:server_key-0123456789';

describe('the legacy FCM channel', () => {
  let service: FcmLegacyService;
  let channel: FcmLegacyChannel;
  beforeEach(async () => {
    service = await startFcmLegacyService(SERVER_KEY);
    channel = createFcmLegacyChannel({ url: service.url, now: () => Date.UTC(2026, 0, 1) });
  });
  afterEach(async () => {
    await channel.close();
    await service.close();
  });
  const request = (more: Partial<FcmLegacyRequest> = {}): FcmLegacyRequest => ({
    registrationToken: 'token:1',
    serverKey: SERVER_KEY,
    payload: '{"v":1,"title":"Jörg 🛒"}',
    ttlSeconds: 3_600.7,
    urgency: 'normal',
    replaces: 'm1',
    timeoutMs: 5_000,
    ...more,
  });

  it('posts the payload as a text of data, with lifetime, priority and collapse key', async () => {
    expect(await channel.send(request())).to.deep.equal({ kind: 'delivered', status: 200 });
    expect(await channel.send(request({ urgency: 'high', ttlSeconds: 9e9 }))).to.include({
      kind: 'delivered',
    });
    const [first, second] = service.received();
    expect(first?.headers['content-type']).to.equal('application/json');
    const { collapse_key: collapseKey, ...body } = first?.body ?? {};
    expect(body).to.deep.equal({
      to: 'token:1',
      time_to_live: 3_600,
      priority: 'normal',
      data: { payload: '{"v":1,"title":"Jörg 🛒"}' },
    });
    expect(collapseKey).to.match(/^[\w-]{32}$/);
    expect(second?.body).to.include({
      priority: 'high',
      time_to_live: 2_419_200,
      collapse_key: collapseKey,
    });
  });

  it('keeps its connections', async () => {
    for (let i = 0; i < 10; i += 1) await channel.send(request());
    expect(service.received()).to.have.length(10);
    expect(service.connections()).to.be.at.most(2);
  });

  const answers: [FcmAnswer, object][] = [
    [{ error: 'NotRegistered' }, { kind: 'gone', status: 200, reason: 'NotRegistered' }],
    [
      { error: 'InvalidRegistration' },
      { kind: 'rejected', reason: 'invalidSubscription', status: 200, detail: 'InvalidRegistration' },
    ],
    [
      { error: 'MismatchSenderId' },
      { kind: 'rejected', reason: 'unauthorized', status: 200, detail: 'MismatchSenderId' },
    ],
    [
      { error: 'MessageTooBig' },
      { kind: 'rejected', reason: 'payloadTooLarge', status: 200, detail: 'MessageTooBig' },
    ],
    [{ error: 'InvalidTtl' }, { kind: 'rejected', reason: 'badRequest', status: 200, detail: 'InvalidTtl' }],
    [{ error: 'Unavailable' }, { kind: 'throttled', status: 200, reason: 'Unavailable' }],
    [
      { error: 'Unavailable', headers: { 'retry-after': '7' } },
      { kind: 'throttled', status: 200, reason: 'Unavailable', retryAfterMs: 7_000 },
    ],
    [{ error: 'InternalServerError' }, { kind: 'throttled', status: 200, reason: 'InternalServerError' }],
    [
      { body: '<html>' },
      { kind: 'rejected', reason: 'badRequest', status: 200, detail: 'the answer is no result' },
    ],
    [{ status: 400 }, { kind: 'rejected', reason: 'badRequest', status: 400 }],
    [
      { status: 404 },
      { kind: 'rejected', reason: 'http404', status: 404, detail: 'the service does not speak this API' },
    ],
    [
      { status: 429, headers: { 'retry-after': '3' } },
      { kind: 'throttled', status: 429, retryAfterMs: 3_000 },
    ],
    [{ status: 503 }, { kind: 'throttled', status: 503 }],
    [
      { status: 500, headers: { 'retry-after': 'Thu, 01 Jan 2026 00:01:00 GMT' } },
      { kind: 'throttled', status: 500, retryAfterMs: 60_000 },
    ],
    [{ instead: 'cut' }, { kind: 'unreachable', reason: 'connectionReset' }],
  ];
  for (const [answer, outcome] of answers) {
    it(`tells ${JSON.stringify(answer)} apart, after one request`, async () => {
      service.answer(answer);
      expect(await channel.send(request())).to.deep.equal(outcome);
      expect(service.received()).to.have.length(1);
    });
  }

  it('is refused with a key that the service does not know', async () => {
    const outcome = await channel.send(request({ serverKey: 'another-key' }));
    expect(outcome).to.deep.equal({ kind: 'rejected', reason: 'unauthorized', status: 401 });
  });

  it('gives up in time, and says why nobody could be reached', async () => {
    service.answer({ instead: 'hang' });
    expect(await channel.send(request({ timeoutMs: 200 }))).to.deep.equal({
      kind: 'unreachable',
      reason: 'timeout',
    });
    const nobody = createFcmLegacyChannel({
      url: `http://127.0.0.1:${await freePort()}/`,
      now: () => 0,
    });
    expect(await nobody.send(request())).to.deep.equal({ kind: 'unreachable', reason: 'connectionRefused' });
    await nobody.close();
  });

  it('begins nothing that may not begin, and refuses what cannot be sent without asking', async () => {
    expect(await channel.send(request(), () => false)).to.deep.equal({ kind: 'notBegun' });
    expect(await channel.send(request({ payload: 'x'.repeat(4_001) }))).to.deep.equal({
      kind: 'rejected',
      reason: 'payloadTooLarge',
    });
    expect(await channel.send(request({ serverKey: 'a\r\nX: y' }))).to.deep.equal({
      kind: 'rejected',
      reason: 'unauthorized',
    });
    expect(service.received()).to.have.length(0);
  });
});
