import { expect } from 'chai';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories } from '../../db/repositories.ts';
import { createVault } from '../../db/vault.ts';
import type { WebhookAttempt } from '../../domain/delivery/webhook.ts';
import { VaultLockedError } from '../../domain/vault-errors.ts';
import { HOSTILE_URLS } from '../support/hostile-urls.ts';
import { expectProblem } from '../support/problem.ts';
import { SECRET_KEY, startStack, type TestStack } from '../support/stack.ts';

const URL_OK = 'https://hooks.example.com/beckon';
const campaign = (webhookId: string, more: object = {}): object => ({
  name: 'To the CRM',
  channel: 'webhook',
  who: { live: { event: 'Charged' } },
  what: { webhookId },
  ...more,
});

describe('webhook targets', () => {
  let stack: TestStack;
  before(async function () {
    this.timeout(120_000);
    stack = await startStack({ workers: 0 });
  });
  after(() => stack.close());

  const create = (more: object = {}): Promise<Record<string, any>> =>
    stack.client.must('/v1/webhooks', { name: 'CRM', url: URL_OK, ...more });
  const read = async (id: string): Promise<Record<string, any>> =>
    (await stack.client.get(`/v1/webhooks/${id}`)).body as Record<string, any>;
  /** The target as the worker gets it, with its secrets. */
  const opened = async <T>(
    use: (all: Awaited<ReturnType<typeof createRepositories>>) => Promise<T>,
    key: Buffer | null = Buffer.from(SECRET_KEY, 'base64'),
  ): Promise<T> => {
    const connection = await connectDatabase(stack.mongoUri);
    try {
      return await use(await createRepositories(connection, { now: () => new Date() }, createVault(key)));
    } finally {
      await connection.close();
    }
  };

  it('are created with defaults, read, listed, changed and deleted', async () => {
    const made = await create();
    expect(made).to.include({
      name: 'CRM',
      method: 'POST',
      url: URL_OK,
      contentType: 'json',
      disabled: false,
    });
    expect(made.limits).to.deep.equal({ concurrency: 8, timeout: '10s' });
    expect(made.retries).to.deep.equal({ maxTries: 8, base: '5s', factor: 3, cap: '15m', jitter: 0.2 });
    expect(made.signingSecret).to.match(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const { signingSecret: _shown, ...rest } = made;
    expect(await read(made.id as string)).to.deep.equal(rest);
    const listed = (await stack.client.get('/v1/webhooks?limit=1000')).body as { data: { id: string }[] };
    expect(listed.data.find(({ id }) => id === made.id)).to.deep.equal(rest);

    const change = { name: 'CRM 2', method: 'PATCH', url: URL_OK, contentType: 'text', disabled: true };
    const changed = await stack.client.put(`/v1/webhooks/${made.id}`, {
      ...change,
      query: [
        { name: 'a', value: '$b' },
        { name: 'a', value: '' },
      ],
      limits: { concurrency: 1, perMinute: 60 },
    });
    expect(changed.status).to.equal(200);
    expect(changed.body).to.deep.include({
      ...change,
      limits: { concurrency: 1, perMinute: 60, timeout: '10s' },
    });
    expect(changed.body.createdAt).to.equal(made.createdAt);
    expect(await read(made.id as string)).to.deep.equal(changed.body);
    expect(changed.body).not.to.have.property('signingSecret');

    expect((await stack.client.delete(`/v1/webhooks/${made.id}`)).status).to.equal(204);
    for (const answer of [
      await stack.client.get(`/v1/webhooks/${made.id}`),
      await stack.client.put(`/v1/webhooks/${made.id}`, { name: 'a', url: URL_OK }),
      await stack.client.delete(`/v1/webhooks/${made.id}`),
      await stack.client.post(`/v1/webhooks/${made.id}/rotate-secret`),
      await stack.client.get(`/v1/webhooks/${made.id}/attempts`),
    ])
      expectProblem(answer, 'not_found');
  });

  it('are refused with every fault at once', async () => {
    const answer = await stack.client.post('/v1/webhooks', {
      name: '',
      method: 'GET',
      url: 'http://user:pass@169.254.169.254/',
      query: [{ name: '', value: 'x' }],
      headers: [
        { name: 'Host', value: 'evil.example' },
        { name: 'X-A', value: 'a\r\nX-B: b' },
        { name: 'x-c', value: 'c' },
        { name: 'X-C', value: 'c' },
        { name: 'webhook-signature', value: 'v1,a' },
        { name: 'a b', value: 'c' },
      ],
      contentType: 'xml',
      limits: { concurrency: 0, perMinute: 0, timeout: '16s' },
      retries: { maxTries: 0, base: '0s', factor: 0.5, cap: '2d', jitter: 2 },
      more: 1,
    });
    expect(expectProblem(answer, 'validation_failed')).to.have.members([
      '/name',
      '/method',
      '/url',
      '/query/0/name',
      '/headers/0/name',
      '/headers/1/value',
      '/headers/3/name',
      '/headers/4/name',
      '/headers/5/name',
      '/contentType',
      '/limits/concurrency',
      '/limits/perMinute',
      '/limits/timeout',
      '/retries/maxTries',
      '/retries/base',
      '/retries/factor',
      '/retries/cap',
      '/retries/jitter',
      '/more',
    ]);
    const second = await stack.client.post('/v1/webhooks', {
      name: 'a',
      url: URL_OK,
      headers: [
        { name: 'x-c', value: 'c' },
        { name: 'X-C', value: 'c' },
      ],
      retries: { base: '1h', cap: '1m' },
    });
    expect(expectProblem(second, 'validation_failed')).to.have.members(['/headers/1/name', '/retries/cap']);
    const third = await stack.client.post('/v1/webhooks', {
      name: 'a',
      url: URL_OK,
      headers: [{ name: 'A', secret: true }, { name: 'B' }, { name: 'C', value: 'c' }],
    });
    expect(expectProblem(third, 'validation_failed')).to.have.members([
      '/headers/0/value',
      '/headers/1/value',
    ]);
  });

  it('cannot be saved at a hostile address, by whatever way it is written', async () => {
    const atSave = HOSTILE_URLS.filter(({ resolvesTo }) => resolvesTo === undefined);
    expect(atSave).to.have.lengthOf.at.least(45);
    const { id } = await create();
    for (const { what, url } of atSave) {
      const body = { name: 'Inside', url: url(8080) };
      const made = expectProblem(await stack.client.post('/v1/webhooks', body), 'validation_failed', what);
      expect(made, what).to.deep.equal(['/url']);
      const changed = await stack.client.put(`/v1/webhooks/${id}`, body);
      expect(expectProblem(changed, 'validation_failed', what), what).to.deep.equal(['/url']);
    }
    expect((await read(id as string)).url).to.equal(URL_OK);
    expect(await stack.db.collection('webhooks').countDocuments({ name: 'Inside' })).to.equal(0);
  }).timeout(60_000);

  it('show no secret once they are made, and the database holds none in the clear', async () => {
    const headers = { 'idempotency-key': 'make-a-secret-target' };
    const body = {
      name: 'Secret',
      url: URL_OK,
      headers: [
        { name: 'Authorization', value: 'Bearer hunter2-hunter2', secret: true },
        { name: 'X-Team', value: 'growth' },
      ],
    };
    const { body: made } = await stack.client.post('/v1/webhooks', body, headers);
    const again = await stack.client.post('/v1/webhooks', body, headers);
    expect(again.headers.get('idempotent-replay')).to.equal('true');
    expect(again.body).to.deep.equal(made);
    const rotated = await stack.client.must(`/v1/webhooks/${made.id}/rotate-secret`);
    expect(rotated.signingSecret)
      .to.match(/^whsec_/)
      .and.not.equal(made.signingSecret);
    const shown = [
      { name: 'Authorization', secret: true },
      { ...body.headers[1], secret: false },
    ];
    for (const view of [made, rotated, await read(made.id as string)])
      expect(view.headers).to.deep.equal(shown);
    const list = (await stack.client.get('/v1/webhooks?limit=1000')).body as unknown;
    for (const view of [await read(made.id as string), list])
      expect(JSON.stringify(view)).not.to.match(/hunter2|whsec_/);

    const secrets = [
      'hunter2',
      'whsec_',
      made.signingSecret.slice(6),
      rotated.signingSecret.slice(6),
    ] as string[];
    const forms = secrets.flatMap((secret) => [
      secret,
      Buffer.from(secret).toString('base64').slice(0, -4),
      Buffer.from(secret).toString('hex'),
    ]);
    for (const { name } of await stack.db.listCollections().toArray()) {
      const docs = JSON.stringify(await stack.db.collection(name).find().toArray());
      for (const form of forms) expect(docs.includes(form), `${name} holds ${form}`).to.equal(false);
    }
    const target = await opened(({ webhooks }) => webhooks.byId(made.id as string));
    expect(target?.headers[0]).to.deep.equal({
      name: 'Authorization',
      value: 'Bearer hunter2-hunter2',
      secret: true,
    });
    expect(target?.signingSecrets).to.deep.equal([rotated.signingSecret, made.signingSecret]);
  });

  it('keep a secret header that a change names without a value, and no other', async () => {
    const { id } = await create({
      headers: [
        { name: 'Authorization', value: 'Bearer one', secret: true },
        { name: 'X-Open', value: 'open' },
      ],
    });
    const put = (headers: object[]): ReturnType<TestStack['client']['put']> =>
      stack.client.put(`/v1/webhooks/${id}`, { name: 'CRM', url: URL_OK, headers });
    const stored = async (): Promise<unknown> =>
      (await opened(({ webhooks }) => webhooks.byId(id as string)))?.headers;

    expect((await put([{ name: 'authorization', secret: true }])).status).to.equal(200);
    expect(await stored()).to.deep.equal([{ name: 'authorization', value: 'Bearer one', secret: true }]);
    const shown = await put([{ name: 'authorization' }]);
    expect(expectProblem(shown, 'validation_failed'), 'to have it shown').to.deep.equal(['/headers/0/value']);
    const open = await put([{ name: 'X-Open', secret: true }]);
    expect(expectProblem(open, 'validation_failed'), 'not there any more').to.deep.equal([
      '/headers/0/value',
    ]);
    await put([{ name: 'Authorization', value: 'Bearer two', secret: true }]);
    expect(await stored()).to.deep.equal([{ name: 'Authorization', value: 'Bearer two', secret: true }]);
  });

  it('sign with the secret before as well for 24 hours, or until the next rotation', async () => {
    const { id, signingSecret: first } = await create();
    const now = async (): Promise<unknown> =>
      (await opened(({ webhooks }) => webhooks.byId(id as string)))?.signingSecrets;
    expect(await now()).to.deep.equal([first]);
    const { signingSecret: second, previousSecretUntil } = await stack.client.must(
      `/v1/webhooks/${id}/rotate-secret`,
    );
    expect(await now()).to.deep.equal([second, first]);
    const inMs = Date.parse(previousSecretUntil as string) - Date.now();
    expect(inMs / 3_600_000).to.be.within(23.9, 24.1);
    // A change of the rest leaves them.
    await stack.client.put(`/v1/webhooks/${id}`, { name: 'CRM', url: URL_OK });
    expect(await now()).to.deep.equal([second, first]);
    const { signingSecret: third } = await stack.client.must(`/v1/webhooks/${id}/rotate-secret`);
    expect(await now()).to.deep.equal([third, second]);
    await stack.db
      .collection('webhooks')
      .updateOne({ _id: id as never }, { $set: { previousSecretUntil: new Date(Date.now() - 1) } });
    expect(await now()).to.deep.equal([third]);
    expect(await read(id as string)).not.to.have.property('previousSecretUntil');
  });

  it('lose no secret that somebody knows when a rotation that broke off is repeated', async () => {
    const { id, signingSecret: known } = await create();
    await opened(async ({ webhooks }) => {
      const rotate = (rotation: string, secret: string): ReturnType<typeof webhooks.rotateSecret> =>
        webhooks.rotateSecret(id as string, { rotation, secret, previousForMs: 60_000 });
      await rotate('a', 'whsec_YnJva2Vu');
      const repeated = await rotate('a', 'whsec_dG9sZA==');
      expect(repeated?.signingSecrets).to.deep.equal(['whsec_dG9sZA==', known]);
      const next = await rotate('b', 'whsec_bmV4dA==');
      expect(next?.signingSecrets).to.deep.equal(['whsec_bmV4dA==', 'whsec_dG9sZA==']);
    });
  });

  it('cannot be made or read without the key, and say so', async () => {
    const { id } = await create();
    await opened(async ({ webhooks }) => {
      const error = await webhooks.byId(id as string).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(VaultLockedError);
    }, null);
    await opened(
      async ({ webhooks }) => {
        const error = await webhooks.byId(id as string).catch((reason: unknown) => reason);
        expect(error)
          .to.be.instanceOf(VaultLockedError)
          .with.property('message')
          .that.includes('another key');
      },
      Buffer.alloc(32, 9),
    );
    // The API tells it: what was sealed is not what it can open.
    await stack.db
      .collection('webhooks')
      .updateOne({ _id: id as never }, { $set: { signing: [createVault(Buffer.alloc(32)).seal('a', 'b')] } });
    expectProblem(await stack.client.get(`/v1/webhooks/${id}`), 'secret_key_missing');
    await stack.db.collection('webhooks').deleteOne({ _id: id as never });
  });

  it('must be there for a campaign to send to', async () => {
    const answer = await stack.client.post('/v1/campaigns', campaign('0123456789abcdef01234567'));
    expect(expectProblem(answer, 'validation_failed')).to.deep.equal(['/what/webhookId']);
  });

  it('are not deleted while a draft or a campaign under way sends to them, by an earlier version too', async () => {
    const [{ id: first }, { id: second }] = [await create(), await create()];
    const made = await stack.client.must('/v1/campaigns', campaign(first as string));
    const users = [{ kind: 'campaign', id: made.id, name: 'To the CRM' }];
    const refused = async (id: unknown): Promise<void> => {
      const answer = await stack.client.delete(`/v1/webhooks/${String(id)}`);
      expectProblem(answer, 'in_use');
      expect(answer.body.users).to.deep.equal(users);
    };
    await refused(first);
    await stack.client.must(`/v1/campaigns/${made.id}/publish`);
    await refused(first);
    const edited = await stack.client.put(`/v1/campaigns/${made.id}`, campaign(second as string));
    expect(edited.status, JSON.stringify(edited.body)).to.equal(200);
    await refused(second);
    await refused(first);
    await stack.client.must(`/v1/campaigns/${made.id}/stop`);
    for (const id of [first, second])
      expect((await stack.client.delete(`/v1/webhooks/${String(id)}`)).status).to.equal(204);
  });

  it('are either deleted or used when both are asked for at once', async () => {
    for (let round = 0; round < 8; round += 1) {
      const { id } = await create();
      const [deleted, ...drafts] = await Promise.all([
        stack.client.delete(`/v1/webhooks/${id}`),
        ...Array.from({ length: 3 }, () => stack.client.post('/v1/campaigns', campaign(id as string))),
      ]);
      const made = drafts.filter(({ status }) => status === 201);
      const isThere = (await stack.client.get(`/v1/webhooks/${id}`)).status === 200;
      expect(isThere, JSON.stringify([deleted.body, drafts.map(({ body }) => body)])).to.equal(
        made.length > 0,
      );
      expect(deleted.status).to.equal(made.length > 0 ? 409 : 204);
      for (const { status } of drafts) expect(status).to.be.oneOf([201, 422]);
    }
  }).timeout(60_000);

  it('list the requests to them, the latest first, page by page and by campaign and batch', async () => {
    const { id } = await create();
    const at = (second: number): Date => new Date(Date.UTC(2026, 10, 20, 12, 0, second));
    const campaignIds = ['a'.repeat(24), 'b'.repeat(24)];
    const attempts = Array.from({ length: 25 }, (_, i): WebhookAttempt => ({
      id: `attempt-${String((i * 7) % 25).padStart(2, '0')}`,
      webhookId: id as string,
      campaignId: campaignIds[i % 2]!,
      batchId: `batch-${i % 5}`,
      // Several in the same millisecond.
      at: at(Math.floor(i / 3)),
      durationMs: i,
      messages: 100,
      try: 1 + (i % 3),
      outcome: { kind: 'throttled', status: 503, retryAfterMs: 1_000 },
      answer: { status: 503, body: 'später\u0000', truncated: false },
    }));
    await opened(async ({ webhooks }) => {
      for (const attempt of attempts) await webhooks.addAttempt(attempt);
      await webhooks.addAttempt({ ...attempts[0]!, durationMs: 999 });
      await webhooks.addAttempt({ ...attempts[0]!, id: 'other', webhookId: 'c'.repeat(24) });
    });
    const pages = async (query: string): Promise<Record<string, any>[]> => {
      const found: Record<string, any>[] = [];
      for (let cursor = ''; ;) {
        const { body } = await stack.client.get(`/v1/webhooks/${id}/attempts?limit=4${query}${cursor}`);
        found.push(...(body.data as Record<string, any>[]));
        if (body.nextCursor === null) return found;
        cursor = `&cursor=${body.nextCursor}`;
      }
    };
    const expected = attempts.toSorted((a, b) => b.at.getTime() - a.at.getTime() || (a.id < b.id ? 1 : -1));
    const ids = (all: { id: string }[]): string[] => all.map((one) => one.id);
    const all = await pages('');
    expect(ids(all as { id: string }[])).to.deep.equal(ids(expected));
    const { webhookId: _webhookId, at: first, ...rest } = attempts[0]!;
    expect(all.find((one) => one.id === attempts[0]!.id)).to.deep.equal({ ...rest, at: first.toISOString() });
    const ofCampaign = expected.filter(({ campaignId }) => campaignId === campaignIds[1]);
    expect(ids((await pages(`&campaignId=${campaignIds[1]}`)) as { id: string }[])).to.deep.equal(
      ids(ofCampaign),
    );
    const ofBatch = expected.filter(({ batchId }) => batchId === 'batch-3');
    expect(ids((await pages('&batchId=batch-3')) as { id: string }[])).to.deep.equal(ids(ofBatch));
    for (const cursor of ['nonsense', 'other']) {
      const unknown = await stack.client.get(`/v1/webhooks/${id}/attempts?cursor=${cursor}`);
      expect(expectProblem(unknown, 'validation_failed')).to.deep.equal(['?cursor']);
    }
  });

  it('have their log kept for 30 days, under indexes that its reads use', async () => {
    const indexes = await stack.db.collection('webhookAttempts').indexes();
    expect(indexes.find(({ key }) => JSON.stringify(key) === '{"at":1}')?.expireAfterSeconds).to.equal(
      2_592_000,
    );
    for (const filter of [{}, { campaignId: 'a' }, { batchId: 'b' }]) {
      const plan = await stack.db
        .collection('webhookAttempts')
        .find({ webhookId: 'w', ...filter })
        .sort({ at: -1, _id: -1 })
        .explain('queryPlanner');
      expect(JSON.stringify(plan.queryPlanner.winningPlan)).to.include('IXSCAN').and.not.include('"SORT"');
    }
  });
});
