import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { expect } from 'chai';
import { PROBLEMS } from '../../api/http/problem.ts';
import { connectDatabase } from '../../db/connection.ts';
import { createLaneRepository } from '../../db/lanes.ts';
import { FORM_LANE } from '../../db/segments/one-process.ts';
import { choosePort } from '../../embedded/free-port.ts';
import { sharedServers, uniqueName } from '../support/servers.ts';
import { startStack, type TestStack } from '../support/stack.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the API as a whole', function () {
  this.timeout(60_000);
  let stack: TestStack;

  before(async () => {
    stack = await startStack({ workers: 0 });
  });
  after(() => stack?.close());

  const get = (path: string) => fetch(stack.client.url + path, { redirect: 'manual' });

  it('tells that it lives and that it is ready, without a key', async () => {
    const alive = await get('/healthz');
    expect([alive.status, await alive.json()]).to.deep.equal([200, { status: 'ok' }]);
    const ready = await get('/readyz');
    expect([ready.status, await ready.json()]).to.deep.equal([
      200,
      { ready: true, checks: { mongodb: true, temporal: true } },
    ]);
  });

  it('counts its calls by route and never by address', async () => {
    await stack.client.get('/v1/profiles/somebody-secret');
    const answer = await get('/metrics');
    expect(answer.headers.get('content-type')).to.match(/^text\/plain/);
    const metrics = await answer.text();
    expect(metrics).to.match(
      /beckon_http_requests_total\{method="GET",route="\/v1\/profiles\/:identity",status="404"\} 1/,
    );
    expect(metrics).to.contain('process_cpu_seconds_total');
    expect(metrics).to.not.contain('somebody-secret');
  });

  it('gives the SDK and the service worker as scripts', async () => {
    for (const path of ['/sdk.js', '/service-worker.js']) {
      const answer = await get(path);
      expect(answer.status, path).to.equal(200);
      expect(answer.headers.get('content-type'), path).to.match(/^text\/javascript/);
      expect(answer.headers.get('cache-control'), path).to.match(/max-age=\d+/);
      const script = await answer.text();
      expect(script.length, path).to.be.above(500);
      // Parses as what a browser loads it as: a classic script.
      expect(() => new Script(script), path).to.not.throw();
    }
    expect((await get('/service-worker.js')).headers.get('service-worker-allowed')).to.equal('/');
  });

  it('documents itself, and names every error code', async () => {
    const moved = await get('/docs');
    expect([moved.status, moved.headers.get('location')]).to.deep.equal([301, '/docs/']);
    const page = await (await get('/docs/')).text();
    expect(page).to.contain('/openapi.json');
    const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path);
    expect(assets.length).to.be.at.least(2);
    for (const path of assets) expect((await get(`/docs/${path}`)).status, path).to.equal(200);
    const errors = await (await get('/docs/errors')).text();
    for (const [code, { status, title }] of Object.entries(PROBLEMS)) {
      expect(errors).to.contain(`id="${code}"`);
      expect(errors).to.contain(title);
      expect(errors).to.contain(String(status));
    }
  });

  it('does not say what it is made of', async () => {
    const answer = await get('/healthz');
    expect(answer.headers.get('x-powered-by')).to.equal(null);
    expect(answer.headers.get('server')).to.equal(null);
  });

  it('does not take another key once a configured one is there', async () => {
    const second = await stack.startApi();
    expect(second.newAdminKey).to.equal(undefined);
    expect(await stack.db.collection('keys').countDocuments()).to.equal(1);
  });
});

describe('a process whose servers are away', function () {
  this.timeout(60_000);

  async function run(
    script: string,
    env: Record<string, string>,
  ): Promise<{ code: unknown; lines: string[] }> {
    const child = spawn(process.execPath, ['--import', 'tsx', script], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, PORT: '0', BECKON_ADMIN_KEY: 'test-admin-key-0123456789', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = (await once(child, 'exit')) as [unknown];
    return { code, lines: (await output).join('').trim().split('\n') };
  }

  it('says so in one line: an API without MongoDB', async () => {
    const port = await choosePort(undefined, []);
    const { code, lines } = await run('api/server.ts', {
      MONGODB_URI: `mongodb://127.0.0.1:${port}/beckon`,
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect(code).to.equal(1);
    expect(lines).to.have.length(1);
    expect(lines[0])
      .to.match(/^Beckon could not start: MongoDB cannot be reached: /)
      .and.to.contain(`127.0.0.1:${port}`);
  });

  it('says so in one line: a worker without Temporal', async () => {
    const { mongoUri } = await sharedServers();
    const port = await choosePort(undefined, []);
    const { code, lines } = await run('worker.ts', {
      MONGODB_URI: mongoUri(uniqueName('lost')),
      TEMPORAL_ADDRESS: `127.0.0.1:${port}`,
    });
    expect(code).to.equal(1);
    expect(lines, lines.join('\n')).to.have.length(1);
    expect(lines[0]).to.match(/Temporal at 127\.0\.0\.1:\d+ cannot be reached/);
  });

  it('says everything at once when its configuration has faults', async () => {
    const { code, lines } = await run('api/server.ts', {
      PORT: 'many',
      TEMPORAL_ADDRESS: 'http://x',
      BECKON_COLOUR: 'red',
    });
    expect(code).to.equal(1);
    const said = lines.join('\n');
    for (const name of ['PORT', 'TEMPORAL_ADDRESS', 'BECKON_COLOUR']) expect(said).to.contain(name);
    expect(said).to.not.match(/\n\s+at /);
  });
});

describe('a process that is asked to end before it is up', function () {
  this.timeout(60_000);

  for (const script of ['embedded/start.ts', 'api/server.ts', 'worker.ts'])
    it(`ends though what segments are answered from is being made anew: ${script}`, () => endsEarly(script));

  async function endsEarly(script: string): Promise<void> {
    const { mongoUri, temporalAddress } = await sharedServers();
    const uri = mongoUri(uniqueName('t'));
    const dataDir = await mkdtemp(join(tmpdir(), 'beckon-start-'));
    const connection = await connectDatabase(uri);
    try {
      await connection.collection('profiles').insertOne({ _id: 'p'.repeat(24) as never, properties: {} });
      // Another process makes it anew, and goes on with that for longer than this test.
      const other = await createLaneRepository(connection).claim(FORM_LANE, 'another', 600_000);
      expect(other).to.be.a('string');
      const child = spawn(process.execPath, ['--import', 'tsx', script], {
        cwd: ROOT,
        env: {
          PATH: process.env.PATH,
          PORT: '0',
          BECKON_DATA_DIR: dataDir,
          LOG_LEVEL: 'info',
          MONGODB_URI: uri,
          TEMPORAL_ADDRESS: temporalAddress,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const ended = once(child, 'close') as Promise<[unknown]>;
      let said = '';
      const waits = new Promise<void>((resolve) => {
        for (const stream of [child.stdout, child.stderr])
          stream.setEncoding('utf8').on('data', (text: string) => {
            said += text;
            if (said.includes('waiting for it')) resolve();
          });
      });
      try {
        await Promise.race([waits, ended]);
        expect(said).to.contain('another process makes anew');
        child.kill('SIGTERM');
        expect(await ended).to.deep.equal([0, null]);
      } finally {
        child.kill('SIGKILL');
      }
      expect(said).to.contain('Stopping before the start is over.');
      expect(said).to.not.match(/is ready|Not all of it|could not start/);
    } finally {
      await connection.close();
      await rm(dataDir, { recursive: true });
    }
  }
});
