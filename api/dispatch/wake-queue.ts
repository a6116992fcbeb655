import type { CampaignLabel } from '../../domain/campaign/campaign.ts';
import type { ThroughputRepository } from '../../domain/ports/limits.ts';
import type { QueueWaker } from '../../domain/ports/services.ts';

/**
 * Tells a campaign's queue that something was queued, unless it looks in time by itself.
 *
 * @param dueAt of what was queued
 * @throws when Temporal cannot be reached: whoever queues something next, or the sweep, tries again
 */
export async function wakeQueue(
  deps: { throughput: Pick<ThroughputRepository, 'wake' | 'sleep'>; workflows: QueueWaker },
  campaign: CampaignLabel,
  dueAt: Date,
): Promise<void> {
  if (!(await deps.throughput.wake(campaign.id, dueAt))) return;
  try {
    await deps.workflows.wakeQueue(campaign);
  } catch (error) {
    await deps.throughput.sleep(campaign.id);
    throw error;
  }
}
