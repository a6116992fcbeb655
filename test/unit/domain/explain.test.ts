import { expect } from 'chai';
import type { Campaign, WebPushDefinition, LiveAudience } from '../../../domain/campaign/campaign.ts';
import type { StoredEvent } from '../../../domain/event.ts';
import { explainEvent } from '../../../domain/explain/explain-events.ts';
import {
  failingParts,
  judgeSegment,
  type JudgedPart,
  type LeafVerdict,
} from '../../../domain/explain/explain-segment.ts';
import { explain } from '../../../domain/explain/explain.ts';
import {
  STEPS,
  type Explanation,
  type ExplainFacts,
  type Step,
} from '../../../domain/explain/explain-facts.ts';
import { refOf } from '../../../domain/event.ts';
import { isInSample } from '../../../domain/content/variants-sample.ts';
import { contestOf } from '../../../domain/content/winner.ts';
import type { Message, SuppressionReason } from '../../../domain/delivery/message.ts';
import type { Run } from '../../../domain/delivery/run.ts';
import { leavesOf, type Segment } from '../../../domain/audience/segment.ts';
import { DEFAULT_SETTINGS } from '../../../domain/campaign/settings.ts';
import type { Subscription } from '../../../domain/site.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (ms: number): Date => new Date(NOW + ms);

const definition: WebPushDefinition = {
  name: 'Cart',
  channel: 'webPush',
  siteId: 's1',
  labels: [],
  who: { past: { all: [] } },
  when: { start: 'now' },
  what: { title: 'Hello' },
};
const live: LiveAudience = {
  event: 'Added To Cart',
  inaction: { event: 'Charged', within: '10m' },
  filter: { property: 'plan', op: 'eq', value: 'gold' },
};
const campaignWith = (more: Partial<WebPushDefinition> = {}, rest: Partial<Campaign> = {}): Campaign => ({
  id: 'c1',
  targetId: 1,
  status: 'running',
  version: 1,
  definition: { ...definition, ...more },
  createdAt: at(-48 * HOUR),
  updatedAt: at(-48 * HOUR),
  publishedAt: at(-47 * HOUR),
  startsAt: at(-47 * HOUR),
  catalogueVersion: 5,
  ...rest,
});
const event = (ms: number, properties: Record<string, unknown> = {}, more: object = {}): StoredEvent => ({
  id: `p1:e${ms}`,
  eventId: `e${ms}`,
  profileId: 'p1',
  name: 'Added To Cart',
  properties,
  time: at(ms),
  receivedAt: at(ms),
  index: 0,
  lane: 0,
  catalogueVersion: 6,
  ...more,
});
const rowOf = (more: Partial<Message> = {}): Message => ({
  id: 'm1',
  campaignId: 'c1',
  version: 1,
  siteId: 's1',
  profileId: 'p1',
  state: 'waiting',
  dueAt: at(-HOUR),
  firstDueAt: at(-HOUR),
  tries: 0,
  devices: [],
  attempts: [],
  receipts: [],
  createdAt: at(-2 * HOUR),
  ...more,
});
const opened = event(-2 * HOUR);
const passage: Message['passage'] = {
  matchValue: '',
  event: refOf(opened),
  openedBy: refOf(opened),
  qualifiesAt: at(-2 * HOUR + 10 * MINUTE),
};
const suppressedFor = (reason: SuppressionReason, more: Partial<Message> = {}): Message =>
  rowOf({ state: 'suppressed', reason, settledAt: at(-HOUR), ...more });
const subscription: Subscription = {
  id: 'd1',
  siteId: 's1',
  profileId: 'p1',
  transport: 'vapid',
  endpoint: 'https://push.example/1',
  keys: { p256dh: '', auth: '' },
  status: 'active',
  topics: [],
  customAttributes: {},
  createdAt: at(-HOUR),
  syncedAt: at(-HOUR),
};
const run: Run = {
  id: 'r1',
  campaignId: 'c1',
  version: 1,
  instant: at(-2 * HOUR),
  status: 'completed',
  createdAt: at(-2 * HOUR),
};
const holding: JudgedPart = { text: 'everyone', holds: true, parts: [] };
const factsWith = (more: Partial<ExplainFacts> = {}): ExplainFacts => ({
  nowMs: NOW,
  campaign: campaignWith(),
  asked: 'profile with the identity 42',
  profile: {
    id: 'p1',
    identity: '42',
    testProfile: false,
    properties: {},
    createdAt: at(-72 * HOUR),
    updatedAt: at(-72 * HOUR),
  },
  site: null,
  subscriptions: [subscription],
  settings: DEFAULT_SETTINGS,
  held: { slots: [], turnAt: null },
  rows: [],
  runs: [run],
  segment: holding,
  events: [],
  ...more,
});
const liveFacts = (more: Partial<ExplainFacts> = {}): ExplainFacts =>
  factsWith({
    campaign: campaignWith({ who: { live } }),
    segment: undefined,
    runs: [],
    filter: holding,
    ...more,
  });
const stepOf = ({ steps }: Explanation, name: string): Step => {
  const found = steps.find(({ step }) => step === name);
  if (!found) throw new Error(`no step ${name}`);
  return found;
};
const failed = ({ steps }: Explanation): string[] =>
  steps.filter(({ outcome }) => outcome === 'failed').map(({ step }) => step);

