import { MAX_WEBHOOK_TIMEOUT_MS, type WebhookTarget } from '../../domain/delivery/webhook.ts';
import type { DeliveryDeps } from './deps.ts';

/** A slot is somebody's longer than a page and its request may take. */
const SLOT_MS = MAX_WEBHOOK_TIMEOUT_MS + 20_000;

/** Whether one more request to a target may be made now. */
export type Capacity =
  | { kind: 'free'; giveBack(begun: boolean): Promise<void> }
  | { kind: 'busy' }
  /** Its rate lets the next one leave then, epoch milliseconds. */
  | { kind: 'rate'; nextAtMs: number };

type CapacityDeps = Pick<DeliveryDeps, 'webhookSlots' | 'throughput' | 'random' | 'log'>;

/** Takes what one request to a target needs: a slot, and a turn of its rate. */
export async function takeCapacity(deps: CapacityDeps, target: WebhookTarget): Promise<Capacity> {
  const { id, limits } = target;
  const holder = deps.random.token();
  if (!(await deps.webhookSlots.take(id, limits.concurrency, holder, SLOT_MS))) return { kind: 'busy' };
  /** What is not given back ends by itself; what was sent must not be forgotten for it. */
  const quietly = async (work: Promise<void>): Promise<void> => {
    await work.catch((error: unknown) => {
      deps.log.warn({ err: error, webhook: id }, 'what a request held of its target could not be given back');
    });
  };
  const freeSlot = (): Promise<void> => quietly(deps.webhookSlots.giveBack(id, holder));
  if (limits.perMinute === undefined) return { kind: 'free', giveBack: freeSlot };

  const bucket = { name: `webhook/${id}`, perMinute: limits.perMinute };
  try {
    const { grant, granted, nextAt } = await deps.throughput.take(bucket, 1);
    if (granted > 0) {
      const giveBack = async (begun: boolean): Promise<void> => {
        await Promise.all([freeSlot(), quietly(deps.throughput.settle(bucket, grant, begun ? 1 : 0))]);
      };
      return { kind: 'free', giveBack };
    }
    await freeSlot();
    return { kind: 'rate', nextAtMs: nextAt.getTime() };
  } catch (error) {
    await freeSlot();
    throw error;
  }
}
