import { expect } from 'chai';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';

describe('the shelf of campaigns', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let siteId: string;

  before(async () => {
    stack = await startStack({ workers: 0 });
    siteId = (await makeSite(stack)).id;
  });
  after(() => stack?.close());

  const make = async (more: object = {}): Promise<string> => {
    const body = {
      name: 'Cart',
      channel: 'webPush',
      siteId,
      who: { live: { event: 'Added To Cart' } },
      what: { title: 'Hello' },
      ...more,
    };
    return (await stack.client.must('/v1/campaigns', body)).id as string;
  };
  const act = (id: string, what: string, body?: object) =>
    stack.client.post(`/v1/campaigns/${id}/${what}`, body);
  const names = async (query: string): Promise<string[]> => {
    const answer = await stack.client.get(`/v1/campaigns?${query}`);
    expect(answer.status, query).to.equal(200);
    return (answer.body.data as { name: string }[]).map(({ name }) => name);
  };

  it('shows campaigns by label, status, channel and whether they are archived', async () => {
    await make({ name: 'draft', labels: ['shelf', 'spring'] });
    const stopped = await make({ name: 'stopped', labels: ['shelf'] });
    await act(stopped, 'publish');
    await act(stopped, 'stop');
    const running = await make({ name: 'running', labels: ['shelf', 'spring'] });
    await act(running, 'publish');
    const archived = await make({ name: 'archived', labels: ['shelf', 'spring'] });
    expect((await act(archived, 'archive')).status).to.equal(200);
    for (const [query, found] of [
      ['label=shelf', ['draft', 'stopped', 'running']],
      ['label=spring', ['draft', 'running']],
      ['label=shelf&status=draft', ['draft']],
      ['label=shelf&status=stopped&archived=false', ['stopped']],
      ['label=shelf&archived=true', ['archived']],
      ['label=shelf&archived=true&status=running', []],
      ['label=shelf&channel=webPush&status=running', ['running']],
      ['label=autumn', []],
    ] as const) {
      expect(await names(query), query).to.have.members(found);
    }
    for (const query of ['status=lost', 'channel=pigeon', 'archived=perhaps', 'colour=red']) {
      expectProblem(await stack.client.get(`/v1/campaigns?${query}`), 'validation_failed', query);
    }
  });

  it('takes drafts and what is over, and gives them back', async () => {
    const draft = await make();
    const put = await act(draft, 'archive');
    expect(put.body.archivedAt).to.match(/^\d{4}-/);
    expect((await act(draft, 'archive')).body.archivedAt).to.equal(put.body.archivedAt);
    expect((await stack.client.get(`/v1/campaigns/${draft}`)).body.archivedAt).to.equal(put.body.archivedAt);
    expectProblem(await act(draft, 'publish'), 'wrong_status');
    expect((await act(draft, 'unarchive')).body).to.not.have.property('archivedAt');
    expect((await act(draft, 'publish')).status).to.equal(200);
    for (const what of ['archive', 'unarchive']) expectProblem(await act(draft, what), 'wrong_status');
    await act(draft, 'pause');
    expectProblem(await act(draft, 'archive'), 'wrong_status');
    await act(draft, 'stop');
    expect((await act(draft, 'archive')).status).to.equal(200);
    for (const what of ['archive', 'unarchive', 'clone', 'estimate'])
      expectProblem(await act(NO_SUCH_ID, what), 'not_found');
  });

  it('makes a draft of any campaign, with the same definition under a name of its own', async () => {
    const more = {
      labels: ['cart'],
      when: {
        start: '2036-01-01T00:00:00Z',
        delay: '5m',
        requalify: { mode: 'once' },
        ignoreGlobalLimits: true,
      },
      setup: { controlGroup: { percent: 10 }, targetingCap: { limit: 500, ifExceeded: 'truncate' } },
    };
    const id = await make(more);
    await act(id, 'publish');
    const original = (await stack.client.get(`/v1/campaigns/${id}`)).body;
    const copy = await act(id, 'clone');
    expect(copy.status).to.equal(201);
    expect(copy.headers.get('location')).to.equal(`/v1/campaigns/${copy.body.id}`);
    expect(copy.body).to.include({ name: 'Cart (copy)', status: 'draft', version: 0 });
    expect(copy.body.id).to.not.equal(id);
    expect(copy.body.targetId).to.not.equal(original.targetId);
    for (const part of ['channel', 'siteId', 'labels', 'who', 'when', 'what', 'setup'])
      expect(copy.body[part], part).to.deep.equal(original[part]);
    expect((await act(id, 'clone', { name: 'Spring' })).body.name).to.equal('Spring');
    expect((await act(id, 'clone', {})).body.name).to.equal('Cart (copy)');
    expect(expectProblem(await act(id, 'clone', { name: '' }), 'validation_failed')).to.deep.equal(['/name']);
    const long = await act(await make({ name: `${'🛒'.repeat(99)}xy` }), 'clone');
    expect(long.body.name).to.equal(`${'🛒'.repeat(96)} (copy)`);
    await act(copy.body.id as string, 'archive');
    expect((await act(copy.body.id as string, 'clone')).body).to.not.have.property('archivedAt');
  });

  it('makes one copy when the call is repeated with its key', async () => {
    const id = await make();
    const clone = () =>
      stack.client.post(`/v1/campaigns/${id}/clone`, undefined, { 'Idempotency-Key': 'copy-once' });
    const first = await clone();
    expect((await clone()).body.id).to.equal(first.body.id);
  });

  it('makes no copy that refers to what was deleted meanwhile', async () => {
    const list = (await stack.client.must('/v1/lists', { name: 'Fair' })).id as string;
    const id = await make({ who: { past: { inList: list } } });
    await act(id, 'archive');
    expect((await stack.client.delete(`/v1/lists/${list}`)).status).to.equal(204);
    expect(expectProblem(await act(id, 'clone'), 'validation_failed')).to.deep.equal(['/who/past/inList']);
  });

  it('refuses a cap that calls a live campaign off', async () => {
    const answer = await stack.client.post('/v1/campaigns', {
      name: 'Cart',
      channel: 'webPush',
      siteId,
      who: { live: { event: 'Added To Cart' } },
      what: { title: 'Hello' },
      setup: { targetingCap: { limit: 5, ifExceeded: 'abort' } },
    });
    expect(expectProblem(answer, 'validation_failed')).to.deep.equal(['/setup/targetingCap/ifExceeded']);
  });
});
