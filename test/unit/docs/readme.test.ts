import { readFile } from 'node:fs/promises';
import { expect } from 'chai';

const read = (file: string): Promise<string> =>
  readFile(new URL(`../../../${file}`, import.meta.url), 'utf8');

/** The variables that `config.ts` reads, from its own text. */
async function settings(): Promise<string[]> {
  return [...(await read('config.ts')).matchAll(/^ {2}([A-Z][A-Z_]+): \w/gm)].map((match) => match[1] ?? '');
}

describe('what the documents say about settings', () => {
  it('has each setting of config.ts in the table of README, and no other', async () => {
    const section = (await read('README.md')).split(/^## /m).find((part) => part.startsWith('Configuration'));
    const rows = (section ?? '').split('\n').filter((line) => line.startsWith('| `'));
    const named = rows.flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]),
    );
    const known = await settings();
    expect(known).to.include('MONGODB_URI');
    expect(named).to.have.members(known);
  });

  it('sets nothing in docker-compose.yml that a process would refuse', async () => {
    const compose = await read('docker-compose.yml');
    const set = [...compose.matchAll(/^ {4}((?:BECKON|TEMPORAL|MONGODB|LOG)_\w+):/gm)].map(
      (match) => match[1],
    );
    expect(set).to.include('BECKON_ADMIN_KEY');
    expect(await settings()).to.include.members(set);
  });
});
