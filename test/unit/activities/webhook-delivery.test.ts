import { expect } from 'chai';
import { deliverPage } from '../../../activities/delivery/deliver-page.ts';
import type { RequestPlan } from '../../../activities/delivery/fill-request.ts';
import type { CampaignDefinition } from '../../../domain/campaign/campaign.ts';
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
  const left: { batchId: string; except: string[] }[] = [];
  const unclaimed = new Set(fake.rows);
  Object.assign(fake.deps.messages, {
    claim: (query: ClaimQuery) => {
      claims.push(query);
      const limit = 'limit' in query ? query.limit : Infinity;
      const page = [...unclaimed].slice(0, 'batchId' in query ? 0 : limit);
      for (const row of page) unclaimed.delete(row);
      if (!('batchId' in query)) return Promise.resolve(page);
      for (const row of fake.rows) if (row.batchId === query.batchId) unclaimed.delete(row);
      return Promise.resolve(fake.rows.filter(({ batchId }) => batchId === query.batchId));
    },
    leaveBatch: (batchId: string, except: string[]) => {
      left.push({ batchId, except });
      return Promise.resolve();
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
    webhook: {
      send({ id, body }: WebhookRequest, mayBegin: () => boolean) {
        if (!mayBegin()) return Promise.resolve({ outcome: { kind: 'notBegun' } });
        const { profiles } = JSON.parse(body) as { profiles: { ObjectId: string }[] };
        requests.push({ id, identities: profiles.map(({ ObjectId }) => ObjectId) });
        return Promise.resolve(state.answer);
      },
    },
  });
  const deliver = (more: Partial<RequestPlan> = {}) =>
    deliverPage(
      fake.deps,
      { runId: 'run', partitions: { from: 0, to: 64 }, limit: 2 },
      { whenPaused: 'keep', request: { size: 2, bytes: 1_000_000, maxWaitMs: 0, ...more } },
    );
  return { ...fake, state, requests, logged, claims, outOfBatch: left, deliver };
}

const again = { kind: 'again', dueAt: DUE_AT, tried: false };

