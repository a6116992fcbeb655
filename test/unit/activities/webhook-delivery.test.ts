import { expect } from 'chai';
import { deliverPage } from '../../../activities/delivery/deliver-page.ts';
import type { CampaignDefinition } from '../../../domain/campaign/campaign.ts';
import type { Message } from '../../../domain/delivery/message.ts';
import type { WebhookAnswer, WebhookRequest } from '../../../domain/ports/channels.ts';
import type { ClaimQuery } from '../../../domain/ports/messages.ts';
import {
  DEFAULT_WEBHOOK_RETRIES,
  type WebhookAttempt,
  type WebhookTarget,
} from '../../../domain/delivery/webhook.ts';
import { createFakeDelivery, DUE_AT } from './fakes.ts';

const TARGET: WebhookTarget = {
  id: 'target',
  name: 'Shop',
  method: 'POST',
  url: 'https://shop.example/hook',
  query: [],
  headers: [],
  contentType: 'json',
  signingSecrets: [],
  disabled: false,
  limits: { concurrency: 2, timeout: '5s' },
  retries: { ...DEFAULT_WEBHOOK_RETRIES, base: '10s', jitter: 0.5 },
  createdAt: DUE_AT,
  updatedAt: DUE_AT,
};

/** A page of so many rows of a webhook campaign with batches of two. */
function setUp(count: number, target: Partial<WebhookTarget> = {}) {
  const fake = createFakeDelivery(count);
  const requests: { id: string; identities: string[] }[] = [];
  const logged: WebhookAttempt[] = [];
  const state = {
    answer: { outcome: { kind: 'delivered', status: 200 } } as WebhookAnswer,
    slotFree: true,
    /** Rows that somebody else holds. */
    heldElsewhere: 0,
    lost: new Set<string>(),
    logFails: false,
    fraction: 0.25,
  };
  const definition = fake.definition as unknown as Record<string, unknown>;
  Object.assign(definition, {
    channel: 'webhook',
    what: { webhookId: 'target', batch: { size: 2 }, fields: ['objectId'] },
  } satisfies Partial<CampaignDefinition>);
  const claims: ClaimQuery[] = [];
  Object.assign(fake.deps.messages, {
    claim: (query: ClaimQuery) => {
      claims.push(query);
      return Promise.resolve(
        'batchId' in query ? fake.rows.filter(({ batchId }) => batchId === query.batchId) : fake.rows,
      );
    },
    noteBatch: (rows: { id: string }[]) =>
      Promise.resolve(new Set(rows.map(({ id }) => id).filter((id) => !state.lost.has(id)))),
    countOpenOfBatch: (batchId: string) =>
      Promise.resolve(fake.rows.filter((row) => row.batchId === batchId).length + state.heldElsewhere),
  });
  let tokens = 0;
  Object.assign(fake.deps, {
    random: { fraction: () => state.fraction, token: () => `token ${++tokens}` },
    webhooks: {
      byIds: () => Promise.resolve(new Map([['target', { ...TARGET, ...target }]])),
      addAttempt(attempt: WebhookAttempt) {
        if (state.logFails) return Promise.reject(new Error('the database is away'));
        logged.push(attempt);
        return Promise.resolve();
      },
    },
    webhookSlots: {
      take: () => {
        if (!state.slotFree) fake.clock.advance(1_000);
        return Promise.resolve(state.slotFree);
      },
      giveBack: () => Promise.resolve(),
    },
    webhook: {
      send({ id, body }: WebhookRequest, mayBegin: () => boolean) {
        if (!mayBegin()) return Promise.resolve({ outcome: { kind: 'notBegun' } });
        const { profiles } = JSON.parse(body) as { profiles: { ObjectId: string }[] };
        requests.push({ id, identities: profiles.map(({ ObjectId }) => ObjectId) });
        return Promise.resolve(state.answer);
      },
    },
  });
  const deliver = () =>
    deliverPage(
      fake.deps,
      { runId: 'run', partitions: { from: 0, to: 64 }, limit: 10 },
      { whenPaused: 'keep' },
    );
  return { ...fake, state, requests, logged, claims, deliver };
}

const again = { kind: 'again', dueAt: DUE_AT, tried: false };

