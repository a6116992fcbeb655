import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { keptSecretKey } from '../../../embedded/secret-key.ts';

describe('the key that npm start makes for secrets', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-key-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('is the same at every start, for its user alone to read', async () => {
    const made = await keptSecretKey(folder);
    expect(made).to.have.lengthOf(32);
    expect(await keptSecretKey(folder)).to.deep.equal(made);
    const { mode } = await stat(join(folder, 'secret-key'));
    expect(mode & 0o777).to.equal(0o600);
    expect(await readFile(join(folder, 'secret-key'), 'utf8')).to.equal(`${made.toString('base64')}\n`);
  });

  it('differs from folder to folder', async () => {
    const made = await keptSecretKey(folder);
    await rm(join(folder, 'secret-key'));
    expect(await keptSecretKey(folder)).not.to.deep.equal(made);
  });

  it('is not made anew over a file that was damaged', async () => {
    for (const text of ['', 'YQ==\n', 'not a key at all']) {
      await writeFile(join(folder, 'secret-key'), text);
      const error = await keptSecretKey(folder).catch((reason: unknown) => reason);
      expect(error, text).to.be.instanceOf(Error).with.property('message').that.includes('secret-key');
      expect(await readFile(join(folder, 'secret-key'), 'utf8')).to.equal(text);
    }
  });
});
