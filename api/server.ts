import { hostname } from 'node:os';
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import type { Config } from '../config.ts';
import { readConfig } from '../config.ts';
import { GATE_LEASE_MS } from '../activities/delivery/gate-keeper.ts';
import { createHostAllowList } from '../channels/web-push/allowed-hosts.ts';
import { createReceiptSigner } from '../channels/web-push/receipt-signer.ts';
import { generateVapidKeys, validateVapidKeys } from '../channels/web-push/vapid-keys.ts';
import { createAddressGuard } from '../channels/webhook/address-guard.ts';
import { connectDatabase } from '../db/connection.ts';
import { createRepositories } from '../db/repositories.ts';
import { followServerClock } from '../db/server-clock.ts';
import { createVault } from '../db/vault.ts';
import { createTemplateEngine } from '../domain/content/template.ts';
import { startFailure } from '../runtime/start-failure.ts';
import { bundleWebAssets } from '../web/bundle.ts';
import { TASK_QUEUE } from '../workflows/contract.ts';
import { createApp } from './app.ts';
import { createDispatcher } from './dispatch/dispatcher.ts';
import { createMatcher } from './dispatch/matcher.ts';
import { createSweep } from './dispatch/sweep.ts';
import { ensureAdminKey } from './keys/admin-key.ts';
import { createLog, type AppLog } from '../runtime/log.ts';
import { connectionOptions } from '../runtime/temporal-connection.ts';
import { createWorkflowStarter } from './temporal/workflow-starter.ts';
import { runUntilSignal } from '../runtime/run-until-signal.ts';
import { startUnlessAsked } from '../runtime/start-unless-asked.ts';

export const VERSION = '0.1.0';

export interface ApiOptions {
  config: Config & { mongodbUri: string; temporalAddress: string };
  log: AppLog;
  taskQueue?: string;
  /** How long something may be overdue before the sweep starts it again, and how often it looks. */
  sweep?: { overdueMs: number; everyMs: number };
  /** False leaves folding events into the roll-up to other instances. */
  folds?: boolean;
  /** Gives up a start that waits for what segments are answered from to be made anew. */
  signal?: AbortSignal | undefined;
}

