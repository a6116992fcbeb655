import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import type { Answer } from '../support/api-client.ts';
import { knowIdentities, streamMembers } from '../support/list-upload.ts';
import { startStack, type TestStack } from '../support/stack.ts';

describe('an upload to a custom list', function () {
  this.timeout(240_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  it('takes a hundred thousand rows in bounded memory, as fast as they can be stored', async () => {
    const { id } = (await stack.client.must('/v1/lists', { name: 'Fair' })) as { id: string };
    await knowIdentities(stack, 'p', 90_000);
    async function* rows(): AsyncGenerator<string> {
      yield 'note,identity\n';
      const note = 'n'.repeat(900);
      for (let i = 0; i < 100_000; i += 100) {
        yield Array.from({ length: 100 }, (_, n) => `${note},p${i + n}\n`).join('');
      }
      await Promise.resolve();
    }
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    /** What is really held: garbage that nobody has collected yet says nothing. */
    const held = (): number => {
      collect();
      return process.memoryUsage().heapUsed + process.memoryUsage().external;
    };
    const before = held();
    let most = -Infinity;
    let looks = 0;
    const watch = setInterval(() => {
      looks += 1;
      most = Math.max(most, held() - before);
    }, 300);
    let answer: Answer;
    try {
      answer = await streamMembers(stack, id, rows());
    } finally {
      clearInterval(watch);
    }
    expect([answer.status, answer.body]).to.deep.include(200);
    expect(answer.body).to.deep.include({ rows: 100_000, added: 90_000, alreadyIn: 0 });
    expect(answer.body.badRows.count).to.equal(10_000);
    expect(answer.body.badRows.first).to.have.length(1_000);
    expect(answer.body.badRows.first[0]).to.include({ row: 90_002, value: 'p90000' });
    expect((await stack.client.get(`/v1/lists/${id}`)).body.size).to.equal(90_000);
    expect(await stack.db.collection('listMembers').countDocuments({ listId: id })).to.equal(90_000);
    // The body is 90 MB; held as a whole it would take more than twice that, as bytes and as text.
    expect(looks, 'looks at what is held').to.be.above(3);
    expect(most / 1e6, 'MB').to.be.below(45);
    expect((await stack.client.delete(`/v1/lists/${id}`)).status).to.equal(204);
    expect(await stack.db.collection('listMembers').countDocuments({ listId: id })).to.equal(0);
  });
});
