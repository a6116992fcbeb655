import { gateOf, type Campaign, type Gate } from '../../domain/campaign/campaign.ts';
import type { CampaignRepository } from '../../domain/ports/campaigns.ts';
import type { Clock, GateKeeper } from '../../domain/ports/services.ts';

/** How long a read of the gate allows sends to start; pausing and stopping wait this out before they return. */
export const GATE_LEASE_MS = 1_000;
/** What a lease has left, at least, when a sender goes on to send. */
const REFRESH_BELOW_MS = 600;

interface Lease {
  campaign: Pick<Campaign, 'status' | 'startsAt' | 'endsAt'>;
  untilMonotonicMs: number;
}

/**
 * Keeps a lease on the gate of each campaign that is being sent. Reads that run side by side are shared.
 * The lease counts from before the read, so whatever changes the gate and then waits {@link GATE_LEASE_MS} is obeyed.
 */
export function createGateKeeper(deps: {
  campaigns: Pick<CampaignRepository, 'byId'>;
  clock: Clock;
}): GateKeeper {
  const leases = new Map<string, Lease>();
  const reads = new Map<string, Promise<void>>();

  async function read(campaignId: string): Promise<void> {
    const before = deps.clock.monotonicMs();
    const campaign = await deps.campaigns.byId(campaignId);
    if (campaign === null) leases.delete(campaignId);
    else leases.set(campaignId, { campaign, untilMonotonicMs: before + GATE_LEASE_MS });
  }

  function now(campaignId: string): Gate | 'unknown' {
    const lease = leases.get(campaignId);
    if (lease === undefined || deps.clock.monotonicMs() >= lease.untilMonotonicMs) return 'unknown';
    return gateOf(lease.campaign, deps.clock.nowMs());
  }

  async function refresh(campaignId: string): Promise<Gate> {
    const left = (leases.get(campaignId)?.untilMonotonicMs ?? 0) - deps.clock.monotonicMs();
    // The lease is for starting sends: that a gate was closed is not believed for longer than it takes to ask.
    if (left < REFRESH_BELOW_MS || now(campaignId) !== 'open') {
      let running = reads.get(campaignId);
      if (running === undefined) {
        running = read(campaignId).finally(() => reads.delete(campaignId));
        reads.set(campaignId, running);
      }
      await running;
    }
    // A campaign that is not there sends nothing. A lease that ran out while it was read tells what becomes of
    // a row, and yet no send may start under it: that is for `now` to say.
    const lease = leases.get(campaignId);
    return lease === undefined ? 'stopped' : gateOf(lease.campaign, deps.clock.nowMs());
  }

  return { now, refresh };
}
