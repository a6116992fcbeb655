import type { ClaimQuery } from '../../domain/ports/messages.ts';
import type { Bucket } from '../../domain/delivery/throughput.ts';
import { delay } from '../delay.ts';
import { deliverPage, type PageOptions, type PageResult } from './deliver-page.ts';
import type { DeliveryDeps } from './deps.ts';

/** A page that was sent, with how many rows it might have had, or when the rates let something leave again. */
export type Paced =
  { kind: 'page'; page: PageResult; asked: number } | { kind: 'throttled'; nextAtMs: number; by: Bucket };

/** What was taken of one bucket, at once or bit by bit. */
interface Taken {
  bucket: Bucket;
  grants: { grant: string; granted: number }[];
}

/**
 * Sends one page of no more than the rates let leave now. What did not leave may leave instead of others; what a
 * worker takes with it when it dies counts as if it had left.
 *
 * @param options.gatherMs how long it waits for the rates to let as many leave as fill the page
 */
export async function deliverPaced(
  deps: DeliveryDeps,
  query: ClaimQuery,
  buckets: Bucket[],
  options: Omit<PageOptions, 'sinceMs'> & { gatherMs?: number },
): Promise<Paced> {
  const { gatherMs = 0, request, ...others } = options;
  const sinceMs = deps.clock.monotonicMs();
  const taken: Taken[] = [];
  const settle = async (left: number): Promise<void> => {
    await Promise.all(
      taken.flatMap(({ bucket, grants }) => {
        let rest = left;
        return grants.map(({ grant, granted }) => {
          const used = Math.min(granted, rest);
          rest -= used;
          return deps.throughput.settle(bucket, grant, used);
        });
      }),
    );
  };
  let asked = 'limit' in query ? query.limit : 1;
  for (const bucket of buckets) {
    const grants: Taken['grants'] = [];
    taken.push({ bucket, grants });
    let sum = 0;
    for (;;) {
      const { grant, granted, nextAt } = await deps.throughput.take(bucket, asked - sum);
      if (granted > 0) grants.push({ grant, granted });
      sum += granted;
      const waitMs = Math.max(nextAt.getTime() - deps.clock.nowMs(), 50);
      const isLate = deps.clock.monotonicMs() - sinceMs + waitMs > gatherMs;
      if (sum === asked || isLate || options.signal?.aborted) {
        if (sum > 0) break;
        await settle(0);
        return { kind: 'throttled', nextAtMs: nextAt.getTime(), by: bucket };
      }
      await delay(waitMs, options.signal);
    }
    asked = sum;
  }
  const limited = 'limit' in query ? { ...query, limit: asked } : query;
  const plan = request && buckets.length > 0 ? { ...request, size: Math.min(request.size, asked) } : request;
  const page = await deliverPage(deps, limited, { ...others, request: plan, sinceMs });
  // Of a batch that goes together again more may leave than were asked for: they were counted when they left first.
  await settle(Math.min(page.begun, asked));
  return { kind: 'page', page, asked };
}
