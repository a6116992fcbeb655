import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { segment } from '../../../api/segments/schemas.ts';
import { operators } from '../../../domain/audience/conditions.ts';
import { OWN_EVENTS, SEGMENT_LIMITS } from '../../../domain/audience/segment.ts';

describe('docs/segments.md', () => {
  let text: string;
  before(async () => {
    text = await readFile(new URL('../../../docs/segments.md', import.meta.url), 'utf8');
  });

  it('shows segments that can be saved', () => {
    const blocks = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
    const segments = blocks.filter((block) => !block.includes('"in_use"'));
    expect(segments).to.have.length.at.least(6);
    for (const block of segments)
      expect(segment.safeParse(JSON.parse(block)).error?.issues, block).to.equal(undefined);
  });

  it('shows every operator by an example that can be saved', () => {
    const rows = text.split('\n').filter((line) => /^\| `\w+`(, `\w+`)? +\| `\{ "property"/.test(line));
    const named = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]),
    );
    expect(named).to.have.members([...operators]);
    for (const row of rows) {
      const example = JSON.parse((row.split('|')[2] ?? '').trim().slice(1, -1)) as { op: string };
      expect(named).to.include(example.op);
      expect(segment.safeParse(example).error?.issues, row).to.equal(undefined);
    }
  });

  it('names our own events and the limits as they are', () => {
    for (const name of Object.values(OWN_EVENTS)) expect(text).to.include(`\`${name}\``);
    expect(text).to.include(`${SEGMENT_LIMITS.depth} levels and ${SEGMENT_LIMITS.parts} parts`);
  });
});
