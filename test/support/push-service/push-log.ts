import type { ReceivedPush } from './received-push.ts';

type Listener = (push: ReceivedPush) => void;

export interface PushLog {
  /** Logs a push and decides from its answer whether the browser gets it. */
  add(push: ReceivedPush): void;
  size(): number;
  received(): readonly ReceivedPush[];
  waitFor(
    count: number,
    options?: { timeoutMs?: number; where?: (push: ReceivedPush) => boolean },
  ): Promise<void>;
  onReceived(listener: Listener): () => void;
  onDelivered(listener: Listener): () => void;
  withhold(count: number): void;
  release(): void;
}

/** What a push service has received, and what of it waits for a browser that is away. */
export function createPushLog(): PushLog {
  const pushes: ReceivedPush[] = [];
  const receivedListeners = new Set<Listener>();
  const deliveredListeners = new Set<Listener>();
  const pending = new Set<ReceivedPush>();
  let withheld = 0;

  function deliver(push: ReceivedPush): void {
    pending.delete(push);
    push.state = 'delivered';
    for (const listener of deliveredListeners) listener(push);
  }

  /** RFC 8030 section 5.4: a pending message gives way to one with the same topic. */
  function replacePending(push: ReceivedPush): void {
    if (push.topic === undefined) return;
    for (const other of pending) {
      if (other.subscriptionId !== push.subscriptionId || other.topic !== push.topic) continue;
      pending.delete(other);
      other.state = 'replaced';
    }
  }

  function subscribe(listeners: Set<Listener>, listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  function onReceived(listener: Listener): () => void {
    return subscribe(receivedListeners, listener);
  }

  return {
    add(push) {
      const accepted = typeof push.answered === 'number' && push.answered >= 200 && push.answered < 300;
      if (accepted) replacePending(push);
      pushes.push(push);
      if (accepted && withheld > 0) {
        withheld -= 1;
        pending.add(push);
        push.state = 'pending';
      } else if (accepted) {
        deliver(push);
      }
      for (const listener of receivedListeners) listener(push);
    },
    size: () => pushes.length,
    received: () => pushes,
    waitFor(count, { timeoutMs = 20_000, where = () => true } = {}) {
      let seen = pushes.filter(where).length;
      if (seen >= count) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const stop = onReceived((push) => {
          if (where(push)) seen += 1;
          if (seen >= count) finish(resolve);
        });
        const timer = setTimeout(
          () => finish(() => reject(new Error(`${seen} of ${count} pushes came`))),
          timeoutMs,
        );
        function finish(settle: () => void): void {
          clearTimeout(timer);
          stop();
          settle();
        }
      });
    },
    onReceived,
    onDelivered: (listener) => subscribe(deliveredListeners, listener),
    withhold(count) {
      withheld = count;
    },
    release() {
      withheld = 0;
      for (const push of pending) deliver(push);
    },
  };
}