describe('explain', () => {
  it('goes through the steps in one order', () => {
    for (const facts of [factsWith(), liveFacts(), liveFacts({ rows: [rowOf({ passage })] })]) {
      const names = explain(facts).steps.map(({ step }) => step);
      expect(names).to.deep.equal(STEPS.filter((step) => names.includes(step)));
      expect(names.length).to.be.greaterThan(9);
    }
  });

  const ends: [SuppressionReason, string][] = [
    ['dnd', 'quietHours'],
    ['globalLimit', 'limits'],
    ['frequencyCap', 'requalify'],
    ['targetingCap', 'cap'],
    ['unreachable', 'reachable'],
    ['noLongerQualifies', 'filter'],
    ['inactionMet', 'cancellingEvents'],
    ['cancelled', 'cancellingEvents'],
    ['renderError', 'render'],
    ['expired', 'delivery'],
    ['paused', 'campaign'],
    ['ended', 'campaign'],
    ['stopped', 'campaign'],
  ];
  for (const [reason, step] of ends) {
    it(`takes a message suppressed as ${reason} to have ended at ${step}, whatever holds now`, () => {
      const explanation = explain(
        liveFacts({ rows: [suppressedFor(reason, { passage, detail: 'so it was' })] }),
      );
      expect(explanation.verdict).to.equal('notSent');
      expect(failed(explanation)).to.deep.equal([step]);
      expect(stepOf(explanation, step).detail).to.match(/^Recorded: .*so it was/);
      expect(explanation.summary).to.match(/^Not sent, at 2026-11-21T11:00:00.000Z: .*\(so it was\)\.$/);
    });
  }

  it('marks what comes after the end as not reached, and what came before as passed', () => {
    const explanation = explain(liveFacts({ rows: [suppressedFor('frequencyCap', { passage })] }));
    const outcomes = explanation.steps.map(({ step, outcome }) => [step, outcome]);
    expect(outcomes).to.deep.equal([
      ['campaign', 'passed'],
      ['profile', 'passed'],
      ['who', 'passed'],
      ['filter', 'passed'],
      ['cancellingEvents', 'passed'],
      ['window', 'passed'],
      ['quietHours', 'passed'],
      ['reachable', 'passed'],
      ['requalify', 'failed'],
      ['controlGroup', 'notReached'],
      ['limits', 'notReached'],
      ['cap', 'notReached'],
      ['render', 'notReached'],
      ['delivery', 'notReached'],
    ]);
  });

  it('does not claim checks for a message that the draw left out, or that expired before it was tried', () => {
    const drawn = explain(factsWith({ rows: [suppressedFor('targetingCap', { runId: 'r1', rank: 7 })] }));
    expect(stepOf(drawn, 'reachable').outcome).to.equal('passed');
    for (const step of ['requalify', 'controlGroup', 'limits'])
      expect(stepOf(drawn, step).outcome, step).to.equal('notReached');
    const expired = explain(factsWith({ rows: [suppressedFor('expired', { runId: 'r1' })] }));
    expect(stepOf(expired, 'reachable').outcome).to.equal('notReached');
    const attempts: Message['attempts'] = [
      { subscriptionId: 'd1', at: at(-HOUR), durationMs: 1, outcome: { kind: 'throttled', status: 429 } },
    ];
    const tried = explain(factsWith({ rows: [suppressedFor('expired', { runId: 'r1', attempts })] }));
    expect(stepOf(tried, 'reachable').outcome).to.equal('passed');
  });

  it('tells control, failed, and each way of waiting apart', () => {
    const verdictOf = (row: Partial<Message>): [string, string] => {
      const { verdict, summary } = explain(factsWith({ rows: [rowOf({ runId: 'r1', ...row })] }));
      return [verdict, summary];
    };
    const control = verdictOf({
      state: 'control',
      settledAt: at(0),
      detail: 'in the control group of the account',
    });
    expect(control[0]).to.equal('control');
    expect(control[1]).to.include('control group of the account');
    expect(verdictOf({ state: 'failed', reason: 'gone', settledAt: at(0) })).to.deep.equal([
      'failed',
      'Failed at 2026-11-21T12:00:00.000Z: no device took it, gone.',
    ]);
    const waiting: [Partial<Message>, RegExp][] = [
      [{ held: true }, /is not drawn yet/],
      [{ state: 'sending' }, /being sent right now/],
      [{ dueAt: at(HOUR) }, /to be sent at 2026-11-21T13:00:00.000Z/],
      [{ dueAt: at(-HOUR) }, /due since 2026-11-21T11:00:00.000Z/],
    ];
    for (const [row, text] of waiting) {
      const [verdict, summary] = verdictOf(row);
      expect(verdict).to.equal('waiting');
      expect(summary).to.match(text);
    }
  });

  it('judges each step as of now when there is no message, and stops at the first that fails', () => {
    const settings = { ...DEFAULT_SETTINGS, globalLimits: { webPush: { perDay: 1 } } };
    const base = factsWith({
      campaign: campaignWith({}, { status: 'scheduled', startsAt: at(HOUR) }),
      runs: [],
      settings,
    });
    expect(explain(base).verdict).to.equal('waiting');
    const once = campaignWith(
      { when: { start: 'now', requalify: { mode: 'once' } } },
      { status: 'scheduled' },
    );
    const cases: [Partial<ExplainFacts>, string, RegExp][] = [
      [{ profile: null }, 'profile', /there is no profile with the identity 42/],
      [{ subscriptions: [] }, 'reachable', /none at all/],
      [{ subscriptions: [{ ...subscription, status: 'expired' }] }, 'reachable', /only expired/],
      [
        { held: { slots: [{ key: 'day 2026-11-21', messageIds: ['x'] }], turnAt: null } },
        'limits',
        /1 of 1 taken in day 2026-11-21/,
      ],
      [{ campaign: once, held: { slots: [], turnAt: at(-HOUR) } }, 'requalify', /may get it once/],
      [
        { settings: { ...settings, controlGroup: { percent: 100 } } },
        'controlGroup',
        /account's control group/,
      ],
    ];
    for (const [more, step, text] of cases) {
      const explanation = explain({ ...base, ...more });
      expect(failed(explanation), step).to.deep.equal([step]);
      expect(explanation.verdict, step).to.equal('notSent');
      expect(explanation.summary).to.match(text);
      const index = explanation.steps.findIndex((one) => one.step === step);
      for (const later of explanation.steps.slice(index + 1)) {
        expect(later.outcome).to.equal('notReached');
        expect(later.detail).to.match(/^Not reached\. As of now: /);
      }
    }
  });

  it('does not blame for a missing live message what is judged only before the send, or a pause alone', () => {
    const verdicts = (detail: string, outcome: 'open' | 'ignored'): ExplainFacts['events'] => [
      { eventId: 'e', time: at(-HOUR), receivedAt: at(-HOUR), outcome, detail, conditions: [] },
    ];
    const open = liveFacts({ subscriptions: [], events: verdicts('it is still being taken up', 'open') });
    expect(explain(open).summary).to.include('it is still being taken up');
    expect(failed(explain({ ...open, filter: { text: 'no one', holds: false, parts: [] } }))).to.deep.equal([
      'filter',
    ]);
    const paused = liveFacts({
      campaign: campaignWith({ who: { live } }, { status: 'paused' }),
      events: verdicts('it has no cartId', 'ignored'),
    });
    expect(explain(paused).summary).to.include('it has no cartId');
    expect(stepOf(explain(paused), 'campaign').detail).to.include('the campaign is paused');
  });

  it('says what a run that is under way, over, or never began means for a profile without a message', () => {
    const who = (more: Partial<ExplainFacts>): [string, string, string] => {
      const explanation = explain(factsWith(more));
      const { outcome, detail } = stepOf(explanation, 'who');
      return [explanation.verdict, outcome, detail];
    };
    expect(who({ runs: [{ ...run, status: 'materialising' }] }).slice(0, 2)).to.deep.equal([
      'waiting',
      'info',
    ]);
    expect(who({ runs: [] }).slice(0, 2)).to.deep.equal(['waiting', 'info']);
    const over = who({});
    expect(over.slice(0, 2)).to.deep.equal(['notSent', 'failed']);
    expect(over[2]).to.include('it was not in it then');
    const { profile } = factsWith();
    if (profile)
      expect(who({ profile: { ...profile, createdAt: at(0) } })[2]).to.include('was made after it');
    const stopped = who({ runs: [], campaign: campaignWith({}, { status: 'stopped' }) });
    expect(stopped.slice(0, 2)).to.deep.equal(['notSent', 'failed']);
  });
});

