import { expect } from 'chai';
import type mongoose from 'mongoose';
import { createRepositories } from '../../db/repositories.ts';
import { connectDatabase } from '../../db/connection.ts';
import type { PropertyRepository } from '../../domain/ports/properties.ts';
import { post } from '../support/fixtures.ts';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('GET /v1/properties', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  /** Asks another process, whose memory is empty. */
  async function afresh<T>(ask: (properties: PropertyRepository) => Promise<T>): Promise<T> {
    const connection = await connectDatabase(stack.mongoUri);
    try {
      const { properties } = await createRepositories(connection, { now: () => new Date() });
      return await ask(properties);
    } finally {
      await connection.close();
    }
  }

  it('lists what profiles and events have, with types and examples, and masks who they are', async () => {
    await stack.client.must('/v1/profiles', {
      profiles: [
        {
          ...{ identity: 'ada-42', email: 'ada@shop.example', name: 'Ada', country: 'DE' },
          properties: { plan: 'gold', address: { city: 'Ulm' }, name: 'hidden by the named field' },
        },
        { identity: 'bob', properties: { plan: 'silver', visits: 3, 'address.city': 7 } },
      ],
    });
    // What three have is nobody's own.
    const golden = ['cleo', 'dora'].map((identity) => ({ identity, properties: { plan: 'gold' } }));
    await stack.client.must('/v1/profiles', { profiles: golden });
    await post(
      stack,
      { identity: 'ada-42', name: 'Charged', properties: { Amount: 25, items: [{ sku: 'x' }] } },
      { identity: 'bob', name: 'Charged', properties: { Amount: 30, coupon: 'MAY' } },
      { identity: 'bob', name: 'Charged', properties: { Amount: 30, coupon: 'MAY' } },
      { identity: 'bob', name: 'Charged', properties: { Amount: 30, coupon: 'MAY' } },
      { identity: 'bob', name: 'Looked', properties: { page: '/cart' } },
    );
    const { body } = await stack.client.get('/v1/properties?event=Charged');
    const profile = new Map(
      (body.profile as { name: string; types: string[]; examples: unknown[] }[]).map((one) => [
        one.name,
        one,
      ]),
    );
    expect([...profile.keys()]).to.deep.equal([
      ...['identity', 'email', 'name', 'timezone', 'language', 'country', 'testProfile', 'objectId'],
      ...['address', 'address.city', 'plan', 'visits'],
    ]);
    // A dot in a name is a dot.
    const cities = (body.profile as { name: string; path: string[]; examples: unknown[] }[]).filter(
      ({ name }) => name === 'address.city',
    );
    expect(cities.map(({ path, examples }) => ({ path, examples }))).to.deep.equal([
      { path: ['address.city'], examples: [7] },
      { path: ['address', 'city'], examples: ['***'] },
    ]);
    expect(profile.get('plan')).to.deep.equal({
      name: 'plan',
      path: ['plan'],
      types: ['string'],
      examples: ['gold'],
    });
    expect(profile.get('email')).to.deep.equal({
      name: 'email',
      path: ['email'],
      types: ['string'],
      examples: ['a***'],
    });
    expect(JSON.stringify(body)).to.not.include('Ada').and.not.include('ada-42').and.not.include('hidden by');
    expect(body.event).to.deep.equal({
      name: 'Charged',
      properties: [
        { name: 'Amount', path: ['Amount'], types: ['number'], examples: [30, 25] },
        { name: 'coupon', path: ['coupon'], types: ['string'], examples: ['***'] },
        { name: 'items', path: ['items'], types: ['array'], examples: [[{ sku: '***' }]] },
      ],
    });
    expect(body.events).to.have.members(['Charged', 'Looked']);
    expect((await stack.client.get('/v1/properties')).body.event).to.equal(null);
    expect((await stack.client.get('/v1/properties?event=Never')).body.event.properties).to.deep.equal([]);
    expect(expectProblem(await stack.client.get('/v1/properties?name=x'), 'validation_failed')).to.deep.equal(
      ['?name'],
    );
  });

  it('keeps an answer for a while, so that asking often costs nothing', async () => {
    const known = async (): Promise<string[]> =>
      ((await stack.client.get('/v1/properties')).body.profile as { name: string }[]).map(({ name }) => name);
    const before = await known();
    await stack.client.must('/v1/profiles', { profiles: [{ identity: 'new', properties: { brandNew: 1 } }] });
    expect(await known())
      .to.deep.equal(before)
      .and.not.include('brandNew');
    const learned = await afresh((properties) => properties.ofProfiles());
    expect(learned?.map(({ name }) => name)).to.include('brandNew');
  });

  it('looks at the latest, however many there are', async () => {
    const events = stack.db.collection('events');
    const many = Array.from({ length: 3_000 }, (_, i) => ({
      _id: `p:${i}` as never,
      ...{ eventId: String(i), profileId: 'p', name: i === 0 ? 'First' : 'Many', index: 0, lane: 0 },
      properties: { [i < 1_500 ? 'old' : 'fresh']: i },
      ...{ time: new Date(1_700_000_000_000 + i), receivedAt: new Date(Date.now() + i), catalogueVersion: 0 },
    }));
    await events.insertMany(many);
    await afresh(async (properties) => {
      expect((await properties.ofEvent('Many'))?.map(({ name }) => name)).to.deep.equal(['fresh']);
      const names = await properties.eventNames(10);
      expect(names?.[0]).to.equal('Many');
      expect(await properties.eventNames(1)).to.deep.equal(['Many']);
    });
    const plan = await events
      .find({ name: 'Many' }, { sort: { time: -1 }, limit: 1_000, hint: 'name_1_time_1_profileId_1' })
      .explain('executionStats');
    expect((plan as { executionStats: mongoose.mongo.Document }).executionStats.totalDocsExamined).to.equal(
      1_000,
    );
  });
});
