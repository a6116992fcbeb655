import { expect } from 'chai';
import { alone, createRequestBatch, type BatchKind } from '../../../activities/delivery/batches.ts';
import { turn } from './fakes.ts';

function kindOf(key: string): BatchKind<string, number> & { sent: number[][] } {
  const sent: number[][] = [];
  return {
    key,
    leftOut: 'left out',
    bytesOf: (item) => item,
    sent,
    send(items) {
      sent.push(items);
      return Promise.resolve(new Map(items.map((item) => [item, `answer ${item}`])));
    },
  };
}

describe('the batch of a request', () => {
  it('leaves when it is closed, with all that joined', async () => {
    const batch = createRequestBatch<string, number>({ size: 3, bytes: 1_000 });
    const kind = kindOf('a');
    const answers = [1, 2].map((item) => batch.join(kind, item));
    await turn();
    expect([batch.joined(), batch.isFull(), kind.sent]).to.deep.equal([2, false, []]);
    batch.close();
    expect(await Promise.all(answers)).to.deep.equal(['answer 1', 'answer 2']);
    expect(kind.sent).to.deep.equal([[1, 2]]);
  });

  it('leaves out what is more than its size, or comes when it is closed', async () => {
    const batch = createRequestBatch<string, number>({ size: 1, bytes: 1_000 });
    const kind = kindOf('a');
    const first = batch.join(kind, 1);
    expect(batch.isFull()).to.equal(true);
    expect(await batch.join(kind, 2)).to.equal('left out');
    batch.close();
    expect(await batch.join(kind, 3)).to.equal('left out');
    expect(await first).to.equal('answer 1');
  });

  it('is full when the next one would make it too large, and takes one that is too large by itself', async () => {
    const batch = createRequestBatch<string, number>({ size: 10, bytes: 100 });
    const kind = kindOf('a');
    const first = batch.join(kind, 150);
    expect(batch.isFull()).to.equal(false);
    expect(await batch.join(kind, 1)).to.equal('left out');
    expect(batch.isFull()).to.equal(true);
    batch.close();
    expect(await first).to.equal('answer 150');
  });

  it('leaves out what has another key than the first, and is not full for it', async () => {
    const batch = createRequestBatch<string, number>({ size: 10, bytes: 100 });
    const [one, other] = [kindOf('one'), kindOf('other')];
    const first = batch.join(one, 1);
    expect(await batch.join(other, 2)).to.equal('left out');
    expect(batch.isFull()).to.equal(false);
    batch.close();
    await first;
    expect([one.sent, other.sent]).to.deep.equal([[[1]], []]);
  });

  it('tells everybody in it what broke it, and leaves nobody without an answer', async () => {
    const batch = createRequestBatch<string, number>({ size: 2, bytes: 100 });
    const broken = { ...kindOf('a'), send: () => Promise.reject(new Error('the database is away')) };
    const answers = [batch.join(broken, 1), batch.join(broken, 2)];
    batch.close();
    const settled = await Promise.allSettled(answers);
    expect(settled.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    const silent = createRequestBatch<string, number>({ size: 1, bytes: 100 });
    const answer = silent.join({ ...kindOf('a'), send: () => Promise.resolve(new Map<number, string>()) }, 1);
    silent.close();
    expect(await answer).to.equal('left out');
  });

  it('is not there for what travels alone', async () => {
    const kind = kindOf('a');
    expect(
      await Promise.all([alone<string, number>().join(kind, 1), alone<string, number>().join(kind, 2)]),
    ).to.deep.equal(['answer 1', 'answer 2']);
    expect(kind.sent).to.deep.equal([[1], [2]]);
  });
});