describe('explaining a past-behaviour campaign to a profile without a message', () => {
  const outside: JudgedPart = { text: 'did "B"', holds: false };
  const unknown: JudgedPart = {
    text: 'is in the saved segment s9',
    holds: null,
    fault: 'there is no segment s9',
  };
  const doubt =
    'it could not be judged whether the profile is in the saved segment s9 (there is no segment s9)';
  const yearly = {
    start: 'now' as const,
    timezone: 'UTC',
    schedule: { at: ['2026-11-20T10:00', '2030-01-01T09:00'] },
  };
  const next = 'the next run begins at 2030-01-01T09:00:00.000Z';
  const first: Run = { ...run, local: '2026-11-20T10:00', instant: new Date('2026-11-20T10:00:00Z') };
  const told = (more: Partial<ExplainFacts>, rest: Partial<Campaign> = {}): Explanation =>
    explain(factsWith({ campaign: campaignWith({ when: yearly }, rest), runs: [first], ...more }));
  const brief = (explanation: Explanation): [string, string, string] => [
    explanation.verdict,
    stepOf(explanation, 'who').outcome,
    explanation.summary,
  ];
  const untilThen = { startsAt: new Date('2026-11-20T12:00:00Z') };

  it('waits for nothing once the campaign is over, whatever can be said of the segment by then', () => {
    const over: Partial<Campaign>[] = [
      { status: 'stopped' },
      { status: 'completed' },
      { status: 'stopped', archivedAt: at(-1) },
      { status: 'running', endsAt: at(-1) },
      { status: 'paused', endsAt: at(0) },
    ];
    for (const rest of over) {
      for (const segment of [holding, outside, unknown, undefined]) {
        const name = JSON.stringify([rest, segment]);
        const before = told({ runs: [], segment }, rest);
        const summary = 'No message: the campaign was over before a run of it began.';
        expect(brief(before), name).to.deep.equal(['notSent', 'failed', summary]);
        for (const status of ['materialising', 'completed', 'stopped', 'missed'] as const) {
          const [verdict, outcome] = brief(told({ runs: [{ ...first, status }], segment }, rest));
          expect([verdict, outcome], `${name} ${status}`).to.deep.equal(['notSent', 'failed']);
        }
      }
    }
    expect(told({ segment: unknown }, { status: 'stopped' }).summary).to.equal(
      'No message: the run of 2026-11-20T10:00:00.000Z wrote down no message for the profile: it was not in the ' +
        `segment then, or the run was stopped before it came so far; ${doubt}.`,
    );
  });

  it('says that no run has begun, and when the next one does', () => {
    const none = (more: Partial<ExplainFacts>, rest: Partial<Campaign> = {}) =>
      told({ runs: [], ...more }, { ...untilThen, ...rest });
    const running = none({});
    expect(brief(running)).to.deep.equal(['waiting', 'info', `Waiting: no run has begun; ${next}.`]);
    expect(stepOf(running, 'who').detail).to.include('no run has begun');
    expect(stepOf(running, 'schedule')).to.deep.include({
      detail: `As of now: it is sent at the set times; ${next}.`,
      at: new Date('2030-01-01T09:00:00Z'),
    });
    expect(none({ segment: unknown }).summary).to.equal(`Waiting: no run has begun, and ${doubt}; ${next}.`);
    expect(none({}, { status: 'paused' }).summary).to.equal(
      'Waiting: no run has begun; the next run is set for 2030-01-01T09:00:00.000Z, ' +
        'and none begins while the campaign is paused.',
    );
    const scheduled = { status: 'scheduled', startsAt: at(HOUR) } as const;
    expect(none({}, scheduled).summary).to.equal(
      `Waiting: the campaign has not started, and as of now nothing keeps the profile out; ${next}.`,
    );
    expect(none({ segment: unknown }, scheduled).summary).to.equal(
      `Waiting: the campaign has not started, and ${doubt}; ${next}.`,
    );
    expect(brief(none({ segment: outside }))).to.deep.equal([
      'notSent',
      'failed',
      `No message: the profile is not in the segment: it does not hold that the profile did "B"; ${next}.`,
    ]);
    expect(none({ profile: null }).summary).to.equal('No message: there is no profile with the identity 42.');
    expect(none({ subscriptions: [] }).summary).to.equal(
      `No message: no active subscription on the site, none at all; ${next}.`,
    );
  });

  it('says of a run that is due and was not opened yet what it waits for', () => {
    const campaign = (status: Campaign['status']) => campaignWith({ when: { start: 'now' } }, { status });
    const due = '2026-11-19T13:00:00.000Z';
    expect(told({ runs: [], campaign: campaign('running') }).summary).to.equal(
      `Waiting: no run has begun; the run of ${due} is about to begin.`,
    );
    expect(told({ runs: [], campaign: campaign('paused') }).summary).to.equal(
      `Waiting: no run has begun; the run of ${due} is due, and begins when the campaign is resumed.`,
    );
  });

  it('says between two runs what the last one did, and when the next one looks again', () => {
    const ran = 'the run of 2026-11-20T10:00:00.000Z';
    const why = 'it was not in it then, or the run was stopped before it came so far';
    const between = told({});
    expect(brief(between)).to.deep.equal([
      'waiting',
      'info',
      `Waiting: the profile is in the segment, but ${ran} wrote down no message for it: ${why}; ${next}.`,
    ]);
    expect(failed(between)).to.deep.equal([]);
    expect(told({ subscriptions: [] }).summary).to.equal(
      `No message: the profile is in the segment, but ${ran} wrote down no message for it: ${why}; ` +
        `as of now: no active subscription on the site, none at all; ${next}.`,
    );
    const missed = told({ runs: [{ ...first, status: 'missed' }] });
    expect(missed.summary).to.equal(
      `Waiting: the profile is in the segment, but ${ran} was missed; ${next}.`,
    );
    expect(told({ segment: outside }).summary).to.match(
      /^No message: the profile is not in .*; the next run/,
    );
    const [verdict, outcome, summary] = brief(told({ segment: unknown }));
    expect([verdict, outcome]).to.deep.equal(['waiting', 'info']);
    expect(summary).to.include(`${ran} wrote down no message`).and.to.include(`${doubt}; ${next}`);
    const writing = told({ runs: [{ ...first, status: 'materialising' }] });
    expect(brief(writing)).to.deep.equal(['waiting', 'info', `Waiting: ${ran} is writing down who gets it.`]);
    expect(stepOf(writing, 'schedule').detail).to.include(next);
  });

  it('waits for a run that is writing down who gets it, whatever keeps the profile out by then', () => {
    const writing: Run = { ...first, status: 'materialising' };
    const is = 'the run of 2026-11-20T10:00:00.000Z is writing down who gets it';
    const not = 'the profile is not in the segment: it does not hold that the profile did "B"';
    const none = 'no active subscription on the site, none at all';
    const left = told({ runs: [writing], segment: outside });
    expect(brief(left)).to.deep.equal(['waiting', 'info', `Waiting: ${is}; as of now: ${not}.`]);
    expect(stepOf(left, 'who').detail).to.equal(`As of now: ${not}, and ${is}.`);
    const unreachable = told({ runs: [writing], subscriptions: [] });
    expect(brief(unreachable)).to.deep.equal(['waiting', 'info', `Waiting: ${is}; as of now: ${none}.`]);
    expect(failed(unreachable)).to.deep.equal(['reachable']);
    expect(told({ runs: [writing], segment: outside, subscriptions: [] }).summary).to.equal(
      `Waiting: ${is}; as of now: ${not}, and ${none}.`,
    );
    const nobody = told({ runs: [writing], profile: null });
    expect(nobody).to.include({
      verdict: 'notSent',
      summary: 'No message: there is no profile with the identity 42.',
    });
  });

  it('names the run that is writing after a message of an earlier one, and not one that wrote it', () => {
    const earlier: Run = { ...run, id: 'r0', instant: at(-50 * HOUR) };
    const writing: Run = { ...first, status: 'materialising' };
    const after = (row: Partial<Message>): string =>
      told({ runs: [writing, earlier], rows: [suppressedFor('unreachable', row)] }).summary;
    const not = 'Not sent, at 2026-11-21T11:00:00.000Z: the profile could not be reached';
    expect(after({ runId: 'r0' })).to.equal(
      `${not}; the run of 2026-11-20T10:00:00.000Z is writing down who gets it.`,
    );
    expect(after({ runId: 'r1' })).to.equal(`${not}; ${next}.`);
    const refused = rowOf({ runId: 'r0', state: 'failed', reason: 'gone', settledAt: at(-HOUR) });
    expect(told({ runs: [writing, earlier], rows: [refused] }).summary).to.match(
      /is writing down who gets it\.$/,
    );
  });

  it('waits for an earlier run that is still writing beside the latest', () => {
    const earlier: Run = { ...run, id: 'r0', instant: at(-50 * HOUR), status: 'materialising' };
    for (const status of ['draining', 'completed', 'missed'] as const) {
      expect(brief(told({ runs: [{ ...first, status }, earlier] })), status).to.deep.equal([
        'waiting',
        'info',
        'Waiting: the run of 2026-11-19T10:00:00.000Z is writing down who gets it.',
      ]);
    }
  });

  it('calls a run the same before and after it has begun, also one whose set minute had begun', () => {
    const startsAt = new Date('2026-11-20T10:00:30Z');
    const called = 'the run of 2026-11-20T10:00:00.000Z';
    const due = told({ runs: [] }, { startsAt });
    expect(due.summary).to.equal(`Waiting: no run has begun; ${called} is about to begin.`);
    expect(stepOf(due, 'schedule').at).to.deep.equal(startsAt);
    const begun = told({ runs: [{ ...first, status: 'materialising' }] }, { startsAt });
    expect(begun.summary).to.include(`${called} is writing`);
  });

  it('names the next run after a message that came to nothing, and not after one that was sent', () => {
    const summaryOf = (row: Message): string => told({ rows: [row] }).summary;
    expect(summaryOf(suppressedFor('unreachable', { runId: 'r1' }))).to.equal(
      `Not sent, at 2026-11-21T11:00:00.000Z: the profile could not be reached; ${next}.`,
    );
    const sent = rowOf({ runId: 'r1', state: 'sent', sentAt: at(-HOUR), settledAt: at(-HOUR) });
    expect(summaryOf(sent)).to.not.include('next run');
    expect(told({ rows: [sent] }).steps.find(({ step }) => step === 'schedule')?.detail).to.include(next);
  });

  it('says for which local time a run begins that follows each profile’s own time zone', () => {
    const when = { ...yearly, timezone: 'profile' };
    const said = told({ runs: [], campaign: campaignWith({ when }, untilThen) });
    expect(stepOf(said, 'schedule').detail).to.equal(
      'As of now: it is sent at its local times in UTC; the run of 2026-11-19T20:00:00.000Z ' +
        '(for the local time 2026-11-20 10:00) is about to begin.',
    );
    const later = told({ campaign: campaignWith({ when }, untilThen) });
    expect(stepOf(later, 'schedule').detail).to.include(
      'the next run begins at 2029-12-31T19:00:00.000Z (for the local time 2030-01-01 09:00)',
    );
  });
});

