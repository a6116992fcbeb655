import { expect } from 'chai';
import { createGateKeeper, GATE_LEASE_MS } from '../../../activities/delivery/gate-keeper.ts';
import type { Campaign, CampaignStatus } from '../../../domain/campaign/campaign.ts';
import { createFakeClock, deferred } from './fakes.ts';

describe('the gate keeper', () => {
  function setUp() {
    const clock = createFakeClock();
    const state = { status: 'running' as CampaignStatus | null, reads: 0, duringRead: () => {} };
    const byId = (): Promise<Campaign | null> => {
      state.reads += 1;
      const { status } = state;
      state.duringRead();
      const campaign = status === null ? null : { status, startsAt: new Date(0) };
      return Promise.resolve(campaign as Campaign | null);
    };
    return { clock, state, gate: createGateKeeper({ campaigns: { byId }, clock }) };
  }

  it('knows nothing before it has read', () => {
    expect(setUp().gate.now('campaign')).to.equal('unknown');
  });

  it('lets sends start for one second, counted from before the gate was read', async () => {
    const { clock, state, gate } = setUp();
    state.duringRead = () => clock.advance(400);
    expect(await gate.refresh('campaign')).to.equal('open');
    clock.advance(GATE_LEASE_MS - 400 - 1);
    expect(gate.now('campaign')).to.equal('open');
    clock.advance(1);
    expect(gate.now('campaign')).to.equal('unknown');
  });

  it('starts nothing under a lease that ran out while it was read', async () => {
    const { clock, state, gate } = setUp();
    state.duringRead = () => clock.advance(GATE_LEASE_MS);
    await gate.refresh('campaign');
    expect(gate.now('campaign')).to.equal('unknown');
    expect(state.reads, 'a slow database is not asked without end').to.equal(1);
  });

  it('obeys a pause within the lease, however often it is asked', async () => {
    const { clock, state, gate } = setUp();
    await gate.refresh('campaign');
    state.status = 'paused';
    for (let waited = 0; waited < GATE_LEASE_MS; waited += 50) {
      await gate.refresh('campaign');
      clock.advance(50);
    }
    expect(gate.now('campaign')).to.not.equal('open');
    expect(await gate.refresh('campaign')).to.equal('paused');
  });

  it('sees at once that a paused campaign was resumed', async () => {
    const { state, gate } = setUp();
    state.status = 'paused';
    expect(await gate.refresh('campaign')).to.equal('paused');
    state.status = 'running';
    expect(await gate.refresh('campaign')).to.equal('open');
  });

  it('reads again when little of the lease is left, and not before', async () => {
    const { clock, state, gate } = setUp();
    await gate.refresh('campaign');
    clock.advance(400);
    await gate.refresh('campaign');
    expect(state.reads).to.equal(1);
    clock.advance(1);
    await gate.refresh('campaign');
    expect(state.reads).to.equal(2);
  });

  it('shares a read among those who ask meanwhile, each campaign by itself', async () => {
    const clock = createFakeClock();
    const answers = new Map([
      ['a', deferred<Campaign | null>()],
      ['b', deferred<Campaign | null>()],
    ]);
    const asked: string[] = [];
    const byId = (id: string): Promise<Campaign | null> => {
      asked.push(id);
      return answers.get(id)!.promise;
    };
    const gate = createGateKeeper({ campaigns: { byId }, clock });
    const waiting = Promise.all(['a', 'a', 'b', 'a'].map((id) => gate.refresh(id)));
    answers.get('a')?.resolve({ status: 'paused', startsAt: new Date(0) } as Campaign);
    answers.get('b')?.resolve({ status: 'running', startsAt: new Date(0) } as Campaign);
    expect(await waiting).to.deep.equal(['paused', 'paused', 'open', 'paused']);
    expect(asked).to.deep.equal(['a', 'b']);
  });

  it('asks again after a read that failed', async () => {
    const { clock, gate, state } = setUp();
    state.duringRead = () => {
      throw new Error('no primary');
    };
    const failed: unknown = await gate.refresh('campaign').catch((error: unknown) => error);
    expect(failed).to.include({ message: 'no primary' });
    expect(gate.now('campaign')).to.equal('unknown');
    state.duringRead = () => clock.advance(1);
    expect(await gate.refresh('campaign')).to.equal('open');
  });

  it('sends nothing of a campaign that is not there', async () => {
    const { gate, state } = setUp();
    state.status = null;
    expect(await gate.refresh('campaign')).to.equal('stopped');
    expect(gate.now('campaign')).to.equal('unknown');
  });
});
