import { expect } from 'chai';
import { winnerOf } from '../../../activities/delivery/winner.ts';
import type { Campaign, CampaignDefinition } from '../../../domain/campaign/campaign.ts';

const START = 1_000_000;
const counted = { sent: 10, failed: 0, delivered: 0, viewed: 0, dismissed: 0 };
const variants = ['A', 'B'].map((name) => ({ name, weight: 1, content: {} }));

describe('the winner at the send', () => {
  function setUp(more: { who?: object; what?: object; campaign?: Partial<Campaign> } = {}) {
    const asked: string[] = [];
    const state = { stored: undefined as string | undefined, firstRun: null as object | null };
    const deps = {
      campaigns: {
        setWinner(_id: string, variant: string) {
          asked.push(`set ${variant}`);
          state.stored ??= variant;
          return Promise.resolve(state.stored);
        },
      },
      messages: {
        variantStats() {
          asked.push('count');
          return Promise.resolve(
            new Map([
              ['A', { ...counted, clicked: 1 }],
              ['B', { ...counted, clicked: 2 }],
            ]),
          );
        },
      },
      runs: {
        first() {
          asked.push('first');
          return Promise.resolve(state.firstRun);
        },
      },
    };
    const definition = {
      channel: 'webPush',
      who: more.who ?? { live: { event: 'E' } },
      what: { title: 'T', variants, winner: { after: '1h', by: 'clicked' }, ...more.what },
    } as unknown as CampaignDefinition;
    const campaign = { id: 'c', definition, startsAt: new Date(START), ...more.campaign } as Campaign;
    const page = { shared: new Map<string, Promise<unknown>>() };
    const ask = (nowMs: number, on = page) =>
      winnerOf(deps as never, on as never, { campaign, definition, nowMs });
    return { asked, state, ask };
  }

  it('is nobody before its time, and the best from that instant on, written down once a page', async () => {
    const { ask, asked } = setUp();
    expect(await ask(START + 3_599_999, { shared: new Map() })).to.equal(undefined);
    expect(asked).to.deep.equal([]);
    const names = await Promise.all(
      [START + 3_600_000, START + 3_600_000, START + 3_600_001].map((ms) => ask(ms)),
    );
    expect(names).to.deep.equal(['B', 'B', 'B']);
    expect(asked).to.deep.equal(['count', 'set B']);
  });

  it('is the one that another worker has written down before', async () => {
    const { ask, state } = setUp();
    state.stored = 'A';
    expect(await ask(START + 3_600_000)).to.equal('A');
  });

  it('is known without a question once the campaign says so', async () => {
    const { ask, asked } = setUp({ campaign: { winner: { variant: 'A', at: new Date(0) } } });
    expect(await ask(0)).to.equal('A');
    expect(asked).to.deep.equal([]);
  });

  it('counts from the first run of past behaviour', async () => {
    const { ask, state, asked } = setUp({ who: { past: { all: [] } } });
    expect(await ask(START + 9_000_000, { shared: new Map() })).to.equal(undefined);
    const at = new Date(START + 9_000_000);
    state.firstRun = { instant: at, createdAt: at };
    expect(await ask(START + 9_000_000, { shared: new Map() })).to.equal(undefined);
    expect(asked).to.deep.equal(['first', 'first']);
    expect(await ask(START + 9_000_000 + 3_600_000)).to.equal('B');
  });

  it('is nobody without a rule, without variants, and before the campaign has a start', async () => {
    expect(await setUp({ what: { winner: undefined } }).ask(Infinity)).to.equal(undefined);
    expect(await setUp({ what: { variants: undefined } }).ask(Infinity)).to.equal(undefined);
    expect(await setUp({ campaign: { startsAt: undefined } }).ask(Infinity)).to.equal(undefined);
  });
});