describe('explaining a message that waits for the winning variant', () => {
  const variants = ['A', 'B'].map((name) => ({ name, weight: 1, content: {} }));
  const what = { title: 'Hello', variants, winner: { after: '1h', by: 'clicked' as const, sample: 20 } };
  const ids = Array.from({ length: 99 }, (_, i) => `p${i}`);
  const said = (sampled: boolean, more: Partial<Campaign> = {}): string => {
    const profileId = ids.find((id) => isInSample('c1', id, 20) === sampled)!;
    const row = rowOf({ runId: 'r1', profileId, dueAt: at(HOUR), firstDueAt: at(HOUR) });
    return explain(factsWith({ campaign: campaignWith({ what }, more), rows: [row] })).summary;
  };

  it('says so, and not of one that is in the sample, or when the winner is known', () => {
    const due = `Waiting: to be sent at ${at(HOUR).toISOString()}`;
    expect(said(false)).to.equal(
      `${due}, since it waits until the winner is known among the variants, which 20 % of the audience try.`,
    );
    expect(said(true)).to.equal(`${due}.`);
    const contest = contestOf({ ...definition, what })!;
    expect(said(false, { winners: [{ contest, variant: 'A', at: at(0) }] })).to.equal(`${due}.`);
  });
});

describe('explaining an API-triggered campaign', () => {
  const dnd = { from: '00:00', to: '23:59', action: 'delay' as const };
  const campaign = campaignWith({ who: { api: {} }, when: { start: 'now', dnd, delay: '5m' } });
  const request = { sendId: 'call-1', data: { orderId: 'secret' } };
  const explained = (rows: Message[], status: Campaign['status'] = 'running'): Explanation =>
    explain(factsWith({ campaign: { ...campaign, status }, rows, runs: [], segment: undefined }));
  const stepOf = ({ steps }: Explanation, name: string): Step | undefined =>
    steps.find(({ step }) => step === name);

  it('says that no call named the profile', () => {
    const said = explained([]);
    expect(said).to.include({ verdict: 'notSent', summary: 'No message: no call named it.' });
    expect(stepOf(said, 'who')).to.include({ outcome: 'failed', detail: 'As of now: no call named it.' });
    expect(stepOf(said, 'schedule')).to.equal(undefined);
    expect(stepOf(explained([], 'paused'), 'campaign')?.detail).to.include('it takes no calls');
  });

  it('says which call did, and nothing of its data', () => {
    const said = explained([rowOf({ request, queued: true, dueAt: at(HOUR), firstDueAt: at(HOUR) })]);
    expect(said).to.include({
      verdict: 'waiting',
      summary: `Waiting: to be sent at ${at(HOUR).toISOString()}.`,
    });
    const call = `the call call-1 of ${at(-2 * HOUR).toISOString()} named the profile`;
    expect(stepOf(said, 'who')).to.deep.include({
      outcome: 'passed',
      at: at(-2 * HOUR),
      detail: `Recorded: ${call}. As of now: ${call}.`,
    });
    expect(stepOf(said, 'delay')?.detail).to.equal(`The delay ends at ${at(HOUR).toISOString()}.`);
    expect(stepOf(said, 'quietHours')?.detail).to.include('a message waits for their end');
    expect(JSON.stringify(said)).to.not.include('secret');
  });

  it('says what does not hold for a transactional message', () => {
    const settings = { ...DEFAULT_SETTINGS, globalLimits: { webPush: { perDay: 1 } } };
    const row = rowOf({ request: { ...request, transactional: true } });
    const said = explain(factsWith({ campaign, settings, rows: [row], runs: [], segment: undefined }));
    expect(stepOf(said, 'who')?.detail).to.include('the transactional call call-1');
    expect(stepOf(said, 'quietHours')?.detail).to.include('do not hold for a transactional message');
    expect(stepOf(said, 'limits')?.detail).to.include('do not hold for a transactional message');
  });
});

