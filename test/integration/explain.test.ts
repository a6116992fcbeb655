import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { campaignExplainRoutes } from '../../api/campaigns/explain-route.ts';
import type { ApiDeps } from '../../api/deps.ts';
import { DEFAULT_SETTINGS } from '../../domain/campaign/settings.ts';
import { audience, allSettled, publishTo } from '../support/audience.ts';
import { ago, cartScene, type CartScene } from '../support/cart-scene.ts';
import { dispatched, makeSite, post, publish, runsOf, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

const MINUTE_MS = 60_000;

interface Step {
  step: string;
  outcome: string;
  detail: string;
  segment?: { holds: boolean | null; text: string; parts?: Step['segment'][] };
  events?: { outcome: string; detail: string; conditions: { text: string; holds: boolean }[] }[];
}

interface Explanation {
  objectId: string | null;
  verdict: string;
  summary: string;
  steps: Step[];
  messages: { id: string; state: string; reason?: string }[];
}

describe('explaining a campaign to one profile', function () {
  this.timeout(60_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  after(() => stack?.close());

  async function explain(campaign: string, identity: string): Promise<Explanation> {
    const answer = await stack.client.get(
      `/v1/campaigns/${campaign}/explain?identity=${encodeURIComponent(identity)}`,
    );
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    return answer.body as Explanation;
  }
  const ofScene = (scene: CartScene): Promise<Explanation> => explain(scene.campaign, scene.identity);
  const stepOf = (explanation: Explanation, name: string): Step => {
    const found = explanation.steps.find(({ step }) => step === name);
    if (!found) throw new Error(`no step ${name} in ${JSON.stringify(explanation.steps)}`);
    return found;
  };
  /** The one step that failed. */
  const failedAt = (explanation: Explanation): [string, string] => {
    const failed = explanation.steps.filter(({ outcome }) => outcome === 'failed');
    expect(failed, JSON.stringify(explanation.steps, null, 1)).to.have.length(1);
    return [failed[0]?.step ?? '', failed[0]?.detail ?? ''];
  };

  it('says that it was sent, when, and to how many devices', async () => {
    const scene = await cartScene(stack, site, { within: null, devices: 2 });
    await scene.post(scene.cart({ cartId: 'a' }));
    const [row] = await scene.settled();
    const explanation = await ofScene(scene);
    expect(explanation.verdict).to.equal('sent');
    expect(explanation.summary).to.equal(`Sent at ${row?.sentAt} to 2 of 2 devices.`);
    expect(explanation.steps.map(({ outcome }) => outcome)).to.not.include.members(['failed', 'notReached']);
    expect(stepOf(explanation, 'delivery')).to.include({ outcome: 'passed' });
    expect(explanation.messages.map(({ id, state }) => [id, state])).to.deep.equal([[row?.id, 'sent']]);
    const byId = await stack.client.get(
      `/v1/campaigns/${scene.campaign}/explain?objectId=${explanation.objectId ?? ''}`,
    );
    expect(byId.body.summary).to.equal(explanation.summary);
  });

  it('names the part of the segment that does not hold, and what is there instead', async () => {
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'outsider', country: 'FR', properties: { plan: 'gold' } }],
    });
    await subscribe(stack, site, 'outsider');
    const people = await audience(stack, site, 'insiders', { profiles: 1, subscribed: 1 });
    const past = {
      all: [
        { property: 'plan', op: 'eq', value: 'gold' },
        {
          any: [
            { property: 'country', op: 'in', value: ['DE', 'AT'] },
            { property: 'group', op: 'exists' },
          ],
        },
        { not: { property: 'email', op: 'exists' } },
      ],
    };
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: people.identities[0], properties: { plan: 'gold' } }],
    });
    const campaign = await publish(stack, {
      name: 'Gold',
      channel: 'webPush',
      siteId: site.id,
      who: { past },
      what: { title: 'Hello' },
    });
    await allSettled(stack, campaign);
    const explanation = await explain(campaign, 'outsider');
    expect(explanation.verdict).to.equal('notSent');
    const [step, detail] = failedAt(explanation);
    expect(step).to.equal('who');
    expect(detail)
      .to.include('country that is one of ["DE","AT"] (it is "FR")')
      .and.to.include('group that is there (it is not there)')
      .and.not.to.include('plan');
    const { segment } = stepOf(explanation, 'who');
    expect(segment?.holds).to.equal(false);
    expect(segment?.parts?.map((part) => part?.holds)).to.deep.equal([true, false, true]);
    expect(stepOf(explanation, 'reachable')).to.include({ outcome: 'notReached' });
    expect((await explain(campaign, people.identities[0] ?? '')).verdict).to.equal('sent');
  });

  it('names the condition of `where` that the event did not meet', async () => {
    const scene = await cartScene(stack, site, {
      within: null,
      live: () => ({
        where: [
          { property: 'price', op: 'gte', value: 20 },
          { property: 'currency', op: 'eq', value: 'EUR' },
        ],
      }),
    });
    await scene.post(scene.cart({ price: 5, currency: 'EUR' }));
    await dispatched(stack);
    const explanation = await ofScene(scene);
    expect(explanation.verdict).to.equal('notSent');
    expect(failedAt(explanation)[0]).to.equal('who');
    expect(explanation.summary).to.include('price of at least 20 (it is 5)').and.not.to.include('currency');
    const [event] = stepOf(explanation, 'who').events ?? [];
    expect(event?.outcome).to.equal('ignored');
    expect(event?.conditions.map(({ holds }) => holds)).to.deep.equal([false, true]);
  });

  it('says that it judges an event by a version which came after it', async () => {
    const live = (least: number) => ({ where: [{ property: 'price', op: 'gte', value: least }] });
    const scene = await cartScene(stack, site, { within: null, live: () => live(20) });
    await scene.post(scene.cart({ price: 5 }));
    await dispatched(stack);
    const path = `/v1/campaigns/${scene.campaign}`;
    const { body } = await stack.client.get(path);
    const edited = await stack.client.put(path, {
      name: body.name,
      channel: 'webPush',
      siteId: site.id,
      who: { live: { event: scene.names.cart, ...live(3) } },
      what: body.what,
    });
    expect(edited.status, JSON.stringify(edited.body)).to.equal(200);
    const { verdict, summary } = await ofScene(scene);
    expect(verdict).to.equal('notSent');
    expect(summary).to.include(
      `as judged by the current version, of ${edited.body.versionAt}; the event came`,
    );
    expect(summary).not.to.include('filter');
    await scene.post(scene.cart({ price: 2 }));
    expect((await ofScene(scene)).summary)
      .to.include('price of at least 3 (it is 2)')
      .and.not.to.include('current version');
  });

  it('tells apart who never did the event, whose came too late to open one, and who is not known', async () => {
    const scene = await cartScene(stack, site, { within: null });
    expect((await ofScene(scene)).summary).to.match(/never did "Added To Cart/);
    await scene.post(scene.cart({}, { time: ago(25 * 3_600_000) }));
    await dispatched(stack);
    expect((await ofScene(scene)).summary).to.include('more than 24 hours after it happened');
    const unknown = await explain(scene.campaign, 'nobody at all');
    expect(unknown).to.include({ verdict: 'notSent', objectId: null });
    expect(failedAt(unknown)[0]).to.equal('profile');
    expect(unknown.summary).to.include('nobody at all');
  });

  it('says which event kept the message from being sent', async () => {
    const scene = await cartScene(stack, site, { within: '1h' });
    await scene.post(scene.cart({}, { time: ago(1_000) }));
    await scene.entered();
    const waiting = await ofScene(scene);
    expect(waiting.verdict).to.equal('waiting');
    expect(stepOf(waiting, 'window')).to.include({ outcome: 'info' });
    expect(waiting.summary).to.match(/^Waiting: to be sent at /);
    await scene.post(scene.charged());
    await scene.settled();
    const explanation = await ofScene(scene);
    expect(explanation.verdict).to.equal('notSent');
    const [step, detail] = failedAt(explanation);
    expect(step).to.equal('cancellingEvents');
    expect(detail)
      .to.include(`"${scene.names.charged}"`)
      .and.to.match(/^Recorded: /);
    expect(stepOf(explanation, 'window')).to.include({ outcome: 'notReached' });
    expect(stepOf(explanation, 'who')).to.include({ outcome: 'passed' });
    expect(explanation.messages).to.have.length(1);
    expect(explanation.messages[0]).to.include({ state: 'suppressed', reason: 'inactionMet' });
  });

  it('says that the profile could not be reached, and that now it can', async () => {
    const scene = await cartScene(stack, site, { within: null });
    await stack.client.delete(`/v1/subscriptions/${scene.subscriptions[0]}`);
    await scene.post(scene.cart());
    await scene.settled();
    const unreachable = await ofScene(scene);
    const [step, detail] = failedAt(unreachable);
    expect(step).to.equal('reachable');
    expect(detail).to.match(/^Recorded: .*As of now: no active subscription on the site, only optedOut\.$/);
    await subscribe(stack, site, scene.identity);
    expect(failedAt(await ofScene(scene))[1]).to.match(/^Recorded: .*As of now: 1 active subscription/);
  });

  it('says that quiet hours discarded the message', async () => {
    const scene = await cartScene(stack, site, {
      within: null,
      when: { dnd: quietNow('discard') },
      profile: { timezone: FAR_ZONE },
    });
    await scene.post(scene.cart());
    await scene.settled();
    const explanation = await ofScene(scene);
    const [step, detail] = failedAt(explanation);
    expect(step).to.equal('quietHours');
    expect(detail).to.include(FAR_ZONE);
    expect(stepOf(explanation, 'reachable')).to.include({ outcome: 'notReached' });
  });

  it('says that the profile no longer met the live filter', async () => {
    const scene = await cartScene(stack, site, {
      within: '5s',
      live: () => ({ filter: { property: 'plan', op: 'eq', value: 'gold' } }),
      profile: { properties: { plan: 'gold' } },
    });
    await scene.post(scene.cart());
    await scene.entered();
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: scene.identity, properties: { plan: 'free' } }],
    });
    await scene.settled();
    const explanation = await ofScene(scene);
    const [step, detail] = failedAt(explanation);
    expect(step).to.equal('filter');
    expect(detail)
      .to.include('As of now: the profile does not meet the live filter')
      .and.to.include('"free"');
    expect(stepOf(explanation, 'filter').segment?.holds).to.equal(false);
    expect(stepOf(explanation, 'window')).to.include({ outcome: 'passed' });
  });

  it('says that the profile is in the control group of the campaign', async () => {
    const scene = await cartScene(stack, site, {
      within: null,
      campaign: { setup: { controlGroup: { percent: 100 } } },
    });
    await scene.post(scene.cart());
    await scene.settled();
    const explanation = await ofScene(scene);
    expect(explanation.verdict).to.equal('control');
    expect(failedAt(explanation)[0]).to.equal('controlGroup');
    expect(scene.pushes()).to.deep.equal([]);
  });

  it('says that an event opened nothing since the profile got it already and may get it only once', async () => {
    const scene = await cartScene(stack, site, { within: null, when: { requalify: { mode: 'once' } } });
    await scene.post(scene.cart());
    const [first] = await scene.settled();
    await scene.post(scene.cart());
    await scene.settled();
    const explanation = await ofScene(scene);
    expect(explanation.verdict).to.equal('sent');
    expect(explanation.summary).to.match(
      /opened none: the same profile may get it once, and the profile got it/,
    );
    const { events } = stepOf(explanation, 'who');
    expect(events?.map(({ outcome }) => outcome)).to.deep.equal(['ignored', 'opened']);
    expect(stepOf(explanation, 'requalify').detail).to.match(
      /As of now: the same profile may get it once, and this/,
    );
    expect(explanation.messages.map(({ id, state }) => [id, state])).to.deep.equal([[first?.id, 'sent']]);
  });

  it('explains a draft and a campaign that waits for its start as of now', async () => {
    const people = await audience(stack, site, 'patient', { profiles: 1, subscribed: 1 });
    const [identity = ''] = people.identities;
    const later = new Date(Date.now() + 3_600_000).toISOString();
    const draft = (await stack.client.must('/v1/campaigns', {
      name: 'Draft',
      channel: 'webPush',
      siteId: site.id,
      who: { past: { all: [] } },
      what: { title: 'Hello' },
    })) as { id: string };
    const drafted = await explain(draft.id, identity);
    expect(drafted.verdict).to.equal('notSent');
    expect(failedAt(drafted)[0]).to.equal('campaign');
    const scheduled = await publishTo(stack, site, people, { when: { start: later } });
    const waiting = await explain(scheduled, identity);
    expect(waiting.verdict).to.equal('waiting');
    expect(waiting.summary).to.match(/has not started/);
  });

  it('says that a profile came after the run', async () => {
    const people = await audience(stack, site, 'early', { profiles: 1, subscribed: 1 });
    const campaign = await publishTo(stack, site, people);
    await allSettled(stack, campaign);
    await waitFor('the end of the run', async () => {
      const runs = (await stack.client.get(`/v1/campaigns/${campaign}/runs`)).body.data as {
        status: string;
      }[];
      return runs[0]?.status === 'completed';
    });
    await stack.client.must('/v1/profiles', {
      profiles: [{ identity: 'late-comer', properties: { group: 'early' } }],
    });
    const explanation = await explain(campaign, 'late-comer');
    expect(failedAt(explanation)[0]).to.equal('who');
    expect(explanation.summary).to.include('the profile was made after it');
  });

  describe('that has a run to come', () => {
    const in2030 = '2030-01-01T09:00:00.000Z';
    const saved = async (path: string, body: object): Promise<string> =>
      (await stack.client.must(path, body)).id as string;
    const publishWith = (past: object, when: object): Promise<string> =>
      publish(stack, {
        name: 'Later',
        channel: 'webPush',
        siteId: site.id,
        who: { past },
        when,
        what: { title: 'Hello' },
      });

    it('stays the same once it is over, also when its saved segment is deleted then', async () => {
      const people = await audience(stack, site, 'over', { profiles: 1, subscribed: 1 });
      const [identity = ''] = people.identities;
      const condition = { property: 'group', op: 'eq', value: 'over' };
      const segment = await saved('/v1/segments', { name: 'Loyal', segment: condition });
      const campaign = await publishWith({ segment }, { start: in2030 });
      expect((await explain(campaign, identity)).summary).to.equal(
        `Waiting: the campaign has not started, and as of now nothing keeps the profile out; the next run begins at ${in2030}.`,
      );
      await stack.client.must(`/v1/campaigns/${campaign}/stop`);
      const before = await explain(campaign, identity);
      const summary = 'No message: the campaign was over before a run of it began.';
      expect(before).to.include({ verdict: 'notSent', summary });
      expect(stepOf(before, 'who').segment).to.include({
        holds: true,
        text: `is in the saved segment "Loyal" (${segment})`,
      });

      expect((await stack.client.delete(`/v1/segments/${segment}`)).status).to.equal(204);
      const after = await explain(campaign, identity);
      expect(after).to.include({ verdict: 'notSent', summary });
      expect(failedAt(after)).to.deep.equal(failedAt(before));
      expect(stepOf(after, 'who').segment).to.deep.equal({
        holds: null,
        text: `is in the saved segment ${segment}`,
        fault: `there is no segment ${segment}`,
      });
      await stack.client.must(`/v1/campaigns/${campaign}/archive`);
      expect(await explain(campaign, identity)).to.include({ verdict: 'notSent', summary });
    });

    it('says that none has begun, with the instant of the next one as the campaign has it', async () => {
      const people = await audience(stack, site, 'ahead', { profiles: 1, subscribed: 1 });
      const [identity = ''] = people.identities;
      const at = ['2030-01-01T09:00'];
      const campaign = await publishWith(
        { property: 'group', op: 'eq', value: 'ahead' },
        { start: 'now', timezone: 'Europe/Berlin', schedule: { at } },
      );
      const shown = await waitFor('the start of the campaign', async () => {
        const { body } = await stack.client.get(`/v1/campaigns/${campaign}`);
        return body.status === 'running' && body;
      });
      expect(shown.nextRunAt).to.equal('2030-01-01T08:00:00.000Z');
      const next = `the next run begins at ${shown.nextRunAt as string}`;
      const explanation = await explain(campaign, identity);
      expect(explanation).to.include({ verdict: 'waiting', summary: `Waiting: no run has begun; ${next}.` });
      expect(stepOf(explanation, 'schedule')).to.include({ at: shown.nextRunAt });
      expect(stepOf(explanation, 'schedule').detail).to.include(next);
      await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    });

    it('says between two runs what the last one did, and when the next one looks again', async () => {
      const people = await audience(stack, site, 'between', { profiles: 1, subscribed: 1 });
      const leftMs = MINUTE_MS - (Date.now() % MINUTE_MS);
      if (leftMs < 15_000) await delay(leftMs);
      const at = [new Date().toISOString().slice(0, 16), '2030-01-01T09:00'];
      const campaign = await publishTo(stack, site, people, { when: { timezone: 'UTC', schedule: { at } } });
      const [run] = await waitFor('the end of the first run', async () => {
        const runs = await runsOf(stack, campaign);
        return runs[0]?.status === 'completed' && runs;
      });
      await stack.client.must('/v1/profiles', {
        profiles: [{ identity: 'between-late', properties: { group: 'between' } }],
      });
      const left =
        `the profile is in the segment, but the run of ${run?.instant as string} wrote down no message for it: ` +
        'the profile was made after it';
      const next = `the next run begins at ${in2030}.`;
      const unreachable = await explain(campaign, 'between-late');
      expect(failedAt(unreachable)[0]).to.equal('reachable');
      expect(unreachable).to.include({
        verdict: 'notSent',
        summary: `No message: ${left}; as of now: no active subscription on the site, none at all; ${next}`,
      });
      await subscribe(stack, site, 'between-late');
      const waiting = await explain(campaign, 'between-late');
      expect(waiting).to.include({ verdict: 'waiting', summary: `Waiting: ${left}; ${next}` });
      expect((await explain(campaign, people.identities[0] ?? '')).verdict).to.equal('sent');
      await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    });

    it('names the saved segments and lists in it', async () => {
      const people = await audience(stack, site, 'named', { profiles: 1, subscribed: 1 });
      const [identity = ''] = people.identities;
      const nobody = { property: 'group', op: 'eq', value: 'nobody' };
      const segment = await saved('/v1/segments', { name: 'Rich', segment: nobody });
      const list = await saved('/v1/lists', { name: 'Fair of May' });
      const campaign = await publishWith({ any: [{ segment }, { inList: list }] }, { start: in2030 });
      const explanation = await explain(campaign, identity);
      expect(explanation.verdict).to.equal('notSent');
      expect(explanation.summary)
        .to.include(`it does not hold that the profile is in the saved segment "Rich" (${segment})`)
        .and.to.include(`is in the list "Fair of May" (${list}); the next run begins at ${in2030}.`);
      await stack.client.must(`/v1/campaigns/${campaign}/stop`);
    });
  });

  it('is refused without exactly one of identity and objectId', async () => {
    const scene = await cartScene(stack, site, { within: null });
    const call = (query: string) => stack.client.get(`/v1/campaigns/${scene.campaign}/explain${query}`);
    expect(expectProblem(await call(''), 'validation_failed')).to.deep.equal(['?identity']);
    const both = await call(`?identity=a&objectId=${'0'.repeat(24)}`);
    expect(expectProblem(both, 'validation_failed')).to.deep.equal(['?identity']);
    expect(expectProblem(await call('?objectId=x'), 'validation_failed')).to.deep.equal(['?objectId']);
    expectProblem(await stack.client.get(`/v1/campaigns/${'0'.repeat(24)}/explain?identity=a`), 'not_found');
    await post(stack, scene.cart());
  });
});

