import type { Message } from '../../domain/delivery/message.ts';
import type { ClaimQuery } from '../../domain/ports/messages.ts';
import type { DeliveryDeps } from './deps.ts';
import { asItWas, resultOf } from './settlements.ts';

/**
 * Claims rows. What travelled in one request before does so again as a whole, so that whoever receives it can tell
 * it for a repeat by its name: of each such batch all is claimed that is open.
 *
 * @returns beside the rows those of batches of which somebody else holds a part right now
 */
export async function claimWhole(
  deps: DeliveryDeps,
  query: ClaimQuery,
  token: string,
  isOneRequest: boolean,
): Promise<{ rows: Message[]; apart: Message[] }> {
  const { messages, clock, limits } = deps;
  const claimed = await messages.claim(query, token, clock.nowMs(), limits.leaseMs);
  const fresh = claimed.filter((row) => row.batchId === undefined);
  const whole: Message[][] = [];
  const apart: Message[] = [];
  for (const batchId of new Set(claimed.flatMap((row) => row.batchId ?? []))) {
    const batch = await messages.claim({ batchId }, token, clock.nowMs(), limits.leaseMs);
    const isWhole = (await messages.countOpenOfBatch(batchId)) === batch.length;
    if (isWhole) whole.push(batch);
    else apart.push(...batch);
  }
  const [first] = whole;
  if (!isOneRequest || !first) return { rows: [...fresh, ...whole.flat()], apart };
  // The others have a request of their own: they come back to whoever claims next.
  const others = [...fresh, ...whole.slice(1).flat()];
  await messages.record(others.map((row) => resultOf(row, token, asItWas(row), row.devices, [])));
  return { rows: first, apart };
}
