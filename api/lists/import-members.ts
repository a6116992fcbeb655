import type { ListRepository } from '../../domain/ports/segments.ts';
import { identity as identityField } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { readCsv } from './csv.ts';

const BATCH = 1_000;
const MOST_ROWS = 1_000_000;
const MOST_SHOWN = 1_000;
const VALUE_SHOWN = 256;
const LONGEST_EMAIL = 320;

export interface BadRow {
  row: number;
  value: string;
  reason: string;
}

/** What became of an upload. */
export interface ImportReport {
  /** Rows below the header, the bad ones among them. */
  rows: number;
  added: number;
  alreadyIn: number;
  badRows: { count: number; first: BadRow[] };
}

type Column = 'identity' | 'email';

/**
 * Adds everyone whom a CSV names to a list, a thousand rows at a time. A bad row is reported and stops nothing;
 * what was added before an upload breaks off stays, and sending it again is harmless.
 *
 * @throws Problem when the first row names no column that tells people, the list is not there (any more), or there are too many rows
 */
export async function importMembers(
  lists: ListRepository,
  listId: string,
  pieces: AsyncIterable<Uint8Array>,
): Promise<ImportReport> {
  const report: ImportReport = { rows: 0, added: 0, alreadyIn: 0, badRows: { count: 0, first: [] } };
  let column: { name: Column; index: number } | undefined;
  let batch: { row: number; value: string }[] = [];

  const bad = (row: number, value: string, reason: string): void => {
    report.badRows.count += 1;
    if (report.badRows.first.length < MOST_SHOWN)
      report.badRows.first.push({ row, value: value.slice(0, VALUE_SHOWN), reason });
  };

  const flush = async (name: Column): Promise<void> => {
    const rows = batch;
    batch = [];
    const values = [...new Set(rows.map(({ value }) => value))];
    const found =
      name === 'identity'
        ? new Map([...(await lists.profilesByIdentity(values))].map(([value, id]) => [value, [id]]))
        : await lists.profilesByEmail(values);
    const ids: string[] = [];
    for (const { row, value } of rows) {
      const known = found.get(value) ?? [];
      if (known.length === 0) bad(row, value, nobodyIs(value, name));
      ids.push(...known);
    }
    for (let i = 0; i < ids.length; i += BATCH) {
      const some = ids.slice(i, i + BATCH);
      const added = await lists.add(listId, some);
      if (added === null) throw new Problem('not_found', `there is no list ${listId}`);
      report.added += added;
      report.alreadyIn += some.length - added;
    }
  };

  for await (const rows of readCsv(pieces)) {
    for (const row of rows) {
      if (column === undefined) {
        column = columnOf('fields' in row ? row.fields : []);
        continue;
      }
      if (report.rows === MOST_ROWS) {
        await flush(column.name);
        throw new Problem('body_too_large', `there are more than ${MOST_ROWS} rows; those before were taken`);
      }
      report.rows += 1;
      if ('fault' in row) {
        bad(row.line, row.text, row.fault);
        continue;
      }
      const value = (row.fields[column.index] ?? '').trim();
      const fault = faultOf(value, column.name);
      if (fault === null) batch.push({ row: row.line, value });
      else bad(row.line, value, fault);
      if (batch.length === BATCH) await flush(column.name);
    }
  }
  if (column === undefined) throw badHeader('is empty: its first row must name a column identity or email');
  await flush(column.name);
  // In the order of the file: rows that cannot be read are known before those that nobody was found for.
  report.badRows.first.sort((a, b) => a.row - b.row);
  return report;
}

function nobodyIs(value: string, name: Column): string {
  // What the bytes of another encoding are read as.
  const isText = !value.includes('\u{FFFD}');
  return isText ? `there is no profile with this ${name}` : `the ${name} is not written in UTF-8`;
}

function columnOf(header: string[]): { name: Column; index: number } {
  const names = header.map((name) => name.trim().toLowerCase());
  const told = names.flatMap((name, index): { name: Column; index: number }[] =>
    name === 'identity' || name === 'email' ? [{ name: name, index }] : [],
  );
  if (told.length === 1 && told[0]) return told[0];
  if (told.length > 1) {
    throw badHeader(`names ${told.map(({ name }) => name).join(' and ')} in its first row; keep one of them`);
  }
  const seen = header.join(', ').slice(0, VALUE_SHOWN);
  throw badHeader(`names no column identity or email in its first row (separated by commas), but: ${seen}`);
}

function badHeader(detail: string): Problem {
  return new Problem('validation_failed', undefined, [{ pointer: '', detail }]);
}

function faultOf(value: string, name: Column): string | null {
  if (value === '') return `the ${name} is empty`;
  if (name === 'email')
    return value.length > LONGEST_EMAIL ? `the email is longer than ${LONGEST_EMAIL} characters` : null;
  const parsed = identityField.safeParse(value);
  return parsed.success ? null : `the identity ${parsed.error.issues[0]?.message ?? 'cannot be one'}`;
}
