import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

import { DataDirInUseError, lockDataDir } from '../../../embedded/data-dir-lock.ts';
import { processIdentity } from '../../../embedded/process-identity.ts';
import { startServers } from '../../../embedded/stack.ts';

describe('the lock of a data directory', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-lock-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  function refusal(promise: Promise<unknown>): Promise<unknown> {
    return promise.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  it('refuses a second owner in one line that names the process and the way out', async () => {
    const lock = await lockDataDir(folder);
    const error = (await refusal(lockDataDir(folder))) as Error;
    expect(error).to.be.instanceOf(DataDirInUseError);
    expect(error.message).to.equal(
      `The data directory ${folder} is in use by process ${process.pid}: stop that first, ` +
        'or set BECKON_DATA_DIR to another folder.',
    );
    await lock.release();
  });

  it('is free again after its release, with nothing left behind', async () => {
    await (await lockDataDir(folder)).release();
    expect(await readdir(folder)).to.deep.equal([]);
    await (await lockDataDir(folder)).release();
  });

  it('is taken over from a process that no longer runs', async () => {
    await writeFile(join(folder, 'lock'), '4194304/1/boot');
    await (await lockDataDir(folder)).release();
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('is taken over when its process number belongs to a later process', async () => {
    const identity = processIdentity(process.pid) ?? '';
    await writeFile(join(folder, 'lock'), identity.replace(/\/.*/, '/an earlier start'));
    await (await lockDataDir(folder)).release();
  });

  it('has one winner when many take over a stale lock at once', async () => {
    await writeFile(join(folder, 'lock'), '4194304/1/boot');
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockDataDir(folder)));
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
  });

  it('is not taken when both servers are configured, since then nothing is started', async () => {
    const config = { mongodbUri: 'mongodb://db.example/beckon', temporalAddress: 'temporal.example:7233' };
    const servers = await startServers({ config, dataDir: join(folder, 'unused'), ui: true, log: () => {} });
    expect(servers.mongoUri).to.equal(config.mongodbUri);
    expect(servers.temporalAddress).to.equal(config.temporalAddress);
    expect(servers.temporalUiUrl).to.equal(undefined);
    await servers.stop();
    expect(await readdir(folder)).to.deep.equal([]);
  });
});
