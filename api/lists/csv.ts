/** One row of a CSV: its fields, or what keeps them from being told apart. */
export type CsvRow = { line: number; fields: string[] } | { line: number; text: string; fault: string };

/** A record may run over several lines when a quoted field does. */
const MOST_LINES = 100;
const MOST_CHARS = 65_536;
/** After so many quotes that nobody closed, no field runs over lines any more: else each costs a look ahead. */
const MOST_UNCLOSED = 1_000;

interface Line {
  number: number;
  text: string;
}

/**
 * Reads CSV (RFC 4180: commas, quotes doubled within quotes, CRLF, LF or CR, with or without a byte order
 * mark) as it comes. Common readers stop, or swallow the rest of the file, at a quote that is never closed;
 * here it costs its own row only, since a row that does not close within a hundred lines is taken as broken
 * and reading goes on with the line after it. Memory holds one piece and one record.
 *
 * @returns the rows of each piece; `line` is the line that a row begins on, counted from 1; empty lines are left out
 */
export async function* readCsv(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<CsvRow[]> {
  const decoder = new TextDecoder('utf-8');
  const lines = createLineReader();
  const records = createRecordReader();
  for await (const piece of pieces)
    yield records.take(lines.take(decoder.decode(piece, { stream: true })), false);
  yield records.take([...lines.take(decoder.decode()), ...lines.end()], true);
}

/** Cuts text into lines. What is longer than a record may be is kept as far as that, so that it is seen to be. */
function createLineReader(): { take(text: string): Line[]; end(): Line[] } {
  let rest = '';
  let number = 0;
  return {
    take(text) {
      let whole = rest + text;
      // A CR at the end may be the first half of CRLF.
      const held = whole.endsWith('\r') ? '\r' : '';
      if (held) whole = whole.slice(0, -1);
      const texts = whole.split(/\r\n|\n|\r/);
      rest = (texts.pop() ?? '').slice(0, MOST_CHARS + 1) + held;
      return texts.map((one) => ({ number: (number += 1), text: one }));
    },
    end() {
      return rest === '' ? [] : [{ number: (number += 1), text: rest.replace(/\r$/, '') }];
    },
  };
}

/** Puts lines together to records. */
function createRecordReader(): { take(lines: Line[], last: boolean): CsvRow[] } {
  let waiting: Line[] = [];
  let unclosed = 0;
  return {
    take(lines, last) {
      const all = waiting.length > 0 ? [...waiting, ...lines] : lines;
      const rows: CsvRow[] = [];
      let at = 0;
      while (at < all.length) {
        const { number, text } = all[at]!;
        if (text.trim() === '') {
          at += 1;
          continue;
        }
        const most = unclosed < MOST_UNCLOSED ? MOST_LINES : 1;
        const read = readRecord(all, at, most);
        if (read === 'open' && !last) break;
        if (typeof read === 'string') {
          if (read !== 'long') unclosed += 1;
          rows.push({ line: number, text, fault: FAULTS[read] });
          at += 1;
        } else {
          const { fields, lines: used } = read;
          rows.push(fields ? { line: number, fields } : { line: number, text, fault: FAULTS.afterQuote });
          at += used;
        }
      }
      waiting = all.slice(at);
      return rows;
    },
  };
}

const FAULTS = {
  open: 'a quote is not closed',
  unclosed: 'a quote is not closed',
  long: `the row is longer than ${MOST_CHARS} characters`,
  afterQuote: 'text follows a closing quote',
};

/**
 * @returns the fields and over how many lines they went, without fields when a quote is out of place; `open`
 *   when more lines are needed, `unclosed` when as many as may be were there
 */
function readRecord(
  all: Line[],
  at: number,
  most: number,
): { fields: string[] | null; lines: number } | 'open' | 'unclosed' | 'long' {
  let text = all[at]!.text;
  if (text.length > MOST_CHARS) return 'long';
  if (!text.includes('"')) return { fields: text.split(','), lines: 1 };
  const fields: string[] = [];
  let lines = 1;
  let sound = true;
  for (let i = 0; ;) {
    if (text[i] !== '"') {
      const comma = text.indexOf(',', i);
      fields.push(comma === -1 ? text.slice(i) : text.slice(i, comma));
      if (comma === -1) break;
      i = comma + 1;
      continue;
    }
    let field = '';
    let from = i + 1;
    for (;;) {
      const quote = text.indexOf('"', from);
      if (quote !== -1 && text[quote + 1] === '"') {
        field += text.slice(from, quote + 1);
        from = quote + 2;
      } else if (quote !== -1) {
        field += text.slice(from, quote);
        from = quote + 1;
        break;
      } else {
        if (lines >= most || text.length > MOST_CHARS) return 'unclosed';
        const next = all[at + lines];
        if (next === undefined) return 'open';
        field += `${text.slice(from)}\n`;
        from = text.length + 1;
        text += `\n${next.text}`;
        lines += 1;
      }
    }
    fields.push(field);
    const comma = text.indexOf(',', from);
    const after = comma === -1 ? text.slice(from) : text.slice(from, comma);
    if (after.trim() !== '') sound = false;
    if (comma === -1) break;
    i = comma + 1;
  }
  return { fields: sound ? fields : null, lines };
}
