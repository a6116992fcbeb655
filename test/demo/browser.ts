import { randomUUID } from 'node:crypto';
import { createContext, Script } from 'node:vm';

/** A notification as a browser holds it. */
export interface Shown {
  title: string;
  body: string;
  /** Names the message: one with the same tag takes its place. */
  tag: string;
  data: unknown;
}

/** One browser of one person, with Beckon's own service worker in it. */
export interface DemoBrowser {
  /** Hands a decrypted push to the service worker. Resolves when its receipts have been answered. */
  push(payload: string): Promise<void>;
  click(shown: Shown): Promise<void>;
  dismiss(shown: Shown): Promise<void>;
}

type Listener = (event: Record<string, unknown>) => void;

/**
 * Makes browsers that run the service worker which the stack serves; its receipts really travel.
 *
 * @param source the script as `/service-worker.js` gives it
 * @param onRefused told of a receipt that was not taken
 */
export function createBrowsers(
  source: string,
  onRefused: (fault: string) => void,
): (onShown: (shown: Shown) => void) => DemoBrowser {
  const script = new Script(source);

  async function post(url: string, init: RequestInit): Promise<{ ok: boolean; status: number }> {
    const response = await fetch(url, init);
    const text = await response.text();
    if (!response.ok) onRefused(`a receipt was answered with ${response.status}: ${text}`);
    return { ok: response.ok, status: response.status };
  }

  return (onShown) => {
    const listeners = new Map<string, Listener>();
    const self = {
      location: { href: 'https://shop.example/service-worker.js' },
      crypto: { randomUUID },
      registration: {
        scope: 'https://shop.example/',
        showNotification(title: string, options: Omit<Shown, 'title'>) {
          onShown({ ...options, title });
          return Promise.resolve();
        },
      },
      clients: { matchAll: () => Promise.resolve([]), openWindow: () => Promise.resolve() },
      fetch: post,
      setTimeout,
      addEventListener: (type: string, listener: Listener) => void listeners.set(type, listener),
    };
    script.runInContext(createContext({ self, URL, console }));

    const fire = async (type: string, event: Record<string, unknown>): Promise<void> => {
      const work: Promise<unknown>[] = [];
      listeners.get(type)?.({ ...event, waitUntil: (promise: Promise<unknown>) => work.push(promise) });
      await Promise.all(work);
    };
    const notification = ({ data }: Shown): object => ({ data, close() {} });

    return {
      push: (payload) => fire('push', { data: { json: () => JSON.parse(payload) as unknown } }),
      click: (shown) => fire('notificationclick', { action: '', notification: notification(shown) }),
      dismiss: (shown) => fire('notificationclose', { notification: notification(shown) }),
    };
  };
}
