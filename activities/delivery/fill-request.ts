import type { Message } from '../../domain/delivery/message.ts';
import type { ClaimQuery } from '../../domain/ports/messages.ts';
import { delay } from '../delay.ts';
import { createRequestBatch, type Batches } from './batches.ts';
import type { DeliveryDeps } from './deps.ts';
import { addToContext, loadPageContext, type PageContext } from './page-context.ts';
import type { Sent, WebhookItem } from './webhook-request.ts';

/** One request that is to be filled. */
export interface RequestPlan {
  size: number;
  bytes: number;
  /** How long it waits for more to fall due. */
  maxWaitMs: number;
}

/**
 * Fills one request and lets it leave: with the rows that were claimed, and while there is room with more of what is
 * due. Each new row is among `rows` from then on.
 */
export async function fillRequest(page: {
  deps: DeliveryDeps;
  query: ClaimQuery;
  request: RequestPlan;
  signal: AbortSignal | undefined;
  /** Told when the request takes no more rows. */
  onFilled: (() => void) | undefined;
  token: string;
  rows: Message[];
  context: PageContext;
  mayStart: () => boolean;
  work: (row: Message, batches: Batches<Sent, WebhookItem>) => Promise<void>;
}): Promise<void> {
  const { deps, query, request, signal, token, rows, context, mayStart, work } = page;
  const { clock } = deps;
  const startedMs = clock.monotonicMs();
  const isRepeat = rows.some((row) => row.batchId !== undefined);
  const batch = createRequestBatch<Sent, WebhookItem>(
    isRepeat ? { size: Infinity, bytes: Infinity } : request,
  );
  const working: Promise<void>[] = [];

  /** Resolves when each of the rows has joined the request, or will not. */
  async function place(fresh: Message[]): Promise<void> {
    const placed = fresh.map(
      (row) =>
        new Promise<void>((resolve) => {
          const joining: Batches<Sent, WebhookItem> = {
            join(kind, item) {
              const answer = batch.join(kind, item);
              resolve();
              return answer;
            },
          };
          working.push(work(row, joining).finally(resolve));
        }),
    );
    // A fault is thrown in the end, when what joined has left.
    for (const one of working) one.catch(() => undefined);
    await Promise.all(placed);
  }

  try {
    await place(rows);
    while ('limit' in query && !isRepeat && !batch.isFull() && batch.joined() > 0 && mayStart()) {
      const limit = request.size - batch.joined();
      const more = await deps.messages.claim({ ...query, limit }, token, clock.nowMs(), deps.limits.leaseMs);
      const fresh = more.filter((row) => row.batchId === undefined);
      rows.push(...more);
      if (more.length > fresh.length) break;
      if (fresh.length > 0) {
        addToContext(context, await loadPageContext(deps, fresh));
        await place(fresh);
        continue;
      }
      const leftMs = request.maxWaitMs - (clock.monotonicMs() - startedMs);
      if (leftMs <= 0 || signal?.aborted) break;
      await delay(Math.min(leftMs, FILL_EVERY_MS), signal);
    }
  } finally {
    batch.close();
    page.onFilled?.();
    await Promise.allSettled(working);
  }
  await Promise.all(working);
}

/** How often a request that waits for more looks for it. */
const FILL_EVERY_MS = 50;
