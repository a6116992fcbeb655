import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { SearchAttributeType, TypedSearchAttributes, defineSearchAttributeKey } from '@temporalio/common';
import { msToTs } from '@temporalio/common/lib/time.js';
import { expect } from 'chai';
import mongoose from 'mongoose';

import { DataDirInUseError } from '../../embedded/data-dir-lock.ts';
import { startMongod } from '../../embedded/mongod.ts';
import { startServers } from '../../embedded/stack.ts';
import type { RunningServers } from '../../embedded/stack.ts';
import { startTemporalServer } from '../../embedded/temporal-server.ts';
import { ensureSearchAttributes } from '../../runtime/search-attributes.ts';
import { serverBinaries, sharedServers, uniqueName } from '../support/servers.ts';
import { waitFor } from '../support/wait-for.ts';

const stackModule = fileURLToPath(new URL('../../embedded/stack.ts', import.meta.url));
const log = () => {};

async function withMongo<T>(uri: string, use: (db: mongoose.mongo.Db) => Promise<T>): Promise<T> {
  const client = new mongoose.mongo.MongoClient(uri, { serverSelectionTimeoutMS: 10_000 });
  try {
    return await use(client.db());
  } finally {
    await client.close();
  }
}

async function withTemporal<T>(address: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

describe('the embedded servers', function () {
  this.timeout(120_000);
  let binaries: { mongod: string; temporal: string };
  let dataDir: string;
  let cleanUps: (() => Promise<void>)[];

  before(async () => {
    binaries = await serverBinaries();
  });

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'beckon-embedded-'));
    cleanUps = [];
  });

  afterEach(async () => {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    await rm(dataDir, { recursive: true });
  });

  function stoppedAfterwards<T extends { stop(): Promise<void> }>(server: T): T {
    cleanUps.push(server.stop);
    return server;
  }

  const start = (config = {}): Promise<RunningServers> =>
    startServers({ config, dataDir, ui: false, log, binaries }).then(stoppedAfterwards);
  const startDatabase = (port?: number) =>
    startMongod({
      binary: binaries.mongod,
      dataDir,
      cacheSizeGb: 0.5,
      log,
      ...(port === undefined ? {} : { port }),
    }).then(stoppedAfterwards);

  it('give a MongoDB that takes transactions and streams changes at once', async () => {
    const { uri } = await startDatabase();
    await withMongo(uri, async (db) => {
      expect(db.databaseName).to.equal('beckon');
      await db.createCollection('things');
      const { operationTime } = await db.command({ ping: 1 });
      const session = db.client.startSession();
      await session.withTransaction(() => db.collection('things').insertOne({ name: 'one' }, { session }));
      await session.endSession();
      const changes = db.collection('things').watch([], { startAtOperationTime: operationTime });
      const change = await changes.next();
      await changes.close();
      expect(change.operationType).to.equal('insert');
    });
  });

  it('keep the data of MongoDB, and its port when that is free', async () => {
    const first = await startDatabase();
    await withMongo(first.uri, (db) => db.collection('things').insertOne({ name: 'kept' }));
    await first.stop();
    const second = await startDatabase();
    expect(second.port).to.equal(first.port);
    expect(await withMongo(second.uri, (db) => db.collection('things').countDocuments())).to.equal(1);
  });

  it('move MongoDB to another port when somebody else has taken the last one', async () => {
    const first = await startDatabase();
    await withMongo(first.uri, (db) => db.collection('things').insertOne({ name: 'kept' }));
    await first.stop();
    const squatter = createServer((socket) => socket.destroy()).listen(first.port, '127.0.0.1');
    await once(squatter, 'listening');
    cleanUps.push(() => Promise.resolve(void squatter.close()));
    const second = await startDatabase();
    expect(second.port).to.not.equal(first.port);
    await withMongo(second.uri, async (db) => {
      expect(await db.collection('things').countDocuments()).to.equal(1);
      await db.collection('things').insertOne({ name: 'more' });
    });
  });

  it('refuse a port that was asked for and is taken', async () => {
    const squatter = createServer().listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    cleanUps.push(() => Promise.resolve(void squatter.close()));
    const { port } = squatter.address() as { port: number };
    const error = await startDatabase(port).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.equal(`Port ${port} of 127.0.0.1 is taken.`);
  });

  it('tell what MongoDB said when it cannot start', async () => {
    await mkdir(join(dataDir, 'db'));
    await writeFile(join(dataDir, 'db', 'storage.bson'), 'not what it should be');
    const error = await startDatabase().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.match(/^mongod ended with status \d+\. It said: .*storage engine metadata/);
  });

  it('start Temporal again when it found no free port for itself', async () => {
    const said: string[] = [];
    const binary = join(dataDir, 'temporal');
    const panic =
      'panic: failed assigning ephemeral port: listen tcp 127.0.0.1:0: bind: address already in use';
    const first = `if mkdir '${join(dataDir, 'begun')}'; then echo '${panic}' >&2; exit 2; fi`;
    await writeFile(binary, `#!/bin/sh\n${first}\nexec '${binaries.temporal}' "$@"\n`, { mode: 0o755 });
    const server = stoppedAfterwards(
      await startTemporalServer({ binary, ui: false, log: (line) => said.push(line) }),
    );
    await withTemporal(server.address, (connection) => connection.ensureConnected());
    expect(said).to.have.lengthOf(2);
    expect(said[0]).to.contain('no free port');
  });

  it('tell of a panic what it says, and not where it was', async () => {
    const binary = join(dataDir, 'temporal');
    const trace = Array.from({ length: 300 }, (_, i) => `frame ${i}()`).join('\n');
    await writeFile(binary, `#!/bin/sh\necho hello\ncat >&2 <<'E'\npanic: no disk\n\n${trace}\nE\nexit 2\n`, {
      mode: 0o755,
    });
    const error = await startTemporalServer({ binary, ui: false, log }).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.match(
      /^temporal ended with status 2\. It said: panic: no disk; frame 0\(\); .*frame 3\(\)$/,
    );
  });

  it('keep workflows over a restart of Temporal and find them by their search attributes', async () => {
    const options = { binary: binaries.temporal, dataDir, ui: true, log };
    const first = stoppedAfterwards(await startTemporalServer(options));
    const campaignId = defineSearchAttributeKey('CampaignId', SearchAttributeType.KEYWORD);
    await withTemporal(first.address, async (connection) => {
      await new Client({ connection }).workflow.start('campaign', {
        workflowId: 'campaign/42',
        taskQueue: 'nobody-listens',
        typedSearchAttributes: new TypedSearchAttributes([{ key: campaignId, value: '42' }]),
      });
    });
    expect((await fetch(first.uiUrl ?? '')).status).to.equal(200);
    await first.stop();

    const second = stoppedAfterwards(await startTemporalServer(options));
    await withTemporal(second.address, async (connection) => {
      const { workflow } = new Client({ connection });
      expect((await workflow.getHandle('campaign/42').describe()).status.name).to.equal('RUNNING');
      // The list is written after the start: what was left of that is done by the second server.
      await waitFor('it to be listed', async () => (await workflow.count("CampaignId = '42'")).count === 1);
    });
  });

  it('register the search attributes in a namespace that has none, by two processes at once and again', async () => {
    const { temporalAddress } = await sharedServers();
    await withTemporal(temporalAddress, async (connection) => {
      const namespace = uniqueName('plain');
      await connection.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: msToTs('1 day'),
      });
      // The server learns of a namespace with a delay.
      for (let known = false; !known;) {
        known = await connection.operatorService.listSearchAttributes({ namespace }).then(
          () => true,
          () => delay(100).then(() => false),
        );
      }
      await Promise.all([
        ensureSearchAttributes(connection, namespace),
        ensureSearchAttributes(connection, namespace),
      ]);
      await ensureSearchAttributes(connection, namespace);
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      expect(customAttributes).to.include.keys(
        'CampaignId',
        'ProfileId',
        'CampaignName',
        'Channel',
        'Outcome',
      );
    });
  });

  it('use a configured MongoDB and start only what is missing', async () => {
    const shared = await sharedServers();
    const mongodbUri = shared.mongoUri(uniqueName('configured'));
    const servers = await start({ mongodbUri });
    expect(servers.mongoUri).to.equal(mongodbUri);
    expect(servers.temporalAddress).to.not.equal(shared.temporalAddress);
    await withTemporal(servers.temporalAddress, (connection) =>
      connection.workflowService.describeNamespace({ namespace: 'default' }),
    );
  });

  it('refuse a data directory that a running stack uses, and leave that stack alone', async () => {
    const servers = await start();
    const error = await start().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(DataDirInUseError);
    await withMongo(servers.mongoUri, (db) => db.command({ ping: 1 }));
    await servers.stop();
    await start();
  });

  it('say so when a server ends without having been asked to', async () => {
    const servers = await start();
    process.kill(await mongodPid(), 'SIGKILL');
    expect(await servers.lost).to.match(/^mongod ended with status 137 /);
  });

  describe('in a process of their own', () => {
    /** Runs a stack in another process, in its own group as a terminal would, and waits until it is up. */
    async function startElsewhere(): Promise<{ parent: ChildProcess; output: string[]; mongoUri: string }> {
      const program = `
        const { startServers } = await import(${JSON.stringify(stackModule)});
        const servers = await startServers({
          config: {}, dataDir: ${JSON.stringify(dataDir)}, ui: false, log: () => {},
          binaries: ${JSON.stringify(binaries)},
        });
        process.once('SIGINT', async () => {
          await servers.stop();
          console.log('stopped');
          clearInterval(alive);
        });
        const alive = setInterval(() => {}, 1000);
        console.log(servers.mongoUri);`;
      const parent = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
        detached: true,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      cleanUps.push(() => Promise.resolve(void parent.kill('SIGKILL')));
      const output: string[] = [];
      const lines = createInterface({ input: parent.stdout });
      lines.on('line', (line) => output.push(line));
      const [mongoUri] = (await once(lines, 'line')) as [string];
      return { parent, output, mongoUri };
    }

    it('are both gone soon after their parent was killed with kill -9, and start again on the same data', async () => {
      const { parent, mongoUri } = await startElsewhere();
      await withMongo(mongoUri, (db) =>
        db.collection('things').insertOne({ name: 'acknowledged' }, { writeConcern: { w: 'majority' } }),
      );
      const groups = [await guardPid('mongodb'), await guardPid('temporal')];
      expect(groups.every(groupLives)).to.equal(true);
      parent.kill('SIGKILL');
      await once(parent, 'exit');
      const again = await start();
      expect(groups.some(groupLives)).to.equal(false);
      expect(await withMongo(again.mongoUri, (db) => db.collection('things').countDocuments())).to.equal(1);
    });

    it('are not reached by Ctrl-C, so that their parent ends them in order', async () => {
      const { parent, output } = await startElsewhere();
      const groups = [await guardPid('mongodb'), await guardPid('temporal')];
      // Its last line may be read after its exit.
      const closed = once(parent, 'close');
      process.kill(-(parent.pid ?? 0), 'SIGINT');
      expect(await closed).to.deep.equal([0, null]);
      expect(output.at(-1)).to.equal('stopped');
      expect(groups.some(groupLives)).to.equal(false);
      expect(await readFile(join(dataDir, 'mongodb', 'mongod.log'), 'utf8')).to.contain('"exitCode":0');
    });
  });

  async function mongodPid(): Promise<number> {
    return Number(await readFile(join(dataDir, 'mongodb', 'db', 'mongod.lock'), 'utf8'));
  }

  /** The guard leads the process group that its server is in. */
  async function guardPid(server: 'mongodb' | 'temporal'): Promise<number> {
    return Number((await readFile(join(dataDir, server, 'owner'), 'utf8')).split('/')[0]);
  }

  function groupLives(pid: number): boolean {
    try {
      process.kill(-pid, 0);
      return true;
    } catch {
      return false;
    }
  }
});
