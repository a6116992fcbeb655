import { expect } from 'chai';
import { importMembers } from '../../../api/lists/import-members.ts';
import { Problem } from '../../../api/http/problem.ts';
import type { ListRepository } from '../../../domain/ports/segments.ts';

/** A list whose profiles have the identity `p<n>` and the id `id-p<n>`, below a thousand; some share an email. */
function fakeLists() {
  const members = new Set<string>();
  const batches: number[] = [];
  const lists = {
    profilesByIdentity(values: string[]) {
      batches.push(values.length);
      const known = values.filter((one) => /^p\d{1,3}$/.test(one));
      return Promise.resolve(new Map(known.map((one) => [one, `id-${one}`])));
    },
    profilesByEmail(values: string[]) {
      const known = values.filter((one) => one.startsWith('both'));
      return Promise.resolve(new Map(known.map((one) => [one, [`1${one}`, `2${one}`]])));
    },
    add(_id: string, ids: string[]) {
      const before = members.size;
      for (const id of ids) members.add(id);
      return Promise.resolve(members.size - before);
    },
  } as unknown as ListRepository;
  return { lists, members, batches };
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
  await Promise.resolve();
}

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('no problem came');
}

describe('importMembers', () => {
  it('counts each row once: added, in it already, or bad with its line and reason', async () => {
    const { lists, members } = fakeLists();
    const text =
      'name,Identity \nAda,p1\nBob, p2 \nAda again,p1\nNobody,zz\n,\n"x"y,p3\nVisitor,anonymous/1\n';
    const report = await importMembers(lists, 'l', one(text));
    expect(report).to.deep.equal({
      rows: 7,
      added: 2,
      alreadyIn: 1,
      badRows: {
        count: 4,
        first: [
          { row: 5, value: 'zz', reason: 'there is no profile with this identity' },
          { row: 6, value: '', reason: 'the identity is empty' },
          { row: 7, value: '"x"y,p3', reason: 'text follows a closing quote' },
          {
            row: 8,
            value: 'anonymous/1',
            reason: 'the identity must not begin with anonymous/, which names visitors',
          },
        ],
      },
    });
    expect([...members]).to.deep.equal(['id-p1', 'id-p2']);
  });

  it('tells a file in another encoding from somebody unknown', async () => {
    const { lists } = fakeLists();
    async function* latin(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('identity\nzoë\n', 'latin1');
      await Promise.resolve();
    }
    const { badRows } = await importMembers(lists, 'l', latin());
    expect(badRows.first).to.deep.equal([
      { row: 2, value: 'zo\u{FFFD}', reason: 'the identity is not written in UTF-8' },
    ]);
  });

  it('adds every profile that has an email', async () => {
    const { lists } = fakeLists();
    const report = await importMembers(lists, 'l', one('email\nboth@a\nboth@b\nnobody@c\n'));
    expect(report).to.deep.include({ rows: 3, added: 4, alreadyIn: 0 });
    expect(report.badRows.first).to.deep.equal([
      { row: 4, value: 'nobody@c', reason: 'there is no profile with this email' },
    ]);
  });

  it('works in batches of a thousand and shows the first thousand bad rows of many', async () => {
    const { lists, batches } = fakeLists();
    const rows = Array.from({ length: 3_500 }, (_, i) => `x${i}`);
    const report = await importMembers(lists, 'l', one(`identity\n${rows.join('\n')}`));
    expect(batches).to.deep.equal([1_000, 1_000, 1_000, 500]);
    expect(report.badRows.count).to.equal(3_500);
    expect(report.badRows.first).to.have.length(1_000);
    expect(report.badRows.first[999]).to.include({ row: 1_001, value: 'x999' });
  });

  it('refuses a first row that does not tell the people’s column', async () => {
    for (const [text, words] of [
      ['', 'is empty'],
      ['\n\n', 'is empty'],
      ['id,name\n1,2', 'names no column identity or email'],
      ['identity;name\n1;2', 'separated by commas'],
      ['identity,email\n1,2', 'names identity and email'],
      ['email,email\n1,2', 'names email and email'],
    ] as const) {
      const { lists } = fakeLists();
      const problem = await problemOf(importMembers(lists, 'l', one(text)));
      expect(problem.code, text).to.equal('validation_failed');
      expect(problem.errors[0]?.detail, text).to.include(words);
    }
  });

  it('ends when the list is deleted meanwhile', async () => {
    const { lists } = fakeLists();
    lists.add = () => Promise.resolve(null);
    expect((await problemOf(importMembers(lists, 'l', one('identity\np1\n')))).code).to.equal('not_found');
  });

  it('takes a million rows and says so when there are more', async function () {
    this.timeout(60_000);
    const { lists } = fakeLists();
    async function* many(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('identity\n');
      for (let i = 0; i < 1_001; i += 1) yield Buffer.from('p1\n'.repeat(1_000));
      await Promise.resolve();
    }
    const problem = await problemOf(importMembers(lists, 'l', many()));
    expect([problem.code, problem.message]).to.deep.equal([
      'body_too_large',
      'there are more than 1000000 rows; those before were taken',
    ]);
  });
});
