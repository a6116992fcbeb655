/** What may travel in one request, and how. */
export interface BatchKind<Answer, Item> {
  /** Only items of one key share a request. */
  key: string;
  /** Of an item that does not travel this time. */
  leftOut: Answer;
  bytesOf(item: Item): number;
  send(items: Item[]): Promise<Map<Item, Answer>>;
}

/** Gathers what is to travel in one request. */
export interface Batches<Answer, Item> {
  /**
   * @returns what became of the item, once the request that it travelled in is over
   * @throws what sending the request threw
   */
  join(kind: BatchKind<Answer, Item>, item: Item): Promise<Answer>;
}

/** Everything travels by itself, at once. */
export function alone<Answer, Item>(): Batches<Answer, Item> {
  return {
    async join(kind, item) {
      return (await kind.send([item])).get(item) ?? kind.leftOut;
    },
  };
}

/** One request, which leaves when it is closed. What does not fit into it is left out. */
export interface RequestBatch<Answer, Item> extends Batches<Answer, Item> {
  /** How many travel in it so far. */
  joined(): number;
  isFull(): boolean;
  close(): void;
}

interface Waiting<Answer, Item> {
  item: Item;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** @param limit how many items it holds, and of how many bytes together; one item always fits */
export function createRequestBatch<Answer, Item>(limit: {
  size: number;
  bytes: number;
}): RequestBatch<Answer, Item> {
  const items: Waiting<Answer, Item>[] = [];
  let kind: BatchKind<Answer, Item> | undefined;
  let bytes = 0;
  let isFull = false;
  let isClosed = false;

  async function leave(own: BatchKind<Answer, Item>): Promise<void> {
    try {
      const answers = await own.send(items.map(({ item }) => item));
      for (const { item, resolve } of items) resolve(answers.get(item) ?? own.leftOut);
    } catch (error) {
      for (const { reject } of items) reject(error);
    }
  }

  return {
    join(own, item) {
      kind ??= own;
      const more = own.bytesOf(item);
      const fits = items.length === 0 || (items.length < limit.size && bytes + more <= limit.bytes);
      if (isClosed || own.key !== kind.key || !fits) {
        if (own.key === kind.key) isFull = true;
        return Promise.resolve(own.leftOut);
      }
      bytes += more;
      return new Promise((resolve, reject) => {
        items.push({ item, resolve, reject });
        if (items.length >= limit.size) isFull = true;
      });
    },
    joined: () => items.length,
    isFull: () => isFull,
    close() {
      isClosed = true;
      if (kind && items.length > 0) void leave(kind);
    },
  };
}
