import { z } from 'zod';
import type { Reach } from '../../domain/ports/repositories.ts';
import type { Segment } from '../../domain/segment.ts';
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

/** Counts whom a segment holds for, as things are now. */
export async function estimate(
  deps: Pick<ApiDeps, 'audience' | 'clock'>,
  segment: Segment,
  pointer: string,
  siteId: string | undefined,
): Promise<Reach> {
  const nowMs = deps.clock.now().getTime();
  return withSegment(segment, pointer, () => deps.audience.estimate(segment, { nowMs, siteId }));
}
