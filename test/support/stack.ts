import { startApi, type RunningApi } from '../../api/server.ts';
import { createLog } from '../../api/system/log.ts';
import { readConfig } from '../../config.ts';
import type { DeliveryLimits } from '../../activities/delivery/deps.ts';
import { bundleWorkflows, startWorker, type RunningWorker } from '../../worker.ts';
import { startPushService, type PushService } from './push-service/push-service.ts';
import { createApiClient, type ApiClient } from './api-client.ts';
import { sharedServers, uniqueName } from './servers.ts';
import { quietWorkers } from './time-skipping-server.ts';

export const ADMIN_KEY = 'test-admin-key-0123456789';

/** API, workers and a push service on the shared servers, with a database and a task queue of their own. */
export interface TestStack {
  api: RunningApi;
  client: ApiClient;
  push: PushService;
  mongoUri: string;
  temporalAddress: string;
  taskQueue: string;
  /** Starts one more API on the same data. */
  startApi(): Promise<RunningApi>;
  startWorker(limits?: Partial<DeliveryLimits>): Promise<RunningWorker>;
  /** What a process of its own needs in its environment to join the stack. */
  env(): Record<string, string>;
  close(): Promise<void>;
}

let bundle: ReturnType<typeof bundleWorkflows> | undefined;

/** @param options.workers how many workers run in this process; default 1 */
export async function startStack(
  options: { workers?: number; limits?: Partial<DeliveryLimits> } = {},
): Promise<TestStack> {
  const servers = await sharedServers();
  const name = uniqueName('t');
  const mongodbUri = servers.mongoUri(name);
  const push = await startPushService();
  const base = readConfig({
    PORT: '0',
    BECKON_ADMIN_KEY: ADMIN_KEY,
    BECKON_PUSH_HOSTS: push.host,
    LOG_LEVEL: process.env.BECKON_TEST_LOG ?? 'fatal',
  });
  const config = { ...base, mongodbUri, temporalAddress: servers.temporalAddress };
  const log = createLog(config.logLevel);
  const running: { close(): Promise<void> }[] = [];
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
  const moreWorker = async (limits?: Partial<DeliveryLimits>): Promise<RunningWorker> => {
    const worker = await startWorker({
      config,
      log,
      publicUrl: api.url,
      taskQueue: name,
      pushCa: push.ca,
      bundle: workflowBundle,
      limits: { ...options.limits, ...limits },
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
    temporalAddress: servers.temporalAddress,
    taskQueue: name,
    startApi: moreApi,
    startWorker: moreWorker,
    env: () => ({
      MONGODB_URI: mongodbUri,
      TEMPORAL_ADDRESS: servers.temporalAddress,
      BECKON_ADMIN_KEY: ADMIN_KEY,
      BECKON_PUSH_HOSTS: push.host,
      BECKON_PUBLIC_URL: api.url,
    }),
    async close() {
      for (const part of running.toReversed()) await part.close();
      await push.close();
    },
  };
}
