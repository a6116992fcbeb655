import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { startOwnTemporal, type OwnServer } from './support/own-servers.ts';
import type { WorkerProcess } from './support/worker-process.ts';

const MINUTE_MS = 60_000;
const PEOPLE = 20;
/** How long before the end of the waits everything is up again, at least. */
const AHEAD_MS = 30_000;
/** How late a message may be: timers, a page's turn and a machine with much else to do. */
const LATE_MS = 10_000;

describe('what waits for its time while something is restarted', function () {
  this.timeout(240_000);
  let temporal: OwnServer;
  let stack: FaultStack;
  let worker: WorkerProcess;
  let site: { id: string; vapid: { publicKey: string } };
  const endpoints: string[] = [];
  const identities = Array.from({ length: PEOPLE }, (_, i) => `person-${i}`);
  let scenes = 0;

  before(async () => {
    temporal = await startOwnTemporal();
    stack = await startFaultStack({ temporalAddress: temporal.address });
    worker = await stack.startWorker();
    site = await stack.client.must('/v1/sites', { name: 'Shop', origins: ['https://shop.example'] });
    await stack.client.must('/v1/profiles', {
      profiles: identities.map((identity) => ({ identity, timezone: 'UTC' })),
    });
    for (const identity of identities) {
      const { endpoint, keys } = stack.push.subscribe({ vapidPublicKey: site.vapid.publicKey });
      endpoints.push(endpoint);
      const pushSubscription = { endpoint, expirationTime: null, keys };
      await stack.client.must('/v1/subscriptions', {
        siteId: site.id,
        identity,
        transport: 'vapid',
        pushSubscription,
      });
    }
  });
  after(async () => {
    await stack?.close();
    await temporal?.close();
  });

  async function publish(title: string, who: object, when: object): Promise<string> {
    const { id } = await stack.client.must('/v1/campaigns', {
      name: title,
      channel: 'webPush',
      siteId: site.id,
      who,
      when: { start: 'now', ...when },
      what: { title },
    });
    await stack.client.must(`/v1/campaigns/${id as string}/publish`);
    return id as string;
  }

  /** A delay, a window, quiet hours and a time-zone run, all of which end at about the same time. */
  async function openWaits(): Promise<{ titles: string[]; dueMs: Map<string, number>; campaigns: string[] }> {
    scenes += 1;
    const event = `Added To Cart ${scenes}`;
    const named = (kind: string): string => `${kind} ${scenes}`;
    const end = Math.ceil((Date.now() + AHEAD_MS + 12_000) / MINUTE_MS) * MINUTE_MS;
    const clock = (ms: number): string => new Date(ms).toISOString().slice(11, 16);
    const seconds = Math.round((end - Date.now()) / 1_000);
    const past = { past: { all: [] } };
    const titles = ['delay', 'window', 'quiet hours', 'time zone'].map(named);
    const campaigns = [
      await publish(titles[0]!, { live: { event } }, { delay: `${seconds}s` }),
      await publish(
        titles[1]!,
        { live: { event, inaction: { event: 'Charged', within: `${seconds}s` } } },
        {},
      ),
      await publish(titles[2]!, past, {
        dnd: { from: clock(end - 120 * MINUTE_MS), to: clock(end), action: 'delay' },
      }),
      await publish(titles[3]!, past, {
        timezone: 'profile',
        schedule: { at: [new Date(end).toISOString().slice(0, 16)] },
      }),
    ];
    const time = new Date().toISOString();
    await stack.client.must('/v1/events', {
      events: identities.map((identity) => ({ identity, name: event, time })),
    });
    const triggered = Date.parse(time) + seconds * 1_000;
    await waitFor('all of it to wait', async () => {
      const open = { campaignId: { $in: campaigns }, state: 'waiting' };
      return (await stack.collection('messages').countDocuments(open)) === 4 * PEOPLE;
    });
    const dueMs = new Map([
      [titles[0]!, triggered],
      [titles[1]!, triggered],
      [titles[2]!, end],
      [titles[3]!, end],
    ]);
    return { titles, dueMs, campaigns };
  }

  async function expectFiredInTime({ titles, dueMs, campaigns }: Awaited<ReturnType<typeof openWaits>>) {
    expect(Date.now(), 'everything is up again in time').to.be.below(Math.min(...dueMs.values()) - 1_000);
    const filter = { campaignId: { $in: campaigns }, state: 'sent' };
    await waitFor(
      'all of it to be sent',
      async () => (await stack.collection('messages').countDocuments(filter)) === 4 * PEOPLE,
      120_000,
    );
    for (const title of titles) {
      const pushes = stack.push.received().filter((push) => titleOf(push.payload) === title);
      expect(pushes.map(({ endpoint }) => endpoint).sort(), title).to.deep.equal([...endpoints].sort());
      const late = pushes.map(({ at }) => at - (dueMs.get(title) ?? 0));
      // The push service's clock is the machine's, the due instant the database's; both are here.
      expect(Math.min(...late), `${title}: the earliest`).to.be.at.least(-50);
      expect(Math.max(...late), `${title}: the latest`).to.be.below(LATE_MS);
    }
  }

  it('fires in time when the worker is killed and another comes', async () => {
    const scene = await openWaits();
    worker.signal('SIGKILL');
    await worker.ended;
    await delay(2_000);
    worker = await stack.startWorker();
    await expectFiredInTime(scene);
  });

  it('fires in time when the API is restarted', async () => {
    const scene = await openWaits();
    await stack.restartApi();
    await expectFiredInTime(scene);
  });

  it('fires in time when the Temporal server is killed and comes back with its data', async () => {
    const scene = await openWaits();
    await temporal.killHard();
    await delay(2_000);
    await temporal.restart();
    await expectFiredInTime(scene);
  });
});

function titleOf(payload: string): string {
  return (JSON.parse(payload) as { notification: { title: string } }).notification.title;
}
