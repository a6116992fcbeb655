import { Client, Connection } from '@temporalio/client';
import mongoose from 'mongoose';
import { startApi, type RunningApi } from '../../api/server.ts';
import { createLog } from '../../runtime/log.ts';
import { readConfig } from '../../config.ts';
import type { DeliveryLimits } from '../../activities/delivery/deps.ts';
import { bundleWorkflows, startWorker, type RunningWorker, type WorkerOptions } from '../../worker.ts';
import { startPushService, type PushService } from './push-service/push-service.ts';
import { createApiClient, type ApiClient } from './api-client.ts';
import { sharedServers, uniqueName } from './servers.ts';
import { quietWorkers } from './time-skipping-server.ts';

export const ADMIN_KEY = 'test-admin-key-0123456789';
/** 32 bytes as base64. */
export const SECRET_KEY = Buffer.alloc(32, 'test-secret-key').toString('base64');

/** API, workers and a push service on the shared servers, with a database and a task queue of their own. */
export interface TestStack {
  api: RunningApi;
  client: ApiClient;
  push: PushService;
  mongoUri: string;
  temporalAddress: string;
  /** The database itself, for what the API does not show. */
  db: mongoose.mongo.Db;
  /** What an operator sees. */
  temporal: Client;
  taskQueue: string;
  /** Starts one more API on the same data. */
  startApi(): Promise<RunningApi>;
  /** @param more what tells it from the other workers */
  startWorker(limits?: Partial<DeliveryLimits>, more?: WorkerDifferences): Promise<RunningWorker>;
  /** What a process of its own needs in its environment to join the stack. */
  env(): Record<string, string>;
  close(): Promise<void>;
}

/** In what a worker differs from the others of its stack. */
export interface WorkerDifferences {
  /** The contact that push services are told. */
  contact?: string;
  maxActivities?: number;
  standIns?: WorkerOptions['standIns'];
}

let bundle: ReturnType<typeof bundleWorkflows> | undefined;

export interface StackOptions {
  /** Services in the place of the usual ones. */
  standIns?: WorkerOptions['standIns'];
  /** How many workers run in this process; default 1. */
  workers?: number;
  limits?: Partial<DeliveryLimits>;
  /** CIDR blocks that webhooks may reach beside public addresses, such as `127.0.0.0/8`; default none. */
  webhookAllow?: string;
  /** Of a Temporal server of its own; default the shared one. */
  temporalAddress?: string;
}

/** APIs and workers, and what they stand on. */
interface Parts {
  servers: { close(): Promise<unknown> }[];
  beneath: { close(): Promise<unknown> }[];
}

/**
 * @throws when a part does not start; those that did are ended
 */
export async function startStack(options: StackOptions = {}): Promise<TestStack> {
  const parts: Parts = { servers: [], beneath: [] };
  const close = async (): Promise<void> => {
    await Promise.all(parts.servers.splice(0).map((part) => part.close()));
    await Promise.all(parts.beneath.splice(0).map((part) => part.close()));
  };
  try {
    return await startParts(options, parts, close);
  } catch (error) {
    await close();
    throw error;
  }
}

async function startParts(
  options: StackOptions,
  { servers: running, beneath }: Parts,
  close: () => Promise<void>,
): Promise<TestStack> {
  const servers = await sharedServers();
  const temporalAddress = options.temporalAddress ?? servers.temporalAddress;
  const name = uniqueName('t');
  const mongodbUri = servers.mongoUri(name);
  const push = await startPushService();
  const base = readConfig({
    PORT: '0',
    BECKON_ADMIN_KEY: ADMIN_KEY,
    BECKON_PUSH_HOSTS: push.host,
    BECKON_SECRET_KEY: SECRET_KEY,
    BECKON_WEBHOOK_ALLOW: options.webhookAllow ?? '',
    LOG_LEVEL: process.env.BECKON_TEST_LOG ?? 'fatal',
  });
  const config = { ...base, mongodbUri, temporalAddress };
  const log = createLog(config.logLevel);
  // As the API and the worker read: else a test sees what they do not see yet.
  const mongo = new mongoose.mongo.MongoClient(mongodbUri, { readConcern: { level: 'majority' } });
  const connection = Connection.lazy({ address: temporalAddress });
  beneath.push(mongo, connection, push);
  quietWorkers();
  bundle ??= bundleWorkflows();
  const workflowBundle = await bundle;

  const moreApi = async (): Promise<RunningApi> => {
    const api = await startApi({
      config,
      log,
      taskQueue: name,
      sweep: { overdueMs: 2_000, everyMs: 60_000 },
    });
    running.push(api);
    return api;
  };
  const api = await moreApi();
  const moreWorker = async (
    limits?: Partial<DeliveryLimits>,
    { contact = config.contact, maxActivities, standIns = options.standIns }: WorkerDifferences = {},
  ): Promise<RunningWorker> => {
    const worker = await startWorker({
      config: { ...config, contact },
      log,
      publicUrl: api.url,
      taskQueue: name,
      pushCa: push.ca,
      bundle: workflowBundle,
      limits: { ...options.limits, ...limits },
      ...(maxActivities === undefined ? {} : { maxActivities }),
      ...(standIns === undefined ? {} : { standIns }),
    });
    running.push(worker);
    return worker;
  };
  for (let i = 0; i < (options.workers ?? 1); i += 1) await moreWorker();

  return {
    api,
    client: createApiClient(api.url, ADMIN_KEY),
    push,
    mongoUri: mongodbUri,
    temporalAddress,
    db: mongo.db(),
    temporal: new Client({ connection }),
    taskQueue: name,
    startApi: moreApi,
    startWorker: moreWorker,
    env: () => ({
      MONGODB_URI: mongodbUri,
      TEMPORAL_ADDRESS: temporalAddress,
      BECKON_ADMIN_KEY: ADMIN_KEY,
      BECKON_PUSH_HOSTS: push.host,
      BECKON_SECRET_KEY: SECRET_KEY,
      BECKON_WEBHOOK_ALLOW: options.webhookAllow ?? '',
      BECKON_PUBLIC_URL: api.url,
      BECKON_TEST_TASK_QUEUE: name,
    }),
    close,
  };
}
