import { expect } from 'chai';
import fc from 'fast-check';
import type { Connection } from 'mongoose';
import { connectDatabase, ensureIndexes } from '../../db/connection.ts';
import { createLimitRepository } from '../../db/limits.ts';
import type { LimitPeriod, LimitRepository } from '../../domain/ports/limits.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

describe('slots and turns', function () {
  this.timeout(60_000);
  let connection: Connection;
  let limits: LimitRepository;
  let owners = 0;

  before(async () => {
    connection = await connectDatabase((await sharedServers()).mongoUri(uniqueName('limits')));
    limits = createLimitRepository(connection);
    await ensureIndexes(connection);
  });
  after(async () => {
    await connection?.dropDatabase();
    await connection?.close();
  });

  const anew = (): { profileId: string; channel: string; campaignId: string } => {
    owners += 1;
    return { profileId: `profile-${owners}`, channel: 'webPush', campaignId: 'campaign' };
  };
  const day = (limit: number, key = 'day 2026-11-21'): LimitPeriod => ({ key, limit });
  const times = <T>(count: number, of: (i: number) => T): T[] =>
    Array.from({ length: count }, (_, i) => of(i));
  const heldBy = async (profileId: string): Promise<Record<string, string[]>> => {
    const { slots } = await limits.of(profileId, 'campaign');
    return Object.fromEntries(slots.map(({ key, messageIds }) => [key, messageIds.sort()]));
  };
  const close = (id: string, state: string, more: object = {}) =>
    connection.collection('messages').insertOne({ _id: id as never, state, ...more });

  it('are granted exactly as often as the limit says when many ask at once', async () => {
    for (const limit of [1, 3, 7]) {
      const owner = anew();
      const answers = await Promise.all(times(24, (i) => limits.take(owner, `m${i}`, [day(limit)])));
      expect(answers.filter((answer) => answer === 'granted')).to.have.length(limit);
      const refused = answers.filter((answer) => answer !== 'granted');
      expect(refused).to.deep.equal(times(24 - limit, () => ({ full: 'day 2026-11-21' })));
      expect((await heldBy(owner.profileId))['day 2026-11-21']).to.have.length(limit);
    }
  });

  it('are one to a message, however often and however concurrently it asks', async () => {
    const owner = anew();
    const asks = times(12, (i) => limits.take(owner, `m${i % 2}`, [day(2)]));
    expect(await Promise.all(asks)).to.deep.equal(times(12, () => 'granted'));
    expect(await heldBy(owner.profileId)).to.deep.equal({ 'day 2026-11-21': ['m0', 'm1'] });
  });

  it('are taken in every period or in none', async () => {
    const owner = anew();
    const week = day(2, 'week 2026-W47');
    for (const id of ['m0', 'm1']) expect(await limits.take(owner, id, [day(5), week])).to.equal('granted');
    expect(await limits.take(owner, 'm2', [day(5), week])).to.deep.equal({ full: week.key });
    const both = { [day(5).key]: ['m0', 'm1'], [week.key]: ['m0', 'm1'] };
    expect(await heldBy(owner.profileId)).to.deep.equal(both);
  });

  it('move with a message that is tried again on another day', async () => {
    const owner = anew();
    const week = day(9, 'week 2026-W47');
    await limits.take(owner, 'm', [day(1), week]);
    await limits.take(owner, 'm', [day(1, 'day 2026-11-22'), week]);
    expect(await heldBy(owner.profileId)).to.deep.equal({ 'day 2026-11-22': ['m'], [week.key]: ['m'] });
    expect(await limits.take(owner, 'other', [day(1), week])).to.equal('granted');
  });

  it('stay with who has them when the limit is lowered', async () => {
    const owner = anew();
    for (const id of ['m0', 'm1', 'm2']) await limits.take(owner, id, [day(3)]);
    expect(await limits.take(owner, 'm2', [day(1)])).to.equal('granted');
    expect(await limits.take(owner, 'm3', [day(1)])).to.deep.equal({ full: 'day 2026-11-21' });
  });

  it('are free again when they are given back', async () => {
    const owner = anew();
    await limits.take(owner, 'm0', [day(1)]);
    await limits.giveBack(owner, 'm0');
    await limits.giveBack(owner, 'm0');
    expect(await limits.take(owner, 'm1', [day(1)])).to.equal('granted');
    expect(await limits.take(owner, 'm0', [day(1)])).to.deep.equal({ full: 'day 2026-11-21' });
  });

  for (const [state, more, counts] of [
    ['suppressed', {}, false],
    ['failed', {}, false],
    ['control', {}, false],
    ['sent', { sentAt: new Date() }, true],
    ['due', {}, true],
    ['due', { sentAt: new Date() }, true],
    ['sending', {}, true],
  ] as const) {
    const sent = 'sentAt' in more && state !== 'sent' ? ' with one device that has it' : '';
    it(`of a message that is ${state}${sent} ${counts ? 'count' : 'count as given back'}`, async () => {
      const owner = anew();
      const holder = `${owner.profileId}-${state}`;
      await limits.take(owner, holder, [day(1)]);
      await close(holder, state, more);
      expect(await heldBy(owner.profileId)).to.deep.equal(counts ? { 'day 2026-11-21': [holder] } : {});
      const answers = await Promise.all(times(4, (i) => limits.take(owner, `next-${i}`, [day(1)])));
      expect(answers.filter((answer) => answer === 'granted')).to.have.length(counts ? 0 : 1);
    });
  }

  it('never hold more than the limit, and agree with a plain list, whatever is asked', async function () {
    // Over a thousand journaled writes, one after the other.
    this.timeout(240_000);
    const ids = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      fc.record({ take: ids, day: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ giveBack: ids }),
    );
    let full = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const owner = anew();
        const held = new Map<string, Set<string>>();
        for (const one of steps) {
          if ('giveBack' in one) {
            await limits.giveBack(owner, one.giveBack);
            for (const set of held.values()) set.delete(one.giveBack);
            continue;
          }
          const periods = [day(1, `day ${one.day}`), day(2, 'week')];
          const sets = periods.map(({ key }) => held.get(key) ?? new Set<string>());
          const isFull = periods.find(({ limit }, i) => !sets[i]!.has(one.take) && sets[i]!.size >= limit);
          const answer = await limits.take(owner, one.take, periods);
          expect(answer).to.deep.equal(isFull ? { full: isFull.key } : 'granted');
          if (isFull) {
            full += 1;
            continue;
          }
          for (const set of held.values()) set.delete(one.take);
          periods.forEach(({ key }, i) => held.set(key, sets[i]!.add(one.take)));
        }
        const expected = [...held]
          .filter(([, set]) => set.size > 0)
          .map(([key, set]) => [key, [...set].sort()]);
        expect(await heldBy(owner.profileId)).to.deep.equal(Object.fromEntries(expected));
      }),
      { numRuns: 100 },
    );
    expect(full).to.be.above(50);
  });

  const at = (ms: number): Date => new Date(Date.UTC(2026, 10, 21) + ms);
  const turnOf = (owner: { profileId: string; campaignId: string }, messageId: string, ms: number) => ({
    ...owner,
    messageId,
    at: at(ms),
  });

  it('a turn goes to one of many that come at once', async () => {
    const owner = anew();
    const answers = await Promise.all(times(20, (i) => limits.takeTurn(turnOf(owner, `m${i}`, i), null)));
    expect(answers.filter((answer) => answer === 'granted')).to.have.length(1);
  });

  it('a turn stays with its message, and moves to when that asked last', async () => {
    const owner = anew();
    for (const ms of [0, 50, 20]) {
      expect(await limits.takeTurn(turnOf(owner, 'm', ms), null)).to.equal('granted');
    }
    expect(await limits.of(owner.profileId, owner.campaignId)).to.deep.include({ turnAt: at(50) });
    const refused = await limits.takeTurn(turnOf(owner, 'n', 90), null);
    expect(refused).to.deep.equal({ takenAt: at(50) });
  });

  it('a turn stands in the way from the instant that is asked about on', async () => {
    const owner = anew();
    await limits.takeTurn(turnOf(owner, 'm', 0), null);
    expect(await limits.takeTurn(turnOf(owner, 'n', 100), at(0))).to.deep.equal({ takenAt: at(0) });
    expect(await limits.takeTurn(turnOf(owner, 'n', 100), at(1))).to.equal('granted');
    // The one that was first is too late now.
    expect(await limits.takeTurn(turnOf(owner, 'm', 150), at(51))).to.deep.equal({ takenAt: at(100) });
  });

  it('a turn that is given back lets the one before it count again', async () => {
    const owner = anew();
    await limits.takeTurn(turnOf(owner, 'm', 0), null);
    await limits.takeTurn(turnOf(owner, 'n', 100), at(50));
    await limits.giveTurnBack({ ...owner, messageId: 'n' });
    expect(await limits.of(owner.profileId, owner.campaignId)).to.deep.include({ turnAt: at(0) });
    expect(await limits.takeTurn(turnOf(owner, 'o', 200), null)).to.deep.equal({ takenAt: at(0) });
    expect(await limits.takeTurn(turnOf(owner, 'o', 200), at(50))).to.equal('granted');
  });

  for (const [state, counts] of [
    ['suppressed', false],
    ['failed', false],
    ['control', true],
    ['sent', true],
  ] as const) {
    it(`a turn of a message that is ${state} ${counts ? 'counts' : 'counts as given back'}`, async () => {
      const owner = anew();
      const holder = `${owner.profileId}-turn`;
      await limits.takeTurn(turnOf(owner, holder, 0), null);
      await close(holder, state, state === 'sent' ? { sentAt: new Date() } : {});
      const { turnAt } = await limits.of(owner.profileId, owner.campaignId);
      expect(turnAt).to.deep.equal(counts ? at(0) : null);
      const next = await limits.takeTurn(turnOf(owner, 'n', 10), null);
      expect(next).to.deep.equal(counts ? { takenAt: at(0) } : 'granted');
    });
  }

  for (const [state, more, got] of [
    ['sending', {}, false],
    ['due', {}, false],
    ['failed', {}, false],
    ['due', { sentAt: new Date() }, true],
    ['sent', { sentAt: new Date() }, true],
    ['control', { controlAt: new Date() }, true],
  ] as const) {
    const which = `${state}${state === 'due' && got ? ' again for another device' : ''}`;
    it(`a turn of a message that is ${which} says ${got ? 'that' : 'not yet that'} the profile got it`, async () => {
      const owner = anew();
      const holder = `${owner.profileId}-turn`;
      await limits.takeTurn(turnOf(owner, holder, 0), null);
      await close(holder, state, more);
      const { gotAt } = await limits.of(owner.profileId, owner.campaignId);
      expect(gotAt).to.deep.equal(got ? at(0) : null);
    });
  }

  it('are kept in documents that go by themselves, periods that are long over before', async () => {
    const owner = anew();
    await limits.take(owner, 'old', [day(1, 'day 2026-11-01')]);
    const documents = connection.collection('limits');
    const id = `${owner.profileId}/webPush`;
    const tenDays = 10 * 24 * 3_600_000;
    await documents.updateOne({ _id: id as never }, [
      {
        $set: {
          slots: {
            $map: {
              input: '$slots',
              as: 'slot',
              in: { $mergeObjects: ['$$slot', { at: { $subtract: ['$$slot.at', tenDays] } }] },
            },
          },
        },
      },
    ]);
    await limits.take(owner, 'new', [day(1)]);
    expect(await heldBy(owner.profileId)).to.deep.equal({ 'day 2026-11-21': ['new'] });
    const doc = await documents.findOne({ _id: id as never });
    expect((doc?.expiresAt as Date).getTime() - Date.now()).to.be.within(8 * 86_400_000, tenDays);
    const indexes = await documents.indexes();
    expect(indexes.find(({ key }) => 'expiresAt' in key)).to.include({ expireAfterSeconds: 0 });
  });
});