describe('explaining a message that quiet hours held', () => {
  const dnd = { from: '09:00', to: '13:00', action: 'delay' } as const;
  const delayed = campaignWith({ who: { live }, when: { start: 'now', delay: '5m', dnd } });
  const delayEnd = '2026-11-21T10:15:00.000Z';
  const quietEnd = '2026-11-21T13:00:00.000Z';
  const held = { passage, released: true, dueAt: at(HOUR), firstDueAt: at(HOUR) } as const;
  const told = (
    facts: Partial<ExplainFacts>,
    row: Partial<Message>,
    ...names: string[]
  ): [string, string, string | undefined][] => {
    const explanation = explain(liveFacts({ campaign: delayed, ...facts, rows: [rowOf(row)] }));
    return names.map((name) => {
      const { outcome, detail, at: when } = stepOf(explanation, name);
      return [outcome, detail.replace(/ As of now.*/, ''), when?.toISOString()];
    });
  };

  it('says when the delay itself ended, and that the message waits for the end of quiet hours', () => {
    expect(told({}, held, 'window', 'delay', 'quietHours')).to.deep.equal([
      ['passed', 'Recorded: the window ends at 2026-11-21T10:10:00.000Z.', '2026-11-21T10:10:00.000Z'],
      ['passed', `Recorded: the delay ends at ${delayEnd}.`, delayEnd],
      ['info', `It waits until quiet hours end at ${quietEnd}.`, quietEnd],
    ]);
  });

  it('says afterwards that it waited for them, also when it was tried again later', () => {
    const over = { ...held, state: 'sent', sentAt: at(2 * HOUR), settledAt: at(2 * HOUR) } as const;
    const facts = { nowMs: NOW + 3 * HOUR };
    const passed = ['passed', `Recorded: it waited until quiet hours ended at ${quietEnd}.`, quietEnd];
    expect(told(facts, over, 'quietHours')).to.deep.equal([passed]);
    const attempts: Message['attempts'] = [
      { subscriptionId: 'd1', at: at(HOUR + 5), durationMs: 1, outcome: { kind: 'throttled', status: 429 } },
    ];
    const again = { ...held, state: 'due', attempts, tries: 1, dueAt: at(4 * HOUR + 7) } as const;
    expect(told(facts, again, 'quietHours')).to.deep.equal([passed]);
  });

  it('says so of one that was put off at its send, too', () => {
    const row = { ...held, state: 'due', firstDueAt: new Date(delayEnd) } as const;
    expect(told({}, row, 'delay', 'quietHours')).to.deep.equal([
      ['passed', `Recorded: the delay ends at ${delayEnd}.`, delayEnd],
      ['info', `It waits until quiet hours end at ${quietEnd}.`, quietEnd],
    ]);
  });

  it('does not claim that a message which was closed meanwhile had waited', () => {
    const closed = { ...held, state: 'suppressed', reason: 'stopped', settledAt: at(0) } as const;
    expect(told({}, closed, 'quietHours')).to.deep.equal([
      ['notReached', `It was to wait until quiet hours ended at ${quietEnd}.`, quietEnd],
    ]);
  });

  it('goes by the delay of the version that the message entered under', () => {
    const own = { definition: { ...delayed.definition, when: { start: 'now', delay: '20m', dnd } } };
    const later = { campaign: { ...delayed, version: 2 } };
    expect(told({ ...later, own }, held, 'delay')[0]?.[1]).to.include('ends at 2026-11-21T10:30:00.000Z');
    const none = { definition: { ...delayed.definition, when: { start: 'now', dnd } } };
    expect(told({ ...later, own: none }, held, 'delay')[0]?.[1]).to.match(/has no delay/);
    expect(told(later, held, 'delay')[0]).to.deep.equal([
      'info',
      'The delay ends before quiet hours end.',
      undefined,
    ]);
  });

  it('says the date of a reminder, and none where the plan would not be the same today', () => {
    const reminder: LiveAudience = { event: 'Booked', dateProperty: { property: 'departure', at: '10:30' } };
    const campaign = campaignWith({ who: { live: reminder }, when: { start: 'now', dnd } });
    const own = { definition: campaign.definition, event: event(-2 * HOUR, { departure: '2026-11-21' }) };
    const date = '2026-11-21T10:30:00.000Z';
    expect(told({ campaign, own }, held, 'delay')).to.deep.equal([
      ['passed', `Recorded: the reminder is due at ${date}.`, date],
    ]);
    const settings = { ...DEFAULT_SETTINGS, timezone: 'America/New_York' };
    expect(told({ campaign, own, settings }, held, 'delay')).to.deep.equal([
      ['info', 'The reminder is due before quiet hours end.', undefined],
    ]);
  });

  it('says the set time of a run, by the profile’s own time zone where that is the rule', () => {
    const set = (when: object, run_: Partial<Run>, settings = DEFAULT_SETTINGS): unknown => {
      const campaign = campaignWith({ when: { start: 'now', dnd, ...when } });
      const row = rowOf({ ...held, passage: undefined, runId: 'r1', createdAt: at(-2 * HOUR) });
      const facts = factsWith({ campaign, settings, runs: [{ ...run, ...run_ }], rows: [row] });
      const { outcome, detail, at: when_ } = stepOf(explain(facts), 'schedule');
      return [outcome, detail.replace(/ As of now.*/, ''), when_?.toISOString()];
    };
    const tenText = '2026-11-21T10:00:00.000Z';
    expect(set({}, {})).to.deep.equal(['passed', `Recorded: it was to be sent at ${tenText}.`, tenText]);
    const profileZone = { timezone: 'profile', schedule: { at: ['2026-11-21T11:00'] } };
    const local = { local: '2026-11-21T11:00', instant: new Date('2026-11-20T21:00:00Z') };
    const eleven = '2026-11-21T11:00:00.000Z';
    expect(set(profileZone, local)).to.deep.equal([
      'passed',
      `Recorded: it was to be sent at ${eleven}.`,
      eleven,
    ]);
    // The profile has moved since.
    expect(set(profileZone, local, { ...DEFAULT_SETTINGS, timezone: 'Asia/Tokyo' })).to.deep.equal([
      'passed',
      'Recorded: it was to be sent at its set time, before quiet hours ended.',
      undefined,
    ]);
  });
});

