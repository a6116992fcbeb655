import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { expect } from 'chai';
import { createQueueActivities } from '../../../activities/queue-activities.ts';
import { createTriggerActivities } from '../../../activities/trigger-activities.ts';
import { createFakeDelivery, DUE_AT } from './fakes.ts';

/** One live message of a campaign with a rate, its queue, and who is told of it. */
function setUp() {
  const fake = createFakeDelivery(1);
  fake.definition.when.throughput = { perMinute: 60 };
  const [row] = fake.rows;
  if (!row) throw new Error('no row');
  const wanted = { ...row };
  Object.assign(row, { state: 'waiting', token: undefined });
  const state = { awake: false, told: 0, tellFails: false, dozes: undefined as Date | undefined };
  const { messages, throughput } = fake.deps;
  const take = messages.claim;
  messages.claim = async (...query) => {
    if (row.state !== 'waiting') return [];
    Object.assign(row, wanted);
    return take(...query);
  };
  fake.state.record = (results) => {
    for (const { settlement } of results) row.state = settlement.kind === 'again' ? 'waiting' : 'sent';
    return Promise.resolve([]);
  };
  messages.byId = () => Promise.resolve(row);
  messages.queue = (_, nowMs) => {
    const isDue = row.state === 'waiting' && row.dueAt.getTime() <= nowMs;
    if (isDue) row.queued = true;
    return Promise.resolve(isDue);
  };
  messages.nextQueued = () => Promise.resolve(row.queued && row.state === 'waiting' ? row.dueAt : null);
  messages.countQueued = () => Promise.resolve(row.queued ? 1 : 0);
  fake.deps.campaigns.byId = () =>
    Promise.resolve({ id: 'campaign', status: 'running', definition: fake.definition } as never);
  throughput.wake = () => {
    const was = state.awake;
    state.awake = true;
    return Promise.resolve(!was);
  };
  throughput.doze = (_, until) => {
    state.dozes = until;
    return Promise.resolve();
  };
  throughput.sleep = () => {
    state.awake = false;
    return Promise.resolve();
  };
  fake.deps.queues = {
    wakeQueue(campaign) {
      expect(campaign).to.deep.equal({ id: 'campaign', name: 'News', channel: 'webPush' });
      if (state.tellFails) return Promise.reject(new Error('Temporal is away'));
      state.told += 1;
      return Promise.resolve();
    },
  };
  const triggers = createTriggerActivities(fake.deps);
  const queue = createQueueActivities(fake.deps);
  const log = { logger: new DefaultLogger('ERROR') };
  const run = <I, T>(work: (input: I) => Promise<T>, input: I): Promise<T> =>
    new MockActivityEnvironment({}, log).run(work, input);
  return {
    fake,
    row,
    state,
    send: () => run(triggers.sendTrigger, { messageId: 'message-0' }),
    drain: () => run(queue.drainQueue, 'campaign'),
  };
}

describe('a live message under a rate', () => {
  it('takes a token and is sent', async () => {
    const { fake, row, send } = setUp();
    expect(await send()).to.deep.include({ kind: 'settled', outcome: 'sent' });
    expect(fake.tokens).to.deep.equal(['campaign: took 1 of 1', 'campaign: 1 left']);
    expect(row.queued).to.equal(undefined);
  });

  it('that finds the rate used up is left to the queue, which is told once', async () => {
    const { fake, row, state, send } = setUp();
    fake.state.takeTokens = () => 0;
    const queued = {
      kind: 'settled',
      outcome: 'queued',
      text: "the campaign's throughput of 60 a minute is used up; its queue sends it",
    };
    expect(await send()).to.deep.equal(queued);
    expect(row).to.include({ queued: true, state: 'waiting' });
    expect(row.dueAt).to.deep.equal(DUE_AT);
    expect(await send()).to.deep.equal(queued);
    expect(state.told).to.equal(1);
    expect(fake.sent).to.deep.equal([]);
  });

  it('tells the queue again when Temporal could not be reached', async () => {
    const { fake, state, send } = setUp();
    fake.state.takeTokens = () => 0;
    state.tellFails = true;
    await send().then(
      () => expect.fail('it did not throw'),
      (error: Error) => expect(error.message).to.equal('Temporal is away'),
    );
    expect(state.awake).to.equal(false);
    state.tellFails = false;
    await send();
    expect(state.told).to.equal(1);
  });

  it('that was restarted meanwhile is not queued, but waits for its new instant', async () => {
    const { fake, row, state, send } = setUp();
    fake.state.takeTokens = () => {
      row.dueAt = new Date(fake.clock.nowMs() + 60_000);
      return 0;
    };
    expect(await send()).to.deep.equal({ kind: 'retry' });
    expect(row.queued).to.equal(undefined);
    expect(state.told).to.equal(0);
  });

  it('that is settled already takes no token', async () => {
    const { fake, row, send } = setUp();
    row.state = 'sent';
    expect(await send()).to.deep.include({ kind: 'settled', outcome: 'sent' });
    expect(fake.tokens).to.deep.equal([]);
  });

  it('that waited for quiet hours takes a token of their rate as well', async () => {
    const { fake, row, send } = setUp();
    row.released = true;
    await send();
    expect(fake.tokens.slice(0, 2)).to.deep.equal(['campaign: took 1 of 1', 'release/account: took 1 of 1']);
  });
});

