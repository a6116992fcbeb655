import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';

import { cacheRoot } from '../../../embedded/cache.ts';
import { ServerNotFoundError, findServer } from '../../../embedded/find-server.ts';
import type { ServerKind, ServerSource } from '../../../embedded/find-server.ts';
import { silentProgress } from '../../../embedded/progress.ts';

describe('finding a server', () => {
  let folder: string;
  let cacheDir: string;
  let logged: string[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-find-'));
    cacheDir = join(folder, 'cache');
    logged = [];
  });

  afterEach(() => rm(folder, { recursive: true }));

  /** An executable is a file here whose text is `good`, or else the reason why it is not. */
  async function put(path: string, text = 'good'): Promise<string> {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    await chmod(path, 0o755);
    return path;
  }

  function sourceThat(name: string, install: (folder: string) => Promise<unknown>): ServerSource {
    return {
      name,
      version: `1-${name}`,
      install: async (target) => void (await install(target)),
    };
  }

  function search(sources: readonly ServerSource[], path = '') {
    const kind: ServerKind = {
      executable: 'daemon',
      title: 'Daemon',
      async check(file) {
        const text = await readFile(file, 'utf8');
        if (text !== 'good') throw new Error(text);
        return '1.0';
      },
      sources,
      byHand: 'Install daemon by hand.',
    };
    const log = (line: string) => logged.push(line);
    return findServer(kind, { env: { PATH: path }, cacheDir, progress: silentProgress, log });
  }

  const works = sourceThat('first', (target) => put(join(target, 'daemon')));
  const fails = sourceThat('broken', () => Promise.reject(new Error('no network')));

  it('takes a usable executable from PATH and fetches nothing', async () => {
    const path = await put(join(folder, 'bin', 'daemon'));
    expect(await search([fails], join(folder, 'bin'))).to.equal(path);
    expect(existsSync(cacheDir)).to.equal(false);
  });

  it('passes over an unusable executable on PATH, says so, and takes the next', async () => {
    const old = await put(join(folder, 'old', 'daemon'), 'too old');
    const good = await put(join(folder, 'good', 'daemon'));
    expect(await search([], `${join(folder, 'old')}:${join(folder, 'good')}`)).to.equal(good);
    expect(logged).to.include(`${old} on PATH: too old`);
  });

  it('goes to the next source when one fails, and then finds the result in the cache', async () => {
    const path = await search([fails, works]);
    expect(path).to.equal(join(cacheDir, 'daemon-1-first', 'daemon'));
    expect(
      await search([fails, sourceThat('first', () => Promise.reject(new Error('asked again')))]),
    ).to.equal(path);
  });

  it('leaves nothing in the cache when what a source gives does not work', async () => {
    const bad = sourceThat('bad', (target) => put(join(target, 'daemon'), 'does not start'));
    const error = await search([bad]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ServerNotFoundError);
    expect(await readdir(cacheDir)).to.deep.equal([]);
  });

  it('replaces a broken executable in the cache', async () => {
    const path = await put(join(cacheDir, 'daemon-1-first', 'daemon'), 'half written');
    expect(await search([works])).to.equal(path);
    expect(await readFile(path, 'utf8')).to.equal('good');
  });

  it('serves two searches at once, whichever is first to fill the cache', async () => {
    let arrived = 0;
    let bothArrived = () => {};
    const both = new Promise<void>((resolve) => (bothArrived = resolve));
    const slow = sourceThat('first', async (target) => {
      arrived += 1;
      if (arrived === 2) bothArrived();
      await both;
      await put(join(target, 'daemon'));
    });
    const [one, two] = await Promise.all([search([slow]), search([slow])]);
    expect(one).to.equal(two);
    expect(await readdir(cacheDir)).to.deep.equal(['daemon-1-first']);
  });

  it('removes what a killed process left half built', async () => {
    // No process has the highest number that a kernel can give.
    await put(join(cacheDir, '.tmp-4194304-abc', 'large'));
    await search([works]);
    expect(await readdir(cacheDir)).to.deep.equal(['daemon-1-first']);
  });

  it('lists everything it tried, with reasons and what to install, when nothing works', async () => {
    const elsewhere: ServerSource = { ...works, name: 'package', unavailable: () => 'is for another system' };
    await put(join(folder, 'old', 'daemon'), 'too old');
    const error = await search([fails, elsewhere], join(folder, 'old')).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message.split('\n')).to.deep.equal([
      'No usable Daemon (daemon) could be found or fetched. Tried:',
      `  - ${join(folder, 'old', 'daemon')} on PATH: too old`,
      '  - broken of daemon 1-broken: no network',
      '  - package of daemon 1-first: is for another system',
      'Install daemon by hand.',
    ]);
  });

  it('keeps its cache where XDG_CACHE_HOME says, if that is absolute', () => {
    expect(cacheRoot({ XDG_CACHE_HOME: '/somewhere' })).to.equal('/somewhere/beckon');
    expect(cacheRoot({ XDG_CACHE_HOME: 'relative' })).to.match(/\/\.cache\/beckon$/);
  });
});
