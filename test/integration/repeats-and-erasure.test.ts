import { expect } from 'chai';
import { hashKey } from '../../api/http/authenticate.ts';
import { ensureAdminKey } from '../../api/keys/admin-key.ts';
import { connectDatabase } from '../../db/connection.ts';
import { createKeyRepository } from '../../db/keys.ts';
import { makeSite, subscribe } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('what comes again, and what is erased', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 0 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  it('leaves a published campaign as it is when its creation is repeated after the key was forgotten', async () => {
    const key = { 'idempotency-key': 'provision-1' };
    const body = {
      name: 'Nightly',
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: 'Nothing' } },
      what: { title: 'Hello' },
    };
    const first = await stack.client.post('/v1/campaigns', body, key);
    expect(first.status).to.equal(201);
    await stack.client.must(`/v1/campaigns/${first.body.id}/publish`);
    await stack.db.collection('idempotency').deleteMany({});

    const again = await stack.client.post('/v1/campaigns', body, key);
    expect(again.body).to.include({
      id: first.body.id,
      status: 'running',
      version: 1,
      targetId: first.body.targetId,
    });
  });

  it('makes something else when a forgotten key comes with another body', async () => {
    const key = { 'idempotency-key': 'provision-2' };
    const first = await stack.client.post('/v1/sites', { name: 'One' }, key);
    await stack.db.collection('idempotency').deleteMany({});
    const second = await stack.client.post('/v1/sites', { name: 'Two' }, key);
    expect(second.body.name).to.equal('Two');
    expect(second.body.id).to.not.equal(first.body.id);
  });

  it('takes events without ids once when the call is repeated with its key', async () => {
    const key = { 'idempotency-key': 'batch-1' };
    const body = {
      events: [
        { identity: 'repeats', name: 'A' },
        { identity: 'repeats', name: 'A' },
      ],
    };
    const first = await stack.client.post('/v1/events', body, key);
    expect(first.body).to.deep.equal({ accepted: 2, duplicates: 0 });
    await stack.db.collection('idempotency').deleteMany({});
    const second = await stack.client.post('/v1/events', body, key);
    expect(second.body).to.deep.equal({ accepted: 0, duplicates: 2 });
  });

  it('keeps nothing of a person who is erased while being written about', async () => {
    const identity = 'forget-me';
    for (let round = 0; round < 15; round += 1) {
      await Promise.all([
        stack.client.delete(`/v1/profiles/${identity}`),
        stack.client.post('/v1/events', { events: [{ identity, name: 'A' }] }),
        stack.client.post('/v1/profiles', { profiles: [{ identity, email: 'a@b.example' }] }),
        subscribe(stack, site, identity).catch(() => undefined),
      ]);
    }
    await stack.client.delete(`/v1/profiles/${identity}`);
    await stack.api.sweepNow();
    const known = await stack.db.collection('identities').distinct('profileId');
    const orphans = async (name: string, field: string): Promise<number> =>
      stack.db.collection(name).countDocuments({ [field]: { $nin: known } });
    expect(await orphans('profiles', '_id')).to.equal(0);
    expect(await orphans('events', 'profileId')).to.equal(0);
    expect(await orphans('subscriptions', 'profileId')).to.equal(0);
    expect((await stack.client.get(`/v1/profiles/${identity}`)).status).to.equal(404);
  });

  it('reads and erases an anonymous visitor by the identity that we gave', async () => {
    const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
    const answer = await stack.client.raw(
      'POST',
      '/v1/sdk/subscriptions',
      JSON.stringify({
        siteId: site.id,
        transport: 'vapid',
        pushSubscription: { endpoint, keys },
        anonymousId: 'v1',
      }),
      { origin: 'https://shop.example' },
    );
    expect(answer.status).to.equal(201);
    const path = `/v1/profiles/${encodeURIComponent(`anonymous/${site.id}/v1`)}`;
    expect((await stack.client.get(path)).body).to.include({ objectId: answer.body.objectId });
    expect((await stack.client.delete(path)).status).to.equal(204);
    expect((await stack.client.get(`/v1/subscriptions/${answer.body.id}`)).status).to.equal(404);
  });

  it('leaves a browser with whom the server side gave it to, and keeps its topics, when the page subscribes again', async () => {
    const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
    const fields = { siteId: site.id, transport: 'vapid', pushSubscription: { endpoint, keys } };
    const known = await stack.client.post('/v1/subscriptions', {
      ...fields,
      identity: 'known',
      topics: ['news'],
    });
    const again = await stack.client.raw(
      'POST',
      '/v1/sdk/subscriptions',
      JSON.stringify({ ...fields, anonymousId: 'v2', language: 'de' }),
      { origin: 'https://shop.example' },
    );
    expect(again.status).to.equal(200);
    expect(again.body).to.deep.include({ objectId: known.body.objectId, topics: ['news'], language: 'de' });
  });

  it('takes no other configured admin key than the latest', async () => {
    const connection = await connectDatabase(stack.mongoUri);
    try {
      const keys = createKeyRepository(connection);
      await ensureAdminKey(keys, 'the-key-that-leaked-0001');
      await ensureAdminKey(keys, 'the-key-in-its-place-0002');
      expect(await keys.byHash(hashKey('the-key-that-leaked-0001'))).to.equal(null);
      expect(await keys.byHash(hashKey('the-key-in-its-place-0002'))).to.include({ role: 'admin' });
    } finally {
      await connection.close();
    }
  });
});
