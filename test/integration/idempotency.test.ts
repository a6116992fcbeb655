import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { createApiClient } from '../support/api-client.ts';
import { cartScene } from '../support/cart-scene.ts';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { ADMIN_KEY, startStack, type TestStack } from '../support/stack.ts';

describe('an idempotency key', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack();
  });
  after(() => stack?.close());

  const withKey = (key: string) => ({ 'idempotency-key': key });
  const sitesNamed = (name: string) => stack.db.collection('sites').countDocuments({ name });

  it('makes a repeat answer what the first call answered, and make nothing', async () => {
    const key = withKey(randomUUID());
    const first = await stack.client.post('/v1/sites', { name: 'Once' }, key);
    const second = await stack.client.post('/v1/sites', { name: 'Once' }, key);
    expect([first.status, second.status]).to.deep.equal([201, 201]);
    expect(second.body).to.deep.equal(first.body);
    expect(first.headers.get('idempotent-replay')).to.equal(null);
    expect(second.headers.get('idempotent-replay')).to.equal('true');
    expect(await sitesNamed('Once')).to.equal(1);
  });

  it('lets one of ten calls at once do it, to two APIs; the others get the same answer or are told to wait', async () => {
    const { port } = await stack.startApi();
    const other = createApiClient(`http://localhost:${port}`, ADMIN_KEY);
    const key = withKey(randomUUID());
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        (i % 2 === 0 ? stack.client : other).post('/v1/sites', { name: 'At once' }, key),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    expect(made.length).to.be.at.least(1);
    expect(new Set(made.map(({ body }) => body.id as string)).size).to.equal(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      expectProblem(answer, 'request_in_progress');
      expect(answer.headers.get('retry-after')).to.equal('1');
    }
    expect(await sitesNamed('At once')).to.equal(1);
    const later = await other.post('/v1/sites', { name: 'At once' }, key);
    expect(later.body).to.deep.equal(made[0]?.body);
  });

  it('is refused for another body, method or address', async () => {
    const key = withKey(randomUUID());
    await stack.client.post('/v1/sites', { name: 'First' }, key);
    expectProblem(await stack.client.post('/v1/sites', { name: 'Second' }, key), 'idempotency_key_reused');
    expectProblem(
      await stack.client.post('/v1/profiles', { profiles: [{ identity: 'x' }] }, key),
      'idempotency_key_reused',
    );
    expect(await sitesNamed('Second')).to.equal(0);
  });

  it('of a call that was refused may be used again', async () => {
    const key = withKey(randomUUID());
    expectProblem(await stack.client.post('/v1/sites', { name: '' }, key), 'validation_failed');
    expect((await stack.client.post('/v1/sites', { name: 'Corrected' }, key)).status).to.equal(201);
  });

  it('must be printable ASCII of at most 200 characters', async () => {
    for (const key of ['', 'ü', 'a b', 'x'.repeat(201)]) {
      expectProblem(
        await stack.client.post('/v1/sites', { name: 'Nameless' }, withKey(key)),
        'invalid_header',
        key,
      );
    }
    expect(await sitesNamed('Nameless')).to.equal(0);
    const longest = withKey('~'.repeat(200));
    expect((await stack.client.post('/v1/sites', { name: 'Longest' }, longest)).status).to.equal(201);
  });

  it('names events that come without an id, so that a repeat of a lost call is a duplicate', async () => {
    const site = await makeSite(stack);
    const scene = await cartScene(stack, site);
    const key = withKey(randomUUID());
    const body = {
      events: [scene.cart({ cartId: 'one' }), { ...scene.cart(), identity: `${scene.identity}-b` }],
    };
    const first = await stack.client.post('/v1/events', body, key);
    expect(first.body).to.deep.equal({ accepted: 2, duplicates: 0 });
    expect((await stack.client.post('/v1/events', body, key)).body).to.deep.equal(first.body);
    // The answer was lost with the note of it, as when the process died in between.
    await stack.db.collection('idempotency').deleteMany({});
    expect((await stack.client.post('/v1/events', body, key)).body).to.deep.equal({
      accepted: 0,
      duplicates: 2,
    });
    await scene.settled(2);
    expect(scene.pushes()).to.deep.equal(['one']);
  });

  it('makes a repeat of a call that broke off half-way make the same thing, not a second one', async () => {
    const key = withKey(randomUUID());
    const first = await stack.client.post('/v1/sites', { name: 'Half-way' }, key);
    await stack.db.collection('idempotency').deleteMany({});
    const second = await stack.client.post('/v1/sites', { name: 'Half-way' }, key);
    expect(second.body.id).to.equal(first.body.id);
    expect(await sitesNamed('Half-way')).to.equal(1);
  });
});
