import { request } from 'node:http';
import { expect } from 'chai';
import { connectDatabase } from '../../db/connection.ts';
import { leaveLists } from '../../db/lists.ts';
import type { Answer } from '../support/api-client.ts';
import { knowIdentities, streamMembers } from '../support/list-upload.ts';
import { makeSite } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { ADMIN_KEY, startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';

describe('custom lists', function () {
  this.timeout(240_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
    await stack.client.must('/v1/profiles', {
      profiles: [
        { identity: 'ada', email: 'both@x.example' },
        { identity: 'bob', email: 'both@x.example' },
        { identity: 'eve', email: 'eve@x.example' },
        { identity: 'a "b", c', email: 'quoted@x.example' },
      ],
    });
  });
  after(() => stack?.close());

  const make = async (name = 'Fair'): Promise<string> =>
    (await stack.client.must('/v1/lists', { name })).id as string;
  const sizeOf = async (id: string): Promise<number> =>
    (await stack.client.get(`/v1/lists/${id}`)).body.size as number;
  const upload = (id: string, csv: string, headers: Record<string, string> = {}): Promise<Answer> =>
    stack.client.raw('PUT', `/v1/lists/${id}/members`, csv, { 'content-type': 'text/csv', ...headers });

  const stream = (id: string, chunks: AsyncIterable<string>): Promise<Answer> =>
    streamMembers(stack, id, chunks);
  const know = (prefix: string, many: number): Promise<void> => knowIdentities(stack, prefix, many);

  it('are created, read, listed and deleted', async () => {
    const made = await stack.client.post('/v1/lists', { name: 'Fair' });
    expect(made.status).to.equal(201);
    expect(made.body).to.have.all.keys('id', 'name', 'size', 'createdAt', 'updatedAt');
    expect(made.body).to.include({ name: 'Fair', size: 0 });
    const { id } = made.body as { id: string };
    expect((await stack.client.get(`/v1/lists/${id}`)).body).to.deep.equal(made.body);
    const page = (await stack.client.get('/v1/lists?limit=1')).body;
    expect([page.data.length, page.nextCursor]).to.deep.equal([1, page.data[0].id]);
    expect(
      expectProblem(await stack.client.post('/v1/lists', { name: '' }), 'validation_failed'),
    ).to.deep.equal(['/name']);
    await upload(id, 'identity\nada\n');
    expect((await stack.client.delete(`/v1/lists/${id}`)).status).to.equal(204);
    expect(await stack.db.collection('listMembers').countDocuments({ listId: id })).to.equal(0);
    expect(await stack.db.collection('listRemovals').countDocuments()).to.equal(0);
    for (const answer of [
      await stack.client.get(`/v1/lists/${id}`),
      await stack.client.delete(`/v1/lists/${id}`),
      await upload(id, 'identity\nada\n'),
    ]) {
      expectProblem(answer, 'not_found');
    }
  });

  it('are emptied by the sweep when their deletion broke off', async () => {
    const removals = stack.db.collection('listRemovals');
    const members = stack.db.collection('listMembers');
    await removals.insertOne({ _id: 'broken-off' as never });
    await members.insertOne({ _id: 'broken-off-ada' as never, listId: 'broken-off', profileId: 'ada' });
    await stack.api.sweepNow();
    expect(await members.countDocuments({ listId: 'broken-off' })).to.equal(0);
    expect(await removals.countDocuments()).to.equal(0);
  });

  it('take identities from a CSV, make nobody up, and are no different when it is sent again', async () => {
    const id = await make();
    const csv =
      '\uFEFFname,identity\r\n"Ada, countess",ada\r\n"B\r\nO\r\nB",bob\r\nNobody,zed\r\n,"a ""b"", c"\r\nAda,ada';
    const first = await upload(id, csv);
    expect([first.status, first.body]).to.deep.equal([
      200,
      {
        rows: 5,
        added: 3,
        alreadyIn: 1,
        badRows: {
          count: 1,
          first: [{ row: 6, value: 'zed', reason: 'there is no profile with this identity' }],
        },
      },
    ]);
    expect((await upload(id, csv)).body).to.deep.include({ rows: 5, added: 0, alreadyIn: 4 });
    expect(await sizeOf(id)).to.equal(3);
    expectProblem(await stack.client.get('/v1/profiles/zed'), 'not_found');
    const members = await stack.db.collection('listMembers').find({ listId: id }).toArray();
    for (const { _id, listId, profileId } of members) expect(String(_id)).to.equal(`${listId}${profileId}`);
  });

  it('take emails, each for every profile that has it', async () => {
    const id = await make();
    const { body } = await upload(id, 'EMAIL\nboth@x.example\neve@x.example\nzed@x.example\n');
    expect(body).to.deep.include({ rows: 3, added: 3, alreadyIn: 0 });
    expect(body.badRows.first).to.deep.equal([
      { row: 4, value: 'zed@x.example', reason: 'there is no profile with this email' },
    ]);
    expect(await sizeOf(id)).to.equal(3);
  });

  it('refuse a body that is no such CSV, and say why', async () => {
    const id = await make();
    for (const csv of [
      '',
      'id\nada',
      'identity;email\nada;x',
      'identity,email\nada,x',
      '{"identity":"ada"}',
    ]) {
      expect(expectProblem(await upload(id, csv), 'validation_failed', csv)).to.deep.equal(['']);
    }
    for (const headers of [
      { 'content-type': 'application/json' },
      { 'content-type': 'text/csv; charset=latin1' },
      { 'content-type': 'text/csvx' },
      { 'content-encoding': 'gzip' },
    ]) {
      expectProblem(
        await upload(id, 'identity\nada', headers),
        'unsupported_media_type',
        JSON.stringify(headers),
      );
    }
    expectProblem(await upload('nope', 'identity\nada'), 'validation_failed');
    expectProblem(await upload(NO_SUCH_ID, 'identity\nada'), 'not_found');
    expect(await sizeOf(id)).to.equal(0);
  });

  it('answer an upload that is too large, whether it says so beforehand or not', async () => {
    const id = await make();
    const said = await new Promise<number>((resolve, reject) => {
      const call = request(
        `${stack.client.url}/v1/lists/${id}/members`,
        {
          method: 'PUT',
          headers: {
            authorization: `Bearer ${ADMIN_KEY}`,
            'content-type': 'text/csv',
            'content-length': 100_000_001,
          },
        },
        (answer) => {
          answer.resume();
          resolve(answer.statusCode ?? 0);
          call.destroy();
        },
      );
      call.on('error', reject);
      call.write('identity\n');
    });
    expect(said).to.equal(413);
    async function* endless(): AsyncGenerator<string> {
      yield 'identity\nada\n';
      for (let i = 0; i < 101; i += 1) yield `${'x'.repeat(1_000_000)}`;
      await Promise.resolve();
    }
    expectProblem(await stream(id, endless()), 'body_too_large');
  });

  it('count exactly while the same people are added from several sides', async () => {
    const id = await make();
    await know('q', 3_000);
    const csv = (from: number, to: number): string =>
      `identity\n${Array.from({ length: to - from }, (_, i) => `q${from + i}`).join('\n')}`;
    const answers = await Promise.all([
      upload(id, csv(0, 2_000)),
      upload(id, csv(1_000, 3_000)),
      upload(id, csv(500, 2_500)),
    ]);
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200]);
    expect(answers.reduce((sum, { body }) => sum + (body.added as number), 0)).to.equal(3_000);
    expect(await sizeOf(id)).to.equal(3_000);
    expect(await stack.db.collection('listMembers').countDocuments({ listId: id })).to.equal(3_000);
  });

  it('keep what came before an upload broke off, and take the rest when it is sent again', async () => {
    const id = await make();
    await know('r', 5_000);
    const rows = Array.from({ length: 5_000 }, (_, i) => `r${i}\n`);
    const call = request(`${stack.client.url}/v1/lists/${id}/members`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'text/csv' },
    });
    call.on('error', () => undefined);
    call.write(`identity\n${rows.slice(0, 2_500).join('')}`);
    await waitFor('the first two thousand', async () => (await sizeOf(id)) === 2_000);
    call.destroy();
    expect(await sizeOf(id)).to.equal(2_000);
    const again = await upload(id, `identity\n${rows.join('')}`);
    expect(again.body).to.deep.include({ rows: 5_000, added: 3_000, alreadyIn: 2_000 });
    expect(await sizeOf(id)).to.equal(5_000);
  });

  it('are the whole of who, or part of a segment, and are not deleted while they are', async () => {
    const site = await makeSite(stack);
    const id = await make('Visitors');
    await upload(id, 'identity\nada\neve\n');
    const estimate = async (segment: object): Promise<number> =>
      (await stack.client.must('/v1/segments/estimate', { segment })).qualified as number;
    expect(await estimate({ inList: id })).to.equal(2);
    const both = { all: [{ inList: id }, { property: 'identity', op: 'eq', value: 'eve' }] };
    expect(await estimate(both)).to.equal(1);
    const campaign = await stack.client.must('/v1/campaigns', {
      name: 'To the list',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { inList: id } },
      what: { title: 'Hello' },
    });
    expect((await stack.client.must(`/v1/campaigns/${campaign.id}/estimate`)).qualified).to.equal(2);
    const segment = await stack.client.must('/v1/segments', { name: 'Eve at the fair', segment: both });
    const refused = await stack.client.delete(`/v1/lists/${id}`);
    expectProblem(refused, 'in_use');
    expect(refused.body.users).to.deep.equal([
      { kind: 'segment', id: segment.id, name: 'Eve at the fair' },
      { kind: 'campaign', id: campaign.id, name: 'To the list' },
    ]);
    await stack.client.delete(`/v1/segments/${segment.id}`);
    await stack.client.delete(`/v1/campaigns/${campaign.id}`);
    expect((await stack.client.delete(`/v1/lists/${id}`)).status).to.equal(204);
    const gone = await stack.client.post('/v1/segments/estimate', { segment: { inList: id } });
    expect(expectProblem(gone, 'validation_failed')).to.deep.equal(['/segment/inList']);
  });

  it('lose a profile that is erased, and their size with it', async () => {
    const [one, two] = [await make(), await make()];
    for (const id of [one, two]) await upload(id, 'identity\nbob\neve\n');
    const { objectId } = (await stack.client.get('/v1/profiles/bob')).body as { objectId: string };
    const connection = await connectDatabase(stack.mongoUri);
    try {
      for (let times = 0; times < 2; times += 1) await leaveLists(connection, objectId);
    } finally {
      await connection.close();
    }
    expect([await sizeOf(one), await sizeOf(two)]).to.deep.equal([1, 1]);
    expect(await stack.db.collection('listMembers').countDocuments({ profileId: objectId })).to.equal(0);
  });
});
