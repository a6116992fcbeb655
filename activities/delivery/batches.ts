import { delay } from '../delay.ts';

/** What travels together, and how. */
export interface BatchKind<Answer, Item> {
  /** Items of one key share a request. */
  key: string;
  size: number;
  /** How long the first of a request waits for others. */
  maxWaitMs: number;
  send(items: Item[]): Promise<Map<Item, Answer>>;
}

/** Gathers what is to travel in one request. */
export interface Batches {
  /**
   * @returns what became of the item, once the request that it travelled in is over
   * @throws what sending the request threw
   */
  join<Answer, Item>(kind: BatchKind<Answer, Item>, item: Item): Promise<Answer>;
}

interface OpenBatch {
  items: { item: unknown; resolve(answer: unknown): void; reject(error: unknown): void }[];
  kind: BatchKind<unknown, unknown>;
}

/** A batch closes when it is full, or when `close` is called for its key. */
function createOpenBatches(): { join: Batches['join']; close(key: string): void; keys(): string[] } {
  const open = new Map<string, OpenBatch>();

  function close(key: string): void {
    const batch = open.get(key);
    if (!batch) return;
    open.delete(key);
    const { kind, items } = batch;
    kind
      .send(items.map(({ item }) => item))
      .then((answers) => {
        for (const { item, resolve, reject } of items) {
          if (answers.has(item)) resolve(answers.get(item));
          else reject(new Error('a request left one of its messages without an answer'));
        }
      })
      .catch((error: unknown) => {
        for (const { reject } of items) reject(error);
      });
  }

  return {
    join(kind, item) {
      return new Promise((resolve, reject) => {
        const batch = open.get(kind.key) ?? { kind: kind as unknown as OpenBatch['kind'], items: [] };
        open.set(kind.key, batch);
        batch.items.push({ item, resolve: resolve, reject });
        if (batch.items.length >= kind.size) close(kind.key);
      });
    },
    close,
    keys: () => [...open.keys()],
  };
}

/** Batches of live messages, which come one by one: each waits for others up to its `maxWaitMs`. */
export function createLiveBatches(): Batches {
  const batches = createOpenBatches();
  const timers = new Set<string>();
  return {
    join(kind, item) {
      const answer = batches.join(kind, item);
      if (batches.keys().includes(kind.key) && !timers.has(kind.key)) {
        timers.add(kind.key);
        void delay(kind.maxWaitMs).then(() => {
          timers.delete(kind.key);
          batches.close(kind.key);
        });
      }
      return answer;
    },
  };
}

/** Batches of one page: the last ones close when every row of the page has joined, or will not. */
export function createPageBatches(rows: number): Batches & { without(): void } {
  const batches = createOpenBatches();
  let left = rows;
  const count = (): void => {
    left -= 1;
    if (left <= 0) for (const key of batches.keys()) batches.close(key);
  };
  return {
    join(kind, item) {
      const answer = batches.join(kind, item);
      count();
      return answer;
    },
    /** One of the rows is settled and joins nothing. */
    without: count,
  };
}