describe('explaining a message that a rate holds', () => {
  const slow = campaignWith({ who: { live }, when: { start: 'now', throughput: { perMinute: 60 } } });
  const deliveryOf = (campaign: Campaign, row: Partial<Message>): string =>
    stepOf(explain(liveFacts({ campaign, rows: [rowOf({ passage, ...row })] })), 'delivery').detail;

  it('says that one in the queue waits for the throughput', () => {
    const text = deliveryOf(slow, { queued: true });
    expect(text).to.match(
      /due since .* in the campaign's queue: it waits for the campaign's throughput of 60/,
    );
    const free = campaignWith({ who: { live } });
    expect(deliveryOf(free, { queued: true })).to.match(/in the campaign's queue\.$/);
    expect(deliveryOf(free, { queued: true, released: true })).to.include('the rate after quiet hours');
  });

  it('does not promise any moment what is under a rate', () => {
    expect(deliveryOf(slow, {})).to.include('when its turn comes under the campaign');
    expect(deliveryOf(campaignWith({ who: { live } }), {})).to.include('any moment');
  });
});

describe('explaining an opening event', () => {
  const judged = (
    opening: StoredEvent,
    {
      more = {},
      rows = [],
      turnAt = null,
      when = { start: 'now' },
    }: {
      more?: Partial<LiveAudience>;
      rows?: Message[];
      turnAt?: Date | null;
      when?: WebPushDefinition['when'];
    } = {},
  ): [string, string] => {
    const audience = { ...live, ...more };
    const campaign = campaignWith({ who: { live: audience }, when }, { endsAt: at(HOUR) });
    const { outcome, detail } = explainEvent(
      campaign,
      audience,
      { event: opening, messageId: 'new' },
      rows,
      turnAt,
      'Europe/Berlin',
    );
    return [outcome, detail];
  };

  it('says what kept it from opening a message', () => {
    const old = { receivedAt: at(-48 * HOUR), catalogueVersion: 1 };
    const cases: [[string, string], string, RegExp][] = [
      [judged(opened), 'open', /opened no message/],
      [judged(opened, { rows: [rowOf({ id: 'new', passage })] }), 'opened', /recorded/],
      [
        judged(opened, { more: { where: [{ property: 'price', op: 'gt', value: 3 }] } }),
        'ignored',
        /price greater than 3/,
      ],
      [judged(opened, { more: { matchOn: 'cartId' } }), 'ignored', /no cartId to match on/],
      [judged(event(-48 * HOUR, {}, old)), 'ignored', /before the campaign was published/],
      [judged(event(-25 * HOUR, {}, { receivedAt: at(0) })), 'ignored', /more than 24 hours/],
      [judged(event(2 * HOUR)), 'ignored', /after the campaign ended/],
      [judged(event(-HOUR), { rows: [rowOf({ passage })] }), 'ignored', /open already/],
      [
        judged(event(-HOUR - MINUTE), { rows: [rowOf({ passage, state: 'sent', settledAt: at(-HOUR) })] }),
        'ignored',
        /while a message was open/,
      ],
    ];
    for (const [[outcome, detail], expected, text] of cases) {
      expect(outcome, detail).to.equal(expected);
      expect(detail).to.match(text);
    }
  });

  it('says when it judges by a version that the event came before', () => {
    const verdict = (
      opening: StoredEvent,
      more: Partial<LiveAudience> = {},
      rows: Message[] = [],
      edit: Partial<Campaign> = { versionAt: at(-90 * MINUTE), catalogueVersion: 8 },
    ): string => {
      const audience = { ...live, ...more };
      const campaign = campaignWith({ who: { live: audience } }, { version: 2, ...edit });
      const opens = { event: opening, messageId: 'new' };
      return explainEvent(campaign, audience, opens, rows, null, 'UTC').detail;
    };
    const byNow = 'as judged by the current version, of 2026-11-21T10:30:00.000Z; the event came before it';
    const priced: Partial<LiveAudience> = { where: [{ property: 'price', op: 'gt', value: 3 }] };
    expect(verdict(opened, priced)).to.match(/price greater than 3/);
    for (const text of [verdict(opened, priced), verdict(opened), verdict(opened, { matchOn: 'cartId' })])
      expect(text).to.include(byNow);
    expect(verdict(opened)).to.include('the version of that time did not let it');
    const after = [
      verdict(event(-HOUR), priced),
      verdict(event(-HOUR)),
      // An instance's clock may lag: its view held the version.
      verdict(event(-2 * HOUR, {}, { catalogueVersion: 8 })),
      verdict(opened, {}, [rowOf({ id: 'new', passage })]),
      verdict(opened, priced, [], {}),
    ];
    for (const text of after) {
      expect(text).not.to.include('current version');
      expect(text).not.to.include('of that time');
    }
  });

  it('names of what may have kept it only what can be', () => {
    expect(judged(opened)[1]).to.include('the campaign was paused').and.to.include('live filter');
    expect(judged(opened, { more: { filter: undefined } })[1])
      .to.include('the campaign was paused')
      .and.not.to.include('filter');
  });

  it('judges by what was there when it came', () => {
    const later = rowOf({
      passage: { ...passage, openedBy: refOf(event(-HOUR)), event: refOf(event(-HOUR)) },
    });
    expect(judged(event(-3 * HOUR), { rows: [later] })[0]).to.equal('open');
  });

  it('says what it did to a reminder, or why it did nothing', () => {
    const more: Partial<LiveAudience> = {
      inaction: undefined,
      cancelledBy: [{ event: live.event, where: [{ property: 'status', op: 'eq', value: 'cancelled' }] }],
      dateProperty: { property: 'departure', offset: '-2d', at: '09:00' },
    };
    const names = (departure: unknown, rest: object = {}): StoredEvent =>
      event(-2 * HOUR, { departure, ...rest });
    // Of the profile's own time zone: 09:00 in Berlin on 1 December.
    const due = new Date('2026-12-01T08:00:00Z');
    const held = { ...passage, event: refOf(event(-HOUR)), openedBy: refOf(event(-3 * HOUR)) };
    const waiting = rowOf({ passage: held, firstDueAt: due, createdAt: at(-3 * HOUR) });
    const moving = names('2026-12-03');
    const moved = rowOf({ passage: { ...held, event: refOf(moving) }, firstDueAt: due });
    const closed = { ...held, event: refOf(event(-3 * HOUR)), closedBy: refOf(moving) };
    const withdrawn = rowOf({ state: 'suppressed', passage: closed, detail: 'moved to then' });
    const sent = rowOf({ state: 'sent', passage: { ...held, event: held.openedBy }, firstDueAt: due });
    const cases: [[string, string], string, RegExp][] = [
      [judged(moving, { more }), 'open', /opened no message/],
      [judged(names(undefined), { more }), 'ignored', /names no date: departure is missing/],
      [judged(names('2026-11-22'), { more }), 'ignored', /had passed.*2026-11-20T08:00:00.000Z/],
      [judged(names('2026-12-03', { status: 'cancelled' }), { more }), 'ignored', /cancels/],
      [judged(moving, { more, rows: [waiting] }), 'ignored', /a later event had moved/],
      [judged(moving, { more, rows: [moved] }), 'restarted', /recorded: it moved the reminder/],
      [judged(moving, { more, rows: [withdrawn] }), 'ignored', /recorded: it withdrew.*moved to then/],
      [judged(moving, { more, rows: [sent] }), 'ignored', /for that date, or a later one/],
    ];
    for (const [[outcome, detail], expected, text] of cases) {
      expect(detail).to.match(text);
      expect(outcome, detail).to.equal(expected);
    }
  });

  it('counts the turn that the profile had taken, over the whole interval', () => {
    const when = { start: 'now', requalify: { mode: 'interval', interval: '2h' } } as const;
    // It would be sent ten minutes after the event.
    expect(judged(event(-HOUR), { when, turnAt: at(-2 * HOUR) })[0]).to.equal('ignored');
    expect(judged(event(-HOUR), { when, turnAt: at(-3 * HOUR) })[0]).to.equal('open');
    expect(judged(event(-HOUR), { when, turnAt: at(-MINUTE) })[0]).to.equal('open');
    const once = { start: 'now', requalify: { mode: 'once' } } as const;
    expect(judged(event(-HOUR), { when: once, turnAt: at(-3 * HOUR) })[0]).to.equal('ignored');
  });
});

describe('a judged segment', () => {
  const a: Segment = { property: 'a', op: 'exists' };
  const b: Segment = { did: { event: 'B', count: { gte: 2 }, within: '30d' } };
  const judge = (segment: Segment, ...verdicts: [Segment, boolean | null][]): JudgedPart => {
    const map = new Map<Segment, LeafVerdict>(verdicts.map(([leaf, holds]) => [leaf, { holds }]));
    return judgeSegment(segment, map, { a: 1 });
  };

  it('holds as its parts do, and is unknown only where the unknown part decides', () => {
    const cases: [Segment, boolean | null, boolean | null, boolean | null][] = [
      [{ all: [a, b] }, true, true, true],
      [{ all: [a, b] }, true, null, null],
      [{ all: [a, b] }, false, null, false],
      [{ any: [a, b] }, false, null, null],
      [{ any: [a, b] }, true, null, true],
      [{ any: [a, b] }, false, false, false],
      [{ not: { any: [a, b] } }, false, false, true],
      [{ not: a }, null, true, null],
    ];
    for (const [segment, first, second, expected] of cases)
      expect(judge(segment, [a, first], [b, second]).holds, JSON.stringify(segment)).to.equal(expected);
    expect(judge({ all: [] }).holds).to.equal(true);
    expect(judge({ any: [] }).holds).to.equal(false);
    expect(leavesOf({ all: [{ not: a }, { any: [b] }] })).to.deep.equal([a, b]);
  });

  it('names the parts that keep it from holding, through any nesting', () => {
    const failing = failingParts(judge({ all: [{ not: { any: [a] } }, b] }, [a, true], [b, true]));
    expect(failing).to.deep.equal(['it holds that the profile has a a that is there (it is 1)']);
    const other = failingParts(judge({ any: [b, { any: [] }] }, [b, false]));
    expect(other[0]).to.equal(
      'it does not hold that the profile did "B" at least 2 times within the last 30d',
    );
    expect(other[1]).to.equal('it holds for no one');
  });

  it('says each kind of part in words', () => {
    const cases: [Segment, string][] = [
      [
        { didNot: { event: 'X', between: ['2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'] } },
        'did not do "X" between 2026-01-01T00:00:00Z and 2026-02-01T00:00:00Z',
      ],
      [
        { did: { event: 'X', count: { eq: 1 }, where: [{ property: 'n', op: 'gt', value: 2 }] } },
        'did "X" where n greater than 2 exactly once',
      ],
      [{ did: { event: 'X', count: { lt: 4 } } }, 'did "X" at most 3 times'],
      [
        { firstDid: { event: 'X', after: '2026-01-01T00:00:00Z' } },
        'did "X" for the first time after 2026-01-01T00:00:00Z',
      ],
      [
        { lastDid: { event: 'X', before: '2026-01-01T00:00:00Z' } },
        'did "X" for the last time before 2026-01-01T00:00:00Z',
      ],
      [
        { subscription: { where: [{ property: 'topics', op: 'contains', value: 'news' }] } },
        'has a subscription (active) where topics that contains "news"',
      ],
      [{ segment: 's' }, 'is in the saved segment s'],
      [{ inList: 'l' }, 'is in the list l'],
    ];
    for (const [segment, text] of cases) expect(judge(segment).text).to.equal(text);
  });

  it('names saved segments and lists beside their ids, wherever they are in it', () => {
    const segment: Segment = {
      all: [{ segment: 's' }, { not: { any: [{ inList: 'l' }, { inList: 'm' }] } }],
    };
    const names = new Map([
      ['s', 'The "best"'],
      ['l', 'Fair'],
    ]);
    const [first, not] = judgeSegment(segment, new Map(), {}, names).parts ?? [];
    expect(first?.text).to.equal('is in the saved segment "The \\"best\\"" (s)');
    const lists = not?.parts?.[0]?.parts?.map(({ text }) => text);
    expect(lists).to.deep.equal(['is in the list "Fair" (l)', 'is in the list m']);
  });

  it('is not said not to hold where that is not known', () => {
    const filter: JudgedPart = { text: 'is in the list l', holds: null, fault: 'there is no list l' };
    expect(stepOf(explain(liveFacts({ filter })), 'filter').detail).to.include(
      'As of now: it could not be judged whether the profile is in the list l (there is no list l).',
    );
    const listed = explain(factsWith({ segment: filter, rows: [rowOf({ runId: 'r1' })] }));
    expect(stepOf(listed, 'who').detail)
      .to.include(
        'As of now: it could not be judged whether the profile is in the list l (there is no list l).',
      )
      .and.to.not.include('is not in the segment');
  });
});
