import { expect } from 'chai';
import { newId } from '../../db/ids.ts';
import { localParts, localToInstant } from '../../domain/schedule/time-zone.ts';
import { balancedStats, finished } from '../support/audience.ts';
import { makeSite, publish } from '../support/fixtures.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const SIZE = 2_000;
/** Far from UTC, so that a day by the wrong zone is seen. */
const ZONE = 'Pacific/Auckland';
const DAY_MS = 24 * 3_600_000;

interface Row {
  id: string;
  campaignId: string;
  profileId: string;
  state: string;
  reason?: string;
  sentAt?: Date;
}

/** One accepted push, by the push service's own log. */
interface Push {
  at: number;
  /** The contact of the worker that sent it. */
  worker: string;
  campaign: string;
  profile: string;
}

describe('two campaigns to the same 2,000 profiles, with a limit of one push a day', function () {
  this.timeout(420_000);
  let stack: TestStack;
  let site: Awaited<ReturnType<typeof makeSite>>;

  beforeEach(async () => {
    stack = await startStack({ workers: 0 });
    const answer = await stack.client.put('/v1/settings', { globalLimits: { webPush: { perDay: 1 } } });
    expect(answer.status).to.equal(200);
    site = await makeSite(stack);
    await makeProfiles();
  });
  afterEach(() => stack?.close());

  /** Publishes both campaigns at the same time and waits for their end. @returns their ids */
  async function publishBoth(): Promise<string[]> {
    const campaigns = await Promise.all(
      ['One', 'Two'].map((name) =>
        publish(stack, {
          name,
          channel: 'webPush',
          siteId: site.id,
          who: { past: { all: [] } },
          what: { title: 'Hello', ttl: '7d' },
        }),
      ),
    );
    const ends = await Promise.all(campaigns.map((id) => finished(stack, id, 300_000)));
    expect(ends).to.deep.equal(['completed', 'completed']);
    return campaigns;
  }

  async function makeProfiles(): Promise<void> {
    const identities = Array.from({ length: SIZE }, (_, i) => `person-${i}`);
    for (let i = 0; i < SIZE; i += 1_000) {
      const profiles = identities.slice(i, i + 1_000).map((identity) => ({ identity, timezone: ZONE }));
      await stack.client.must('/v1/profiles', { profiles });
    }
    const browser = () => stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
    const { id } = await stack.client.must('/v1/subscriptions', {
      siteId: site.id,
      identity: identities[0],
      transport: 'vapid',
      pushSubscription: browser(),
    });
    // The others are copies of the first: so many calls would take longer than what is tested.
    const subscriptions = stack.db.collection('subscriptions');
    const first = await subscriptions.findOne({ _id: id });
    const others = await stack.db
      .collection('profiles')
      .find({ _id: { $ne: first?.profileId } })
      .toArray();
    expect(others).to.have.length(SIZE - 1);
    await subscriptions.insertMany(
      others.map(({ _id: profileId }) => ({ ...first, ...browser(), _id: newId() as never, profileId })),
    );
  }

  async function rowsOf(campaigns: string[]): Promise<Map<string, Row>> {
    const docs = await stack.db
      .collection('messages')
      .find({ campaignId: { $in: campaigns } })
      .toArray();
    return new Map(docs.map((doc) => [String(doc._id), { ...doc, id: String(doc._id) } as unknown as Row]));
  }

  function pushesOf(rows: Map<string, Row>): Push[] {
    return stack.push.received().map((push) => {
      expect(push.state).to.equal('delivered');
      const { messageId } = JSON.parse(push.payload) as { messageId: string };
      const row = rows.get(messageId)!;
      const worker = String(push.claims?.sub);
      return { at: push.at, worker, campaign: row.campaignId, profile: row.profileId };
    });
  }

  /** Judges what holds wherever the drain ran: every profile once, the rest suppressed. */
  async function expectOneEach(campaigns: string[]): Promise<Push[]> {
    const rows = await rowsOf(campaigns);
    const pushes = pushesOf(rows);
    expect(pushes).to.have.length(SIZE);
    expect(new Set(pushes.map(({ profile }) => profile)).size).to.equal(SIZE);
    const left = new Map<string, number>();
    for (const { state, reason } of rows.values()) {
      const name = reason ?? state;
      left.set(name, (left.get(name) ?? 0) + 1);
    }
    expect(Object.fromEntries(left)).to.deep.equal({ sent: SIZE, globalLimit: SIZE });
    for (const campaign of campaigns) {
      const sent = pushes.filter((push) => push.campaign === campaign).length;
      expect(await balancedStats(stack, campaign)).to.deep.include({
        entered: SIZE,
        qualified: SIZE,
        sent,
        suppressed: { globalLimit: SIZE - sent },
      });
    }
    return pushes;
  }

  function expectOverlap(pushes: Push[], campaigns: string[]): void {
    const spans = campaigns.map((campaign) => {
      const times = pushes.filter((push) => push.campaign === campaign).map(({ at }) => at);
      // A campaign that sends next to nothing overlaps with nothing.
      expect(times.length).to.be.at.least(SIZE / 10);
      return { first: Math.min(...times), last: Math.max(...times) };
    });
    const [one, two] = spans as [(typeof spans)[0], (typeof spans)[0]];
    const both = Math.min(one.last, two.last) - Math.max(one.first, two.first);
    const all = Math.max(one.last, two.last) - Math.min(one.first, two.first);
    expect(both / all, 'the share of time in which both send').to.be.above(0.5);
  }

  it('sends exactly 2,000, one to each profile, and suppresses the others', async () => {
    await stack.startWorker();
    const campaigns = await publishBoth();
    await expectOneEach(campaigns);
  });

  it('does the same with four workers, each of which sends its share while both campaigns send', async () => {
    stack.push.setDelay(50);
    // Two campaigns are drained in two parts each: with one at a time, every worker has one.
    for (let i = 0; i < 4; i += 1) {
      await stack.startWorker(
        { concurrency: 8 },
        { contact: `mailto:worker-${i}@shop.example`, maxActivities: 1 },
      );
    }
    const campaigns = await publishBoth();
    const pushes = await expectOneEach(campaigns);
    expectOverlap(pushes, campaigns);
    const workers = new Map<string, number>();
    for (const { worker } of pushes) workers.set(worker, (workers.get(worker) ?? 0) + 1);
    expect(workers.size).to.equal(4);
    for (const [worker, sent] of workers) expect(sent, worker).to.be.at.least(SIZE / 10);
  });

  it('sends each profile at most one a local day when midnight falls into the sending', async () => {
    // At most 80 a second, so that sending takes at least 25 s, and midnight comes after 12.
    stack.push.setDelay(200);
    const now = Date.now();
    const { year, month, day } = localParts(now, ZONE);
    const midnight = localToInstant({ year, month, day: day + 1, hour: 0, minute: 0 }, ZONE);
    const turnMs = now + 12_000;
    // To the workers' limits it is that much later than it is.
    const calendarAheadMs = midnight - turnMs + (midnight < turnMs ? DAY_MS : 0);
    for (let i = 0; i < 2; i += 1) await stack.startWorker({ concurrency: 4, calendarAheadMs });
    const campaigns = await publishBoth();

    const rows = await rowsOf(campaigns);
    const pushes = pushesOf(rows);
    const dayOf = (atMs: number): 'first' | 'second' => (atMs < turnMs ? 'first' : 'second');
    for (const log of [
      pushes.map(({ profile, at }) => ({ profile, at })),
      [...rows.values()].flatMap(({ profileId: profile, sentAt }) =>
        sentAt ? [{ profile, at: sentAt.getTime() }] : [],
      ),
    ]) {
      const perDay = { first: new Set<string>(), second: new Set<string>() };
      for (const { profile, at } of log) {
        const day = perDay[dayOf(at)];
        expect(day.has(profile), `${profile} got two on one day`).to.equal(false);
        day.add(profile);
      }
      expect(perDay.first.size).to.be.above(SIZE / 20);
      expect(perDay.second.size).to.be.above(SIZE / 20);
      // Nobody was left out, and those whose second message came after midnight got it.
      expect(new Set([...perDay.first, ...perDay.second]).size).to.equal(SIZE);
    }
    const reasons = new Set([...rows.values()].map(({ state, reason }) => reason ?? state));
    expect([...reasons].sort()).to.deep.equal(['globalLimit', 'sent']);
    expect([...rows.values()].filter(({ state }) => state === 'sent')).to.have.length(pushes.length);
  });
});
