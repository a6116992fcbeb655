import { randomUUID } from 'node:crypto';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { createCampaignActivities } from './activities/campaign-activities.ts';
import { DELIVERY_LIMITS, type DeliveryDeps, type DeliveryLimits } from './activities/delivery/deps.ts';
import { createGateKeeper } from './activities/delivery/gate-keeper.ts';
import { createRunActivities } from './activities/run-activities.ts';
import { createScheduleActivities } from './activities/schedule-activities.ts';
import { createQueueActivities } from './activities/queue-activities.ts';
import { createTestActivities } from './activities/test-activities.ts';
import { createTriggerActivities } from './activities/trigger-activities.ts';
import { ensureSearchAttributes } from './runtime/search-attributes.ts';
import { connectionOptions } from './runtime/temporal-connection.ts';
import { createWorkflowStarter } from './api/temporal/workflow-starter.ts';
import { createLog, type AppLog } from './runtime/log.ts';
import { runUntilSignal } from './runtime/run-until-signal.ts';
import { startUnlessAsked } from './runtime/start-unless-asked.ts';
import { startFailure } from './runtime/start-failure.ts';
import { createApnsChannel, type ApnsChannelOptions } from './channels/apns/apns-channel.ts';
import {
  createFcmLegacyChannel,
  type FcmLegacyChannelOptions,
} from './channels/fcm-legacy/fcm-legacy-channel.ts';
import { createWebhookChannel, type WebhookChannelOptions } from './channels/webhook/webhook-channel.ts';
import { createHostAllowList } from './channels/web-push/allowed-hosts.ts';
import { createReceiptSigner } from './channels/web-push/receipt-signer.ts';
import { createWebPushChannel } from './channels/web-push/web-push-channel.ts';
import { readConfig, type Config } from './config.ts';
import { connectDatabase } from './db/connection.ts';
import { createRepositories } from './db/repositories.ts';
import { followServerClock } from './db/server-clock.ts';
import { createVault } from './db/vault.ts';
import { createTemplateEngine } from './domain/content/template.ts';
import { TASK_QUEUE, webhookTaskQueue } from './workflows/contract.ts';

export interface WorkerOptions {
  config: Config & { mongodbUri: string; temporalAddress: string };
  log: AppLog;
  /** Where browsers reach the API. */
  publicUrl: string;
  taskQueue?: string;
  limits?: Partial<DeliveryLimits>;
  /** A certificate authority beside the usual ones, for push services on loopback. PEM. */
  pushCa?: string;
  /** Services in the place of the usual ones, for tests on loopback. */
  standIns?: {
    fcmLegacy?: Partial<FcmLegacyChannelOptions>;
    apns?: ApnsChannelOptions;
    webhook?: Partial<WebhookChannelOptions>;
  };
  bundle?: WorkflowBundleWithSourceMap;
  /** How many activities run at once, such as parts of runs that are sent side by side; default 20. */
  maxActivities?: number;
  /** Gives up a start that waits for what segments are answered from to be made anew. */
  signal?: AbortSignal | undefined;
}

export interface RunningWorker {
  /** Lets activities under way finish or give back what they hold, then closes everything. */
  close(): Promise<void>;
  /** Rejects when the worker fails by itself. */
  running: Promise<void>;
}

/** What a worker says that is meant to have no workflows, such as that of the webhooks. */
const MEANT = 'No workflows registered';

/** @returns the log of Temporal's workers: warnings and errors, on standard error */
export function workerLogger(): DefaultLogger {
  const plain = new DefaultLogger('WARN');
  return new DefaultLogger('WARN', ({ level, message, meta }) => {
    if (!message.startsWith(MEANT)) plain.log(level, message, meta);
  });
}

/** How many campaigns' webhooks one worker sees to at once. */
const WEBHOOK_DRAINS = 50;

/** Bundles the workflows for the sandbox. Takes a few seconds; several workers can share one bundle. */
export function bundleWorkflows(): Promise<WorkflowBundleWithSourceMap> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('./workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('WARN'),
  });
}

