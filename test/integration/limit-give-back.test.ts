import { expect } from 'chai';
import { allSettled } from '../support/audience.ts';
import { makeSite, messagesOf, publish, pushesTo, subscribe } from '../support/fixtures.ts';
import { setSettings } from '../support/settings.ts';
import { startStack, type TestStack } from '../support/stack.ts';
import { roomInUtcDay } from '../support/utc-day.ts';
import { waitFor } from '../support/wait-for.ts';

describe('the global limits', function () {
  this.timeout(90_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;
  let people = 0;

  before(async () => {
    stack = await startStack();
    site = await makeSite(stack);
  });
  beforeEach(async () => {
    await roomInUtcDay();
    await setSettings(stack, { globalLimits: { webPush: { perDay: 1 } } });
  });
  after(() => stack?.close());

  /** One profile, with so many browsers. */
  const person = async (devices = 1): Promise<{ identity: string; endpoints: string[] }> => {
    people += 1;
    const identity = `limited-${people}`;
    const endpoints: string[] = [];
    for (let i = 0; i < devices; i += 1) endpoints.push((await subscribe(stack, site, identity)).endpoint);
    return { identity, endpoints };
  };
  const start = (identity: string, more: object = {}): Promise<string> =>
    publish(stack, {
      name: identity,
      channel: 'webPush',
      siteId: site.id,
      who: { past: { property: 'identity', op: 'eq', value: identity } },
      what: { title: 'Hello' },
      ...more,
    });
  /** Sends the profile a campaign. @returns how its message ended */
  const send = async (identity: string, more: object = {}): Promise<Record<string, any>> =>
    (await allSettled(stack, await start(identity, more)))[0]!;
  const outcome = ({ state, reason }: Record<string, any>): string => (reason ?? state) as string;

  it('say which of them kept a message back', async () => {
    const { identity, endpoints } = await person();
    expect(outcome(await send(identity))).to.equal('sent');
    const second = await send(identity);
    expect(outcome(second)).to.equal('globalLimit');
    expect(second.detail).to.match(/^day \d{4}-\d\d-\d\d is full: 1 \(it was .* in UTC\)$/);
    expect(pushesTo(stack, endpoints[0]!)).to.have.length(1);
    await setSettings(stack, { globalLimits: { webPush: { perDay: 5, perWeek: 1 } } });
    const third = await person();
    expect(outcome(await send(third.identity))).to.equal('sent');
    expect((await send(third.identity)).detail).to.match(/^week \d{4}-W\d\d is full: 1 /);
  });

  it('take effect from the next page on when they are changed', async () => {
    const { identity } = await person();
    expect([outcome(await send(identity)), outcome(await send(identity))]).to.deep.equal([
      'sent',
      'globalLimit',
    ]);
    await setSettings(stack);
    expect(outcome(await send(identity))).to.equal('sent');
  });

  it('are ignored by a campaign that says so, which uses nothing of them up either', async () => {
    const { identity } = await person();
    const when = { ignoreGlobalLimits: true };
    expect(outcome(await send(identity, { when }))).to.equal('sent');
    expect(outcome(await send(identity))).to.equal('sent');
    expect(outcome(await send(identity, { when }))).to.equal('sent');
    expect(outcome(await send(identity))).to.equal('globalLimit');
  });

  it('count a message to three devices once', async () => {
    await setSettings(stack, { globalLimits: { webPush: { perDay: 2 } } });
    const { identity, endpoints } = await person(3);
    const ends = [await send(identity), await send(identity), await send(identity)].map(outcome);
    expect(ends).to.deep.equal(['sent', 'sent', 'globalLimit']);
    expect(endpoints.map((endpoint) => pushesTo(stack, endpoint).length)).to.deep.equal([2, 2, 2]);
  });

  it('get the slot back of a message whose subscriptions all answer 410', async () => {
    const { identity, endpoints } = await person(2);
    for (const endpoint of endpoints) stack.push.unsubscribe(endpoint);
    expect(outcome(await send(identity))).to.equal('gone');
    const { endpoint } = await subscribe(stack, site, identity);
    expect(outcome(await send(identity))).to.equal('sent');
    expect(outcome(await send(identity))).to.equal('globalLimit');
    expect(pushesTo(stack, endpoint)).to.have.length(1);
  });

  it('get the slot back of a message whose text did not render', async () => {
    const { identity } = await person();
    expect(outcome(await send(identity, { what: { title: '{{ profile.name }}' } }))).to.equal('renderError');
    expect(outcome(await send(identity))).to.equal('sent');
  });

  it('keep one slot for a message that is tried again, and for nobody else meanwhile', async () => {
    const { identity, endpoints } = await person();
    stack.push.answer({
      subscription: endpoints[0]!,
      answer: { status: 429, retryAfter: '3' },
      times: 1,
    });
    const first = await start(identity);
    await waitFor('the first try', async () => (await messagesOf(stack, first))[0]?.tries === 1);
    expect(outcome(await send(identity))).to.equal('globalLimit');
    expect((await allSettled(stack, first)).map(outcome)).to.deep.equal(['sent']);
    expect(outcome(await send(identity))).to.equal('globalLimit');
  });

  it('get the slot back of a message that is stopped while it waits for another try', async () => {
    const { identity, endpoints } = await person();
    stack.push.answer({
      subscription: endpoints[0]!,
      answer: { status: 429, retryAfter: '600' },
      times: 1,
    });
    const first = await start(identity);
    await waitFor('the first try', async () => (await messagesOf(stack, first))[0]?.tries === 1);
    await stack.client.must(`/v1/campaigns/${first}/stop`);
    expect((await allSettled(stack, first)).map(outcome)).to.deep.equal(['stopped']);
    expect(outcome(await send(identity))).to.equal('sent');
    expect(outcome(await send(identity))).to.equal('globalLimit');
  });

  it('neither lose nor double the slot of a message whose worker was lost before it could record', async () => {
    const { identity, endpoints } = await person();
    stack.push.answer({ subscription: endpoints[0]!, answer: { status: 429, retryAfter: '3' }, times: 1 });
    const first = await start(identity);
    const row = await waitFor('the first try', async () => {
      const [found] = await messagesOf(stack, first);
      return found?.tries === 1 && found;
    });
    // As a crash leaves it: nothing recorded, the row still held under a lease that runs out, the slot taken.
    const crashed = await stack.db.collection('messages').updateOne({ _id: row.id, state: 'due' }, [
      {
        $set: { state: 'sending', token: 'lost', leaseUntil: '$$NOW', devices: [], attempts: [], tries: 0 },
      },
    ]);
    expect(crashed.modifiedCount).to.equal(1);
    expect(outcome(await send(identity)), 'somebody else meanwhile').to.equal('globalLimit');
    expect((await allSettled(stack, first)).map(outcome)).to.deep.equal(['sent']);
    expect(outcome(await send(identity)), 'somebody else afterwards').to.equal('globalLimit');
    const held = await stack.db.collection('limits').findOne({ profileId: row.objectId });
    expect(held?.slots.map(({ ids }: { ids: string[] }) => ids)).to.deep.equal([[row.id]]);
    expect(pushesTo(stack, endpoints[0]!)).to.have.length(2);
  });
});