describe('one request to a webhook', () => {
  it('holds as many as fill it, and is logged', async () => {
    const page = setUp(5);
    await page.deliver();
    await page.deliver();
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

  it('is filled up for those who are settled without it', async () => {
    const page = setUp(4);
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
    expect(page.left().has('message-3')).to.equal(false);
  });

  it('waits for more that fall due, no longer than it may', async () => {
    const page = setUp(1);
    const { messages } = page.deps;
    const claim = messages.claim.bind(messages);
    let looks = 0;
    messages.claim = (query, ...rest) => {
      looks += 1;
      page.clock.advance(looks === 1 ? 0 : 100);
      return claim(query, ...rest);
    };
    await page.deliver({ maxWaitMs: 250 });
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-0']]);
    // At 100, at 200, and once more when it has waited for long enough.
    expect(looks).to.equal(4);
  });

  it('leaves out what would make it too large, as it was', async () => {
    const page = setUp(2);
    await page.deliver({ bytes: 30 });
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-0']]);
    expect(page.left().get('message-1')).to.deep.equal(again);
  });

  it('that was not taken is tried again at one instant, by the settings of the target', async () => {
    const page = setUp(2);
    page.state.answer = { outcome: { kind: 'throttled', status: 503 } };
    const fractions = [0.25, 0.5, 0.75, 1];
    page.deps.random.fraction = () => fractions.shift() ?? 0;
    await page.deliver();
    const dues = [...page.left().values()].map((one) => (one.kind === 'again' ? one.dueAt.getTime() : 0));
    // 10 s, an eighth of which is left out by chance: a quarter of the half that may be.
    expect(dues).to.deep.equal(Array(2).fill(page.clock.nowMs() + 8_750));
  });

  it('that was made before is made again as it was, under its name, and what was claimed with it goes back', async () => {
    const page = setUp(4);
    for (const row of page.rows.slice(1)) Object.assign(row, { batchId: 'earlier', tries: 2 });
    await page.deliver();
    expect(page.requests).to.deep.equal([
      { id: 'earlier', identities: ['profile-1', 'profile-2', 'profile-3'] },
    ]);
    expect(page.logged[0]).to.include({ try: 3, messages: 3 });
    expect(page.claims[1]).to.deep.equal({ batchId: 'earlier' });
    expect(page.left().get('message-0')).to.deep.equal(again);
  });

  it('takes those out of its batch who do not travel with it again, before it leaves', async () => {
    const page = setUp(2);
    for (const row of page.rows) Object.assign(row, { batchId: 'earlier', tries: 1 });
    page.rows[0]!.cutOffAt = new Date(page.clock.nowMs() - 1);
    page.deps.webhook.send = ({ id }) => {
      expect(page.outOfBatch).to.deep.equal([{ batchId: 'earlier', except: ['message-1'] }]);
      expect(id).to.equal('earlier');
      return Promise.resolve(page.state.answer);
    };
    await page.deliver();
    expect(page.left().get('message-1')?.kind).to.equal('sent');
    expect(page.outOfBatch).to.have.length(1);
  });

  it('is not made while somebody else holds a part of its batch', async () => {
    const page = setUp(2);
    for (const row of page.rows) row.batchId = 'earlier';
    page.state.heldElsewhere = 1;
    await page.deliver();
    expect(page.requests).to.deep.equal([]);
    for (const row of page.rows) {
      const left = page.left().get(row.id);
      expect(left).to.include({ kind: 'again', tried: false });
      expect(left?.kind === 'again' && left.dueAt.getTime()).to.be.above(page.clock.nowMs());
    }
  });

  it('is not made once the gate has closed, and leaves the rows as they were', async () => {
    const page = setUp(2);
    const { gate } = page.deps;
    let looks = 0;
    gate.now = () => ((looks += 1) > 3 ? 'paused' : 'open');
    await page.deliver();
    expect(page.requests).to.deep.equal([]);
    expect([...page.left().values()]).to.deep.equal([again, again]);
  });

  it('begins however long its connection takes, for the gate is looked at all the while', async () => {
    const page = setUp(1);
    const { gate } = page.deps;
    let known = true;
    let lease: NodeJS.Timeout | undefined;
    gate.refresh = () => {
      known = true;
      // A timer, for those that a stall makes late fire in their order: first the look, then the end of the lease.
      clearTimeout(lease);
      lease = setTimeout(() => (known = false), 400);
      return Promise.resolve('open');
    };
    gate.now = () => (known ? 'open' : 'unknown');
    const send = page.deps.webhook.send.bind(page.deps.webhook);
    page.deps.webhook.send = async (request, mayBegin) => {
      const untilMs = Date.now() + 900;
      while (Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 20));
      return send(request, mayBegin);
    };
    await page.deliver();
    clearTimeout(lease);
    expect(page.left().get('message-0')?.kind).to.equal('sent');
  });

  it('leaves out a row that somebody else has taken over', async () => {
    const page = setUp(2);
    page.state.lost.add('message-0');
    await page.deliver();
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-1']]);
    expect(page.left().get('message-0')).to.deep.equal(again);
  });

  it('counts as sent what was sent, also when it cannot be logged', async () => {
    const page = setUp(1);
    page.state.logFails = true;
    await page.deliver();
    expect(page.left().get('message-0')?.kind).to.equal('sent');
    expect(page.warnings).to.have.length(1);
  });

  it('is logged without the secrets that the target sends back', async () => {
    const secret = 'Bearer abcdefgh-12345';
    const page = setUp(1, {
      headers: [{ name: 'Authorization', value: secret, secret: true }],
      signingSecrets: ['whsec_c2VjcmV0c2VjcmV0'],
    });
    const body = `you sent Authorization: ${secret} and c2VjcmV0c2VjcmV0`;
    page.state.answer = {
      outcome: { kind: 'delivered', status: 200 },
      answer: { status: 200, body, truncated: false },
    };
    await page.deliver();
    expect(page.logged[0]?.answer?.body).to.equal('you sent Authorization: [secret] and [secret]');
  });

  it('is not kept waiting by a row of which reading failed', async () => {
    const page = setUp(2);
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
    expect(page.requests.map(({ identities }) => identities)).to.deep.equal([['profile-0']]);
    expect(page.left().get('message-1')).to.deep.equal(again);
  });
});
