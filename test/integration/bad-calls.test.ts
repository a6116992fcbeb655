import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { ProblemCode } from '../../api/http/problem.ts';
import { createApiClient, type Answer } from '../support/api-client.ts';
import { expectProblem } from '../support/problem.ts';
import { ADMIN_KEY, startStack, type TestStack } from '../support/stack.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';

describe('a call that is not as it must be', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  const raw = (
    method: string,
    path: string,
    body?: string,
    headers?: Record<string, string>,
  ): Promise<Answer> => stack.client.raw(method, path, body, headers);

  it('is answered 404 where there is nothing', async () => {
    for (const path of ['/v1', '/v1/nothing', '/V1/Campaigns', '/v1/campaigns/x/y/z', '/docs/nothing']) {
      expectProblem(await raw('GET', path), 'not_found', path);
    }
    for (const [method, path] of [
      ['GET', `/v1/campaigns/${NO_SUCH_ID}`],
      ['GET', `/v1/campaigns/${NO_SUCH_ID}/stats`],
      ['GET', `/v1/campaigns/${NO_SUCH_ID}/runs`],
      ['GET', `/v1/campaigns/${NO_SUCH_ID}/messages`],
      ['DELETE', `/v1/campaigns/${NO_SUCH_ID}`],
      ['POST', `/v1/campaigns/${NO_SUCH_ID}/publish`],
      ['POST', `/v1/campaigns/${NO_SUCH_ID}/pause`],
      ['POST', `/v1/campaigns/${NO_SUCH_ID}/resume`],
      ['POST', `/v1/campaigns/${NO_SUCH_ID}/stop`],
      ['GET', `/v1/sites/${NO_SUCH_ID}`],
      ['GET', `/v1/subscriptions/${NO_SUCH_ID}`],
      ['DELETE', `/v1/subscriptions/${NO_SUCH_ID}`],
      ['GET', '/v1/profiles/nobody'],
      ['DELETE', '/v1/profiles/nobody'],
    ] as const) {
      expectProblem(await raw(method, path), 'not_found', `${method} ${path}`);
    }
  });

  it('is answered 405 with what the address takes', async () => {
    for (const [method, path, allow] of [
      ['PUT', '/v1/events', 'POST'],
      ['GET', '/v1/events', 'POST'],
      ['PATCH', '/v1/profiles', 'GET, POST'],
      ['POST', '/v1/profiles/somebody', 'GET, DELETE'],
      ['DELETE', '/v1/campaigns', 'GET, POST'],
      ['POST', `/v1/campaigns/${NO_SUCH_ID}`, 'GET, PUT, DELETE'],
      ['GET', `/v1/campaigns/${NO_SUCH_ID}/publish`, 'POST'],
      ['POST', '/healthz', 'GET'],
      ['OPTIONS', '/v1/sites', 'GET, POST'],
    ] as const) {
      const answer = await raw(method, path);
      expectProblem(answer, 'method_not_allowed', `${method} ${path}`);
      const allowed = (answer.headers.get('allow') ?? '').split(', ').sort();
      expect(allowed, `${method} ${path}`).to.deep.equal(allow.split(', ').sort());
    }
  });

  it('is answered 401 without a key, with another, and with one of another form', async () => {
    const strangers = [
      '',
      'Bearer',
      'Bearer ',
      'Bearer wrong',
      `Basic ${ADMIN_KEY}`,
      `Bearer ${'x'.repeat(300)}`,
    ];
    for (const authorization of strangers) {
      for (const [method, path] of [
        ['GET', '/v1/sites'],
        ['POST', '/v1/events'],
        ['DELETE', '/v1/profiles/somebody'],
      ] as const) {
        const answer = await raw(method, path, method === 'POST' ? '{' : undefined, { authorization });
        expectProblem(answer, 'unauthorized', `${authorization} ${method}`);
        expect(answer.headers.get('www-authenticate')).to.equal('Bearer');
      }
    }
  });

  it('is answered 415 when its body says that it is something else than JSON', async () => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonx',
      'multipart/form-data',
    ]) {
      expectProblem(
        await raw('POST', '/v1/sites', '{}', { 'content-type': type }),
        'unsupported_media_type',
        type,
      );
    }
    const latin = { 'content-type': 'application/json; charset=latin1' };
    expectProblem(await raw('POST', '/v1/sites', '{}', latin), 'unsupported_media_type');
    const wide = { 'content-type': 'application/json; charset=utf-16' };
    expectProblem(await raw('POST', '/v1/sites', '{}', wide), 'unsupported_media_type');
    const unknown = { 'content-encoding': 'unheard-of' };
    expectProblem(await raw('POST', '/v1/sites', '{}', unknown), 'unsupported_media_type');
    for (const type of ['application/json', 'application/json; charset=utf-8', 'application/problem+json']) {
      expectProblem(
        await raw('POST', '/v1/sites', '{}', { 'content-type': type }),
        'validation_failed',
        type,
      );
    }
  });

  it('is answered 400 when its body cannot be read', async () => {
    for (const body of [
      '{',
      '{"name":}',
      'name=Shop',
      "{'name':1}",
      '{"a":1}{"a":1}',
      '\u0000',
      '[1,]',
      'NaN',
    ]) {
      expectProblem(await raw('POST', '/v1/sites', body), 'malformed_json', JSON.stringify(body));
    }
    for (const encoding of ['gzip', 'deflate', 'br']) {
      const headers = { 'content-encoding': encoding };
      const answer = await raw('POST', '/v1/sites', 'this is not packed at all', headers);
      expectProblem(answer, 'malformed_json', encoding);
    }
  });

  it('is answered with what nests too deep, without breaking', async () => {
    const deep = (open: string, close: string, inner: string) =>
      open.repeat(50_000) + inner + close.repeat(50_000);
    for (const body of [
      deep('[', ']', ''),
      deep('{"a":', '}', '1'),
      `{"events":[{"identity":"x","name":"n","properties":${deep('{"a":', '}', '1')}}]}`,
      `{"events":[{"identity":"x","name":"n","properties":{"a":${deep('[', ']', '')}}}]}`,
    ]) {
      const answer = await raw('POST', '/v1/events', body);
      expect(answer.status, body.slice(0, 60)).to.be.oneOf([400, 422]);
      expectProblem(answer, answer.body.code as ProblemCode);
    }
  });

  it('is answered 413 when its body is too large, also after it was unpacked', async () => {
    const large = JSON.stringify({ name: 'x'.repeat(300 * 1_024) });
    expectProblem(await raw('POST', '/v1/sites', large), 'body_too_large');
    const events = JSON.stringify({
      events: [{ identity: 'x', name: 'n', properties: { a: 'x'.repeat(9_000_000) } }],
    });
    expectProblem(await raw('POST', '/v1/events', events), 'body_too_large');
    const answer = await fetch(`${stack.client.url}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(Buffer.alloc(50_000_000, ' ')),
    });
    expect(answer.status).to.equal(413);
  });

  it('is answered 404 for a broken percent escape, and 422 for an identity that cannot be', async () => {
    for (const path of ['/v1/profiles/%', '/v1/profiles/%E0%A4%A', '/v1/campaigns/%zz']) {
      expectProblem(await raw('GET', path), 'not_found', path);
    }
    for (const [path, pointer] of [
      ['/v1/profiles/a%00b', ':identity'],
      ['/v1/campaigns/short', ':id'],
      ['/v1/campaigns/__proto__', ':id'],
      [`/v1/campaigns/${NO_SUCH_ID.toUpperCase()}`, ':id'],
      ['/v1/campaigns?limit=0', '?limit'],
      ['/v1/campaigns?limit=1001', '?limit'],
      ['/v1/campaigns?limit=many', '?limit'],
      ['/v1/campaigns?limit=1&limit=2', '?limit'],
      ['/v1/campaigns?status=unheard-of', '?status'],
      ['/v1/campaigns?colour=red', '?colour'],
      ['/v1/campaigns?cursor[$gt]=', '?cursor[$gt]'],
      ['/v1/subscriptions?siteId=x', '?siteId'],
    ] as const) {
      expect(expectProblem(await raw('GET', path), 'validation_failed', path), path).to.deep.equal([pointer]);
    }
  });

  it('does not keep a connection from being used for the next one', async () => {
    const stranger = createApiClient(stack.client.url, 'wrong-key-0123456789');
    expectProblem(await stranger.post('/v1/events', { events: [] }), 'unauthorized');
    expect((await stack.client.get('/v1/sites')).status).to.equal(200);
    expect((await stack.client.get('/healthz')).body).to.deep.equal({ status: 'ok' });
  });
});
