import { expect } from 'chai';
import { makeSite, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';
const german = { property: 'country', op: 'eq', value: 'DE' };

describe('saved segments', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack({ workers: 0 });
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const save = async (name: string, segment: unknown = german): Promise<string> =>
    (await stack.client.must('/v1/segments', { name, segment })).id as string;
  const put = (id: string, name: string, segment: unknown) =>
    stack.client.put(`/v1/segments/${id}`, { name, segment });
  const campaign = (past: unknown, more: object = {}) => ({
    name: 'Hello',
    channel: 'webPush',
    siteId: site.id,
    who: { past },
    what: { title: 'Hello' },
    ...more,
  });

  it('are created, read, listed, changed and deleted', async () => {
    const segment = { all: [german, { did: { event: 'Charged', count: { gte: 2 }, within: '30d' } }] };
    const made = await stack.client.post('/v1/segments', { name: 'Buyers', segment });
    expect(made.status).to.equal(201);
    expect(made.body).to.have.all.keys('id', 'name', 'segment', 'createdAt', 'updatedAt');
    expect(made.body).to.deep.include({ name: 'Buyers', segment });
    const { id } = made.body as { id: string };
    expect(made.headers.get('location')).to.equal(`/v1/segments/${id}`);
    expect((await stack.client.get(`/v1/segments/${id}`)).body).to.deep.equal(made.body);
    await save('Others');
    const page = (await stack.client.get('/v1/segments?limit=1')).body;
    expect([page.data.length, page.nextCursor]).to.deep.equal([1, page.data[0].id]);
    const rest = (await stack.client.get(`/v1/segments?cursor=${page.nextCursor}`)).body;
    expect(rest.data.map((one: { id: string }) => one.id)).to.not.include(page.data[0].id);
    const changed = await put(id, 'Germans', german);
    expect([changed.status, changed.body.name, changed.body.segment]).to.deep.equal([200, 'Germans', german]);
    expect((await stack.client.get(`/v1/segments/${id}`)).body).to.deep.equal(changed.body);
    expect((await stack.client.delete(`/v1/segments/${id}`)).status).to.equal(204);
    for (const answer of [
      await stack.client.get(`/v1/segments/${id}`),
      await stack.client.delete(`/v1/segments/${id}`),
      await put(id, 'Gone', german),
    ]) {
      expectProblem(answer, 'not_found');
    }
  });

  it('are made once when the call is repeated with its key', async () => {
    const body = { name: 'Once', segment: german };
    const [first, second] = [
      await stack.client.post('/v1/segments', body, { 'Idempotency-Key': 'once' }),
      await stack.client.post('/v1/segments', body, { 'Idempotency-Key': 'once' }),
    ];
    expect(second.body).to.deep.equal(first.body);
  });

  it('are refused with the place of every fault, and of every reference that leads nowhere', async () => {
    const id = await save('Kept');
    const bad = await stack.client.post('/v1/segments', { name: '', segment: { all: [{ nope: 1 }, 7] } });
    expect(expectProblem(bad, 'validation_failed').sort()).to.deep.equal([
      '/name',
      '/segment/all/0/nope',
      '/segment/all/1',
    ]);
    const dangling = { all: [{ segment: NO_SUCH_ID }, { not: { inList: NO_SUCH_ID } }, { segment: id }] };
    const pointers = ['/all/0/segment', '/all/1/not/inList'];
    for (const [answer, base] of [
      [await stack.client.post('/v1/segments', { name: 'x', segment: dangling }), '/segment'],
      [await put(id, 'Kept', dangling), '/segment'],
      [await stack.client.post('/v1/segments/estimate', { segment: dangling }), '/segment'],
      [await stack.client.post('/v1/campaigns', campaign(dangling)), '/who/past'],
      [
        await stack.client.post(
          '/v1/campaigns',
          campaign(undefined, { who: { live: { event: 'a', filter: dangling } } }),
        ),
        '/who/live/filter',
      ],
    ] as const) {
      expect(expectProblem(answer, 'validation_failed')).to.deep.equal(pointers.map((one) => base + one));
      expect(answer.body.errors[0].detail).to.equal(`there is no segment ${NO_SUCH_ID}`);
    }
  });

  it('answer hostile bodies with a fault, at once', async () => {
    const deep = (open: string, close: string, times: number): string =>
      `{"name":"x","segment":${open.repeat(times)}{"all":[]}${close.repeat(times)}}`;
    for (const body of [
      deep('{"not":', '}', 10),
      deep('{"not":', '}', 50),
      deep('{"not":', '}', 10_000),
      deep('{"all":[', ']}', 10_000),
      `{"name":"x","segment":{"all":[${'{"all":[]},'.repeat(20_000)}{"all":[]}]}}`,
      `{"name":"x","segment":{"property":"a","op":"in","value":[${'1,'.repeat(100_000)}1]}}`,
      '{"name":"x","segment":{"$where":"while(true){}"}}',
      '{"name":"x","segment":{"__proto__":{"all":[]}}}',
      '{"name":"x","segment":{"property":"a.$where","op":"eq","value":{"$ne":1}}}',
      '{"name":"x","segment":{"segment":{"$gt":""}}}',
    ]) {
      const began = Date.now();
      const answer = await stack.client.raw('POST', '/v1/segments', body);
      expectProblem(answer, 'validation_failed', body.slice(0, 80));
      expect(Date.now() - began, body.slice(0, 80)).to.be.below(5_000);
    }
  });

  it('never come to refer to themselves, through any chain, which is named', async () => {
    const a = await save('A');
    const b = await save('B', { all: [{ segment: a }] });
    const c = await save('C', { any: [german, { not: { segment: b } }] });
    const itself = await put(a, 'A', { not: { segment: a } });
    expect(expectProblem(itself, 'validation_failed')).to.deep.equal(['/segment/not/segment']);
    expect(itself.body.errors[0].detail).to.equal('refers to itself: A → A');
    const chain = await put(a, 'A', { all: [german, { segment: c }] });
    expect(expectProblem(chain, 'validation_failed')).to.deep.equal(['/segment/all/1/segment']);
    expect(chain.body.errors[0].detail).to.equal('refers to itself: A → C → B → A');
    expect((await stack.client.get(`/v1/segments/${a}`)).body.segment).to.deep.equal(german);
  });

  it('never come to refer to each other when both are saved at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [a, b] = [await save('A'), await save('B')];
      const answers = await Promise.all([put(a, 'A', { segment: b }), put(b, 'B', { segment: a })]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 422]);
    }
  });

  it('never come to refer to each other in a ring of four whose last two edges come at the same time', async () => {
    for (let round = 0; round < 5; round += 1) {
      const [a, d] = [await save('A'), await save('D')];
      const [b, c] = [await save('B', { segment: a }), await save('C', { segment: d })];
      const answers = await Promise.all([put(a, 'A', { segment: c }), put(d, 'D', { segment: b })]);
      expect(answers.map(({ status }) => status).sort()).to.deep.equal([200, 422]);
    }
  });

  it('all succeed when many are saved at the same time', async () => {
    const base = await save('Base');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        stack.client.post('/v1/segments', { name: `N${i}`, segment: { segment: base } }),
      ),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(20).fill(201));
  });

  it('refer over at most ten levels and hold at most a thousand parts, seen from whoever refers to them', async () => {
    const bottom = await save('Level 0');
    let top = bottom;
    for (let level = 1; level <= 10; level += 1) top = await save(`Level ${level}`, { segment: top });
    const eleventh = await stack.client.post('/v1/segments', { name: 'Level 11', segment: { segment: top } });
    expect(expectProblem(eleventh, 'validation_failed')).to.deep.equal(['/segment']);
    expect(eleventh.body.errors[0].detail).to.match(/11 levels; at most 10/);
    const lower = await save('Lower');
    const pushed = await put(bottom, 'Level 0', { segment: lower });
    expectProblem(pushed, 'validation_failed');
    expect(pushed.body.errors[0].detail).to.match(
      /“Level 10”, which refers to it, would refer over 11 levels/,
    );

    const hundred = await save('Hundred', { any: Array(99).fill(german) });
    const grows = await save('Grows');
    const parts = Array(9).fill({ segment: hundred });
    await save('Thousand', { any: [...parts, { segment: grows }] });
    const large = await put(grows, 'Grows', { any: Array(199).fill(german) });
    expectProblem(large, 'validation_failed');
    expect(large.body.errors[0].detail).to.match(/“Thousand”, which refers to it, would hold 1\d\d\d parts/);
    expect((await put(grows, 'Grows', { any: Array(20).fill(german) })).status).to.equal(200);
    const twice = await stack.client.post(
      '/v1/campaigns',
      campaign({ all: [...parts, { segment: grows }, ...parts] }),
    );
    expect(expectProblem(twice, 'validation_failed')).to.deep.equal(['/who/past']);
  });

  it('are counted in where a segment is only asked for, as where it is saved', async () => {
    const full = await save('Full', { any: Array(199).fill(german) });
    const nine = { any: Array(9).fill({ segment: full }) };
    const live = campaign(undefined, { who: { live: { event: 'a', filter: nine } } });
    for (const [answer, pointer] of [
      [await stack.client.post('/v1/segments', { name: 'x', segment: nine }), '/segment'],
      [await stack.client.post('/v1/segments/estimate', { segment: nine }), '/segment'],
      [await stack.client.post('/v1/campaigns', campaign(nine)), '/who/past'],
      [await stack.client.post('/v1/campaigns', live), '/who/live/filter'],
    ] as const) {
      expect(expectProblem(answer, 'validation_failed')).to.deep.equal([pointer]);
      expect(answer.body.errors[0].detail).to.equal(
        'it would hold 1810 parts with those of the segments it refers to; at most 1000',
      );
    }
    const four = { any: Array(4).fill({ segment: full }) };
    expect((await stack.client.post('/v1/segments/estimate', { segment: four })).status).to.equal(200);
  });

  it('are not deleted while they are in use, and say who uses them', async () => {
    const id = await save('Used');
    const user = await save('User', { not: { segment: id } });
    const draft = (await stack.client.must('/v1/campaigns', campaign({ segment: id }))).id as string;
    const live = { live: { event: 'a', filter: { all: [{ segment: id }] } } };
    const running = (await stack.client.must('/v1/campaigns', campaign(null, { name: 'Live', who: live })))
      .id as string;
    await stack.client.must(`/v1/campaigns/${running}/publish`);
    const remove = () => stack.client.delete(`/v1/segments/${id}`);

    const refused = await remove();
    expectProblem(refused, 'in_use');
    expect(refused.body.users).to.have.deep.members([
      { kind: 'segment', id: user, name: 'User' },
      { kind: 'campaign', id: draft, name: 'Hello' },
      { kind: 'campaign', id: running, name: 'Live' },
    ]);
    expect(refused.body.detail).to.include('the segment “User”').and.to.include('the campaign “Live”');

    await put(user, 'User', german);
    expect((await remove()).body.users).to.have.length(2);
    await stack.client.put(`/v1/campaigns/${draft}`, campaign({ all: [] }));
    expect((await remove()).body.users.map((one: { id: string }) => one.id)).to.deep.equal([running]);
    await stack.client.must(`/v1/campaigns/${running}/stop`);
    expect((await remove()).status).to.equal(204);
  });

  it('are deleted, or come to be used, when both are asked for at the same time: never both', async () => {
    for (let round = 0; round < 10; round += 1) {
      const id = await save('Wanted');
      const body = campaign({ segment: id });
      const later = round % 2 ? 3 : 0;
      const [removed, made] = await Promise.all([
        stack.client.delete(`/v1/segments/${id}`),
        new Promise((resolve) => setTimeout(resolve, later)).then(() =>
          stack.client.post('/v1/campaigns', body),
        ),
      ]);
      const outcome = `${removed.status} ${made.status}`;
      expect(outcome).to.be.oneOf(['204 422', '409 201']);
      expect((await stack.client.get(`/v1/segments/${id}`)).status).to.equal(
        removed.status === 204 ? 404 : 200,
      );
    }
  });

  it('must be there still when a campaign that refers to them is published', async () => {
    const id = await save('Fleeting');
    const draft = (await stack.client.must('/v1/campaigns', campaign({ any: [{ segment: id }] })))
      .id as string;
    await stack.client.must(`/v1/campaigns/${draft}/archive`);
    expect((await stack.client.delete(`/v1/segments/${id}`)).status).to.equal(204);
    expectProblem(await stack.client.post(`/v1/campaigns/${draft}/publish`), 'wrong_status');
    await stack.client.must(`/v1/campaigns/${draft}/unarchive`);
    const answer = await stack.client.post(`/v1/campaigns/${draft}/publish`);
    expect(expectProblem(answer, 'not_publishable')).to.deep.equal(['/who/past/any/0/segment']);
  });

  it('are counted, as are segments on the spot and the audiences of campaigns', async () => {
    const others = await makeSite(stack);
    await stack.client.must('/v1/profiles', {
      profiles: ['ada', 'bob', 'eve'].map((identity) => ({
        identity,
        country: identity === 'eve' ? 'AT' : 'DE',
        properties: { marker: 'reach' },
      })),
    });
    await subscribe(stack, site, 'ada');
    await subscribe(stack, others, 'bob');
    const marked = { property: 'marker', op: 'eq', value: 'reach' };
    const id = await save('Marked Germans', { all: [marked, german] });
    const estimate = async (body: object) =>
      (await stack.client.must('/v1/segments/estimate', body)) as unknown;
    const pushed = (answer: unknown): unknown => {
      const { qualified, reachable } = answer as { qualified: number; reachable: Record<string, number> };
      expect(reachable).to.have.all.keys('webPush', 'webhook', 'webPopup');
      return [qualified, reachable.webPush];
    };
    expect(pushed(await estimate({ segment: marked }))).to.deep.equal([3, 2]);
    expect(pushed(await estimate({ segment: { segment: id } }))).to.deep.equal([2, 2]);
    expect(pushed(await estimate({ segment: { segment: id }, siteId: site.id }))).to.deep.equal([2, 1]);
    expect(
      expectProblem(
        await stack.client.post('/v1/segments/estimate', { segment: german, siteId: NO_SUCH_ID }),
        'validation_failed',
      ),
    ).to.deep.equal(['/siteId']);

    const of = async (body: object) => {
      const made = await stack.client.must('/v1/campaigns', body);
      return stack.client.post(`/v1/campaigns/${made.id}/estimate`);
    };
    expect(pushed((await of(campaign({ segment: id }))).body)).to.deep.equal([2, 1]);
    const live = (filter?: object) => campaign(null, { who: { live: { event: 'a', filter } } });
    expect(pushed((await of(live({ segment: id }))).body)).to.deep.equal([2, 1]);
    expect(expectProblem(await of(live()), 'validation_failed')).to.deep.equal(['/who/live/filter']);
  });
});
