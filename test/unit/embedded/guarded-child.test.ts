import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';

import { startGuarded } from '../../../embedded/guarded-child.ts';
import { processIdentity } from '../../../embedded/process-identity.ts';

const guarded = fileURLToPath(new URL('../../../embedded/guarded-child.ts', import.meta.url));

describe('a guarded child', function () {
  this.timeout(20_000);
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-guard-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const script = (text: string) => ({ name: 'child', binary: '/bin/sh', args: ['-c', text] });
  const pidFile = () => join(folder, 'pid');
  const writePid = () => `echo $$ > ${pidFile()}.new; mv ${pidFile()}.new ${pidFile()}`;

  async function until<T>(what: () => Promise<T | undefined> | T | undefined): Promise<T> {
    for (;;) {
      const value = await what();
      if (value !== undefined) return value;
      await delay(20);
    }
  }

  const childPid = () => until(() => readFile(pidFile(), 'utf8').then(Number, () => undefined));
  const gone = (pid: number) => until(() => (processIdentity(pid) === undefined ? true : undefined));

  it('is asked to end and waited for when it is stopped', async () => {
    const child = await startGuarded(
      script(`trap 'echo tidied; exit 0' TERM; ${writePid()}; while :; do sleep 0.05; done`),
    );
    const pid = await childPid();
    await child.stop();
    expect(child.lastLines()).to.deep.equal(['tidied']);
    expect(child.hasEnded()).to.equal('ended with status 0');
    expect(processIdentity(pid)).to.equal(undefined);
    await child.stop();
  });

  it('tells how it ended by itself, and what it said', async () => {
    const child = await startGuarded(script('echo no space left >&2; exit 3'));
    expect(await child.ended).to.equal('ended with status 3');
    expect(child.lastLines()).to.deep.equal(['no space left']);
  });

  it('tells when there is no such executable', async () => {
    const child = await startGuarded({ name: 'child', binary: join(folder, 'absent'), args: [] });
    expect(await child.ended).to.equal('ended with status 127');
    expect(child.lastLines().join()).to.contain('could not be started');
  });

  it('ends when its parent is killed with kill -9', async () => {
    const program = `
      const { startGuarded } = await import(${JSON.stringify(guarded)});
      await startGuarded(${JSON.stringify(script(`${writePid()}; exec sleep 600`))});`;
    const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    const pid = await childPid();
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    await gone(pid);
  });

  it('does not outlive its guard', async () => {
    const files = { log: join(folder, 'log'), owner: join(folder, 'owner') };
    const child = await startGuarded({ ...script(`${writePid()}; exec sleep 600`), files });
    const pid = await childPid();
    process.kill(Number((await readFile(files.owner, 'utf8')).split('/')[0]), 'SIGKILL');
    expect(await child.ended).to.equal('was ended by SIGKILL');
    await gone(pid);
  });

  it('waits for a predecessor on the same data that is still ending', async () => {
    const files = { log: join(folder, 'log'), owner: join(folder, 'owner') };
    const slow = `trap 'sleep 0.5; echo first ended; exit 0' TERM; ${writePid()}; while :; do sleep 0.05; done`;
    const first = await startGuarded({ ...script(slow), files });
    await childPid();
    const stopping = first.stop();
    const second = await startGuarded({ ...script('echo second began'), files });
    await second.ended;
    await stopping;
    expect((await readFile(files.log, 'utf8')).trim().split('\n')).to.deep.equal([
      'first ended',
      'second began',
    ]);
  });
});
