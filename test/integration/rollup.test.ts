import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories, type Repositories } from '../../db/repositories.ts';
import { createEventNames } from '../../db/segments/event-names.ts';
import { createRollupRepository } from '../../db/segments/rollup.ts';
import { followServerClock } from '../../db/server-clock.ts';
import type { NewEvent } from '../../domain/ports/events.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

const DAY_MS = 86_400_000;
const nowMs = Date.now();

describe('the roll-up that segments count by', function () {
  this.timeout(60_000);
  let connection: Connection;
  let clock: Awaited<ReturnType<typeof followServerClock>>;
  let repositories: Repositories;
  let ids: Map<string, string>;

  before(async () => {
    connection = await connectDatabase((await sharedServers()).mongoUri(uniqueName('t')));
    clock = await followServerClock(connection);
    repositories = await createRepositories(connection, clock);
    ids = await repositories.profiles.resolveIdentities(['ada', 'bob', 'cyd', 'dan', 'eve', 'fay', 'gus']);
  });
  after(async () => {
    clock.stop();
    await connection.close();
  });

  const did = (identity: string, name: string, eventId: string, ms: number): NewEvent => ({
    profileId: ids.get(identity)!,
    eventId,
    name,
    properties: {},
    time: new Date(ms),
    index: 0,
    pending: false,
  });
  const store = (...events: NewEvent[]) => repositories.events.insertMany(events, 0);
  const holdsFor = async (segment: Segment): Promise<string[]> => {
    const members = await repositories.audience.members(segment, [...ids.values()], nowMs);
    const { qualified } = await repositories.audience.estimate(segment, { nowMs });
    expect(qualified, 'the population and each profile').to.equal(members.size);
    return [...ids].flatMap(([identity, id]) => (members.has(id) ? [identity] : []));
  };
  const atLeast = (event: string, gte: number, within = '30d'): Segment => ({
    did: { event, count: { gte }, within },
  });
  const keyOf = async (name: string): Promise<string> => {
    const doc = await connection.collection('eventNames').findOne({ _id: name as never });
    return String(doc?.key);
  };
  const entriesOf = async (identity: string): Promise<Record<string, string[]>> => {
    const doc = await connection.collection('profiles').findOne({ _id: ids.get(identity) as never });
    return (doc?.did ?? {}) as Record<string, string[]>;
  };

  it('counts an event once however often it comes', async () => {
    const once = did('ada', 'Once', '1', nowMs - 5);
    await store(once);
    expect(await holdsFor(atLeast('Once', 1))).to.deep.equal(['ada']);
    await store(once);
    await store(once, did('ada', 'Once', '1', nowMs - 99));
    expect(await holdsFor(atLeast('Once', 2))).to.deep.equal([]);
    await repositories.rollup.catchUp();
    await repositories.rollup.catchUp();
    expect(await holdsFor(atLeast('Once', 2))).to.deep.equal([]);
  });

  it('tells apart two events of the same millisecond', async () => {
    await store(did('bob', 'Twin', 'a', nowMs - 7), did('bob', 'Twin', 'b', nowMs - 7));
    expect(await holdsFor(atLeast('Twin', 2))).to.deep.equal(['bob']);
    expect(await holdsFor(atLeast('Twin', 3))).to.deep.equal([]);
  });

  it('puts a late event in its place', async () => {
    await store(did('cyd', 'Late', 'now', nowMs - 1_000));
    expect(await holdsFor(atLeast('Late', 2))).to.deep.equal([]);
    await store(did('cyd', 'Late', 'old', nowMs - 40 * DAY_MS));
    expect(await holdsFor(atLeast('Late', 2))).to.deep.equal([]);
    expect(await holdsFor(atLeast('Late', 2, '41d'))).to.deep.equal(['cyd']);
    const first: Segment = {
      firstDid: { event: 'Late', before: new Date(nowMs - 30 * DAY_MS).toISOString() },
    };
    expect(await holdsFor(first)).to.deep.equal(['cyd']);
  });

  it('is exact to the millisecond at the edge of a window', async () => {
    await store(
      did('dan', 'Edge', 'in', nowMs - 30 * DAY_MS),
      did('eve', 'Edge', 'out', nowMs - 30 * DAY_MS - 1),
    );
    expect(await holdsFor(atLeast('Edge', 1))).to.deep.equal(['dan']);
  });

  it('stays exact when a profile did something thousands of times', async () => {
    const many = Array.from({ length: 3_000 }, (_, i) => did('fay', 'Viewed', `v${i}`, nowMs - i * 60_000));
    for (let i = 0; i < many.length; i += 700) await store(...many.slice(i, i + 700));
    await repositories.rollup.catchUp();
    const kept = Object.values(await entriesOf('fay')).flat();
    expect(kept.length).to.be.at.most(257);
    expect(
      await connection.collection('eventChunks').countDocuments({ profileId: ids.get('fay') }),
    ).to.be.above(0);
    expect(await holdsFor(atLeast('Viewed', 3_000))).to.deep.equal(['fay']);
    expect(await holdsFor(atLeast('Viewed', 3_001))).to.deep.equal([]);
    const inOld = (eq: number): Segment => ({
      did: {
        event: 'Viewed',
        count: { eq },
        between: [
          new Date(nowMs - 2_000 * 60_000).toISOString(),
          new Date(nowMs - 1_001 * 60_000).toISOString(),
        ],
      },
    });
    expect(await holdsFor(inOld(1_000))).to.deep.equal(['fay']);
    expect(await holdsFor({ not: inOld(999) })).to.have.lengthOf(7);
    // Folding all of it again moves nothing and counts nothing twice.
    await repositories.rollup.rebuild();
    expect(await holdsFor(atLeast('Viewed', 3_000))).to.deep.equal(['fay']);
    expect(await holdsFor(atLeast('Viewed', 3_001))).to.deep.equal([]);
  });

  it('is made anew from the events, also while more of them come', async () => {
    await connection
      .collection('profiles')
      .updateMany({}, { $unset: { t1: '' }, $set: { 'did.e1': ['~wrong'] } });
    const coming = Array.from({ length: 40 }, (_, i) => did('gus', 'Meanwhile', `m${i}`, nowMs - i));
    const posted = (async () => {
      for (const event of coming) await store(event);
    })();
    await repositories.rollup.rebuild();
    await posted;
    expect(await holdsFor({ did: { event: 'Once' } })).to.deep.equal(['ada']);
    expect(await holdsFor({ did: { event: 'Meanwhile', count: { eq: 40 } } })).to.deep.equal(['gus']);
    await repositories.rollup.catchUp();
    expect(await holdsFor({ did: { event: 'Meanwhile', count: { eq: 40 } } })).to.deep.equal(['gus']);
  });

  it('finds what a process stored that was killed before it could say so', async () => {
    // What is left of it: its mark, open for ever, and its event.
    const receivedAt = new Date(nowMs - 600_000);
    await connection.collection('foldMarks').insertOne({ _id: 'dead' as never, from: receivedAt });
    await connection.collection('events').insertOne({
      _id: `${ids.get('ada')!}:orphan` as never,
      ...did('ada', 'Orphaned', 'orphan', nowMs - 600_000),
      receivedAt,
      lane: 0,
      catalogueVersion: 0,
    });
    expect(await holdsFor(atLeast('Orphaned', 1))).to.deep.equal(['ada']);
  });

  it('goes on after a pass that failed', async () => {
    const lanes = connection.collection('lanes');
    const real = lanes.findOneAndUpdate.bind(lanes);
    let failures = 0;
    Object.assign(lanes, {
      findOneAndUpdate: () => {
        failures += 1;
        return Promise.reject(new Error('away'));
      },
    });
    // Through another repository of the same connection, which has the same collection underneath.
    const own = createRollupRepository(connection, clock, createEventNames(connection));
    try {
      await store(did('bob', 'Again', '1', nowMs));
      const fault = await own.catchUp().then(String, (error: unknown) => error);
      expect(fault).to.be.instanceOf(Error);
    } finally {
      Object.assign(lanes, { findOneAndUpdate: real });
    }
    expect(failures).to.equal(1);
    await own.catchUp();
    expect(
      await connection
        .collection('profiles')
        .countDocuments({ [`did.${await keyOf('Again')}`]: { $exists: true } }),
    ).to.equal(1);
  });

  it('takes away the marks of what it has folded, and closes those that nobody will', async () => {
    const stop = repositories.rollup.start((error) => {
      throw error as Error;
    });
    const deadline = Date.now() + 40_000;
    let left = Infinity;
    while (left > 0 && Date.now() < deadline) {
      left = await connection.collection('foldMarks').countDocuments({});
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop();
    expect(left).to.equal(0);
    const doc = await connection.collection('profiles').findOne({ _id: ids.get('ada') as never });
    expect(doc?.did).to.be.an('object');
  });
});
