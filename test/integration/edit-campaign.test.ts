import { expect } from 'chai';
import { ago, cartNames, cartScene, type CartScene } from '../support/cart-scene.ts';
import { audience, finished } from '../support/audience.ts';
import { dispatched, makeSite, post, pushesTo, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

describe('editing a published campaign', function () {
  this.timeout(120_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  const read = async (id: string) =>
    (await stack.client.get(`/v1/campaigns/${id}`)).body as Record<string, any>;
  const put = (id: string, body: object) => stack.client.put(`/v1/campaigns/${id}`, body);
  const edit = async (id: string, body: object): Promise<Record<string, any>> => {
    const answer = await put(id, body);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body as Record<string, any>;
  };
  const cart = (live: object, more: object = {}): object => ({
    name: 'Abandoned cart',
    channel: 'webPush',
    siteId: site.id,
    who: { live },
    when: { start: 'now' },
    what: { title: 'Second', body: 'second {{ event.cartId }}' },
    ...more,
  });
  const past = (group: string, more: object = {}): object => ({
    name: group,
    channel: 'webPush',
    siteId: site.id,
    who: { past: { property: 'group', op: 'eq', value: group } },
    what: { title: 'First', body: 'first' },
    ...more,
  });
  const publish = async (body: object): Promise<string> => {
    const { id } = (await stack.client.must('/v1/campaigns', body)) as { id: string };
    await stack.client.must(`/v1/campaigns/${id}/publish`);
    return id;
  };
  const rowWith = async (scene: CartScene, matchValue: string) =>
    (await scene.rows()).find((row) => row.trigger.matchValue === matchValue);

  it('leaves whoever is inside with what closed and filled it before, and takes newcomers by the new version', async () => {
    const scene = await cartScene(stack, site, {
      within: '4s',
      live: (names) => ({ matchOn: 'cartId', cancelledBy: [{ event: `X ${names.cart}` }] }),
      what: { body: 'first {{ event.cartId }}' },
    });
    const { names, identity } = scene;
    const [x, y] = [`X ${names.cart}`, `Y ${names.cart}`];
    // By a clock that runs ahead: what is to be cancelled is not due before that, however long the calls take.
    const [opened, cancelled] = [ago(-60_000), ago(-61_000)];
    const event = (name: string, cartId: string) => ({
      identity,
      name,
      properties: { cartId },
      time: cancelled,
    });
    // These are sent in the end, and yet open when the other version's event comes.
    const open = { time: ago(-4_000) };
    await scene.post(
      scene.cart({ cartId: 'old' }, open),
      scene.cart({ cartId: 'old-cancelled' }, { time: opened }),
    );
    await scene.entered(2);

    const live = { event: names.cart, matchOn: 'cartId', inaction: { event: names.charged, within: '3s' } };
    const view = await edit(scene.campaign, cart({ ...live, cancelledBy: [{ event: y }] }));
    expect(view).to.include({ status: 'running', version: 2 });
    await scene.post(
      scene.cart({ cartId: 'new' }, open),
      scene.cart({ cartId: 'new-cancelled' }, { time: opened }),
    );
    await scene.entered(4);
    // Each version goes by its own cancelling event, and not by the other's.
    await scene.post(event(y, 'old'), event(x, 'old-cancelled'), event(x, 'new'), event(y, 'new-cancelled'));
    await dispatched(stack);
    const seen = async (cartId: string) => {
      const row = await rowWith(scene, cartId);
      return [row?.version, row?.reason, row?.trigger.closedBy?.name] as unknown[];
    };
    expect(await seen('old-cancelled')).to.deep.equal([1, 'cancelled', x]);
    expect(await seen('new-cancelled')).to.deep.equal([2, 'cancelled', y]);
    const rows = await scene.settled(4);
    expect(
      rows
        .filter((row) => row.state === 'sent')
        .map((row) => row.trigger.matchValue)
        .sort(),
    ).to.deep.equal(['new', 'old']);
    expect(scene.pushes().sort()).to.deep.equal(['first old', 'second new']);
  });

  it('leaves whoever is inside with its opening event, by which its window starts again', async () => {
    const scene = await cartScene(stack, site, {
      within: '6s',
      live: () => ({ onRepeat: 'restart' }),
      what: { body: 'first {{ event.step }}' },
    });
    await scene.post(scene.cart({ step: 1 }));
    await scene.entered(1);
    const viewed = `Viewed ${scene.names.cart}`;
    await edit(scene.campaign, cart({ event: viewed }));
    // Of the new version, which opens nothing more for somebody who is inside, and restarts nothing of the old one.
    await scene.post({ identity: scene.identity, name: viewed, properties: { step: 2 } });
    await dispatched(stack);
    expect((await scene.rows())[0]?.trigger.event.name).to.equal(scene.names.cart);
    await scene.post(scene.cart({ step: 3 }));
    const [row] = await scene.settled(1);
    expect(row).to.include({ state: 'sent', version: 1 });
    expect(scene.pushes()).to.deep.equal(['first 3']);
    // And nobody enters by it any more.
    await scene.post(scene.cart({ step: 4 }));
    await dispatched(stack);
    expect(await scene.rows()).to.have.length(1);
  });

  it('leaves a reminder with the rules by which it was set, also when its date is moved', async () => {
    const departure = (days: number): string => new Date(Date.now() + days * 24 * HOUR_MS).toISOString();
    const names = cartNames();
    const live = (offset: string) => ({
      event: names.cart,
      matchOn: 'cartId',
      dateProperty: { property: 'departure', offset },
    });
    const scene = await cartScene(stack, site, { names, within: null, live: () => live('-2h') });
    const [first, moved, own] = [departure(10), departure(12), departure(8)];
    await scene.post(scene.cart({ cartId: 'old', departure: first }));
    await scene.entered(1);
    await edit(scene.campaign, cart(live('-5h')));
    await scene.post(
      scene.cart({ cartId: 'old', departure: moved }),
      scene.cart({ cartId: 'new', departure: own }),
    );
    await dispatched(stack);
    const rows = (await scene.rows()).map(
      (row) => [row.trigger.matchValue, row.version, row.dueAt] as unknown[],
    );
    const before = (instant: string, hours: number): string =>
      new Date(Date.parse(instant) - hours * HOUR_MS).toISOString();
    expect(rows).to.have.deep.members([
      ['old', 1, before(moved, 2)],
      ['new', 2, before(own, 5)],
    ]);
  });

  it('loses no event that is posted once it has returned, through whichever instance', async () => {
    const other = await stack.startApi();
    const names = cartNames();
    const scene = await cartScene(stack, site, { names });
    for (let version = 2; version <= 6; version += 1) {
      const event = `Step ${version} ${names.cart}`;
      await edit(scene.campaign, cart({ event }));
      const answer = await fetch(`${version % 2 ? other.url : stack.api.url}/v1/events`, {
        method: 'POST',
        headers: { authorization: 'Bearer test-admin-key-0123456789', 'content-type': 'application/json' },
        body: JSON.stringify({
          events: [{ identity: scene.identity, name: event, properties: { cartId: `v${version}` } }],
        }),
      });
      expect(answer.status).to.equal(202);
      const rows = await scene.settled(version - 1);
      expect(rows.map((row) => row.version as number).sort()).to.deep.equal(
        Array.from({ length: version - 1 }, (_, i) => i + 2),
      );
    }
    expect(scene.pushes()).to.deep.equal([2, 3, 4, 5, 6].map((version) => `second v${version}`));
  });

  it('leaves a run under way with its text, and gives the next one the new', async () => {
    const group = 'edited-run';
    const { endpoints } = await audience(stack, site, group, { profiles: 6, subscribed: 6 });
    const slow = endpoints.slice(0, 3);
    for (const subscription of slow)
      stack.push.answer({ subscription, answer: { status: 429, retryAfter: '5' }, times: 1 });
    const id = await publish(past(group));
    await waitFor('the first sends', () =>
      endpoints.slice(3).every((endpoint) => pushesTo(stack, endpoint).length === 1),
    );
    const next = new Date(Math.ceil((Date.now() + 10_000) / MINUTE_MS) * MINUTE_MS)
      .toISOString()
      .slice(0, 16);
    const when = { start: 'now', schedule: { at: [next] }, timezone: 'UTC' };
    const view = await edit(id, past(group, { when, what: { title: 'Second', body: 'second' } }));
    expect(view).to.include({ version: 2, status: 'running' });
    const bodies = (endpoint: string): string[] => pushesTo(stack, endpoint).map(({ body }) => body);
    await waitFor('the rest of the first run', () => slow.every((endpoint) => bodies(endpoint).length >= 2));
    // The next run may have begun already.
    const rest = slow.map((endpoint) => bodies(endpoint).slice(0, 2));
    expect(rest).to.deep.equal(slow.map(() => ['first', 'first']));
    expect(await finished(stack, id, 80_000)).to.equal('completed');
    expect(endpoints.map((endpoint) => bodies(endpoint).at(-1))).to.deep.equal(endpoints.map(() => 'second'));
    const { body } = await stack.client.get(`/v1/campaigns/${id}/runs`);
    const runs = (body.data as Record<string, any>[]).map(
      ({ version, local }) => [version, local] as unknown[],
    );
    expect(runs.sort()).to.deep.equal([
      [1, runs.find(([version]) => version === 1)?.[1]],
      [2, next],
    ]);
  });

  it('moves the start of a campaign that has not begun, and its workflow learns of it', async () => {
    const group = 'edited-start';
    const { endpoints } = await audience(stack, site, group, { profiles: 2, subscribed: 2 });
    const start = new Date(Date.now() + HOUR_MS).toISOString();
    const id = await publish(past(group, { when: { start } }));
    expect(await read(id)).to.include({ status: 'scheduled', startsAt: start });
    const later = new Date(Date.now() + 2 * HOUR_MS).toISOString();
    expect(await edit(id, past(group, { when: { start: later } }))).to.include({
      status: 'scheduled',
      version: 2,
      startsAt: later,
    });
    const what = { title: 'Second', body: 'second' };
    expect(await edit(id, past(group, { when: { start: 'now' }, what }))).to.include({ status: 'running' });
    expect(await finished(stack, id)).to.equal('completed');
    expect(endpoints.map((endpoint) => pushesTo(stack, endpoint).map(({ body }) => body))).to.deep.equal([
      ['second'],
      ['second'],
    ]);
  });

  it('moves the end, to both sides', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    const live = { event: scene.names.cart, inaction: { event: scene.names.charged, within: '1h' } };
    await scene.post(scene.cart());
    await scene.entered(1);
    const far = new Date(Date.now() + HOUR_MS).toISOString();
    expect(await edit(scene.campaign, cart(live, { when: { end: far } }))).to.include({ endsAt: far });
    expect(await edit(scene.campaign, cart(live))).to.not.have.property('endsAt');
    const near = new Date(Date.now() + 5_000).toISOString();
    await edit(scene.campaign, cart(live, { when: { end: near } }));
    expect(await finished(stack, scene.campaign)).to.equal('completed');
    expect((await scene.settled(1))[0]).to.include({ reason: 'ended' });
    expectProblem(await put(scene.campaign, cart(live)), 'wrong_status');
  });

  it('leaves a paused campaign paused', async () => {
    const scene = await cartScene(stack, site, { within: null });
    await stack.client.must(`/v1/campaigns/${scene.campaign}/pause`);
    const body = cart({ event: scene.names.cart });
    expect(await edit(scene.campaign, body)).to.include({ status: 'paused', version: 2 });
    await scene.post(scene.cart({ cartId: 'paused' }));
    await dispatched(stack);
    expect(await scene.rows()).to.deep.equal([]);
    await stack.client.must(`/v1/campaigns/${scene.campaign}/resume`);
    await scene.post(scene.cart({ cartId: 'resumed' }));
    await scene.settled(1);
    expect(scene.pushes()).to.deep.equal(['second resumed']);
  });

  it('says everything that is wrong with it, each with its place, and changes nothing', async () => {
    const scene = await cartScene(stack, site);
    const other = await makeSite(stack);
    const before = await read(scene.campaign);
    const wrong = {
      name: 'Wrong',
      channel: 'webPush',
      siteId: other.id,
      who: { past: { all: [{ segment: 'a'.repeat(24) }, { inList: 'b'.repeat(24) }] } },
      when: {
        start: new Date(Date.now() - HOUR_MS).toISOString(),
        end: new Date(Date.now() - 1_000).toISOString(),
        delay: '5m',
      },
      what: { title: '{{ profile.name', body: '{{ event.cartId }}', ttl: '60d' },
    };
    expect(expectProblem(await put(scene.campaign, wrong), 'validation_failed').sort()).to.deep.equal([
      '/siteId',
      '/what/body',
      '/what/title',
      '/what/ttl',
      '/when/delay',
      '/when/end',
      '/when/start',
      '/who',
      '/who/past/all/0/segment',
      '/who/past/all/1/inList',
    ]);
    const sms = { ...cart({ event: scene.names.cart }), channel: 'sms' };
    expect(expectProblem(await put(scene.campaign, sms), 'validation_failed')).to.deep.equal(['/channel']);
    expect(await read(scene.campaign)).to.deep.equal(before);
  });

  it('keeps the start of a campaign that has begun, however it is said', async () => {
    const scene = await cartScene(stack, site);
    const { startsAt } = await read(scene.campaign);
    const live = { event: scene.names.cart };
    for (const start of ['now', startsAt as string, (startsAt as string).replace('Z', '+00:00')]) {
      const view = await edit(scene.campaign, cart(live, { when: { start } }));
      expect(view).to.deep.include({ startsAt, when: { start: 'now' } });
    }
    const moved = cart(live, { when: { start: new Date(Date.now() + HOUR_MS).toISOString() } });
    expect(expectProblem(await put(scene.campaign, moved), 'validation_failed')).to.deep.equal([
      '/when/start',
    ]);
  });

  it('by several at once makes one version for each that is told so', async () => {
    const scene = await cartScene(stack, site);
    const names = Array.from({ length: 6 }, (_, i) => `Edit ${i}`);
    const answers = await Promise.all(
      names.map((name) => put(scene.campaign, cart({ event: scene.names.cart }, { name }))),
    );
    const done = answers.filter(({ status }) => status === 200);
    for (const answer of answers.filter(({ status }) => status !== 200))
      expectProblem(answer, 'wrong_status');
    expect(done.length).to.be.at.least(1);
    const view = await read(scene.campaign);
    expect(view.version).to.equal(1 + done.length);
    const numbers = done.map(({ body }) => body.version as number).sort();
    expect(numbers).to.deep.equal(done.map((_, i) => i + 2));
    expect(done.find(({ body }) => body.version === view.version)?.body.name).to.equal(view.name);
  });

  it('with an idempotency key is done once', async () => {
    const scene = await cartScene(stack, site);
    const body = JSON.stringify(cart({ event: scene.names.cart }));
    const once = () =>
      stack.client.raw('PUT', `/v1/campaigns/${scene.campaign}`, body, { 'idempotency-key': 'edit-once' });
    const first = await once();
    expect([first.status, first.body.version]).to.deep.equal([200, 2]);
    expect((await once()).body).to.deep.equal(first.body);
    // A call that broke off after it was written is not known to have been answered.
    await stack.db.collection('idempotency').deleteMany({});
    expect((await once()).body.version).to.equal(2);
    expect((await read(scene.campaign)).version).to.equal(2);
  });

  it('can be read version by version', async () => {
    const draft = (await stack.client.must('/v1/campaigns', cart({ event: 'Nothing' }))) as { id: string };
    const versions = async (id: string, query = '') =>
      (await stack.client.get(`/v1/campaigns/${id}/versions${query}`)).body as Record<string, any>;
    expect(await versions(draft.id)).to.deep.equal({ data: [], nextCursor: null });
    const scene = await cartScene(stack, site);
    const first = await read(scene.campaign);
    const second = await edit(scene.campaign, cart({ event: scene.names.cart }, { name: 'Second' }));
    expect(await versions(scene.campaign)).to.deep.equal({
      data: [
        { version: 1, publishedAt: first.publishedAt },
        { version: 2, publishedAt: second.versionAt },
      ],
      nextCursor: null,
    });
    expect(second.publishedAt).to.equal(first.publishedAt);
    const page = await versions(scene.campaign, '?limit=1');
    expect([page.data[0].version, page.nextCursor]).to.deep.equal([1, '1']);
    expect((await versions(scene.campaign, '?limit=1&cursor=1')).data[0].version).to.equal(2);
    const one = await stack.client.get(`/v1/campaigns/${scene.campaign}/versions/1`);
    expect(one.body).to.deep.include({
      version: 1,
      name: 'Abandoned cart',
      what: first.what,
      who: first.who,
    });
    expect((await stack.client.get(`/v1/campaigns/${scene.campaign}/versions/2`)).body.name).to.equal(
      'Second',
    );
    expectProblem(await stack.client.get(`/v1/campaigns/${scene.campaign}/versions/3`), 'not_found');
    const zero = await stack.client.get(`/v1/campaigns/${scene.campaign}/versions/0`);
    expect(expectProblem(zero, 'validation_failed')).to.deep.equal([':version']);
  });

  it('keeps what its earlier versions refer to until it is over', async () => {
    const saved = (await stack.client.must('/v1/segments', {
      name: 'Germans',
      segment: { property: 'country', op: 'eq', value: 'DE' },
    })) as { id: string };
    const names = cartNames();
    const id = await publish(cart({ event: names.cart, filter: { segment: saved.id } }));
    await edit(id, cart({ event: names.cart }));
    expectProblem(await stack.client.delete(`/v1/segments/${saved.id}`), 'in_use');
    await stack.client.must(`/v1/campaigns/${id}/stop`);
    expect((await stack.client.delete(`/v1/segments/${saved.id}`)).status).to.equal(204);
    expectProblem(await put(id, cart({ event: names.cart })), 'wrong_status');
  });

  it('is refused once a version that somebody is inside by would be forgotten', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    await scene.post(scene.cart());
    await scene.entered(1);
    const body = cart({ event: `Other ${scene.names.cart}` });
    for (let version = 2; version <= 51; version += 1)
      expect((await edit(scene.campaign, body)).version).to.equal(version);
    expectProblem(await put(scene.campaign, body), 'too_many');
    // It is still closed by what closed it when it entered.
    await scene.post(scene.charged());
    expect((await scene.settled(1))[0]).to.include({ reason: 'inactionMet', version: 1 });
    expect((await edit(scene.campaign, body)).version).to.equal(52);
  });

  it('is told to the workflow later when it cannot be told at once', async () => {
    const group = 'edited-untold';
    const { endpoints } = await audience(stack, site, group, { profiles: 1, subscribed: 1 });
    const start = new Date(Date.now() + HOUR_MS).toISOString();
    const id = await publish(past(group, { when: { start } }));
    await stack.temporal.workflow.getHandle(`campaign/${id}`).terminate('lost');
    await edit(id, past(group, { when: { start: 'now' } }));
    const untold = async (): Promise<unknown> =>
      (await stack.db.collection('campaigns').findOne({ _id: id as never }))?.untold;
    expect(await untold()).to.equal(true);
    // A sweep that is under way already may be past the campaign.
    await waitFor('the sweep to tell it', async () => {
      await stack.api.sweepNow();
      return (await untold()) === undefined;
    });
    expect(await finished(stack, id)).to.equal('completed');
    expect(pushesTo(stack, endpoints[0] ?? '')).to.have.length(1);
  });

  it('takes a browser that subscribed after the edit as any other', async () => {
    const scene = await cartScene(stack, site, { within: '1s' });
    await edit(scene.campaign, cart({ event: scene.names.cart }));
    const identity = `late-${scene.identity}`;
    const { endpoint } = await subscribe(stack, site, identity);
    await post(stack, { identity, name: scene.names.cart, properties: { cartId: 'late' } });
    await waitFor('its push', () => pushesTo(stack, endpoint).length === 1);
    expect(pushesTo(stack, endpoint)[0]?.body).to.equal('second late');
  });
});
