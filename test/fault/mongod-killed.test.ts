import { expect } from 'chai';
import { waitFor } from '../support/wait-for.ts';
import {
  afterPushes,
  deliveriesOf,
  expectSentOnce,
  mostUnrecorded,
  repeated,
} from './support/delivery-check.ts';
import { startFaultStack, type FaultStack } from './support/fault-stack.ts';
import { startOwnMongod, type OwnServer } from './support/own-servers.ts';
import { makeAudience, publishRun, settled, type Audience } from './support/scene.ts';

const PEOPLE = 2_000;

describe('a mongod that is killed and started again on its data', function () {
  this.timeout(180_000);
  let mongod: OwnServer | undefined;
  let stack: FaultStack | undefined;
  let audience: Audience;

  before(async () => {
    mongod = await startOwnMongod();
    stack = await startFaultStack({ mongoUri: mongod.address });
    audience = await makeAudience(stack, PEOPLE);
  });
  after(async () => {
    await stack?.close();
    await mongod?.close();
  });

  it('has every event that was answered with 202', async () => {
    const answered: string[] = [];
    let refused = 0;
    let posted = 0;
    let isOver = false;
    const produce = async (): Promise<void> => {
      while (!isOver) {
        const batch = Array.from({ length: 10 }, () => ({
          eventId: `event-${(posted += 1)}`,
          identity: `person-${posted % PEOPLE}`,
          name: 'Page Viewed',
        }));
        const { status } = await stack!.client.post('/v1/events', { events: batch });
        if (status === 202) answered.push(...batch.map((event) => event.eventId));
        else refused += 1;
      }
    };
    const producers = Promise.all(Array.from({ length: 4 }, produce));
    try {
      await waitFor('events before the kill', () => answered.length >= 500);
      await mongod!.killHard();
      const before = answered.length;
      await mongod!.restart();
      await waitFor('events after the kill', () => answered.length >= before + 500, 60_000);
    } finally {
      isOver = true;
      await producers;
    }
    const stored = await stack!.collection('events').distinct('eventId');
    expect(answered.filter((eventId) => !new Set(stored as string[]).has(eventId))).to.deep.equal([]);
    console.log(`      answered ${answered.length} events, refused ${refused} calls`);
  });

  it('lets a run finish, each message sent once in the records', async () => {
    await stack!.startWorker();
    stack!.push.setDelay(20);
    const reached = afterPushes(stack!.push, 600);
    const campaign = await publishRun(stack!, audience.siteId);
    await reached;
    await mongod!.killHard();
    await mongod!.restart();
    const rows = await settled(stack!, campaign, PEOPLE, 120_000);
    const arrived = deliveriesOf(stack!.push.received(), rows);
    expectSentOnce(rows, arrived, PEOPLE);
    const repeats = repeated(arrived);
    expect(repeats.length).to.be.at.most(mostUnrecorded(PEOPLE));
    expect([...arrived.values()].every((count) => count <= 2)).to.equal(true);
    console.log(`      came twice ${repeats.length} (at most ${mostUnrecorded(PEOPLE)})`);
  });
});