export interface RunningApi {
  port: number;
  url: string;
  /** Set when this start made the first admin key: it is told once. */
  newAdminKey: string | undefined;
  /** Starts again what is overdue, now. */
  sweepNow(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts the API and its dispatcher.
 *
 * @throws when MongoDB cannot be reached; with Temporal away it starts and keeps taking events
 */
export async function startApi({
  config,
  log,
  taskQueue = TASK_QUEUE,
  sweep: sweepTimes,
  folds = true,
  signal,
}: ApiOptions): Promise<RunningApi> {
  const database = await connectDatabase(config.mongodbUri);
  const clock = await followServerClock(database);
  const repositories = await createRepositories(database, clock, createVault(config.secretKey ?? null));
  try {
    await repositories.rollup.ensureForm((text) => log.warn(text), signal);
    signal?.throwIfAborted();
  } catch (error) {
    clock.stop();
    await database.close();
    throw error;
  }
  const newAdminKey = await ensureAdminKey(repositories.keys, config.adminKey);

  const temporal = Connection.lazy({
    ...(await connectionOptions(config)),
    // Else a long outage is noticed to be over up to two minutes late, while events wait.
    channelArgs: { 'grpc.max_reconnect_backoff_ms': 5_000 },
  });
  const client = new Client({ connection: temporal, namespace: config.temporalNamespace });
  const workflows = createWorkflowStarter(client, taskQueue);
  const pushHosts = createHostAllowList(config.pushHosts);
  const webhookAddresses = createAddressGuard(config.webhookAllow);
  const owner = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`;
  const matcher = createMatcher(repositories.catalogue, log);
  const dispatcher = createDispatcher({ ...repositories, workflows, matcher, clock, log, owner });
  const sweep = createSweep({
    ...repositories,
    workflows,
    clock,
    log,
    owner,
    ...(sweepTimes ?? { overdueMs: 60_000, everyMs: 30_000 }),
  });

  const temporalAnswers = (): Promise<boolean> =>
    temporal
      .withDeadline(Date.now() + 2_000, () => temporal.workflowService.getSystemInfo({}))
      .then(
        () => true,
        () => false,
      );
  if (!(await temporalAnswers())) {
    log.warn(
      {},
      `Temporal at ${config.temporalAddress} cannot be reached: events are taken and kept until it answers`,
    );
  }

  // Known for sure only once the server listens; nobody asks before.
  const publicUrl = (): string =>
    config.publicUrl ?? `http://localhost:${(server.address() as AddressInfo).port}`;
  const app = createApp(
    {
      ...repositories,
      clock,
      matcher,
      workflows,
      templates: createTemplateEngine(),
      receipts: createReceiptSigner(),
      push: {
        generateKeys: generateVapidKeys,
        checkKeys: validateVapidKeys,
        checkEndpoint: (url) => {
          const refusal = pushHosts.reason(url);
          return refusal === null ? null : ENDPOINT_REFUSALS[refusal];
        },
      },
      webhookRefusal: (url) => webhookAddresses.urlRefusal(url)?.detail ?? null,
      nudge: dispatcher.nudge,
      gateLeaseMs: GATE_LEASE_MS,
      publicUrl,
      async readiness() {
        const mongodb = database.db
          ?.admin()
          .command({ ping: 1 }, { timeoutMS: 2_000 })
          .then(
            () => true,
            () => false,
          );
        const [mongo, temporalUp] = await Promise.all([mongodb ?? false, temporalAnswers()]);
        return { mongodb: mongo, temporal: temporalUp };
      },
      log,
    },
    await bundleWebAssets(),
    VERSION,
  );
  const stopFolding = folds
    ? repositories.rollup.start((error) => {
        log.warn({ err: error }, 'folding events failed; it is tried again');
      })
    : () => Promise.resolve();
  const server = await listen(app, config.port, config.host);
  const { port } = server.address() as AddressInfo;
  void sweep.sweepNow();

  return {
    port,
    url: config.publicUrl ?? `http://localhost:${port}`,
    newAdminKey,
    sweepNow: sweep.sweepNow,
    async close() {
      await closeServer(server);
      await sweep.close();
      await dispatcher.close();
      await stopFolding();
      await matcher.close();
      clock.stop();
      await temporal.close();
      await database.close();
    },
  };
}

/** How long calls under way may take once the server is asked to end. */
const CLOSE_AFTER_MS = 3_000;

const ENDPOINT_REFUSALS = {
  notAUrl: 'is not a URL',
  notHttps: 'must be https',
  userinfo: 'must not hold a user name or password',
  hostNotListed: 'is not the address of a push service that we know; BECKON_PUSH_HOSTS adds hosts',
} as const;

/** How long a request may take to come in whole. */
const REQUEST_TIMEOUT_MS = 30 * 60_000;

function listen(app: ReturnType<typeof createApp>, port: number, host: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = app.listen(port, host, (error?: Error) => {
      if (error) reject(error);
      else resolve(server);
    });
    // An upload of a list is read no faster than it is stored: a million rows may take minutes.
    server.requestTimeout = REQUEST_TIMEOUT_MS;
  });
}

/** Stops listening, lets calls under way finish, and does not wait for connections that idle. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
    // A browser that connected ahead and asks for nothing, or a slow upload, must not hold it up.
    setTimeout(() => {
      server.closeAllConnections();
    }, CLOSE_AFTER_MS).unref();
  });
}

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const { mongodbUri, temporalAddress } = config;
  if (mongodbUri === undefined || temporalAddress === undefined) {
    throw new Error('MONGODB_URI and TEMPORAL_ADDRESS must be set; npm start runs both servers by itself');
  }
  const log = createLog(config.logLevel);
  const asked = runUntilSignal();
  const api = await startUnlessAsked(
    asked,
    (signal) => startApi({ config: { ...config, mongodbUri, temporalAddress }, log, signal }),
    (started) => started.close(),
  );
  if (api.newAdminKey !== undefined) process.stdout.write(`Admin key (shown once): ${api.newAdminKey}\n`);
  log.info({ url: api.url }, 'the API is ready');
  await asked;
  await api.close();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  main().catch((error: unknown) => {
    process.stderr.write(`${startFailure(error)}\n`);
    process.exit(1);
  });
}
