import { expect } from 'chai';
import fc from 'fast-check';
import { expectProblem } from '../support/problem.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const NO_SUCH_ID = 'ffffffffffffffffffffffff';

describe('POST /v1/events', function () {
  this.timeout(120_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  const good = { identity: 'somebody', name: 'Viewed' };
  const events = () => stack.db.collection('events');
  const pointersFor = async (...list: unknown[]): Promise<string[]> =>
    expectProblem(
      await stack.client.post('/v1/events', { events: list }),
      'validation_failed',
      JSON.stringify(list),
    );

  it('names every fault of a batch by its place, and stores nothing of it', async () => {
    const before = await events().countDocuments();
    const pointers = await pointersFor(
      good,
      { ...good, name: 7 },
      { ...good, colour: 'red' },
      { name: 'Viewed' },
      { ...good, objectId: NO_SUCH_ID },
      { ...good, time: 'yesterday' },
      { ...good, properties: { $set: 1, fine: 2 } },
      'an event',
      null,
    );
    expect(pointers.sort()).to.deep.equal([
      '/events/1/name',
      '/events/2/colour',
      '/events/3',
      '/events/4',
      '/events/5/time',
      '/events/6/properties/$set',
      '/events/7',
      '/events/8',
    ]);
    expect(await events().countDocuments()).to.equal(before);
    expect(await stack.db.collection('identities').countDocuments({ _id: 'somebody' as never })).to.equal(0);
  });

  it('escapes the pointer as RFC 6901 says', async () => {
    expect(await pointersFor({ ...good, 'a/b~c': 1 })).to.deep.equal(['/events/0/a~1b~0c']);
  });

  it('refuses bodies of another shape', async () => {
    for (const [body, pointer] of [
      [null, ''],
      [[], ''],
      ['events', ''],
      [7, ''],
      [{}, '/events'],
      [{ events: {} }, '/events'],
      [{ events: [] }, '/events'],
      [{ events: [good], more: 1 }, '/more'],
      [{ events: Array.from({ length: 1_001 }, () => good) }, '/events'],
    ] as const) {
      const answer = await stack.client.post('/v1/events', body);
      expect(expectProblem(answer, 'validation_failed')).to.deep.equal([pointer]);
    }
  });

  it('refuses fields that cannot be meant', async () => {
    for (const [field, value] of [
      ['name', ''],
      ['name', 'x'.repeat(129)],
      ['name', 'a\nb'],
      ['name', 'a\u0000b'],
      ['identity', ''],
      ['identity', 'x'.repeat(257)],
      ['identity', { $ne: null }],
      ['identity', 'anonymous/x'],
      ['identity', 'half a character \ud83d'],
      ['eventId', ''],
      ['eventId', 'x'.repeat(129)],
      ['eventId', 5],
      ['time', 0],
      ['time', '2026-01-01'],
      ['time', '2026-01-01T00:00:00'],
      ['time', '2026-02-30T00:00:00Z'],
      ['time', '2026-01-01T25:00:00Z'],
      ['time', '2026-01-01T00:00:00+99:99'],
      ['time', '2999-01-01T00:00:00Z'],
      ['time', new Date(Date.now() + 11 * 60_000).toISOString()],
      ['properties', []],
      ['properties', 'a'],
      ['properties', null],
    ] as const) {
      expect(
        await pointersFor({ ...good, [field]: value }),
        `${field} ${JSON.stringify(value)}`,
      ).to.deep.equal([`/events/0/${field}`]);
    }
    const { name } = good;
    expect(await pointersFor({ name, objectId: NO_SUCH_ID })).to.deep.equal(['/events/0/objectId']);
    expect(await pointersFor({ name, objectId: 'x' })).to.deep.equal(['/events/0/objectId']);
    expect(await pointersFor({ ...good, objectId: NO_SUCH_ID })).to.deep.equal(['/events/0']);
  });

  it('refuses property names that a database or a prototype could take for its own, at any depth', async () => {
    for (const name of ['$where', '$', '', 'a\u0000b', 'constructor', 'prototype', 'x'.repeat(129)]) {
      expect(await pointersFor({ ...good, properties: { [name]: 1 } }), name).to.have.length(1);
      expect(await pointersFor({ ...good, properties: { a: { [name]: 1 } } }), `a.${name}`).to.have.length(1);
      expect(
        await pointersFor({ ...good, properties: { a: [{ [name]: 1 }] } }),
        `a.0.${name}`,
      ).to.have.length(1);
    }
    for (const properties of ['{"__proto__":{"admin":true}}', '{"a":{"__proto__":{"admin":true}}}']) {
      const body = `{"events":[{"identity":"x","name":"n","properties":${properties}}]}`;
      expectProblem(await stack.client.raw('POST', '/v1/events', body), 'validation_failed', properties);
    }
    expect(({} as { admin?: boolean }).admin).to.equal(undefined);
  });

  it('keeps values as they are: dots in names, text of every script, numbers, nulls, nested things', async () => {
    const properties = {
      'a.b': 1,
      '.': 2,
      a: { 'c.d': [1, 'two', null, { three: true }] },
      text: 'Grüße 🛒 \u202e مرحبا',
      nul: 'a\u0000b',
      big: 2 ** 53,
      small: -0.5,
      none: null,
      when: '2026-01-01T00:00:00Z',
      toString: 'a word',
    };
    await stack.client.must('/v1/events', { events: [{ ...good, eventId: 'as-it-is', properties }] });
    const stored = await events().findOne({ eventId: 'as-it-is' });
    expect(stored?.properties).to.deep.equal(properties);
  });

  it('refuses properties that are too deep or too large', async () => {
    const nested = (depth: number): object => (depth === 0 ? {} : { a: nested(depth - 1) });
    expect(await pointersFor({ ...good, properties: nested(8) })).to.deep.equal(['/events/0/properties']);
    expect(await pointersFor({ ...good, properties: { a: 'x'.repeat(40_000) } })).to.deep.equal([
      '/events/0/properties',
    ]);
  });

  it('takes an event of the edge: 1,000 at once, a clock 9 minutes ahead, one of long ago', async () => {
    const list = Array.from({ length: 1_000 }, (_, i) => ({ ...good, eventId: `edge-${i}` }));
    expect(await stack.client.must('/v1/events', { events: list })).to.deep.equal({
      accepted: 1_000,
      duplicates: 0,
    });
    const ahead = new Date(Date.now() + 9 * 60_000).toISOString();
    const edge = [
      { ...good, time: ahead },
      { ...good, time: '1970-01-01T00:00:00.000+05:30' },
    ];
    expect((await stack.client.must('/v1/events', { events: edge })).accepted).to.equal(2);
  });

  it('takes the objectId of a profile instead of its identity', async () => {
    const [profile] = (await stack.client.must('/v1/profiles', { profiles: [{ identity: 'known' }] }))
      .profiles;
    const { name } = good;
    await stack.client.must('/v1/events', {
      events: [{ objectId: profile.objectId, name, eventId: 'by-object' }],
    });
    expect((await events().findOne({ eventId: 'by-object' }))?.profileId).to.equal(profile.objectId);
  });

  it('is never answered 500, whatever the body', async () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom<unknown>(
          null,
          true,
          0,
          -1,
          1e308,
          '',
          '$',
          '__proto__',
          '\u0000',
          '2026-01-01T00:00:00Z',
        ),
        fc.string({ unit: 'binary' }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.array(tie('any'), { maxLength: 4 }),
        fc.dictionary(
          fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('$a', 'a.b', 'constructor', 'toJSON')),
          tie('any'),
          {
            maxKeys: 4,
          },
        ),
      ),
    })).any;
    const likely = fc.record(
      {
        identity: fc.oneof({ weight: 5, arbitrary: fc.string({ unit: 'binary', minLength: 1 }) }, value),
        name: fc.oneof({ weight: 5, arbitrary: fc.constantFrom('Viewed', 'Charged') }, value),
        eventId: fc.oneof(fc.string({ unit: 'binary', minLength: 1 }), value),
        time: fc.oneof(
          {
            weight: 3,
            arbitrary: fc.date({ noInvalidDate: true, max: new Date() }).map((date) => date.toISOString()),
          },
          value,
        ),
        properties: fc.oneof(
          { weight: 3, arbitrary: fc.dictionary(fc.string({ unit: 'binary' }), value) },
          value,
        ),
      },
      { requiredKeys: ['identity', 'name'] },
    );
    const body = fc.oneof(
      { weight: 8, arbitrary: fc.record({ events: fc.array(likely, { minLength: 1, maxLength: 3 }) }) },
      value,
    );
    await fc.assert(
      fc.asyncProperty(body, async (given) => {
        const answer = await stack.client.post('/v1/events', given);
        expect(answer.status).to.be.oneOf([202, 400, 422]);
        if (answer.status === 422) expectProblem(answer, 'validation_failed');
        if (answer.status === 400) expectProblem(answer, 'malformed_json');
      }),
      { numRuns: 400 },
    );
    expect(await events().countDocuments({ profileId: '' }), 'events of nobody').to.equal(0);
  });
});
