// The push service of bench/push.ts as a process of its own, so that its processor time is not the sender's.
import { startPushService, type PushService } from '../test/support/push-service/push-service.ts';
import { answerParent, startChild, type Child } from './child.ts';

/** What a browser's `PushSubscription.toJSON()` gives. */
export interface BenchSubscription {
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

export interface ServiceStarted {
  host: string;
  ca: string;
  subscriptions: BenchSubscription[];
}

/** What the browsers had got since it was last asked. Everything was decrypted before it was answered. */
export interface Delivered {
  /** Pushes that a browser could read and that were answered 201. */
  delivered: number;
  /** Why others were refused, each reason once. */
  refused: string[];
  subscriptions: number;
  topics: number;
  /** The different plaintexts, at most three. */
  payloads: string[];
  httpVersions: string[];
}

export interface ServiceQuestions {
  start: { input: { subscriptions: number; vapidPublicKey: string }; answer: ServiceStarted };
  delivered: { input: null; answer: Delivered };
}

/** Starts the process; it ends with this one. */
export function startServiceProcess(): Child<ServiceQuestions> {
  return startChild<ServiceQuestions>(import.meta.url);
}

let service: PushService | undefined;
let seen = 0;

answerParent<ServiceQuestions>(import.meta.url, {
  async start({ subscriptions, vapidPublicKey }) {
    service = await startPushService();
    const { host, ca, subscribe } = service;
    const list = Array.from({ length: subscriptions }, () => subscribe({ vapidPublicKey }));
    return { host, ca, subscriptions: list };
  },
  delivered() {
    const pushes = (service?.received() ?? []).slice(seen);
    seen += pushes.length;
    const arrived = pushes.filter((push) => push.state === 'delivered');
    const distinct = (values: string[]): string[] => [...new Set(values)];
    return Promise.resolve({
      delivered: arrived.length,
      refused: distinct(
        pushes.flatMap((push) => (push.state === 'delivered' ? [] : [push.why ?? push.state])),
      ),
      subscriptions: distinct(arrived.map((push) => push.subscriptionId)).length,
      topics: distinct(arrived.map((push) => push.topic ?? '')).length,
      payloads: distinct(arrived.map((push) => push.payload)).slice(0, 3),
      httpVersions: distinct(arrived.map((push) => push.httpVersion)),
    });
  },
});
