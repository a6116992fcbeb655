import { expect } from 'chai';
import fc from 'fast-check';
import { createRecorder } from '../../../activities/delivery/recorder.ts';
import { forEachLimit } from '../../../activities/delivery/for-each-limit.ts';
import type { MessageResult } from '../../../domain/ports/messages.ts';
import { deferred, turn, type Deferred } from './fakes.ts';

const result = (i: number): MessageResult => ({
  messageId: `message-${i}`,
  token: 'token',
  settlement: { kind: 'sent', sentAt: new Date(0) },
  attempts: [],
  devices: [],
});
const ids = (results: MessageResult[]): string[] => results.map(({ messageId }) => messageId);
const always = (): boolean => true;
const LATER = 3_600_000;

describe('the recorder', () => {
  it('writes a single result after the time that was set, without being asked', async () => {
    const written = deferred<MessageResult[]>();
    const record = (results: MessageResult[]): Promise<string[]> => {
      written.resolve(results);
      return Promise.resolve([]);
    };
    const recorder = createRecorder({ record }, { flushEvery: 64, flushAfterMs: 20 }, always);
    const addedAt = performance.now();
    await recorder.add(result(1));
    expect(ids(await written.promise)).to.deep.equal(['message-1']);
    expect(performance.now() - addedAt).to.be.at.least(18);
    await recorder.close();
  });

  it('writes a result that came during a write soon after it, too', async () => {
    const first = deferred<string[]>();
    const second = deferred<MessageResult[]>();
    let writes = 0;
    const record = (results: MessageResult[]): Promise<string[]> => {
      writes += 1;
      if (writes === 1) return first.promise;
      second.resolve(results);
      return Promise.resolve([]);
    };
    const recorder = createRecorder({ record }, { flushEvery: 2, flushAfterMs: 5 }, always);
    const full = Promise.all([recorder.add(result(1)), recorder.add(result(2))]);
    await recorder.add(result(3));
    first.resolve([]);
    await full;
    expect(ids(await second.promise)).to.deep.equal(['message-3']);
    await recorder.close();
  });

  it('writes as soon as a batch is full, and never more than a batch at once', async () => {
    const batches: string[][] = [];
    const record = (results: MessageResult[]): Promise<string[]> => {
      batches.push(ids(results));
      return Promise.resolve([]);
    };
    const recorder = createRecorder({ record }, { flushEvery: 2, flushAfterMs: LATER }, always);
    await Promise.all([1, 2, 3, 4, 5].map((i) => recorder.add(result(i))));
    expect(batches).to.deep.equal([
      ['message-1', 'message-2'],
      ['message-3', 'message-4'],
    ]);
    await recorder.close();
    expect(batches[2]).to.deep.equal(['message-5']);
  });

  it('leaves unrecorded at most what is under way and two batches, however slow the database is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 150 }),
        fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 20 }),
        async (concurrency, flushEvery, count, turns) => {
          let unrecorded = 0;
          let most = 0;
          let writes = 0;
          const record = async (results: MessageResult[]): Promise<string[]> => {
            for (let i = turns[writes++ % turns.length] ?? 0; i > 0; i -= 1) await turn();
            unrecorded -= results.length;
            return [];
          };
          const recorder = createRecorder({ record }, { flushEvery, flushAfterMs: LATER }, always);
          await forEachLimit(
            Array.from({ length: count }, (_, i) => i),
            concurrency,
            async (i) => {
              unrecorded += 1;
              most = Math.max(most, unrecorded);
              await Promise.resolve();
              await recorder.add(result(i));
            },
          );
          await recorder.close();
          expect(unrecorded).to.equal(0);
          expect(most).to.be.at.most(concurrency + 2 * flushEvery);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('says which results came too late', async () => {
    const record = (results: MessageResult[]): Promise<string[]> =>
      Promise.resolve(ids(results).filter((id) => id !== 'message-2'));
    const recorder = createRecorder({ record }, { flushEvery: 2, flushAfterMs: LATER }, always);
    for (const i of [1, 2, 3]) await recorder.add(result(i));
    expect(await recorder.close()).to.deep.equal(['message-1', 'message-3']);
  });

  it('throws at the next result when a write failed, and yet writes every one of them when it is closed', async () => {
    const written: string[] = [];
    let answers: Deferred<string[]> | undefined = deferred();
    const record = (results: MessageResult[]): Promise<string[]> => {
      if (answers) return answers.promise;
      written.push(...ids(results));
      return Promise.resolve([]);
    };
    const recorder = createRecorder({ record }, { flushEvery: 2, flushAfterMs: LATER }, always);
    await recorder.add(result(1));
    const second = recorder.add(result(2)).catch((error: unknown) => error);
    answers.reject(new Error('no primary'));
    expect(await second).to.include({ message: 'no primary' });
    expect(await recorder.add(result(3)).catch((error: unknown) => error)).to.include({
      message: 'no primary',
    });
    answers = undefined;
    expect(await recorder.close([result(4)])).to.deep.equal([]);
    expect(written).to.deep.equal(['message-1', 'message-2', 'message-3', 'message-4']);
  });

  it('stops trying when the rows cannot be its own any more, and throws why', async () => {
    let tries = 0;
    const record = (): Promise<string[]> => {
      tries += 1;
      return Promise.reject(new Error(`no primary ${tries}`));
    };
    const recorder = createRecorder({ record }, { flushEvery: 2, flushAfterMs: LATER }, () => tries < 3);
    await recorder.add(result(1));
    const error: unknown = await recorder.close().catch((thrown: unknown) => thrown);
    expect(error).to.include({ message: 'no primary 3' });
  });
});
