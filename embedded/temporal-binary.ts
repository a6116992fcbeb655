import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describeDownload, downloadFile } from './download.ts';
import { findServer } from './find-server.ts';
import type { FindServerOptions, ServerKind, ServerSource } from './find-server.ts';
import { runCommand } from './run-command.ts';

// Later versions cannot be had by `go install`, since their module replaces another.
const version = '1.5.1';
const officialBase = 'https://temporal.download/cli/archive';
const modulePath = 'github.com/temporalio/cli/cmd/temporal';
const neededFlags = ['--db-filename', '--sqlite-pragma', '--search-attribute', '--dynamic-config-value'];

/** Where the Temporal CLI, which holds the server, comes from; see `findServer`. */
export const temporalKind: ServerKind = {
  executable: 'temporal',
  title: 'Temporal CLI',
  check: checkTemporal,
  sources: [officialTemporalDownload(), goInstall()],
  byHand: [
    `Install the Temporal CLI (${version} or newer) so that temporal is on PATH,`,
    'or set TEMPORAL_ADDRESS to a Temporal server that already runs.',
  ].join('\n'),
};

/**
 * Finds a Temporal CLI that can run a development server, fetching or building one when there is none.
 *
 * @returns the executable's path.
 * @throws {ServerNotFoundError} naming all that was tried.
 */
export function findTemporal(options: FindServerOptions): Promise<string> {
  return findServer(temporalKind, options);
}

async function checkTemporal(path: string): Promise<string> {
  const help = await runCommand(path, ['server', 'start-dev', '--help'], { timeoutMs: 30_000 });
  const missing = neededFlags.filter((flag) => !help.includes(flag));
  if (missing.length > 0) throw new Error(`"server start-dev" does not know ${missing.join(', ')}`);
  const output = await runCommand(path, ['--version'], { timeoutMs: 30_000 });
  return /version (\S+)/.exec(output)?.[1] ?? 'of unknown version';
}

/** The archive that Temporal publishes; `base` is given by tests. */
export function officialTemporalDownload(base = officialBase): ServerSource {
  const platform = { linux: 'linux', darwin: 'darwin' }[process.platform as string];
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string];
  return {
    name: 'official download',
    version,
    unavailable: () =>
      platform === undefined || arch === undefined
        ? `there is none for ${process.platform} on ${process.arch}`
        : undefined,
    async install(folder, step) {
      const archive = join(folder, 'archive.tar.gz');
      const url = `${base}/v${version}?platform=${platform}&arch=${arch}`;
      await downloadFile(url, archive, {
        onProgress: (received, total) => step.update(describeDownload(received, total)),
      });
      step.update('unpacking');
      await runCommand('tar', ['-xzf', archive, '-C', folder, 'temporal']);
      await rm(archive);
    },
  };
}

/** Builds from source: for networks where only package mirrors can be reached. */
function goInstall(): ServerSource {
  return {
    name: 'build with Go',
    // Its own name, since such a build says another version of itself.
    version: `${version}-built`,
    async install(folder, step) {
      // Some 3 GB of sources and intermediate results, of no use afterwards.
      const scratch = join(folder, 'scratch');
      const temporary = join(scratch, 'tmp');
      await mkdir(temporary, { recursive: true });
      try {
        const flags = (await runCommand('go', ['env', 'GOFLAGS'])).trim();
        const env = {
          ...process.env,
          // The module cache is read-only by default and could not be removed.
          GOFLAGS: `${flags} -modcacherw`.trim(),
          GOBIN: folder,
          GOPATH: join(scratch, 'path'),
          GOMODCACHE: join(scratch, 'modules'),
          GOCACHE: join(scratch, 'build'),
          GOTMPDIR: temporary,
          CGO_ENABLED: '0',
        };
        const packages = { downloaded: 0, compiled: 0 };
        step.update('downloading the sources; all in all about 3 minutes on 2 cores');
        await runCommand('go', ['install', '-v', `${modulePath}@v${version}`], {
          env,
          onLine: (line) => {
            if (line.startsWith('go: downloading')) {
              packages.downloaded += 1;
              step.update(`downloading the sources (${packages.downloaded} modules)`);
            } else if (!line.startsWith('go: ')) {
              packages.compiled += 1;
              step.update(`compiling (${packages.compiled} packages)`);
            }
          },
        });
        step.update('tidying up');
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
  };
}
