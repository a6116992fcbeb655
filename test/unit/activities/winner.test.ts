import { expect } from 'chai';
import { findContest, winnerOf } from '../../../activities/delivery/winner.ts';
import type { Campaign, CampaignDefinition } from '../../../domain/campaign/campaign.ts';
import { contestOf } from '../../../domain/content/winner.ts';

const START = 1_000_000;
const HOUR = 3_600_000;
const counted = { sent: 10, reporting: 10, failed: 0, delivered: 0, viewed: 0, dismissed: 0 };
const variants = ['A', 'B'].map((name) => ({ name, weight: 1, content: {} }));
const others = ['C', 'D'].map((name) => ({ name, weight: 1, content: {} }));

interface Setup {
  who?: object;
  /** The `what` of each version; the last one is the current one. */
  versions?: object[];
  campaign?: Partial<Campaign>;
}

describe('the winner at the send', () => {
  function setUp({ who = { live: { event: 'E' } }, versions = [{}], campaign: more = {} }: Setup = {}) {
    const asked: string[] = [];
    const state = { stored: undefined as string | undefined, firstRun: null as object | null };
    const definitions = versions.map(
      (what) =>
        ({
          channel: 'webPush',
          who,
          what: { title: 'T', variants, winner: { after: '1h', by: 'clicked' }, ...what },
        }) as unknown as CampaignDefinition,
    );
    const deps = {
      campaigns: {
        setWinner(_id: string, contest: string, variant: string) {
          asked.push(`set ${variant}`);
          expect(definitions.map(contestOf)).to.include(contest);
          state.stored ??= variant;
          return Promise.resolve(state.stored);
        },
        version: (_id: string, version: number) => Promise.resolve(definitions[version - 1] ?? null),
        versions: (_id: string, after: number) =>
          Promise.resolve([{ version: after + 1, publishedAt: new Date(START + after * 10 * HOUR) }]),
      },
      messages: {
        variantStats(_id: string, { from, to }: { from: number; to: number }) {
          asked.push(`count ${from} to ${to}`);
          return Promise.resolve(
            new Map(['A', 'B', 'C', 'D'].map((name, clicked) => [name, { ...counted, clicked }] as const)),
          );
        },
      },
      runs: {
        first(_id: string, version: number) {
          asked.push(`first of ${version}`);
          return Promise.resolve(state.firstRun);
        },
      },
    };
    const campaign = {
      id: 'c',
      version: definitions.length,
      definition: definitions.at(-1),
      startsAt: new Date(START),
      versionAt: new Date(START + (definitions.length - 1) * 10 * HOUR),
      ...more,
    } as Campaign;
    const newPage = () => ({ shared: new Map<string, Promise<unknown>>() });
    const page = newPage();
    const about = (version: number) => ({ campaign, definition: definitions[version - 1]!, version });
    const ask = (nowMs: number, { on = page, version = definitions.length } = {}) =>
      winnerOf(deps as never, on as never, about(version), nowMs);
    return {
      asked,
      state,
      ask,
      newPage,
      definitions,
      find: (version: number) => findContest(deps as never, about(version)),
    };
  }

  it('is nobody before its time, and the best from that instant on, written down once a page', async () => {
    const { ask, asked, newPage } = setUp();
    expect(await ask(START + HOUR - 1, { on: newPage() })).to.equal(undefined);
    expect(asked).to.deep.equal([]);
    const names = await Promise.all([START + HOUR, START + HOUR, START + HOUR + 1].map((ms) => ask(ms)));
    expect(names).to.deep.equal(['B', 'B', 'B']);
    expect(asked).to.deep.equal(['count 1 to 1', 'set B']);
  });

  it('is the one that another worker has written down before', async () => {
    const { ask, state } = setUp();
    state.stored = 'A';
    expect(await ask(START + HOUR)).to.equal('A');
  });

  it('is known without a question once the campaign says so of the same rule and texts', async () => {
    const { definitions } = setUp();
    const winners = [{ contest: contestOf(definitions[0]!)!, variant: 'A', at: new Date(0) }];
    const { ask, asked } = setUp({ campaign: { winners } });
    expect(await ask(0)).to.equal('A');
    expect(asked).to.deep.equal([]);
  });

  it('ends with the rule, the variants or the texts that it came of', async () => {
    const { definitions } = setUp();
    const winners = [{ contest: contestOf(definitions[0]!)!, variant: 'A', at: new Date(0) }];
    for (const what of [{ winner: undefined }, { variants: others }, { title: 'new' }]) {
      const { ask } = setUp({ versions: [{}, what], campaign: { winners } });
      expect(await ask(START + HOUR), JSON.stringify(what)).to.equal(undefined);
      // Whoever entered before the edit keeps what the version says.
      expect(await ask(START + HOUR, { version: 1 })).to.equal('A');
    }
  });

  it('counts its time, and the messages, from the edit that brought the variants', async () => {
    const { ask, asked, newPage } = setUp({
      versions: [{}, { variants: others }, { variants: others, ttl: '1h' }],
    });
    const editedMs = START + 10 * HOUR;
    expect(await ask(editedMs + HOUR - 1, { on: newPage() })).to.equal(undefined);
    expect(asked).to.deep.equal([]);
    expect(await ask(editedMs + HOUR, { on: newPage() })).to.equal('D');
    expect(asked).to.deep.equal(['count 2 to 3', 'set D']);
  });

  it('of a version that an edit replaced is decided by that version', async () => {
    const { ask, asked, find } = setUp({ versions: [{}, { variants: others }] });
    expect(await find(1)).to.deep.equal({ versions: { from: 1, to: 1 }, sinceMs: START });
    expect(await ask(START + HOUR, { version: 1 })).to.equal('B');
    expect(asked).to.deep.equal(['count 1 to 1', 'set B']);
  });

  it('is that of one contest where an edit changed nothing of it', async () => {
    const { find } = setUp({ versions: [{}, { ttl: '1h' }, { variants: others }] });
    for (const version of [1, 2])
      expect(await find(version)).to.deep.equal({ versions: { from: 1, to: 2 }, sinceMs: START });
  });

  it('counts from the first run of past behaviour that has the variants', async () => {
    const { ask, state, asked, newPage } = setUp({
      who: { past: { all: [] } },
      versions: [{}, { variants: others }],
    });
    expect(await ask(START + 90 * HOUR, { on: newPage() })).to.equal(undefined);
    const at = new Date(START + 90 * HOUR);
    state.firstRun = { instant: at, createdAt: at };
    expect(await ask(START + 90 * HOUR, { on: newPage() })).to.equal(undefined);
    expect(asked).to.deep.equal(['first of 2', 'first of 2']);
    expect(await ask(START + 91 * HOUR)).to.equal('D');
  });

  it('is nobody without a rule, without variants, and before the campaign has a start', async () => {
    expect(await setUp({ versions: [{ winner: undefined }] }).ask(Infinity)).to.equal(undefined);
    expect(await setUp({ versions: [{ variants: undefined }] }).ask(Infinity)).to.equal(undefined);
    expect(await setUp({ campaign: { startsAt: undefined } }).ask(Infinity)).to.equal(undefined);
  });
});
