import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import mongoose from 'mongoose';

import { startApi, type RunningApi } from '../../../api/server.ts';
import { createLog } from '../../../runtime/log.ts';
import { readConfig } from '../../../config.ts';
import type { MessageDoc } from '../../../db/message-schema.ts';
import { ensureSearchAttributes } from '../../../runtime/search-attributes.ts';
import { createApiClient, type ApiClient } from '../../support/api-client.ts';
import { startPushService, type PushService } from '../../support/push-service/push-service.ts';
import { sharedServers, uniqueName } from '../../support/servers.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const ADMIN_KEY = 'fault-admin-key-0123456789';

export type Row = MessageDoc;

/** An API and a push service in this process; the workers, which are what fails, in processes of their own. */
export interface FaultStack {
  readonly api: RunningApi;
  /** Ends the API and starts it anew on its port. */
  restartApi(): Promise<void>;
  client: ApiClient;
  push: PushService;
  temporal: { address: string; namespace: string };
  /** @param env in what its environment differs from that of the others */
  startWorker(env?: Record<string, string>): Promise<WorkerProcess>;
  /** The rows of a campaign as the database has them now, by id. */
  rows(campaignId: string): Promise<Map<string, Row>>;
  /** Any other collection of the stack's database. */
  collection(name: string): mongoose.mongo.Collection;
  /** Ends everything, workers that were stopped or forgotten included. */
  close(): Promise<void>;
}

/**
 * Workers poll the product's own task queue, so each stack has a Temporal namespace of its own.
 *
 * @param servers where servers of the suite's own listen; absent: the shared ones
 */
export async function startFaultStack(servers?: {
  mongoUri?: string;
  temporalAddress?: string;
}): Promise<FaultStack> {
  const cleanUps: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
  };
  try {
    const name = uniqueName('fault');
    const mongodbUri = servers?.mongoUri ?? (await sharedServers()).mongoUri(name);
    const temporalAddress = servers?.temporalAddress ?? (await sharedServers()).temporalAddress;
    const temporalNamespace = servers?.temporalAddress === undefined ? name : 'default';
    if (temporalNamespace !== 'default') await registerNamespace(temporalAddress, temporalNamespace);

    const push = await startPushService({ decryptOnReceipt: false });
    cleanUps.push(() => push.close());
    const folder = await mkdtemp(join(tmpdir(), 'beckon-fault-'));
    cleanUps.push(() => rm(folder, { recursive: true, force: true }));
    const certificates = join(folder, 'certificates.pem');
    const known = process.env.NODE_EXTRA_CA_CERTS;
    await writeFile(certificates, `${known ? await readFile(known, 'utf8') : ''}\n${push.ca}`);

    const env = {
      MONGODB_URI: mongodbUri,
      TEMPORAL_ADDRESS: temporalAddress,
      TEMPORAL_NAMESPACE: temporalNamespace,
      BECKON_PUSH_HOSTS: push.host,
      BECKON_WEBHOOK_ALLOW: '127.0.0.0/8',
      BECKON_SECRET_KEY: Buffer.alloc(32, 'fault').toString('base64'),
    };
    const config = readConfig({ ...env, PORT: '0', BECKON_ADMIN_KEY: ADMIN_KEY, LOG_LEVEL: 'fatal' });
    const openApi = (port: number): Promise<RunningApi> =>
      startApi({
        config: { ...config, port, mongodbUri, temporalAddress },
        log: createLog(process.env.BECKON_TEST_LOG ?? 'silent'),
        // Only when a test asks for it: a sweep of its own accord could hide what is wrong.
        sweep: { overdueMs: 2_000, everyMs: 3_600_000 },
      });
    let api = await openApi(0);
    const { port, url } = api;
    cleanUps.push(() => api.close());

    const database = mongoose.createConnection(mongodbUri, {
      serverSelectionTimeoutMS: 30_000,
      readConcern: { level: 'majority' },
    });
    cleanUps.push(() => database.close());
    await database.asPromise();
    const collection = (of: string): mongoose.mongo.Collection => database.collection(of);

    return {
      get api() {
        return api;
      },
      async restartApi() {
        await api.close();
        api = await openApi(port);
      },
      client: createApiClient(url, ADMIN_KEY),
      push,
      temporal: { address: temporalAddress, namespace: temporalNamespace },
      async startWorker(more = {}) {
        const worker = await startWorkerProcess({
          ...env,
          ...more,
          BECKON_PUBLIC_URL: url,
          NODE_EXTRA_CA_CERTS: certificates,
        });
        cleanUps.push(() => worker.kill());
        return worker;
      },
      async rows(campaignId) {
        const docs = await collection('messages').find({ campaignId }).toArray();
        return new Map(docs.map((doc) => [String(doc._id), doc as unknown as Row]));
      },
      collection,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function registerNamespace(address: string, namespace: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    // The server learns of it with a delay.
    await waitFor('the namespace', () => ensureSearchAttributes(connection, namespace).then(() => true));
  } finally {
    await connection.close();
  }
}
