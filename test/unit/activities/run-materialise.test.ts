import { MockActivityEnvironment } from '@temporalio/testing';
import { expect } from 'chai';
import { createRunActivities } from '../../../activities/run-activities.ts';
import type { CampaignStatus } from '../../../domain/campaign/campaign.ts';
import { UnknownReference } from '../../../domain/audience/audience-errors.ts';
import { createFakeDelivery } from './fakes.ts';

describe('materialising a run', () => {
  function setUp() {
    const fake = createFakeDelivery(0);
    const state = { status: 'running' as CampaignStatus | null, pages: 0, onPage: () => {} };
    fake.deps.campaigns.byId = () => Promise.resolve(state.status && ({ status: state.status } as never));
    fake.deps.campaigns.version = () =>
      Promise.resolve({ siteId: 'site', who: { past: { segment: 'saved' } }, when: {} } as never);
    fake.deps.sites.byId = () => Promise.resolve(null);
    fake.deps.audience = {
      page() {
        // From its campaign's end on, a segment may be deleted.
        if (state.status !== 'running' && state.status !== 'paused')
          throw new UnknownReference('segment', 'saved');
        state.pages += 1;
        const after = `profile-${state.pages}`;
        state.onPage();
        return Promise.resolve({ profiles: [], after });
      },
    } as never;
    const run = {
      id: 'run',
      campaignId: 'campaign',
      version: 1,
      status: 'materialising',
      instant: new Date(),
    };
    const runs = { byId: () => Promise.resolve(run) };
    const activities = createRunActivities({ ...fake.deps, runs: runs as never });
    const materialise = (): Promise<{ after: string | null }> =>
      new MockActivityEnvironment().run(activities.materialise, { runId: 'run', after: null }) as never;
    return { fake, state, materialise };
  }

  for (const status of ['stopped', 'completed', null] as const) {
    it(`leaves off before the next page when its campaign is ${status ?? 'gone'}`, async () => {
      const { state, materialise } = setUp();
      state.onPage = () => {
        if (state.pages === 3) state.status = status;
      };
      expect(await materialise()).to.deep.equal({ after: null, closed: true });
      expect(state.pages).to.equal(3);
    });
  }

  it('goes on while its campaign is only paused', async () => {
    const { state, materialise } = setUp();
    state.status = 'paused';
    expect((await materialise()).after).to.equal('profile-20');
  });

  it('says where it stands after 20 s, however slow the pages are', async () => {
    const { fake, state, materialise } = setUp();
    state.onPage = () => fake.clock.advance(7_000);
    expect(await materialise()).to.deep.equal({ after: 'profile-3' });
  });
});
