import { expect } from 'chai';
import fc from 'fast-check';
import { readCsv, type CsvRow } from '../../../api/lists/csv.ts';
import { cpuSeconds } from '../../support/cpu-seconds.ts';

async function rowsOf(bytes: Uint8Array, pieceSize = 7): Promise<CsvRow[]> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < bytes.length; i += pieceSize) yield bytes.subarray(i, i + pieceSize);
    await Promise.resolve();
  }
  const rows: CsvRow[] = [];
  for await (const some of readCsv(pieces())) rows.push(...some);
  return rows;
}

const read = (text: string, pieceSize?: number): Promise<CsvRow[]> => rowsOf(Buffer.from(text), pieceSize);
const fieldsOf = (rows: CsvRow[]): unknown[] => rows.map((row) => ('fields' in row ? row.fields : row.fault));

describe('readCsv', () => {
  it('reads any table back, however it is quoted, ended and cut into pieces', async () => {
    const field = fc.oneof(
      fc.stringMatching(/^[a-zé🛒 ,"\n]{0,8}$/u),
      fc.constantFrom('', '"', '""', ',', '\n', 'a"b', '"a', ' a ', 'ä,"ö"\nü'),
    );
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.integer({ min: 1, max: 20 }),
        async (rows, end, bom, pieceSize) => {
          const quote = (one: string): string =>
            /[",\n]/.test(one) ? `"${one.replaceAll('"', '""').replaceAll('\n', end)}"` : one;
          const text = rows.map((row) => row.map(quote).join(',')).join(end);
          const found = await read((bom ? '\uFEFF' : '') + text, pieceSize);
          expect(fieldsOf(found)).to.deep.equal(rows);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('says on which line a row begins, and leaves empty lines out', async () => {
    const rows = await read('h\r\n\r\n"a\r\nb"\r\n  \r\nc');
    expect(rows).to.deep.equal([
      { line: 1, fields: ['h'] },
      { line: 3, fields: ['a\nb'] },
      { line: 6, fields: ['c'] },
    ]);
  });

  it('loses one row to a quote that is never closed, and none of those after it', async () => {
    const rest = Array.from({ length: 500 }, (_, i) => `p${i},x`);
    const rows = await read(['h,x', '"open,1', ...rest].join('\n'), 1_000);
    expect(rows[1]).to.deep.equal({ line: 2, text: '"open,1', fault: 'a quote is not closed' });
    expect(rows.slice(2).map((row) => ('fields' in row ? row.fields[0] : row))).to.deep.equal(
      rest.map((line) => line.split(',')[0]),
    );
    expect(fieldsOf(await read('h\n"open'))).to.deep.equal([['h'], 'a quote is not closed']);
  });

  it('loses one row to text after a closing quote, and takes quotes within a bare field as they are', async () => {
    expect(fieldsOf(await read('"a"z,1\nb"c,2\n"d" ,3\n'))).to.deep.equal([
      'text follows a closing quote',
      ['b"c', '2'],
      ['d', '3'],
    ]);
  });

  it('loses one row to a line without end, of which it keeps no more than the beginning', async () => {
    const rows = await read(`a\n${'x'.repeat(1_000_000)}\nb`, 10_000);
    expect(fieldsOf(rows)).to.deep.equal([['a'], 'the row is longer than 65536 characters', ['b']]);
    expect((rows[1] as { text: string }).text.length).to.be.below(70_000);
  });

  it('stays fast on a file of nothing but open quotes', async function () {
    this.timeout(20_000);
    const line = `"${'x'.repeat(90)}`;
    const odd = Array.from({ length: 100_001 }, (_, i) => (i % 2 ? `${line},` : `a,${line}`)).join('\n');
    const began = cpuSeconds();
    expect((await read(odd, 65_536)).length).to.be.above(1_000);
    expect(cpuSeconds() - began).to.be.below(10);
  });

  it('takes bytes that are no UTF-8 as a text that nobody has', async () => {
    const rows = await rowsOf(Buffer.from([0x61, 0x0a, 0xff, 0xfe, 0x0a, 0x62]));
    expect(fieldsOf(rows)).to.deep.equal([['a'], ['\uFFFD\uFFFD'], ['b']]);
  });
});