describe('the queue of a live campaign', () => {
  it('sends what is queued, says so, and sleeps when nothing is', async () => {
    const { fake, row, state, drain } = setUp();
    row.queued = true;
    state.awake = true;
    expect(await drain()).to.deep.equal({ kind: 'done', text: 'Nothing is queued any more.' });
    expect(fake.sent).to.deep.equal(['message-0']);
    expect(state.awake).to.equal(false);
  });

  it('looks once more after it went to sleep, and wakes for what came meanwhile', async () => {
    const { fake, row, state, drain } = setUp();
    const { sleep } = fake.deps.throughput;
    fake.deps.throughput.sleep = async (id) => {
      row.queued = true;
      await sleep(id);
    };
    row.dueAt = new Date(fake.clock.nowMs());
    fake.deps.messages.claim = () => Promise.resolve([]);
    expect(await drain()).to.deep.equal({ kind: 'more', text: '1 queued message leaves at 60 a minute.' });
    expect(state.awake).to.equal(true);
  });

  it('waits for its rate, and never so long that it would miss that its messages were closed', async () => {
    const { fake, row, state, drain } = setUp();
    row.queued = true;
    fake.state.takeTokens = () => 0;
    const waits = await drain();
    expect(waits).to.deep.equal({
      kind: 'wait',
      untilMs: fake.clock.nowMs() + 60_000,
      text: '1 queued message leaves at 60 a minute.',
    });
    // What comes now waits for the rate as well: nobody needs to wake it.
    expect(state.dozes).to.equal(undefined);
    row.dueAt = new Date(fake.clock.nowMs() + 24 * 3_600_000);
    fake.deps.messages.claim = () => Promise.resolve([]);
    expect(await drain()).to.deep.include({ kind: 'wait', untilMs: fake.clock.nowMs() + 600_000 });
    expect(state.dozes).to.deep.equal(new Date(fake.clock.nowMs() + 600_000));
  });

  it('looks once more after it said until when it waits, and goes on with what came meanwhile', async () => {
    const { fake, row, drain } = setUp();
    Object.assign(row, { queued: true, dueAt: new Date(fake.clock.nowMs() + 3_600_000) });
    fake.deps.messages.claim = () => Promise.resolve([]);
    const { doze } = fake.deps.throughput;
    fake.deps.throughput.doze = async (id, until) => {
      await doze(id, until);
      row.dueAt = new Date(fake.clock.nowMs());
    };
    expect(await drain()).to.deep.include({ kind: 'more' });
  });

  it('sends what came while it found that the rest is due later', async () => {
    const { fake, row, drain } = setUp();
    Object.assign(row, { queued: true, dueAt: new Date(fake.clock.nowMs() + 3_600_000) });
    fake.deps.messages.claim = () => Promise.resolve([]);
    const { nextQueued } = fake.deps.messages;
    let looks = 0;
    fake.deps.messages.nextQueued = async (id) => {
      const next = await nextQueued(id);
      looks += 1;
      if (looks === 1) row.dueAt = new Date(fake.clock.nowMs());
      return next;
    };
    expect(await drain()).to.deep.include({ kind: 'more' });
  });

  it('says of an API-triggered campaign without a rate that its messages leave as soon as due', async () => {
    const { fake, row, drain } = setUp();
    Object.assign(row, { queued: true, dueAt: new Date(fake.clock.nowMs() + 3_600_000) });
    Object.assign(fake.definition, { who: { api: {} }, when: { start: 'now' } });
    fake.deps.messages.claim = () => Promise.resolve([]);
    expect(await drain()).to.deep.include({ text: '1 queued message leaves as soon as due.' });
  });
});
