import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { createPropertyRepository } from '../../../db/properties.ts';

describe('the look at properties', () => {
  it('is no answer when it took too long, and is not kept', async () => {
    let slow = true;
    const cursor = {
      toArray: () =>
        slow
          ? Promise.reject(Object.assign(new Error('slow'), { codeName: 'MaxTimeMSExpired' }))
          : Promise.resolve([{ _id: 'a', name: 'Charged', properties: { plan: 'gold' } }]),
    };
    const collection = () => ({ find: () => cursor, aggregate: () => cursor });
    const properties = createPropertyRepository({ collection } as unknown as Connection);
    expect(await properties.ofProfiles()).to.equal(null);
    expect(await properties.ofEvent('Charged')).to.equal(null);
    expect(await properties.eventNames(10)).to.equal(null);
    slow = false;
    expect((await properties.ofProfiles())?.map(({ name }) => name)).to.include('plan');
    expect((await properties.ofEvent('Charged'))?.map(({ name }) => name)).to.deep.equal(['plan']);
    expect(await properties.eventNames(10)).to.include('Charged');
  });
});
