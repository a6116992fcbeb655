import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';

import { DownloadError, describeDownload, downloadFile } from '../../../embedded/download.ts';
import { freePort } from '../../../embedded/free-port.ts';
import { officialTemporalDownload } from '../../../embedded/temporal-binary.ts';

describe('downloading a file', () => {
  let folder: string;
  let file: string;
  let server: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'beckon-download-'));
    file = join(folder, 'file');
  });

  afterEach(async () => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
    await rm(folder, { recursive: true });
  });

  async function serve(listener: RequestListener): Promise<string> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async function failureOf(url: string, idleTimeoutMs = 5000): Promise<DownloadError> {
    try {
      await downloadFile(url, file, { connectTimeoutMs: 2000, idleTimeoutMs });
    } catch (error) {
      expect(error).to.be.instanceOf(DownloadError);
      return error as DownloadError;
    }
    throw new Error('the download did not fail');
  }

  it('writes all bytes to the file and tells how many of how many have come', async () => {
    const body = Buffer.alloc(300_000, 'x');
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': body.length }).end(body);
    });
    const seen: [number, number | undefined][] = [];
    await downloadFile(url, file, { onProgress: (...progress) => seen.push(progress) });
    expect((await readFile(file)).equals(body)).to.equal(true);
    expect(seen.at(-1)).to.deep.equal([300_000, 300_000]);
  });

  it('follows a redirect', async () => {
    const url = await serve((request, response) => {
      if (request.url === '/old') response.writeHead(302, { location: '/new' }).end();
      else response.end('moved here');
    });
    await downloadFile(`${url}/old`, file);
    expect(await readFile(file, 'utf8')).to.equal('moved here');
  });

  it('says which status came instead of the file, and leaves no file', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(403).end('no');
    });
    const error = await failureOf(url);
    expect(error.status).to.equal(403);
    expect(error.message).to.equal(`${url}: answered with status 403`);
    expect(existsSync(file)).to.equal(false);
  });

  it('fails and leaves no file when the connection breaks half way', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half', () => response.destroy());
    });
    const error = await failureOf(url);
    expect(error.message).to.contain(`${url}: broke off after 4 of 1000 bytes`);
    expect(existsSync(file)).to.equal(false);
  });

  it('gives up on a server that stops sending', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 });
      response.write('half');
    });
    const error = await failureOf(url, 300);
    expect(error.message).to.contain('broke off after 4 of 1000 bytes');
  });

  it('names the reason when nothing listens', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    expect((await failureOf(url)).message).to.match(/ECONNREFUSED/);
  });

  it('describes progress in percent of megabytes, or in megabytes alone', () => {
    expect(describeDownload(21_000_000, 84_000_000)).to.equal('25 % of 84 MB');
    expect(describeDownload(21_000_000, undefined)).to.equal('21 MB');
  });

  it('asks for the Temporal CLI of this platform under the official path', async () => {
    let asked: string | undefined;
    const url = await serve((request, response) => {
      asked = request.url;
      response.writeHead(404).end();
    });
    const source = officialTemporalDownload(url);
    const step = { update: () => {}, end: () => {} };
    const error = await source.install(folder, step).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(DownloadError);
    expect(asked).to.match(/^\/v1\.5\.1\?platform=(linux|darwin)&arch=(amd64|arm64)$/);
  });
});
