import { MockActivityEnvironment } from '@temporalio/testing';
import { expect } from 'chai';
import { createRunActivities, type DrainAnswer } from '../../../activities/run-activities.ts';
import type { CampaignStatus } from '../../../domain/campaign/campaign.ts';
import type { Message } from '../../../domain/delivery/message.ts';
import { createFakeDelivery } from './fakes.ts';

describe('draining a run that is paused and resumed', () => {
  function setUp() {
    const fake = createFakeDelivery(1);
    const campaign = { status: 'paused' as CampaignStatus, definition: fake.definition };
    let left: Message[] | undefined;
    const { claim } = fake.deps.messages;
    fake.deps.messages.claim = async (...query) => (left ??= await claim(...query));
    fake.deps.messages.nextDue = () => Promise.resolve(null);
    fake.deps.campaigns.byId = () => Promise.resolve(campaign as never);
    fake.state.gate = 'paused';
    const runs = { byId: () => Promise.resolve({ id: 'run', campaignId: 'campaign' }) };
    const activities = createRunActivities({ ...fake.deps, runs: runs as never });
    const drain = (): Promise<DrainAnswer> =>
      new MockActivityEnvironment().run(activities.drain, { runId: 'run', from: 0, to: 64 }) as never;
    return { fake, campaign, drain, settle: () => (left = []) };
  }

  it('says that it is paused, so that the run waits to be woken', async () => {
    const { fake, drain } = setUp();
    expect(await drain()).to.deep.equal({ kind: 'paused' });
    expect(fake.sent).to.deep.equal([]);
  });

  it('goes on when it was resumed after the gate had been read, for the wake may have come already', async () => {
    const { fake, campaign, drain, settle } = setUp();
    fake.state.record = () => {
      campaign.status = 'running';
      fake.state.gate = 'open';
      return Promise.resolve([]);
    };
    fake.state.send = () => {
      settle();
      return { kind: 'delivered', status: 201 };
    };
    expect(await drain()).to.deep.equal({ kind: 'done' });
    expect(fake.sent).to.deep.equal(['message-0']);
  });
});
