import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { createRandom } from '../../bench/random.ts';
import { waitFor } from '../support/wait-for.ts';
import { afterPushes, deliveriesOf, expectSentOnce, repeated } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { makeAudience, publishRun, settled } from './support/scene.ts';

const PEOPLE = 5_000;
const WORKERS = 4;
const PAUSES = 20;
const SEED = 20_261_121;

describe(`a run to ${PEOPLE} that ${WORKERS} workers drain`, function () {
  this.timeout(420_000);
  let stack: FaultStack;

  before(async () => {
    stack = await startFaultStack();
  });
  after(() => stack?.close());

  it(`starts no send in any of ${PAUSES} pauses, and everything once in the end`, async () => {
    const { siteId } = await makeAudience(stack, PEOPLE);
    const contacts = Array.from({ length: WORKERS }, (_, i) => `mailto:worker-${i}@shop.example`);
    await Promise.all(contacts.map((contact) => stack.startWorker({ BECKON_CONTACT: contact })));

    const random = createRandom(SEED);
    // So slow that the audience lasts for all the pauses; some sends outlast the pause that they were begun before.
    let slowMs = 2_500;
    const slowness = (): number => Math.round(slowMs * (0.75 + random.next() / 2));
    stack.push.setDelay(slowness());
    let next = afterPushes(stack.push, 20 + random.below(60));
    const campaign = await publishRun(stack, siteId);
    const quiet: { from: number; to: number }[] = [];
    let before = 0;
    for (let i = 0; i < PAUSES; i += 1) {
      await next;
      // At any moment of what goes on just then.
      await delay(random.below(250));
      await stack.client.must(`/v1/campaigns/${campaign}/pause`);
      const from = Date.now();
      await delay(random.below(900));
      const arrived = stack.push.received().length;
      // However fast the machine is: what is left is to last for the pauses that are left.
      const budget = (PEOPLE - arrived) / (PAUSES - i + 1);
      slowMs = Math.min(Math.max((slowMs * (arrived - before)) / budget, 1_000), 7_000);
      before = arrived;
      stack.push.setDelay(slowness());
      next = afterPushes(stack.push, 20 + random.below(60));
      expect(arrived, `something is left to be paused, pause ${i + 1}`).to.be.below(PEOPLE);
      quiet.push({ from, to: Date.now() });
      await stack.client.must(`/v1/campaigns/${campaign}/resume`);
      await waitFor('sending to go on', () => stack.push.received().length > arrived, 20_000);
    }
    stack.push.setDelay(0);

    const rows = await settled(stack, campaign, PEOPLE, 180_000);
    const received = stack.push.received();
    const arrived = deliveriesOf(received, rows);
    expectSentOnce(rows, arrived, PEOPLE);
    expect(repeated(arrived), 'what came twice').to.deep.equal([]);
    const during = quiet.map(({ from, to }) => received.filter(({ at }) => at > from && at < to).length);
    expect(during, 'arrivals in each pause').to.deep.equal(quiet.map(() => 0));
    const by = contacts.map((contact) => received.filter(({ claims }) => claims?.sub === contact).length);
    expect(Math.min(...by), 'what the least busy worker sent').to.be.above(0);
    const { body: stats } = await stack.client.get(`/v1/campaigns/${campaign}/stats`);
    expect(stats).to.include({ entered: PEOPLE, qualified: PEOPLE, sent: PEOPLE, waiting: 0 });
    const paused = quiet.reduce((sum, { from, to }) => sum + to - from, 0);
    console.log(
      `      ${PAUSES} pauses of ${paused} ms in all with 0 arrivals; workers sent ${by.join(', ')}`,
    );
  });
});
