import type { ClaimQuery } from '../../domain/ports/messages.ts';
import type { Bucket } from '../../domain/delivery/throughput.ts';
import type { Batches } from './batches.ts';
import { deliverPage, type PageResult, type WhenPaused } from './deliver-page.ts';
import type { DeliveryDeps } from './deps.ts';

/** A page that was sent, with how many rows it might have had, or when the rates let something leave again. */
export type Paced =
  { kind: 'page'; page: PageResult; asked: number } | { kind: 'throttled'; nextAtMs: number; by: Bucket };

/**
 * Sends one page of no more than the rates let leave now. What did not leave may leave instead of others; what a
 * worker takes with it when it dies counts as if it had left.
 */
export async function deliverPaced(
  deps: DeliveryDeps,
  query: ClaimQuery,
  buckets: Bucket[],
  options: { whenPaused: WhenPaused; signal?: AbortSignal; batches?: Batches | undefined },
): Promise<Paced> {
  const sinceMs = deps.clock.monotonicMs();
  const grants: { bucket: Bucket; grant: string }[] = [];
  const settle = async (left: number): Promise<void> => {
    await Promise.all(grants.map(({ bucket, grant }) => deps.throughput.settle(bucket, grant, left)));
  };
  let asked = 'limit' in query ? query.limit : 1;
  for (const bucket of buckets) {
    const { grant, granted, nextAt } = await deps.throughput.take(bucket, asked);
    if (granted === 0) {
      await settle(0);
      return { kind: 'throttled', nextAtMs: nextAt.getTime(), by: bucket };
    }
    grants.push({ bucket, grant });
    asked = granted;
  }
  const limited = 'limit' in query ? { ...query, limit: asked } : query;
  const page = await deliverPage(deps, limited, { ...options, sinceMs });
  // Of a batch that goes together again more may leave than were asked for: they were counted when they left first.
  await settle(Math.min(page.begun, asked));
  return { kind: 'page', page, asked };
}
