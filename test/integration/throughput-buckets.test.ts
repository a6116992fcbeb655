import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { connectDatabase } from '../../db/connection.ts';
import { createThroughputRepository } from '../../db/throughput.ts';
import type { ThroughputRepository } from '../../domain/ports/limits.ts';
import { paceOf } from '../../domain/delivery/throughput.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';
import { createTokenBucket } from '../support/token-bucket.ts';

describe('the buckets of rates', function () {
  this.timeout(30_000);
  let connections: Connection[];
  let stores: ThroughputRepository[];

  before(async () => {
    const uri = (await sharedServers()).mongoUri(uniqueName('throughput'));
    connections = await Promise.all([connectDatabase(uri), connectDatabase(uri)]);
    stores = connections.map(createThroughputRepository);
  });
  after(() => Promise.all((connections ?? []).map((connection) => connection.close())));

  const store = (i = 0): ThroughputRepository => {
    const one = stores[i % stores.length];
    if (!one) throw new Error('no store');
    return one;
  };
  const stored = async (name: string): Promise<Record<string, any>> => {
    const doc = await connections[0]?.collection('throughputs').findOne({ _id: name as never });
    if (!doc) throw new Error(`no bucket ${name}`);
    return doc;
  };

  it('keep the rules of the model, step by step and also when the rate is changed', async () => {
    let perMinute = 900;
    const model = createTokenBucket(() => perMinute);
    const open: { grant: string; granted: number }[] = [];
    for (let i = 0; i < 120; i += 1) {
      if (i === 70) perMinute = 90;
      if (i === 100) perMinute = 12_000;
      const bucket = { name: 'model', perMinute };
      if (i % 3 === 2 && open.length > 0) {
        const { grant, granted } = open.shift() ?? { grant: '', granted: 0 };
        await store(i).settle(bucket, grant, Math.floor(granted / 2));
        model.settle(grant, Math.floor(granted / 2), ((await stored('model')).at as Date).getTime());
      } else {
        const took = await store(i).take(bucket, (i * 7) % 23);
        const atMs = ((await stored('model')).at as Date).getTime();
        const expected = model.take((i * 7) % 23, atMs, took.grant);
        expect({ granted: took.granted, nextAtMs: took.nextAt.getTime() }, `step ${i}`).to.deep.equal(
          expected,
        );
        if (took.granted > 0) open.push(took);
      }
      if (i % 10 === 0) await delay(60);
    }
  }).timeout(120_000);

  it('grant no more than they hold to those who come at once, also the very first', async () => {
    const bucket = { name: 'rush', perMinute: 600 };
    const began = performance.now();
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => store(i).take(bucket, 3)));
    const { burst, perMs } = paceOf(600);
    const granted = all.reduce((sum, one) => sum + one.granted, 0);
    expect(granted).to.be.within(burst, burst + Math.ceil((performance.now() - began) * perMs));
    const refused = all.find((one) => one.granted === 0);
    expect(refused?.nextAt.getTime()).to.be.above(Date.now() - 10_000);
  });

  it('let others have what was given back, once, whoever says it twice', async () => {
    // So slow that nothing comes in meanwhile.
    const bucket = { name: 'back', perMinute: 1 };
    const first = await store().take(bucket, 5);
    expect(first.granted).to.equal(1);
    expect((await store(1).take(bucket, 1)).granted).to.equal(0);
    await Promise.all([store().settle(bucket, first.grant, 0), store(1).settle(bucket, first.grant, 0)]);
    const again = await store(1).take(bucket, 5);
    expect(again.granted).to.equal(1);
    await store().settle(bucket, first.grant, 0);
    expect((await store().take(bucket, 1)).granted).to.equal(0);
  });

  it('tell one of those who queue messages at once to wake the queue', async () => {
    const woken = await Promise.all(Array.from({ length: 20 }, (_, i) => store(i).wake('c')));
    expect(woken.filter(Boolean)).to.have.length(1);
    await store().sleep('c');
    expect([await store().wake('c'), await store(1).wake('c')]).to.deep.equal([true, false]);
  });

  it('tell one of those who queue something for before the queue looks again to wake it, and nobody else', async () => {
    const [soon, later] = [new Date(Date.now() + 60_000), new Date(Date.now() + 3_600_000)];
    await store().doze('d', soon);
    expect(await store().wake('d', later)).to.equal(false);
    expect(await store().wake('d', soon)).to.equal(false);
    const woken = await Promise.all(Array.from({ length: 20 }, (_, i) => store(i).wake('d')));
    expect(woken.filter(Boolean)).to.have.length(1);
    await store().doze('d', later);
    expect(await store(1).wake('d', soon)).to.equal(true);
    await store().doze('d', later);
    await store().sleep('d');
    expect(await store().wake('d', new Date(later.getTime() + 1))).to.equal(true);
  });
});
