import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import type { Connection } from 'mongoose';
import { followServerClock } from '../../../db/server-clock.ts';

/** A database whose answers take so long to come back, in milliseconds, or fail below 0; those after the last come at once. */
function databaseAnswering(
  aheadMs: number,
  ...delays: number[]
): Pick<Connection, 'db'> & { asked(): number } {
  let asked = 0;
  const command = async (): Promise<object> => {
    const localTime = new Date(Date.now() + aheadMs);
    const waitMs = delays[asked] ?? 0;
    asked += 1;
    if (waitMs < 0) throw new Error('the connection broke');
    if (waitMs > 0) await delay(waitMs);
    return { localTime };
  };
  return { db: { admin: () => ({ command }) } as unknown as Connection['db'], asked: () => asked };
}

describe('the clock of the database', () => {
  const hour = 3_600_000;

  it('is followed, however far it is from the own one', async () => {
    const clock = await followServerClock(databaseAnswering(hour));
    clock.stop();
    expect(clock.nowMs() - Date.now()).to.be.closeTo(hour, 200);
    expect(clock.now().getTime() - Date.now()).to.be.closeTo(hour, 200);
  });

  it('is read again when an answer stalled on its way, and the quickest answer counts', async () => {
    const database = databaseAnswering(hour, 1_000, 30, 300, 30, 30);
    const clock = await followServerClock(database);
    clock.stop();
    // The first reading alone would be half a second behind.
    expect(clock.nowMs() - Date.now()).to.be.closeTo(hour, 250);
    expect(database.asked()).to.equal(5);
  }).timeout(10_000);

  it('is not asked once more after a quick answer', async () => {
    const asked: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const database = databaseAnswering(0);
      (await followServerClock(database)).stop();
      asked.push(database.asked());
    }
    // A machine may stall in one of them.
    expect(Math.min(...asked)).to.equal(1);
  });

  it('is taken from the first answer when the database ends after it', async () => {
    const database = databaseAnswering(hour, 20, -1);
    const clock = await followServerClock(database);
    clock.stop();
    expect(clock.nowMs() - Date.now()).to.be.closeTo(hour, 200);
    expect(database.asked()).to.equal(2);
  });

  it('must be told', async () => {
    const command = (): Promise<object> => Promise.resolve({});
    const mute = { db: { admin: () => ({ command }) } as unknown as Connection['db'] };
    const error = await followServerClock(mute).catch((reason: unknown) => reason);
    expect(String(error)).to.contain('does not tell its time');
  });
});
