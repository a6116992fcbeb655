import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { connectDatabase } from '../../db/connection.ts';
import { createRepositories, type Repositories } from '../../db/repositories.ts';
import { followServerClock } from '../../db/server-clock.ts';
import type { NewEvent } from '../../domain/ports/events.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';

describe('events that are written', function () {
  this.timeout(60_000);
  let connection: Connection;
  let clock: Awaited<ReturnType<typeof followServerClock>>;
  let repositories: Repositories;

  before(async () => {
    connection = await connectDatabase((await sharedServers()).mongoUri(uniqueName('t')));
    clock = await followServerClock(connection);
    repositories = await createRepositories(connection, clock);
  });
  after(async () => {
    clock?.stop();
    await connection?.close();
  });

  const event = (eventId: string): NewEvent => ({
    profileId: 'a'.repeat(24),
    name: 'Viewed',
    time: new Date(),
    eventId,
    index: 0,
    properties: {},
    pending: false,
  });

  it('are told apart from those that were there already', async () => {
    const [one, two] = [event(randomUUID()), event(randomUUID())];
    expect(await repositories.events.insertMany([one], 0)).to.deep.equal({ accepted: 1, duplicates: 0 });
    expect(await repositories.events.insertMany([one, two], 0)).to.deep.equal({ accepted: 1, duplicates: 1 });
  });

  it('are not accepted before a majority has them, also where some were there already', async () => {
    const known = event(randomUUID());
    await repositories.events.insertMany([known], 0);
    const collection = connection.collection('events');
    const real = collection.insertMany.bind(collection);
    // As many as there are not: the server writes, and then says that it could not wait for all of them.
    Object.assign(collection, {
      insertMany: (...[docs, options]: Parameters<typeof real>) =>
        real(docs, { ...options, writeConcern: { w: 2, wtimeoutMS: 200 } }),
    });
    try {
      const call = repositories.events.insertMany([known, event(randomUUID())], 0);
      expect(await call.catch((error: unknown) => error)).to.be.instanceOf(Error);
    } finally {
      Object.assign(collection, { insertMany: real });
    }
  });
});
