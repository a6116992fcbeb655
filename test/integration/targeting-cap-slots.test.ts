import { expect } from 'chai';
import type { Connection } from 'mongoose';
import type mongoose from 'mongoose';
import { rankOf } from '../../domain/audience/cap.ts';
import type { NewRunRow } from '../../domain/ports/messages.ts';
import { connectDatabase } from '../../db/connection.ts';
import { newId } from '../../db/ids.ts';
import { createRepositories, type Repositories } from '../../db/repositories.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

const CAMPAIGN = 'campaign';
const ALL = { from: 0, to: 64 };

describe('the slots of a targeting cap', function () {
  this.timeout(90_000);
  const connections: Connection[] = [];
  let instances: Repositories[];
  let mongo: mongoose.mongo.Db;

  beforeEach(async () => {
    const uri = (await sharedServers()).mongoUri(uniqueName('cap'));
    const made: Repositories[] = [];
    for (let i = 0; i < 2; i += 1) {
      const connection = await connectDatabase(uri);
      connections.push(connection);
      made.push(await createRepositories(connection, { now: () => new Date() }));
    }
    instances = made;
    mongo = connections[connections.length - 1]!.db!;
  });
  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
  });

  const one = (): Repositories => instances[0]!;
  const cap = (limit: number, ifExceeded: 'truncate' | 'abort' = 'truncate') => ({ limit, ifExceeded });

  async function insertRun(_id: string): Promise<void> {
    const run = { campaignId: CAMPAIGN, version: 1, instant: new Date(), status: 'materialising' };
    await mongo.collection('runs').insertOne({ _id: _id as never, ...run, createdAt: new Date() });
  }

  async function openRun(runId: string, count: number): Promise<void> {
    await insertRun(runId);
    await one().messages.insertRowsToDraw(runId, rowsOf(runId, count));
    await one().runs.setStatus(runId, 'draining');
  }

  const count = (filter: object): Promise<number> => mongo.collection('messages').countDocuments(filter);
  const admitAll = async (on = one()): Promise<void> => {
    while ((await on.caps.admit(CAMPAIGN, 10)) > 0);
  };
  /** Claims what is due of a run and leaves each as the test says. */
  async function settle(runId: string, as: 'sent' | 'failed', limit: number, on = one()): Promise<number> {
    const token = newId();
    const query = { runId, partitions: ALL, limit };
    const rows = await on.messages.claim(query, token, Date.now() + 1_000, 30_000);
    const settlement =
      as === 'sent'
        ? ({ kind: 'sent', sentAt: new Date() } as const)
        : ({ kind: 'failed', reason: 'gone' } as const);
    const lost = await on.messages.record(
      rows.map((row) => ({ messageId: row.id, token, settlement, devices: [], attempts: [] })),
    );
    return rows.length - lost.length;
  }

  /** Rows of a live campaign that are being sent. */
  async function liveRows(howMany: number): Promise<{ id: string; campaignId: string; token: string }[]> {
    const rows = Array.from({ length: howMany }, (_, i) => ({
      id: `m${i}`,
      campaignId: CAMPAIGN,
      token: `t${i}`,
    }));
    await mongo
      .collection('messages')
      .insertMany(
        rows.map(({ id, ...row }) => ({ _id: id as never, ...row, profileId: id, state: 'sending' })),
      );
    return rows;
  }

  it('are drawn by rank, and a row that is not drawn is neither claimed nor due', async () => {
    await openRun('r1', 40);
    expect(await one().messages.nextDue('r1', ALL)).to.equal(null);
    expect(await settle('r1', 'sent', 100)).to.equal(0);
    expect(await one().messages.countOpen('r1', 100)).to.equal(0);
    expect(await one().caps.draw({ campaignId: CAMPAIGN, runId: 'r1' }, cap(15))).to.equal(15);
    await admitAll();
    expect(await one().messages.countOpen('r1', 100)).to.equal(15);
    const drawn = await mongo.collection('messages').find({ capSlot: true }).toArray();
    const ranks = rowsOf('r1', 40)
      .map((row) => row.rank ?? 0)
      .sort((a, b) => a - b);
    expect(drawn.map((row) => row.rank as number).sort((a, b) => a - b)).to.deep.equal(ranks.slice(0, 15));
    expect(await settle('r1', 'sent', 100)).to.equal(15);
  });

  it('are drawn apart also when many have the same rank', async () => {
    await openRun('r1', 30);
    await mongo.collection('messages').updateMany({}, { $set: { rank: 7 } });
    expect(await one().caps.draw({ campaignId: CAMPAIGN, runId: 'r1' }, cap(11))).to.equal(11);
    await admitAll();
    expect(await one().messages.countOpen('r1', 100)).to.equal(11);
  });

  it('are not drawn again before the rows of the draw before are admitted', async () => {
    await openRun('r1', 20);
    await openRun('r2', 20);
    const run = { campaignId: CAMPAIGN, runId: 'r1' };
    expect(await one().caps.draw(run, cap(30))).to.equal(20);
    expect(await one().caps.draw({ ...run, runId: 'r2' }, cap(30))).to.equal('unfinished');
    await admitAll();
    expect(await one().caps.draw({ ...run, runId: 'r2' }, cap(30)), 'left by the run before').to.equal(10);
    await admitAll();
    expect(await one().caps.draw({ ...run, runId: 'r2' }, cap(30))).to.equal(0);
    expect(await one().messages.countOpen('r2', 100)).to.equal(10);
  });

  it('are given back once by each row that was settled and not sent', async () => {
    await openRun('r1', 30);
    const run = { campaignId: CAMPAIGN, runId: 'r1' };
    await one().caps.draw(run, cap(10));
    await admitAll();
    await settle('r1', 'failed', 4);
    await settle('r1', 'sent', 3);
    const freed = await Promise.all(
      instances.flatMap(({ caps }) => [1, 2].map(() => caps.reclaim(CAMPAIGN, 9))),
    );
    expect(freed.reduce((a, b) => a + b, 0)).to.equal(4);
    expect(await one().caps.draw(run, cap(10))).to.equal(4);
  });

  it('are not filled by a page that comes after the draw may have begun', async () => {
    await openRun('r1', 20);
    expect(await one().messages.insertRowsToDraw('r1', rowsOf('r1', 50))).to.equal(0);
    expect(await count({})).to.equal(20);
  });

  it('take each profile of a page once when the page comes twice at the same time', async () => {
    await insertRun('r1');
    const pages = instances.map(({ messages }) => messages.insertRowsToDraw('r1', rowsOf('r1', 200)));
    // One of them may be refused, and is tried again as an activity is.
    await Promise.allSettled(pages);
    await one().messages.insertRowsToDraw('r1', rowsOf('r1', 200));
    expect(await count({ held: true })).to.equal(200);
  });

  it('stay refused once a run was aborted, whatever is left of it', async () => {
    await openRun('r1', 20);
    const run = { campaignId: CAMPAIGN, runId: 'r1' };
    expect(await one().caps.draw(run, cap(19, 'abort'))).to.equal('aborted');
    expect(await one().caps.suppress('r1', 'withoutSlot', 'too many', 5)).to.equal(5);
    // The worker was lost here; now that fewer are held, nobody may think that they fit.
    expect(await one().caps.draw(run, cap(19, 'abort'))).to.equal('aborted');
    while ((await one().caps.suppress('r1', 'withoutSlot', 'too many', 5)) > 0);
    expect(await count({ state: 'suppressed', reason: 'targetingCap', detail: 'too many' })).to.equal(20);
  });

  it('are taken by live messages one each, however many ask at once on however many instances', async () => {
    const rows = await liveRows(30);
    const answers = await Promise.all(
      rows.flatMap((row) =>
        instances.map(({ caps }) => caps.take(row, 7).then((yes) => [row.id, yes] as const)),
      ),
    );
    const taken = answers.filter(([, yes]) => yes).map(([id]) => id);
    expect(new Set(taken).size).to.equal(7);
    expect(taken, 'both answers for one row are the same').to.have.length(14);
    expect(await count({ capSlot: true })).to.equal(7);
    // Asked again, as by a retry: those that have one keep it, the others get none.
    for (const row of rows) expect(await one().caps.take(row, 7)).to.equal(taken.includes(row.id));
  });

  it('are not taken for a live message by one that does not hold it any more', async () => {
    const [row] = await liveRows(1);
    expect(await one().caps.take({ ...row!, token: 'another' }, 7)).to.equal(false);
    await one().messages.record([
      {
        messageId: row!.id,
        token: row!.token,
        settlement: { kind: 'failed', reason: 'gone' },
        devices: [],
        attempts: [],
      },
    ]);
    expect(await one().caps.take(row!, 7)).to.equal(false);
    expect(await count({ capSlot: true })).to.equal(0);
  });

  it('of live messages that failed are taken by others, also when the worker was lost before it could say so', async () => {
    const rows = await liveRows(6);
    for (const row of rows.slice(0, 2)) expect(await one().caps.take(row, 2)).to.equal(true);
    expect(await one().caps.take(rows[2]!, 2)).to.equal(false);
    const { id: messageId, token } = rows[0]!;
    const settlement = { kind: 'failed', reason: 'gone' } as const;
    await one().messages.record([{ messageId, token, settlement, devices: [], attempts: [] }]);
    const answers = await Promise.all(
      rows.slice(3).flatMap((row) => instances.map(({ caps }) => caps.take(row, 2))),
    );
    expect(answers.filter(Boolean)).to.have.length(2);
    expect(await count({ capSlot: true, state: 'sending' })).to.equal(2);
  });

  it('are free again when a profile is erased whose row was not sent, and only then', async () => {
    await openRun('r1', 20);
    const run = { campaignId: CAMPAIGN, runId: 'r1' };
    expect(await one().caps.draw(run, cap(10))).to.equal(10);
    const byRank = await mongo.collection('messages').find().sort({ rank: 1, _id: 1 }).toArray();
    const erase = async (id: string): Promise<void> => {
      await mongo.collection('profiles').insertOne({ _id: id as never });
      expect(await one().profiles.erase(id)).to.equal(true);
      expect(await count({ profileId: id })).to.equal(0);
    };
    const place = (i: number): string => byRank[i]?.profileId as string;
    await erase(place(0)); // Drawn, and not admitted yet.
    await erase(place(15)); // Not drawn: it has no slot.
    await admitAll();
    await erase(place(1)); // Drawn, and due.
    await settle('r1', 'failed', 2);
    const failed = await mongo.collection('messages').findOne({ state: 'failed' });
    await erase(failed?.profileId as string); // Failed, and its slot is not given back yet.
    await mongo
      .collection('messages')
      .updateOne({ capSlot: true, state: 'waiting' }, [
        { $set: { state: 'due', sentAt: '$$NOW', dueAt: new Date(Date.now() + 600_000) } },
      ]);
    const partly = await mongo.collection('messages').findOne({ state: 'due' });
    await erase(partly?.profileId as string); // On one of its devices, and waiting for another: used up.
    await settle('r1', 'sent', 3);
    const sent = await mongo.collection('messages').findOne({ state: 'sent' });
    await erase(sent?.profileId as string); // Sent: the slot is used up.
    const query = { runId: 'r1', partitions: ALL, limit: 1 };
    const [claimed] = await one().messages.claim(query, newId(), Date.now() + 1_000, 30_000);
    await erase(claimed!.profileId); // Being sent: it may have gone out.
    expect(await one().caps.reclaim(CAMPAIGN, 50), 'the other that failed').to.equal(1);
    // Of ten: two that were erased before they were sent, and two that failed.
    expect(await one().caps.draw(run, cap(10))).to.equal(4);
  });

  it('are all free again when profiles are erased while others draw and admit', async () => {
    await openRun('r1', 40);
    const run = { campaignId: CAMPAIGN, runId: 'r1' };
    const ids = rowsOf('r1', 40).map((row) => row.profileId);
    await mongo.collection('profiles').insertMany(ids.map((id) => ({ _id: id as never })));
    const drawing = (async () => {
      for (let i = 0; i < 30; i += 1) {
        await instances[1]!.caps.draw(run, cap(12));
        await instances[1]!.caps.admit(CAMPAIGN, 3);
      }
    })();
    for (const id of ids) await one().profiles.erase(id);
    await drawing;
    await admitAll();
    expect(await count({})).to.equal(0);
    expect((await mongo.collection('targetingCaps').findOne({}))?.taken).to.equal(0);
  });

  it('are found in the index, however many rows are not drawn', async () => {
    await openRun('r1', 400);
    await one().caps.draw({ campaignId: CAMPAIGN, runId: 'r1' }, cap(5));
    await admitAll();
    const next = { runId: 'r1', held: null, partition: 0, state: 'waiting', released: { $in: [null, true] } };
    const plan = await mongo
      .collection('messages')
      .find(next, { sort: { dueAt: 1 }, limit: 1, hint: 'dueOfRun' })
      .explain('executionStats');
    expect(plan.executionStats.totalKeysExamined).to.be.at.most(5);
    expect(JSON.stringify(plan.queryPlanner)).not.to.contain('"SORT"');
  });

  it('are never more than the limit, and all used, whoever draws, fails, comes late or goes away', async () => {
    const LIMIT = 60;
    await openRun('r1', 100);
    await openRun('r2', 100);
    const never: number[] = [];
    let over = false;
    const watch = (async () => {
      while (!over) {
        never.push(
          await count({
            $or: [{ state: 'sent' }, { state: { $in: ['waiting', 'due', 'sending'] }, capSlot: true }],
          }),
        );
      }
    })();
    const actor = async (seed: number): Promise<void> => {
      let state = seed;
      const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
      for (let round = 0; round < 60; round += 1) {
        const on = instances[Math.floor(random() * 2)]!;
        const runId = random() < 0.5 ? 'r1' : 'r2';
        const what = random();
        if (what < 0.3) await on.caps.admit(CAMPAIGN, 1 + Math.floor(random() * 8));
        else if (what < 0.5) await on.caps.draw({ campaignId: CAMPAIGN, runId }, cap(LIMIT));
        else if (what < 0.6) await on.caps.reclaim(CAMPAIGN, 5);
        else await settle(runId, random() < 0.4 ? 'failed' : 'sent', 1 + Math.floor(random() * 6), on);
      }
    };
    await Promise.all([11, 222, 3_333, 44_444, 555_555, 6_666_666].map(actor));
    over = true;
    await watch;
    expect(Math.max(...never)).to.be.at.most(LIMIT);
    // Who is left brings it to its end.
    for (const runId of ['r1', 'r2', 'r1', 'r2']) {
      for (let more = true; more;) {
        await admitAll();
        while ((await one().caps.reclaim(CAMPAIGN, 50)) > 0);
        const drawn = await one().caps.draw({ campaignId: CAMPAIGN, runId }, cap(LIMIT));
        await admitAll();
        more = (await settle(runId, 'sent', 100)) > 0 || (typeof drawn === 'number' && drawn > 0);
      }
    }
    expect(await count({ state: 'sent' })).to.equal(LIMIT);
    expect(await count({ state: 'failed' })).to.be.above(0);
  });
});

function rowsOf(runId: string, count: number): NewRunRow[] {
  return Array.from({ length: count }, (_, i) => {
    const profileId = `p${String(i).padStart(4, '0')}`;
    return {
      runId,
      profileId,
      campaignId: CAMPAIGN,
      version: 1,
      siteId: 'site',
      partition: i % 64,
      dueAt: new Date(Date.now() - 1_000),
      rank: rankOf(runId, profileId),
      held: true as const,
    };
  });
}
