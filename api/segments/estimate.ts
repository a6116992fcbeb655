import { z } from 'zod';
import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { Reach, ReachOptions } from '../../domain/ports/audience.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import type { ApiDeps } from '../deps.ts';
import { withSegment } from './references.ts';

const count = z.number().int();

/** What an estimate answers. */
export const reachView = z
  .object({
    qualified: count.describe('Profiles that the segment holds for'),
    reachable: z
      .object({ webPush: count, webhook: count, webPopup: count })
      .describe('How many of them can be reached, by channel'),
  })
  .meta({ id: 'Reach' });

/** @returns what a campaign to a webhook requires of a profile; undefined of another campaign */
export function webhookNeeds(definition: CampaignDefinition): ReachOptions['webhook'] {
  if (definition.channel !== 'webhook') return undefined;
  return { required: definition.what.required ?? [], properties: definition.what.properties };
}

/**
 * Counts whom a segment holds for, as things are now. What could not be saved is not counted either.
 *
 * @param webhook what a webhook requires of a profile; absent: nothing
 */
export async function estimate(
  deps: Pick<ApiDeps, 'audience' | 'clock'>,
  segment: Segment,
  pointer: string,
  siteId: string | undefined,
  webhook?: ReachOptions['webhook'],
): Promise<Reach> {
  const nowMs = deps.clock.now().getTime();
  return withSegment(segment, pointer, () => deps.audience.estimate(segment, { nowMs, siteId, webhook }));
}
