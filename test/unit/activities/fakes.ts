import type { DeliveryDeps } from '../../../activities/delivery/deps.ts';
import type { CampaignDefinition, Gate } from '../../../domain/campaign/campaign.ts';
import type { Message } from '../../../domain/delivery/message.ts';
import type { DeliveryOutcome } from '../../../domain/delivery/outcome.ts';
import type { MessageResult } from '../../../domain/ports/messages.ts';
import type { AccountSettings } from '../../../domain/campaign/settings.ts';

/** A promise that is settled by hand. */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

/** Lets everything that can go on without a timer go on. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A clock that a test sets: both readings advance together. */
export function createFakeClock(startMs = 1_000_000): {
  nowMs(): number;
  monotonicMs(): number;
  advance(ms: number): void;
} {
  let passed = 0;
  return {
    nowMs: () => startMs + passed,
    monotonicMs: () => passed,
    advance(ms) {
      passed += ms;
    },
  };
}

export const DUE_AT = new Date(990_000);

/** What a page of so many rows finds, with everything going well unless a test says otherwise. */
export function createFakeDelivery(rowCount: number) {
  const clock = createFakeClock();
  const recorded: MessageResult[] = [];
  const sent: string[] = [];
  const expired: string[] = [];
  const taken: string[] = [];
  const givenBack: string[] = [];
  const warnings: object[] = [];
  const tokens: string[] = [];
  const state = {
    gate: 'open' as Gate,
    /** What the last look at the gate says; null: the same. */
    gateNow: null as Gate | 'unknown' | null,
    send: (messageId: string): Promise<DeliveryOutcome | { kind: 'notBegun' }> | DeliveryOutcome => {
      void messageId;
      return { kind: 'delivered', status: 201 };
    },
    record: (results: MessageResult[]): Promise<string[]> => {
      recorded.push(...results);
      return Promise.resolve([]);
    },
    afterClaim: () => {},
    settings: { timezone: 'UTC', globalLimits: {} } as AccountSettings,
    takeSlot: (messageId: string): 'granted' | { full: string } => {
      void messageId;
      return 'granted';
    },
    /** By profile, over all sites. */
    latestZones: new Map<string, string>(),
    takeTurn: (): 'granted' | { takenAt: Date } => 'granted',
    /** How many of the wanted a bucket grants. */
    takeTokens: (bucket: string, wanted: number): number => (bucket === '' ? 0 : wanted),
  };
  const rows = Array.from({ length: rowCount }, (_, i) => messageRow(`message-${i}`, `profile-${i}`));
  const definition: CampaignDefinition = {
    name: 'News',
    channel: 'webPush',
    siteId: 'site',
    labels: [],
    who: { past: { all: [] } },
    when: { start: 'now' },
    what: { title: 'News', ttl: '4h' },
  };
  const site = { id: 'site', name: 'Shop', origins: [], vapid: {}, receiptKey: 'key' };
  const deps = {
    clock,
    messages: {
      claim: () => {
        const claimed = Promise.resolve(rows);
        state.afterClaim();
        return claimed;
      },
      record: (results: MessageResult[]) => state.record(results),
    },
    campaigns: {
      version: () => Promise.resolve(definition),
      byId: () => Promise.resolve({ id: 'campaign', targetId: 7, definition }),
    },
    sites: { byId: () => Promise.resolve(site) },
    profiles: {
      byIds: (ids: string[]) =>
        Promise.resolve(new Map(ids.map((id) => [id, { id, properties: {}, testProfile: false }]))),
    },
    subscriptions: {
      activeOf: (_siteId: string, ids: string[]) =>
        Promise.resolve(
          new Map(
            ids.map((id) => [
              id,
              [{ id: `browser of ${id}`, endpoint: 'https://push', transport: 'vapid', keys: {} }],
            ]),
          ),
        ),
      latestZones: () => Promise.resolve(state.latestZones),
      expire: (ids: string[]) => {
        expired.push(...ids);
        return Promise.resolve(ids.length);
      },
    },
    events: { byIds: () => Promise.resolve(new Map()) },
    settings: { read: () => Promise.resolve(state.settings) },
    allowances: {
      take(_owner: object, messageId: string, periods: { key: string }[]) {
        taken.push(...periods.map(({ key }) => `${messageId}: ${key}`));
        return Promise.resolve(state.takeSlot(messageId));
      },
      giveBack(_owner: object, messageId: string) {
        givenBack.push(`${messageId}: slots`);
        return Promise.resolve();
      },
      takeTurn({ messageId }: { messageId: string }) {
        taken.push(`${messageId}: turn`);
        return Promise.resolve(state.takeTurn());
      },
      giveTurnBack({ messageId }: { messageId: string }) {
        givenBack.push(`${messageId}: turn`);
        return Promise.resolve();
      },
    },
    throughput: {
      take({ name }: { name: string }, wanted: number) {
        const granted = state.takeTokens(name, wanted);
        tokens.push(`${name}: took ${granted} of ${wanted}`);
        const nextAt = new Date(clock.nowMs() + (granted === 0 ? 60_000 : 0));
        return Promise.resolve({ grant: name, granted, nextAt });
      },
      settle({ name }: { name: string }, grant: string, left: number) {
        tokens.push(`${grant === name ? name : 'another'}: ${left} left`);
        return Promise.resolve();
      },
    },
    gate: {
      refresh: () => Promise.resolve(state.gate),
      now: () => state.gateNow ?? state.gate,
    },
    webPush: {
      async send({ messageId }: { messageId: string }, mayBegin: () => boolean) {
        if (!mayBegin()) return { kind: 'notBegun' };
        sent.push(messageId);
        return state.send(messageId);
      },
    },
    templates: { render: (text: string) => text, budget: () => ({}) },
    receipts: { sign: () => 'token' },
    random: { fraction: () => 0, token: () => 'token' },
    log: { info: () => {}, error: () => {}, warn: (fields: object) => void warnings.push(fields) },
    publicUrl: 'https://beckon.example',
    contact: 'mailto:ops@shop.example',
    limits: {
      leaseMs: 30_000,
      startWithinMs: 12_000,
      timeoutMs: 10_000,
      pageSize: 256,
      concurrency: 1,
      flushEvery: 64,
      flushAfterMs: 5,
      calendarAheadMs: 0,
    },
  };
  return {
    deps: deps as unknown as DeliveryDeps,
    state,
    clock,
    sent,
    expired,
    /** Rows and definition as the page finds them: a test changes them before it delivers. */
    rows,
    definition,
    /** What was asked for and given back, in order. */
    taken,
    givenBack,
    warnings,
    /** What was asked of the buckets, in order. */
    tokens,
    /** How each row was left, by id. */
    left: () => new Map(recorded.map((result) => [result.messageId, result.settlement])),
    recorded,
  };
}

function messageRow(id: string, profileId: string): Message {
  return {
    id,
    campaignId: 'campaign',
    version: 1,
    siteId: 'site',
    profileId,
    runId: 'run',
    partition: 0,
    state: 'sending',
    dueAt: DUE_AT,
    firstDueAt: DUE_AT,
    tries: 0,
    devices: [],
    attempts: [],
    receipts: [],
    createdAt: DUE_AT,
    token: 'token',
  };
}
