import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import { afterPushes, deliveriesOf, expectSentOnce, repeated } from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { makeAudience, publishRun, settled } from './support/scene.ts';

const PEOPLE = 2_000;
/** After how many more pushes, how slow the push service is, and how long the pause lasts. Milliseconds. */
const PAUSES = [
  { after: 61, answersAfter: 300, lasts: 600 },
  { after: 113, answersAfter: 250, lasts: 900 },
  // Sends that are under way outlast the pause itself.
  { after: 49, answersAfter: 2_500, lasts: 0 },
  // Sends that are under way end just when it is resumed.
  { after: 97, answersAfter: 1_050, lasts: 0 },
  { after: 83, answersAfter: 350, lasts: 800 },
];

describe('a run that two workers drain and that is paused again and again', function () {
  this.timeout(120_000);
  let stack: FaultStack;

  before(async () => {
    stack = await startFaultStack();
  });
  after(() => stack?.close());

  it('sends nothing from when a pause has returned until it is resumed, and everything once in the end', async () => {
    const { siteId } = await makeAudience(stack, PEOPLE);
    await Promise.all([stack.startWorker(), stack.startWorker()]);
    let next = afterPushes(stack.push, PAUSES[0]?.after ?? 0);
    stack.push.setDelay(PAUSES[0]?.answersAfter ?? 0);
    const campaign = await publishRun(stack, siteId);
    const quiet: { from: number; to: number }[] = [];
    for (const [i, { lasts }] of PAUSES.entries()) {
      await next;
      await stack.client.must(`/v1/campaigns/${campaign}/pause`);
      const from = Date.now();
      await delay(lasts);
      const following = PAUSES[i + 1];
      next = afterPushes(stack.push, following?.after ?? 0);
      stack.push.setDelay(following?.answersAfter ?? 0);
      quiet.push({ from, to: Date.now() });
      const arrived = stack.push.received().length;
      await stack.client.must(`/v1/campaigns/${campaign}/resume`);
      await waitFor('sending to go on', () => stack.push.received().length > arrived, 15_000);
    }
    const rows = await settled(stack, campaign, PEOPLE);
    const arrived = deliveriesOf(stack.push.received(), rows);
    expectSentOnce(rows, arrived, PEOPLE);
    expect(repeated(arrived), 'what came twice').to.deep.equal([]);
    const during = quiet.map(
      ({ from, to }) => stack.push.received().filter(({ at }) => at > from && at < to).length,
    );
    expect(during, 'arrivals in each pause').to.deep.equal(PAUSES.map(() => 0));
    const { body: stats } = await stack.client.get(`/v1/campaigns/${campaign}/stats`);
    expect(stats).to.include({ entered: PEOPLE, qualified: PEOPLE, sent: PEOPLE, waiting: 0 });
  });
});