describe('delivering a page to a webhook', () => {
  it('makes a request of each full batch and of what is left, and logs each', async () => {
    const page = setUp(5);
    await page.deliver();
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([
      ['profile-0', 'profile-1'],
      ['profile-2', 'profile-3'],
      ['profile-4'],
    ]);
    expect(new Set(page.requests.map(({ id }) => id))).to.have.length(3);
    expect([...page.left().values()].map(({ kind }) => kind)).to.deep.equal(Array(5).fill('sent'));
    expect(page.logged.map(({ messages, try: nth }) => [messages, nth])).to.deep.equal([
      [2, 1],
      [2, 1],
      [1, 1],
    ]);
    const [result] = page.recorded;
    expect(result?.attempts[0]).to.include({ subscriptionId: 'target', batchId: page.requests[0]?.id });
  });

  it('tries what was not taken again together, at one instant, by the settings of the target', async () => {
    const page = setUp(4);
    page.state.answer = { outcome: { kind: 'throttled', status: 503 } };
    await page.deliver();
    const dues = [...page.left().values()].map((one) => (one.kind === 'again' ? one.dueAt.getTime() : 0));
    // 10 s, an eighth of which is left out by chance: a quarter of the half that may be.
    expect(dues).to.deep.equal(Array(4).fill(page.clock.nowMs() + 8_750));
  });

  it('sends a batch that was tried before as it was, under its name, and apart from others', async () => {
    const page = setUp(4);
    for (const row of page.rows.slice(0, 3)) Object.assign(row, { batchId: 'earlier', tries: 2 });
    await page.deliver();
    expect(page.requests).to.deep.equal([
      { id: page.requests[0]?.id, identities: ['profile-3'] },
      { id: 'earlier', identities: ['profile-0', 'profile-1', 'profile-2'] },
    ]);
    expect(page.logged.find(({ batchId }) => batchId === 'earlier')).to.include({ try: 3, messages: 3 });
    expect(page.claims[1]).to.deep.equal({ batchId: 'earlier' });
  });

  it('leaves a batch of which somebody else holds a part for a moment, and sends nothing of it', async () => {
    const page = setUp(3);
    for (const row of page.rows.slice(0, 2)) row.batchId = 'earlier';
    page.state.heldElsewhere = 1;
    await page.deliver();
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-2']]);
    for (const row of page.rows.slice(0, 2)) {
      const left = page.left().get(row.id);
      expect(left).to.include({ kind: 'again', tried: false });
      expect(left?.kind === 'again' && left.dueAt.getTime()).to.be.above(page.clock.nowMs());
    }
  });

  it('sends nothing once the gate has closed, and leaves the rows as they were', async () => {
    const page = setUp(2);
    page.state.slotFree = true;
    const { gate } = page.deps;
    let looks = 0;
    gate.now = () => ((looks += 1) > 3 ? 'paused' : 'open');
    await page.deliver();
    expect(page.requests).to.deep.equal([]);
    expect([...page.left().values()]).to.deep.equal([again, again]);
  });

  it('leaves out a row that somebody else has taken over', async () => {
    const page = setUp(2);
    page.state.lost.add('message-0');
    await page.deliver();
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-1']]);
    expect(page.left().get('message-0')).to.deep.equal(again);
  });

  it('waits for a free slot of the target no longer than it may still start', async () => {
    const page = setUp(2);
    page.state.slotFree = false;
    await page.deliver();
    expect(page.requests).to.deep.equal([]);
    expect([...page.left().values()]).to.deep.equal([again, again]);
    expect(page.clock.monotonicMs()).to.be.within(12_000, 13_000);
  });

  it('leaves what finds the rate of the target used up until that lets it leave', async () => {
    const page = setUp(1, { limits: { ...TARGET.limits, perMinute: 30 } });
    Object.assign(page.deps.throughput, {
      take: () =>
        Promise.resolve({ grant: 'none', granted: 0, nextAt: new Date(page.clock.nowMs() + 2_000) }),
    });
    await page.deliver();
    expect(page.requests).to.deep.equal([]);
    const dueAt = new Date(page.clock.nowMs() + 2_000);
    expect(page.left().get('message-0')).to.deep.equal({ kind: 'again', dueAt, tried: false });
  });

  it('counts as sent what was sent, also when it cannot be logged', async () => {
    const page = setUp(1);
    page.state.logFails = true;
    await page.deliver();
    expect(page.left().get('message-0')?.kind).to.equal('sent');
    expect(page.warnings).to.have.length(1);
  });

  it('goes on with the others when one cannot be prepared', async () => {
    const page = setUp(3);
    Object.assign(page.deps.templates, {});
    const { profiles } = page.deps;
    const byIds = profiles.byIds.bind(profiles);
    profiles.byIds = async (ids) => {
      const found = await byIds(ids);
      found.delete('profile-1');
      return found;
    };
    await page.deliver();
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-0', 'profile-2']]);
    expect(page.left().get('message-1')).to.include({ kind: 'suppressed', reason: 'unreachable' });
  });

  it('is not kept waiting by a row of which reading failed', async () => {
    const page = setUp(3);
    page.state.fraction = 0;
    const { gate } = page.deps;
    const refresh = gate.refresh.bind(gate);
    let looks = 0;
    gate.refresh = (campaignId) => {
      looks += 1;
      return looks === 2 ? Promise.reject(new Error('the database is away')) : refresh(campaignId);
    };
    const failed = await page.deliver().then(
      () => null,
      (error: unknown) => error,
    );
    expect(failed).to.be.an('error');
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-0', 'profile-2']]);
    const broken: Message | undefined = page.rows[1];
    expect(page.left().get(broken?.id ?? '')).to.deep.equal(again);
  });
});
