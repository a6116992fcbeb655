import { expect } from 'chai';
import { forEachLimit } from '../../../activities/delivery/for-each-limit.ts';
import { deferred, turn } from './fakes.ts';

describe('calling for each, at most so many at a time', () => {
  it('starts in order, and the next one whenever one is over', async () => {
    const started: number[] = [];
    const calls = [0, 1, 2, 3, 4].map(() => deferred<void>());
    const all = forEachLimit([0, 1, 2, 3, 4], 2, (i) => {
      started.push(i);
      return calls[i]!.promise;
    });
    expect(started).to.deep.equal([0, 1]);
    calls[1]?.resolve();
    await turn();
    expect(started).to.deep.equal([0, 1, 2]);
    for (const call of calls) call.resolve();
    await all;
    expect(started).to.deep.equal([0, 1, 2, 3, 4]);
  });

  it('throws the first failure once every call that had started is over, and starts no more', async () => {
    const started: number[] = [];
    const slow = deferred<void>();
    let isOver = false;
    const all = forEachLimit([0, 1, 2, 3], 2, (i) => {
      started.push(i);
      return i === 0 ? slow.promise : Promise.reject(new Error(`call ${i}`));
    })
      .catch((error: unknown) => error)
      .finally(() => (isOver = true));
    await turn();
    expect(isOver).to.equal(false);
    slow.reject(new Error('call 0'));
    expect(await all).to.include({ message: 'call 1' });
    expect(started).to.deep.equal([0, 1]);
  });

  it('throws what is thrown at once like what is thrown later, also when that is nothing', async () => {
    const nothing = forEachLimit([0], 2, () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      throw undefined;
    });
    const ended = await nothing.then(
      () => 'resolved',
      () => 'rejected',
    );
    expect(ended).to.equal('rejected');
  });

  it('has nothing to do for nothing', async () => {
    await forEachLimit([], 3, () => Promise.reject(new Error('called')));
  });
});
