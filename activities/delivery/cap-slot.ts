import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { Message } from '../../domain/delivery/message.ts';
import type { DeliveryDeps } from './deps.ts';

/**
 * Sees to it that a message of a campaign with a targeting cap has one of the slots: in a run it was drawn or it
 * was not, in a live campaign it takes one now.
 *
 * @returns what keeps it from being sent, null when nothing does
 */
export async function refusedByCap(
  deps: Pick<DeliveryDeps, 'caps'>,
  row: Message,
  definition: CampaignDefinition,
): Promise<string | null> {
  const cap = definition.setup?.targetingCap;
  if (!cap || row.capSlot === true) return null;
  if (row.runId !== undefined || row.token === undefined) return 'it was not drawn for the targeting cap';
  const { id, campaignId, token } = row;
  if (await deps.caps.take({ id, campaignId, token }, cap.limit)) return null;
  return `the targeting cap of ${cap.limit} is used up`;
}
