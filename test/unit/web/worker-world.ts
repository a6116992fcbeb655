import { createContext, runInContext } from 'node:vm';
import { randomUUID } from 'node:crypto';

export interface FetchCall {
  url: string;
  init: RequestInit;
  body: Record<string, unknown>;
}

export interface WorkerWorld {
  shown: { title: string; options: Record<string, unknown> }[];
  fetches: FetchCall[];
  /** Milliseconds of each timer that was set; timers run at once. */
  pauses: number[];
  opened: string[];
  focused: string[];
  subscribedWith: Record<string, unknown>[];
  /** The kinds of the receipts posted, in order. */
  kinds(): unknown[];
  /** Fires an event and resolves when all that it extends its life for is done. */
  fire(type: string, event?: Record<string, unknown>): Promise<void>;
}

export interface WorldOptions {
  href?: string;
  /** URLs of the site's open windows. */
  windows?: string[];
  /** Answers a fetch with a status, or throws for a network that fails. */
  respond?: (call: FetchCall, count: number) => number | Promise<number>;
  showNotification?: () => Promise<void>;
  openWindow?: (url: string) => Promise<void>;
  caches?: object;
}

/** Runs a bundled service worker in a context that has nothing but what a worker's world gives here. */
export function createWorkerWorld(source: string, options: WorldOptions = {}): WorkerWorld {
  const listeners = new Map<string, (event: Record<string, unknown>) => void>();
  const { shown, fetches, pauses, opened, focused, subscribedWith } = emptyRecords();
  const self = {
    location: { href: options.href ?? 'https://shop.example/service-worker.js' },
    navigator: {
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      language: 'de',
    },
    crypto: { randomUUID },
    ...(options.caches ? { caches: options.caches } : {}),
    registration: {
      scope: 'https://shop.example/',
      showNotification(title: string, given: Record<string, unknown>) {
        shown.push({ title, options: structuredClone(given) });
        return options.showNotification?.() ?? Promise.resolve();
      },
      pushManager: {
        subscribe(given: Record<string, unknown>) {
          subscribedWith.push(given);
          return Promise.resolve({ toJSON: () => ({ endpoint: 'https://push.example/again' }) });
        },
      },
    },
    clients: {
      matchAll: () =>
        Promise.resolve(
          (options.windows ?? []).map((url) => ({ url, focus: () => Promise.resolve(focused.push(url)) })),
        ),
      openWindow(url: string) {
        opened.push(url);
        return options.openWindow?.(url) ?? Promise.resolve();
      },
    },
    async fetch(url: string, init: RequestInit) {
      const call = { url, init, body: JSON.parse(init.body as string) as Record<string, unknown> };
      fetches.push(call);
      const status = (await options.respond?.(call, fetches.length)) ?? 204;
      return { ok: status >= 200 && status < 300, status };
    },
    setTimeout(callback: () => void, ms: number) {
      pauses.push(ms);
      setImmediate(callback);
    },
    addEventListener(type: string, listener: (event: Record<string, unknown>) => void) {
      listeners.set(type, listener);
    },
  };
  runInContext(source, createContext({ self, URL, Response, btoa, console: { warn: () => {} } }));

  return {
    shown,
    fetches,
    pauses,
    opened,
    focused,
    subscribedWith,
    kinds: () => fetches.map((call) => call.body.kind),
    async fire(type, event = {}) {
      const listener = listeners.get(type);
      if (!listener) throw new Error(`the worker does not listen for ${type}`);
      const work: Promise<unknown>[] = [];
      listener({ ...event, waitUntil: (promise: Promise<unknown>) => work.push(promise) });
      if (work.length === 0) throw new Error(`the worker does not extend ${type}`);
      await Promise.all(work);
    },
  };
}

function emptyRecords() {
  const shown: WorkerWorld['shown'] = [];
  const fetches: FetchCall[] = [];
  const [pauses, opened, focused]: [number[], string[], string[]] = [[], [], []];
  const subscribedWith: Record<string, unknown>[] = [];
  return { shown, fetches, pauses, opened, focused, subscribedWith };
}
