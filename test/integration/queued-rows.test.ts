import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { connectDatabase, ensureIndexes } from '../../db/connection.ts';
import { createMessageRepository } from '../../db/messages.ts';
import type { MessageRepository } from '../../domain/ports/messages.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const LEASE_MS = 30_000;

describe('the rows of a queue', function () {
  this.timeout(30_000);
  let connection: Connection;
  let messages: MessageRepository;

  before(async () => {
    connection = await connectDatabase((await sharedServers()).mongoUri(uniqueName('queued')));
    messages = createMessageRepository(connection);
    await ensureIndexes(connection);
  });
  beforeEach(() => connection.collection('messages').deleteMany({}));
  after(() => connection?.close());

  async function insert(id: string, more: { campaignId?: string; dueMs?: number; released?: true } = {}) {
    const { campaignId = 'c', dueMs = NOW, ...rest } = more;
    const at = new Date(NOW - 1_000);
    const event = { id: `e-${id}`, eventId: id, name: 'Came', index: 0, time: at, receivedAt: at };
    const passage = { matchValue: '', event, openedBy: event, qualifiesAt: at };
    const owner = { id, campaignId, profileId: `p-${id}`, version: 1, siteId: 's' };
    await messages.insertTriggerRow({ ...owner, passage, dueAt: new Date(dueMs), ...rest });
  }
  const claim = async (released: boolean, limit = 10): Promise<string[]> =>
    (await messages.claim({ queueOf: 'c', limit, released }, 'token', NOW, LEASE_MS)).map((row) => row.id);

  it('are those that were left to it when they were due, and open', async () => {
    await insert('due');
    await insert('later', { dueMs: NOW + 60_000 });
    expect([await messages.queue('due', NOW), await messages.queue('later', NOW)]).to.deep.equal([
      true,
      false,
    ]);
    expect(await messages.queue('due', NOW), 'again').to.equal(true);
    expect(await messages.countQueued('c', 100)).to.equal(1);
    expect(await messages.nextQueued('c')).to.deep.equal(new Date(NOW));
    expect(await messages.nextQueued('other')).to.equal(null);
    expect((await messages.byId('due'))?.state).to.equal('waiting');
    const event = (await messages.byId('due'))?.passage?.event;
    if (!event) throw new Error('no event');
    await messages.closePassage('due', { reason: 'cancelled', closedBy: event, qualified: true });
    expect(await messages.queue('due', NOW), 'when it is closed').to.equal(false);
    expect(await messages.nextQueued('c')).to.equal(null);
  });

  it('are claimed apart from those that waited for quiet hours, and from what is not queued', async () => {
    for (const id of ['a', 'b', 'c']) await insert(id, id === 'b' ? { released: true } : {});
    await messages.queue('a', NOW);
    await messages.queue('b', NOW);
    expect(await claim(true)).to.deep.equal(['b']);
    expect(await claim(false)).to.deep.equal(['a']);
    expect(await claim(false), 'while somebody holds it').to.deep.equal([]);
    expect((await messages.nextQueued('c'))?.getTime(), 'the end of the lease').to.be.above(
      NOW + LEASE_MS / 2,
    );
  });

  it('come under the rate of the release when quiet hours held them up at the send', async () => {
    await insert('a');
    await messages.queue('a', NOW);
    const [row] = await messages.claim({ queueOf: 'c', limit: 1, released: false }, 'token', NOW, LEASE_MS);
    const again = { kind: 'again' as const, dueAt: new Date(NOW), tried: false, released: true as const };
    const left = { messageId: row?.id ?? '', token: 'token', settlement: again, attempts: [], devices: [] };
    expect(await messages.record([left])).to.deep.equal([]);
    expect(await claim(false)).to.deep.equal([]);
    expect(await claim(true)).to.deep.equal(['a']);
  });

  it('are no overdue triggers, but tell which campaigns have a queue', async () => {
    const overdue = async (): Promise<string[]> =>
      (await messages.overdueTriggers(new Date(NOW + 1_000), 100)).map((row) => row.id);
    for (const campaignId of ['c', 'd', 'e'])
      for (const n of [1, 2]) await insert(`${campaignId}${n}`, { campaignId });
    expect(await overdue()).to.have.length(6);
    for (const id of ['c1', 'c2', 'e1']) await messages.queue(id, NOW);
    expect(await overdue()).to.have.members(['d1', 'd2', 'e2']);
    expect(await messages.queuedCampaigns()).to.deep.equal(['c', 'e']);
  });

  it('are found in the index, however many others are due', async () => {
    for (let i = 0; i < 60; i += 1) await insert(`r${i}`, { released: true });
    await insert('last', { dueMs: NOW - 5 });
    await connection.collection('messages').updateMany({}, { $set: { queued: true } });
    const plan = await connection
      .collection('messages')
      .find(
        {
          campaignId: 'c',
          queued: true,
          released: null,
          state: { $in: ['waiting', 'due', 'sending'] },
          dueAt: { $lte: new Date(NOW) },
        },
        { hint: 'queue', limit: 10 },
      )
      .explain('executionStats');
    const { totalKeysExamined, nReturned } = plan.executionStats;
    expect(nReturned).to.equal(1);
    expect(totalKeysExamined).to.be.below(10);
  });
});
