import { expect } from 'chai';
import { deliverPage, type PageResult } from '../../../activities/delivery/deliver-page.ts';
import { createFakeDelivery, deferred, DUE_AT, turn } from './fakes.ts';

const asItWas = { kind: 'again', dueAt: DUE_AT, tried: false };

describe('delivering a page', () => {
  type Fake = ReturnType<typeof createFakeDelivery>;
  const deliver = (
    fake: Fake,
    options: Partial<Parameters<typeof deliverPage>[2]> = {},
  ): Promise<PageResult> =>
    deliverPage(
      fake.deps,
      { runId: 'run', partitions: { from: 0, to: 64 }, limit: 256 },
      { whenPaused: 'keep', ...options },
    );
  const settlements = (fake: Fake): object[] => [...fake.left().values()];

  it('sends each row once and records when', async () => {
    const fake = createFakeDelivery(3);
    const page = await deliver(fake);
    expect(page).to.include({ claimed: 3, gate: null });
    expect(fake.sent).to.deep.equal(['message-0', 'message-1', 'message-2']);
    const sent = { kind: 'sent', sentAt: new Date(1_000_000) };
    expect(settlements(fake)).to.deep.equal([sent, sent, sent]);
    expect(fake.recorded.map(({ token, attempts }) => [token, attempts.length])).to.deep.equal([
      ['token', 1],
      ['token', 1],
      ['token', 1],
    ]);
  });

  it('sends nothing after its deadline, counted from before the claim, and gives every row back', async () => {
    const fake = createFakeDelivery(3);
    fake.state.afterClaim = () => fake.clock.advance(12_000);
    await deliver(fake);
    expect(fake.sent).to.deep.equal([]);
    expect(settlements(fake)).to.deep.equal([asItWas, asItWas, asItWas]);
    expect(fake.recorded.flatMap(({ attempts, devices }) => [...attempts, ...devices])).to.deep.equal([]);
  });

  it('starts sends until the very end of its deadline and none after it', async () => {
    const fake = createFakeDelivery(4);
    fake.state.send = () => {
      fake.clock.advance(5_999);
      return { kind: 'delivered', status: 201 };
    };
    await deliver(fake);
    expect(fake.sent).to.deep.equal(['message-0', 'message-1', 'message-2']);
    expect(fake.left().get('message-3')).to.deep.equal(asItWas);
  });

  it('gives back what it has not started when the worker shuts down', async () => {
    const fake = createFakeDelivery(3);
    const stop = new AbortController();
    fake.state.send = () => {
      stop.abort();
      return { kind: 'delivered', status: 201 };
    };
    await deliver(fake, { signal: stop.signal });
    expect(fake.sent).to.deep.equal(['message-0']);
    expect(settlements(fake).slice(1)).to.deep.equal([asItWas, asItWas]);
  });

  it('keeps the rows of a paused run, and says that it is paused', async () => {
    const fake = createFakeDelivery(2);
    fake.state.gate = 'paused';
    expect((await deliver(fake)).gate).to.equal('paused');
    expect(fake.sent).to.deep.equal([]);
    expect(settlements(fake)).to.deep.equal([asItWas, asItWas]);
  });

  it('drops the rows of a paused live campaign', async () => {
    const fake = createFakeDelivery(1);
    fake.state.gate = 'paused';
    expect((await deliver(fake, { whenPaused: 'drop' })).gate).to.equal('paused');
    expect(settlements(fake)).to.deep.equal([{ kind: 'suppressed', reason: 'paused', qualified: true }]);
  });

  for (const gate of ['stopped', 'ended'] as const) {
    it(`suppresses what is left when the campaign is ${gate}`, async () => {
      const fake = createFakeDelivery(1);
      fake.state.gate = gate;
      expect((await deliver(fake)).gate).to.equal(gate);
      expect(fake.sent).to.deep.equal([]);
      expect(settlements(fake)).to.deep.equal([{ kind: 'suppressed', reason: gate, qualified: true }]);
    });
  }

  for (const gate of ['unknown', 'paused', 'stopped'] as const) {
    it(`does not send what was prepared when the last look at the gate says ${gate}`, async () => {
      const fake = createFakeDelivery(1);
      fake.state.gateNow = gate;
      await deliver(fake);
      expect(fake.sent).to.deep.equal([]);
      expect(settlements(fake)).to.deep.equal([asItWas]);
    });
  }

  it('gives back, untried, what the channel did not begin', async () => {
    const fake = createFakeDelivery(1);
    fake.state.send = () => Promise.resolve({ kind: 'notBegun' });
    await deliver(fake);
    expect(settlements(fake)).to.deep.equal([asItWas]);
    expect(fake.recorded[0]?.attempts).to.deep.equal([]);
    expect(fake.recorded[0]?.devices).to.deep.equal([]);
  });

  it('reports the rows whose lease had passed on before their result was written', async () => {
    const fake = createFakeDelivery(3);
    fake.state.record = (results) =>
      Promise.resolve(results.map((result) => result.messageId).filter((id) => id === 'message-1'));
    expect((await deliver(fake)).lost).to.deep.equal(['message-1']);
    expect(fake.warnings).to.deep.equal([{ messages: ['message-1'], count: 1 }]);
  });

  it('gives back what it had not begun when a row breaks the page off, and throws why', async () => {
    const fake = createFakeDelivery(4);
    fake.state.send = (messageId) => {
      if (messageId === 'message-1') fake.deps.gate.refresh = () => Promise.reject(new Error('no primary'));
      return { kind: 'delivered', status: 201 };
    };
    const error: unknown = await deliver(fake).catch((thrown: unknown) => thrown);
    expect(error).to.include({ message: 'no primary' });
    expect(fake.sent).to.deep.equal(['message-0', 'message-1']);
    expect(settlements(fake).map((settlement) => (settlement as { kind: string }).kind)).to.deep.equal([
      'sent',
      'sent',
      'again',
      'again',
    ]);
  });

  it('records what was sent although the database was away for a while', async () => {
    const fake = createFakeDelivery(2);
    const { record } = fake.state;
    let failures = 0;
    fake.state.record = (results) => {
      failures += 1;
      return failures > 2 ? record(results) : Promise.reject(new Error('no primary'));
    };
    await deliver(fake).catch(() => undefined);
    expect(fake.left().get('message-0')).to.include({ kind: 'sent' });
    expect(fake.left().size).to.equal(2);
  });

  it('gives a result up when the lease is over and the database is still away', async () => {
    const fake = createFakeDelivery(1);
    fake.state.record = () => {
      fake.clock.advance(30_000);
      return Promise.reject(new Error('no primary'));
    };
    const error: unknown = await deliver(fake).catch((thrown: unknown) => thrown);
    expect(error).to.include({ message: 'no primary' });
  });

  it('has no more sends under way than the limit, and takes subscriptions that are gone out', async () => {
    const fake = createFakeDelivery(10);
    fake.deps.limits.concurrency = 3;
    const answers = Array.from({ length: 10 }, () => deferred<{ kind: 'gone'; status: number }>());
    let begun = 0;
    fake.state.send = () => answers[begun++]!.promise;
    const page = deliver(fake);
    for (const [i, answer] of answers.entries()) {
      await turn();
      expect(fake.sent.length).to.equal(Math.min(i + 3, 10));
      answer.resolve({ kind: 'gone', status: 410 });
    }
    await page;
    expect(fake.expired).to.have.length(10);
    expect(settlements(fake)[0]).to.deep.equal({ kind: 'failed', reason: 'gone' });
  });
});
