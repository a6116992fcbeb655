import { expect } from 'chai';
import fc from 'fast-check';
import type { Connection } from 'mongoose';
import { connectDatabase, ensureIndexes } from '../../db/connection.ts';
import { createWebhookSlotRepository } from '../../db/webhook-slots.ts';
import type { WebhookSlotRepository } from '../../domain/ports/webhooks.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const LEASE_MS = 60_000;

describe('the slots of webhook targets', () => {
  const connections: Connection[] = [];
  const workers: WebhookSlotRepository[] = [];
  let named = 0;
  const target = (): string => `target-${(named += 1)}`;

  before(async function () {
    this.timeout(60_000);
    const uri = (await sharedServers()).mongoUri(uniqueName('slots'));
    for (let i = 0; i < 3; i += 1) {
      const connection = await connectDatabase(uri);
      connections.push(connection);
      workers.push(createWebhookSlotRepository(connection));
      await ensureIndexes(connection);
    }
  });
  after(() => Promise.all(connections.map((connection) => connection.close())));

  const [first, second] = [
    (): WebhookSlotRepository => workers[0]!,
    (): WebhookSlotRepository => workers[1]!,
  ];

  it('are as many as the target allows, over all workers', async () => {
    const id = target();
    const granted = await Promise.all(
      Array.from({ length: 60 }, (_, i) => workers[i % 3]!.take(id, 8, `holder-${i}`, LEASE_MS)),
    );
    expect(granted.filter(Boolean)).to.have.lengthOf(8);
    await first().giveBack(id, `holder-${granted.indexOf(true)}`);
    const again = await Promise.all(
      Array.from({ length: 20 }, (_, i) => workers[i % 3]!.take(id, 8, `later-${i}`, LEASE_MS)),
    );
    expect(again.filter(Boolean), 'the one that was given back').to.have.lengthOf(1);
  });

  it('are never held by more at once, while many take and give back', async () => {
    const id = target();
    let held = 0;
    let most = 0;
    let done = 0;
    const work = async (slots: WebhookSlotRepository, holder: string): Promise<void> => {
      for (let i = 0; i < 6; i += 1) {
        await waitFor(`a slot for ${holder}`, () => slots.take(id, 3, holder, LEASE_MS));
        held += 1;
        most = Math.max(most, held);
        await new Promise((resolve) => setImmediate(resolve));
        // Counted down before it is given back: whoever gets it next counts up after.
        held -= 1;
        done += 1;
        await slots.giveBack(id, holder);
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => work(workers[i % 3]!, `h${i}`)));
    expect(done).to.equal(72);
    expect(most).to.be.within(1, 3);
    const doc = await connections[0]!.collection('webhookSlots').findOne({ _id: id as never });
    expect(doc?.slots).to.deep.equal([]);
  }).timeout(60_000);

  it('are the same one when the same holder takes again, also when there are fewer by then', async () => {
    const id = target();
    for (let i = 0; i < 3; i += 1) expect(await first().take(id, 2, 'a', LEASE_MS)).to.equal(true);
    expect(await second().take(id, 2, 'b', LEASE_MS)).to.equal(true);
    expect(await second().take(id, 2, 'c', LEASE_MS)).to.equal(false);
    expect(await first().take(id, 1, 'a', LEASE_MS)).to.equal(true);
    expect(await second().take(id, 1, 'c', LEASE_MS)).to.equal(false);
    await first().giveBack(id, 'nobody');
    await first().giveBack(id, 'a');
    expect(await second().take(id, 1, 'c', LEASE_MS), 'b holds the one there is').to.equal(false);
    await first().giveBack(id, 'b');
    expect(await second().take(id, 1, 'c', LEASE_MS)).to.equal(true);
  });

  it('are free again when their lease is over, and of one target alone', async () => {
    const [id, other] = [target(), target()];
    expect(await first().take(id, 1, 'dead', 2_000)).to.equal(true);
    expect(await second().take(other, 1, 'b', LEASE_MS), 'of another target').to.equal(true);
    expect(await second().take(id, 1, 'b', LEASE_MS)).to.equal(false);
    await waitFor('the lease to be over', () => second().take(id, 1, 'b', LEASE_MS));
    expect(await first().take(id, 1, 'dead', LEASE_MS)).to.equal(false);
  }).timeout(20_000);

  it('do as a list of holders would, whatever comes in whatever order', async () => {
    const holder = fc.constantFrom('a', '$b', 'c.d', 'e');
    const step = fc.oneof(
      fc.record({ deed: fc.constant('take' as const), holder, concurrency: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ deed: fc.constant('giveBack' as const), holder, concurrency: fc.constant(0) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const id = target();
        const holders = new Set<string>();
        for (const { deed, holder: who, concurrency } of steps) {
          if (deed === 'giveBack') {
            await first().giveBack(id, who);
            holders.delete(who);
          } else {
            const granted = holders.has(who) || holders.size < concurrency;
            expect(await second().take(id, concurrency, who, LEASE_MS)).to.equal(granted);
            if (granted) holders.add(who);
          }
        }
      }),
      { numRuns: 25 },
    );
  }).timeout(60_000);
});