/** Starts a worker. @throws when MongoDB or Temporal cannot be reached */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { config, log, taskQueue = TASK_QUEUE } = options;
  const temporalOptions = await connectionOptions(config);
  const native = await NativeConnection.connect(temporalOptions).catch(() => {
    throw new Error(`Temporal at ${config.temporalAddress} cannot be reached`);
  });
  const database = await connectDatabase(config.mongodbUri);
  const clock = await followServerClock(database);
  const repositories = await createRepositories(database, clock, createVault(config.secretKey ?? null));
  try {
    await repositories.rollup.ensureForm((text) => log.warn(text), options.signal);
    options.signal?.throwIfAborted();
  } catch (error) {
    clock.stop();
    await database.close();
    await native.close();
    throw error;
  }
  const temporal = Connection.lazy(temporalOptions);
  await ensureSearchAttributes(temporal, config.temporalNamespace);
  const workflows = createWorkflowStarter(
    new Client({ connection: temporal, namespace: config.temporalNamespace }),
    taskQueue,
  );

  const clocks = { nowMs: clock.nowMs, monotonicMs: () => performance.now() };
  const webPush = createWebPushChannel({
    allowedHosts: createHostAllowList(config.pushHosts),
    now: () => Date.now(),
    ...(options.pushCa === undefined ? {} : { ca: options.pushCa }),
  });
  const { standIns = {} } = options;
  const fcmLegacy = createFcmLegacyChannel({
    now: () => Date.now(),
    ...(config.fcmLegacyUrl === undefined ? {} : { url: config.fcmLegacyUrl }),
    ...standIns.fcmLegacy,
  });
  const apns = createApnsChannel(standIns.apns);
  const webhook = createWebhookChannel({
    allow: config.webhookAllow,
    now: () => Date.now(),
    ...standIns.webhook,
  });
  const delivery: DeliveryDeps = {
    ...repositories,
    queues: workflows,
    webPush,
    fcmLegacy,
    apns,
    webhook,
    gate: createGateKeeper({ campaigns: repositories.campaigns, clock: clocks }),
    templates: createTemplateEngine(),
    receipts: createReceiptSigner(),
    clock: clocks,
    random: { fraction: () => Math.random(), token: () => randomUUID() },
    log,
    publicUrl: options.publicUrl,
    contact: config.contact,
    limits: { ...DELIVERY_LIMITS, ...options.limits },
  };

  const runActivities = createRunActivities({
    ...delivery,
    runs: repositories.runs,
    progress: repositories.progress,
  });
  const queueActivities = createQueueActivities(delivery);
  // What is under way is told soon, so that it gives back what it holds before a container's ten seconds end.
  const shutdownGraceTime = '1 second';
  const webhookWorker = await Worker.create({
    connection: native,
    namespace: config.temporalNamespace,
    taskQueue: webhookTaskQueue(taskQueue),
    activities: { drain: runActivities.drain, drainQueue: queueActivities.drainQueue },
    maxConcurrentActivityTaskExecutions: options.maxActivities ?? WEBHOOK_DRAINS,
    shutdownGraceTime,
  });
  const worker = await Worker.create({
    connection: native,
    namespace: config.temporalNamespace,
    taskQueue,
    workflowBundle: options.bundle ?? (await bundleWorkflows()),
    activities: {
      ...createCampaignActivities({ ...repositories, triggers: workflows, clock: clocks, log }),
      ...createScheduleActivities({ ...repositories, clock: clocks }),
      ...runActivities,
      ...createTriggerActivities(delivery),
      ...queueActivities,
      ...createTestActivities(delivery),
    },
    maxConcurrentActivityTaskExecutions: options.maxActivities ?? 20,
    shutdownGraceTime,
  });
  const workers = [worker, webhookWorker];
  const running = Promise.all(workers.map((one) => one.run())).then(() => undefined);
  return {
    running,
    async close() {
      for (const one of workers) if (one.getState() === 'RUNNING') one.shutdown();
      await running.catch(() => undefined);
      await Promise.all([webPush, fcmLegacy, apns, webhook].map((channel) => channel.close()));
      clock.stop();
      await temporal.close();
      await native.close();
      await database.close();
    },
  };
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { mongodbUri, temporalAddress } = config;
  if (mongodbUri === undefined || temporalAddress === undefined) {
    throw new Error('MONGODB_URI and TEMPORAL_ADDRESS must be set; npm start runs both servers by itself');
  }
  const log = createLog(config.logLevel);
  const publicUrl = config.publicUrl ?? `http://localhost:${config.port}`;
  Runtime.install({ logger: workerLogger(), shutdownSignals: [] });
  const asked = runUntilSignal();
  const worker = await startUnlessAsked(
    asked,
    (signal) => startWorker({ config: { ...config, mongodbUri, temporalAddress }, log, publicUrl, signal }),
    (started) => started.close(),
  );
  log.info({}, 'the worker is ready');
  await Promise.race([asked, worker.running]);
  await worker.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().catch((error: unknown) => {
    process.stderr.write(`${startFailure(error)}\n`);
    process.exit(1);
  });
}
