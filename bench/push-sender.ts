// A sender of bench/push.ts as a process of its own: by the channel of the worker, or by the library.
import { Agent } from 'node:https';
import webPush from 'web-push';
import { createHostAllowList } from '../channels/web-push/allowed-hosts.ts';
import { createWebPushChannel, topicOf } from '../channels/web-push/web-push-channel.ts';
import type { VapidIdentity } from '../domain/ports/channels.ts';
import { answerParent, startChild, type Child } from './child.ts';
import type { BenchSubscription, ServiceStarted } from './push-service-process.ts';

export type SenderKind = 'library' | 'channel';

export interface SenderSetup {
  kind: SenderKind;
  service: ServiceStarted;
  vapid: VapidIdentity;
  payload: string;
  /** How many pushes are under way at once. */
  concurrency: number;
  /** Kept connections. */
  connections: number;
}

/** What a round of pushes cost this process. */
export interface RoundCost {
  accepted: number;
  cpuSeconds: number;
  seconds: number;
}

export interface SenderQuestions {
  setUp: { input: SenderSetup; answer: null };
  /** Sends so many messages, with ids that no other round has. */
  round: { input: { name: string; messages: number }; answer: RoundCost };
}

/** Starts the process; it ends with this one. */
export function startSenderProcess(node: string[] = []): Child<SenderQuestions> {
  return startChild<SenderQuestions>(import.meta.url, node);
}

/** @returns whether the push service took it */
type Send = (subscription: BenchSubscription, messageId: string) => Promise<boolean>;

const TTL_SECONDS = 3_600;
const TIMEOUT_MS = 30_000;

let setup: SenderSetup | undefined;
let send: Send | undefined;

answerParent<SenderQuestions>(import.meta.url, {
  setUp(given) {
    setup = given;
    send = given.kind === 'library' ? byLibrary(given) : byChannel(given);
    return Promise.resolve(null);
  },
  async round({ name, messages }) {
    if (!setup || !send) throw new Error('it was not set up');
    const { concurrency, service } = setup;
    let next = 0;
    let accepted = 0;
    const work = async (sendOne: Send): Promise<void> => {
      for (let i = next++; i < messages; i = next++) {
        const subscription = service.subscriptions[i % service.subscriptions.length];
        if (subscription && (await sendOne(subscription, `${name}-${i}`))) accepted += 1;
      }
    };
    const [cpu, startedAt] = [process.cpuUsage(), performance.now()];
    const sendOne = send;
    await Promise.all(Array.from({ length: concurrency }, () => work(sendOne)));
    const { user, system } = process.cpuUsage(cpu);
    return { accepted, cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - startedAt) / 1_000 };
  },
});

function byLibrary({ service, vapid, payload, connections }: SenderSetup): Send {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, ca: service.ca });
  return async (subscription, messageId) => {
    const answer = await webPush.sendNotification(subscription, payload, {
      vapidDetails: vapid,
      TTL: TTL_SECONDS,
      urgency: 'normal',
      topic: topicOf(messageId),
      timeout: TIMEOUT_MS,
      agent,
    });
    return answer.statusCode === 201;
  };
}

function byChannel({ service, vapid, payload, connections }: SenderSetup): Send {
  const channel = createWebPushChannel({
    allowedHosts: createHostAllowList([service.host]),
    ca: service.ca,
    connectionsPerOrigin: connections,
    now: Date.now,
  });
  return async (address, messageId) => {
    const outcome = await channel.send({
      address,
      vapid,
      payload,
      ttlSeconds: TTL_SECONDS,
      urgency: 'normal',
      messageId,
      timeoutMs: TIMEOUT_MS,
    });
    return outcome.kind === 'delivered';
  };
}
