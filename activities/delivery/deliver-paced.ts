import type { ClaimQuery } from '../../domain/ports/repositories.ts';
import type { Bucket } from '../../domain/throughput.ts';
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
  options: { whenPaused: WhenPaused; signal?: AbortSignal },
): Promise<Paced> {
  const sinceMs = deps.clock.monotonicMs();
  const grants: { bucket: Bucket; grant: string }[] = [];
  const settle = async (left: number): Promise<void> => {
    await Promise.all(grants.map(({ bucket, grant }) => deps.throughput.settle(bucket, grant, left)));
  };
  let asked = 'messageId' in query ? 1 : query.limit;
  for (const bucket of buckets) {
    const { grant, granted, nextAt } = await deps.throughput.take(bucket, asked);
    if (granted === 0) {
      await settle(0);
      return { kind: 'throttled', nextAtMs: nextAt.getTime(), by: bucket };
    }
    grants.push({ bucket, grant });
    asked = granted;
  }
  const limited = 'messageId' in query ? query : { ...query, limit: asked };
  const page = await deliverPage(deps, limited, { ...options, sinceMs });
  await settle(page.begun);
  return { kind: 'page', page, asked };
}
