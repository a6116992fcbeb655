import { MockActivityEnvironment } from '@temporalio/testing';
import { expect } from 'chai';
import { createRunActivities, type DrainAnswer } from '../../../activities/run-activities.ts';
import type { CampaignStatus } from '../../../domain/campaign/campaign.ts';
import type { Message } from '../../../domain/delivery/message.ts';
import type { ClaimQuery } from '../../../domain/ports/messages.ts';
import { createFakeDelivery } from './fakes.ts';

/** A run of so many rows that are due, the last of them released from quiet hours. */
function setUp(rowCount: number, released = 0) {
  const fake = createFakeDelivery(rowCount);
  for (const row of fake.rows.slice(rowCount - released)) row.released = true;
  fake.definition.when.throughput = { perMinute: 600 };
  const campaign = { id: 'campaign', status: 'running' as CampaignStatus, definition: fake.definition };
  const claims: ClaimQuery[] = [];
  let left = [...fake.rows];
  const { messages } = fake.deps;
  messages.claim = (query) => {
    claims.push(query);
    if (!('limit' in query)) throw new Error('a run claims by page');
    const page = left
      .filter((row) => query.released === undefined || (row.released === true) === query.released)
      .slice(0, query.limit);
    left = left.filter((row) => !page.includes(row));
    return Promise.resolve(page);
  };
  messages.nextDue = () => Promise.resolve(left.length > 0 ? new Date(0) : null);
  fake.deps.campaigns.byId = () => Promise.resolve(campaign as never);
  const runs = { byId: () => Promise.resolve({ id: 'run', campaignId: 'campaign' }) };
  const activities = createRunActivities({ ...fake.deps, runs: runs as never });
  const environment = new MockActivityEnvironment();
  const drain = (): Promise<DrainAnswer> =>
    environment.run(activities.drain, { runId: 'run', from: 0, to: 64 }) as never;
  return { fake, campaign, claims, drain, environment, left: (): Message[] => left };
}

describe('draining under a rate', () => {
  it('claims no more than it was granted, and says what left', async () => {
    const { fake, claims, drain } = setUp(5);
    let tokens = 7;
    fake.state.takeTokens = (_, wanted) => {
      const granted = Math.min(wanted, 3, tokens);
      tokens -= granted;
      return granted;
    };
    expect(await drain()).to.deep.equal({ kind: 'done' });
    expect(fake.sent).to.have.length(5);
    expect(claims.slice(0, 2).map((query) => 'limit' in query && query.limit)).to.deep.equal([3, 3]);
    expect(fake.tokens.slice(0, 4)).to.deep.equal([
      'campaign: took 3 of 256',
      'campaign: 3 left',
      'campaign: took 3 of 256',
      'campaign: 2 left',
    ]);
  });

  it('gives back what was granted for messages that are not sent', async () => {
    const { fake, drain } = setUp(3);
    fake.deps.subscriptions.activeOf = () => Promise.resolve(new Map());
    expect(await drain()).to.deep.equal({ kind: 'done' });
    expect(fake.left().get('message-0')).to.include({ kind: 'suppressed', reason: 'unreachable' });
    expect(fake.tokens.slice(0, 2)).to.deep.equal(['campaign: took 256 of 256', 'campaign: 0 left']);
  });

  it('gives back what was granted for a message that quiet hours hold up, and marks it as released by them', async () => {
    const { fake, drain } = setUp(1);
    // It is a quarter past midnight.
    fake.definition.when.dnd = { from: '22:00', to: '06:00', action: 'delay' };
    await drain();
    const dueAt = new Date(6 * 3_600_000);
    expect(fake.left().get('message-0')).to.deep.equal({
      kind: 'again',
      dueAt,
      tried: false,
      released: true,
      isFirst: true,
    });
    expect(fake.tokens.slice(0, 2)).to.deep.equal(['campaign: took 256 of 256', 'campaign: 0 left']);
  });

  it('of which nothing may leave for long says until when to wait, and claims nothing', async () => {
    const { fake, claims, drain } = setUp(3);
    fake.state.takeTokens = () => 0;
    expect(await drain()).to.deep.equal({ kind: 'wait', untilMs: fake.clock.nowMs() + 60_000, byRate: true });
    expect(claims).to.deep.equal([]);
  });

  it('is done at once when what it sent last was all there was, however long the next would have to wait', async () => {
    const { fake, drain } = setUp(1);
    let tokens = 1;
    fake.state.takeTokens = () => tokens--;
    expect(await drain()).to.deep.equal({ kind: 'done' });
    expect(fake.sent).to.have.length(1);
  });

  it('is done when nothing is left, whatever the rate', async () => {
    const { fake, drain } = setUp(0);
    fake.state.takeTokens = () => 0;
    expect(await drain()).to.deep.equal({ kind: 'done' });
  });

  it('sends what waited for quiet hours last, under their rate too', async () => {
    const { fake, drain } = setUp(4, 2);
    fake.definition.when.dnd = { from: '21:00', to: '21:01', action: 'delay', releasePerMinute: 5 };
    fake.state.takeTokens = (bucket, wanted) =>
      bucket === 'release/campaign' ? Math.min(wanted, 1) : wanted;
    expect(await drain()).to.deep.equal({ kind: 'done' });
    expect(fake.sent).to.deep.equal(['message-0', 'message-1', 'message-2', 'message-3']);
    const released = fake.tokens.slice(4, 8);
    expect(released.slice(0, 2)).to.deep.equal(['release/campaign: took 1 of 256', 'campaign: took 1 of 1']);
    expect(released.slice(2)).to.have.members(['release/campaign: 1 left', 'campaign: 1 left']);
  });

  it('gives back the one token when the other rate refuses', async () => {
    const { fake, drain } = setUp(1, 1);
    fake.state.takeTokens = (bucket, wanted) => (bucket === 'release/account' ? 0 : wanted);
    expect(await drain()).to.deep.include({ kind: 'wait' });
    expect(fake.sent).to.deep.equal([]);
    expect(fake.tokens.slice(-3)).to.deep.equal([
      'campaign: took 256 of 256',
      'release/account: took 0 of 256',
      'campaign: 0 left',
    ]);
  });

  it('stops waiting for its rate when the campaign is paused or stopped', async () => {
    for (const [status, kind] of [
      ['paused', 'paused'],
      ['stopped', 'closed'],
    ] as const) {
      const { fake, campaign, drain } = setUp(1);
      fake.state.takeTokens = () => {
        campaign.status = status;
        return 0;
      };
      const { take } = fake.deps.throughput;
      fake.deps.throughput.take = async (...asked) => ({
        ...(await take(...asked)),
        nextAt: new Date(fake.clock.nowMs() + 100),
      });
      expect(await drain()).to.deep.equal({ kind });
    }
  });

  it('obeys a rate that is set while it runs', async () => {
    const { fake, drain } = setUp(300);
    delete fake.definition.when.throughput;
    fake.state.takeTokens = () => 0;
    fake.state.send = () => {
      fake.definition.when.throughput = { perMinute: 1 };
      return { kind: 'delivered', status: 201 };
    };
    expect(await drain()).to.deep.include({ kind: 'wait' });
    expect(fake.sent).to.have.length(256);
  });
});
