import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import {
  startWebhookReceiver,
  type ReceivedWebhook,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { publish, settled } from './support/scene.ts';

const PEOPLE = 400;
const SIZE = 20;
const CONCURRENCY = 4;

const membersOf = ({ body }: ReceivedWebhook): string[] =>
  (JSON.parse(body) as { profiles: { Identity: string }[] }).profiles.map(({ Identity }) => Identity);

describe('a worker that is killed while it calls a webhook', function () {
  this.timeout(150_000);
  let stack: FaultStack;
  let receiver: WebhookReceiver;

  before(async () => {
    stack = await startFaultStack();
    receiver = await startWebhookReceiver();
    const profiles = Array.from({ length: PEOPLE }, (_, i) => ({ identity: `person-${i}` }));
    await stack.client.must('/v1/profiles', { profiles });
  });
  after(async () => {
    await receiver?.close();
    await stack?.close();
  });

  it('has its requests repeated as they were, under the same id, so that each profile counts once', async () => {
    receiver.answer({ status: 200, delayMs: 200 });
    const target = await stack.client.must('/v1/webhooks', {
      name: 'Shop',
      url: `${receiver.url}/hook`,
      limits: { concurrency: CONCURRENCY, timeout: '5s' },
    });
    const worker = await stack.startWorker();
    const campaign = await publish(stack, {
      name: 'To everybody',
      channel: 'webhook',
      who: { past: { all: [] } },
      what: { webhookId: target.id as string, fields: ['identity'], batch: { size: SIZE } },
    });
    await waitFor('half of the requests', () => Promise.resolve(receiver.received.length >= 10), 30_000);
    worker.signal('SIGKILL');
    await worker.ended;
    const before = receiver.received.length;
    const recorded = [...(await stack.rows(campaign)).values()].filter(
      ({ state }) => state === 'sent',
    ).length;

    await stack.startWorker();
    const rows = await settled(stack, campaign, PEOPLE);
    expect([...rows.values()].filter(({ state }) => state !== 'sent')).to.deep.equal([]);

    const byId = new Map<string, ReceivedWebhook[]>();
    for (const request of receiver.received) {
      const id = String(request.headers['webhook-id']);
      byId.set(id, [...(byId.get(id) ?? []), request]);
    }
    for (const [id, requests] of byId) {
      const sets = new Set(requests.map((request) => membersOf(request).sort().join()));
      expect(sets, `what came as ${id}`).to.have.length(1);
    }
    // Whoever goes by the ids has everybody once.
    const once = [...byId.values()].flatMap(([first]) => membersOf(first!));
    expect(once).to.have.length(PEOPLE);
    expect(new Set(once)).to.have.length(PEOPLE);
    const repeats = receiver.received.length - byId.size;
    console.log(
      `      ${before} requests before the kill, ${recorded / SIZE} of them recorded, ${repeats} came twice`,
    );
    expect(repeats).to.equal(before - recorded / SIZE);
    expect(before).to.be.below(PEOPLE / SIZE);
  });
});
