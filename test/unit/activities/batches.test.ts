import { expect } from 'chai';
import {
  createLiveBatches,
  createPageBatches,
  type BatchKind,
} from '../../../activities/delivery/batches.ts';
import { turn } from './fakes.ts';

function kindOf(
  key: string,
  size: number,
  maxWaitMs = 1_000,
): BatchKind<string, number> & { sent: number[][] } {
  const sent: number[][] = [];
  return {
    key,
    size,
    maxWaitMs,
    sent,
    send(items) {
      sent.push(items);
      return Promise.resolve(new Map(items.map((item) => [item, `answer ${item}`])));
    },
  };
}

describe('the batches of a page', () => {
  it('are full, but for the last one, which closes when nobody else can join', async () => {
    const batches = createPageBatches(6);
    const kind = kindOf('a', 2);
    const answers = [1, 2, 3].map((item) => batches.join(kind, item));
    expect(kind.sent).to.deep.equal([[1, 2]]);
    batches.without();
    batches.without();
    await turn();
    expect(kind.sent).to.deep.equal([[1, 2]]);
    batches.without();
    expect(await Promise.all(answers)).to.deep.equal(['answer 1', 'answer 2', 'answer 3']);
    expect(kind.sent).to.deep.equal([[1, 2], [3]]);
  });

  it('keep what has another key apart', async () => {
    const batches = createPageBatches(3);
    const [one, other] = [kindOf('one', 10), kindOf('other', 10)];
    await Promise.all([batches.join(one, 1), batches.join(other, 2), batches.join(one, 3)]);
    expect([one.sent, other.sent]).to.deep.equal([[[1, 3]], [[2]]]);
  });

  it('tell everybody of a batch what broke it', async () => {
    const batches = createPageBatches(2);
    const broken = { ...kindOf('a', 2), send: () => Promise.reject(new Error('the database is away')) };
    const answers = await Promise.allSettled([batches.join(broken, 1), batches.join(broken, 2)]);
    expect(answers.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
  });

  it('leave nobody waiting whom a request gave no answer', async () => {
    const batches = createPageBatches(1);
    const silent = { ...kindOf('a', 1), send: () => Promise.resolve(new Map<number, string>()) };
    const [answer] = await Promise.allSettled([batches.join(silent, 1)]);
    expect(answer.status).to.equal('rejected');
  });
});

describe('the batches of live messages', () => {
  it('close as soon as they are full', async () => {
    const batches = createLiveBatches();
    const kind = kindOf('a', 2, 60_000);
    expect(await Promise.all([batches.join(kind, 1), batches.join(kind, 2)])).to.have.length(2);
    expect(kind.sent).to.deep.equal([[1, 2]]);
  }).timeout(5_000);

  it('close when the first of them has waited long enough', async () => {
    const batches = createLiveBatches();
    const kind = kindOf('a', 10, 30);
    const first = batches.join(kind, 1);
    await turn();
    const second = batches.join(kind, 2);
    await turn();
    expect(kind.sent).to.deep.equal([]);
    await Promise.all([first, second]);
    expect(kind.sent).to.deep.equal([[1, 2]]);
    await batches.join(kind, 3);
    expect(kind.sent).to.deep.equal([[1, 2], [3]]);
  });
});
