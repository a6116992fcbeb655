import type { Campaign, CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { decidedAtMs, pickWinner, triedSinceMs } from '../../domain/content/winner.ts';
import type { DeliveryDeps } from './deps.ts';
import { onceAPage, type PageContext } from './page-context.ts';

/**
 * Tells which variant of a campaign alone is sent. When its time has come the winner is computed from what was sent
 * so far and written down once: whoever computes it first decides, and every later caller gets that one.
 *
 * @param campaign as the page read it
 * @param definition of the message's version
 * @param nowMs epoch milliseconds
 * @returns the variant's name; undefined while every profile gets its own
 */
export function winnerOf(
  deps: Pick<DeliveryDeps, 'campaigns' | 'messages' | 'runs'>,
  context: PageContext,
  { campaign, definition, nowMs }: { campaign: Campaign; definition: CampaignDefinition; nowMs: number },
): Promise<string | undefined> {
  if (campaign.winner) return Promise.resolve(campaign.winner.variant);
  if (definition.channel !== 'webPush') return Promise.resolve(undefined);
  const { what } = definition;
  const { winner } = what;
  if (!winner || !what.variants?.length) return Promise.resolve(undefined);

  const decide = async (startMs: number | null): Promise<string | undefined> => {
    // A page takes a while: the one that began before the instant goes on as it began.
    if (startMs === null || nowMs < decidedAtMs(winner, startMs)) return undefined;
    const best = pickWinner(what, await deps.messages.variantStats(campaign.id), winner.by);
    return best === undefined ? undefined : deps.campaigns.setWinner(campaign.id, best);
  };
  return onceAPage(context, `winner/${campaign.id}/${JSON.stringify(winner)}`, async () => {
    const first = 'past' in definition.who ? await deps.runs.first(campaign.id) : null;
    return decide(triedSinceMs(campaign, first));
  });
}
