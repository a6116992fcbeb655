import { expect } from 'chai';
import { audience, allSettled, publishTo } from '../support/audience.ts';
import { ago, cartScene, type CartScene } from '../support/cart-scene.ts';
import { dispatched, makeSite, post, publish, subscribe } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { FAR_ZONE, quietNow } from '../support/quiet-now.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { waitFor } from '../support/wait-for.ts';

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
      within: '2s',
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