describe('explaining a campaign while a run goes on', () => {
  const instant = new Date('2026-11-20T10:00:00Z');
  const ended = { id: 'r0', campaignId: 'c1', version: 1, instant: new Date('2026-11-19T10:00:00Z') };
  const written = { id: 'r1', campaignId: 'c1', version: 1, instant };
  const profile = { id: 'p1', identity: 'x', testProfile: false, properties: {}, createdAt: new Date(0) };
  const message = {
    ...{ id: 'm1', campaignId: 'c1', version: 1, siteId: 's1', profileId: 'p1', runId: 'r1' },
    ...{ state: 'suppressed', reason: 'unreachable', settledAt: instant, dueAt: instant },
    ...{ firstDueAt: instant, createdAt: instant, tries: 0, devices: [], attempts: [], receipts: [] },
  };
  const over = { ...ended, status: 'completed', createdAt: instant };

  /** Between the first look at the runs or the messages and the next one, the run writes its message. */
  async function summaryFor(runsFirst: object[]): Promise<string> {
    let looks = 0;
    const look = async <T>(first: T, then: T): Promise<T> => {
      const isFirst = looks === 0;
      await delay(0);
      looks += 1;
      return isFirst ? first : then;
    };
    const campaign = {
      ...{ id: 'c1', targetId: 1, status: 'running', version: 1, createdAt: instant, updatedAt: instant },
      ...{ publishedAt: ended.instant, startsAt: ended.instant },
      definition: {
        ...{ name: 'Daily', channel: 'webPush', siteId: 's1', labels: [], who: { past: { all: [] } } },
        when: { start: 'now', timezone: 'UTC', schedule: { at: ['2026-11-19T10:00', '2026-11-20T10:00'] } },
        what: { title: 'Hello' },
      },
    };
    const draining = { ...written, status: 'draining', createdAt: instant };
    const deps = {
      clock: { now: () => new Date('2026-11-20T10:00:05Z') },
      campaigns: { byId: () => Promise.resolve(campaign) },
      profiles: { byIdentity: () => Promise.resolve(profile) },
      settings: { read: () => Promise.resolve(DEFAULT_SETTINGS) },
      sites: { byId: () => Promise.resolve(null) },
      messages: { ofProfile: () => look<object[]>([], [message]) },
      subscriptions: { list: () => Promise.resolve([]), latestZones: () => Promise.resolve(new Map()) },
      allowances: { of: () => Promise.resolve(null) },
      runs: { list: () => look(runsFirst, [draining, over]) },
      audience: { members: () => Promise.resolve(new Set(['p1'])) },
    } as unknown as ApiDeps;
    const [route] = campaignExplainRoutes(deps);
    const call = { params: { id: 'c1' }, query: { identity: 'x' } } as never;
    const { body } = (await route!.handle(call)) as { body: { summary: string } };
    return body.summary;
  }
  const summary = 'Not sent, at 2026-11-20T10:00:00.000Z: the profile could not be reached.';

  it('shows the message of a run that was done with its writing meanwhile', async () => {
    expect(await summaryFor([{ ...written, status: 'materialising', createdAt: instant }, over])).to.equal(
      summary,
    );
  });

  it('does not say of a run that was opened meanwhile that it is about to begin', async () => {
    expect(await summaryFor([over])).to.equal(summary);
  });
});
