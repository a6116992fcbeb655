import type { Campaign, CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { contestOf, decidedAtMs, pickWinner, triedSinceMs, winnerIn } from '../../domain/content/winner.ts';
import type { Run } from '../../domain/delivery/run.ts';
import type { DeliveryDeps } from './deps.ts';
import { onceAPage, type PageContext } from './page-context.ts';

type WinnerDeps = Pick<DeliveryDeps, 'campaigns' | 'messages' | 'runs'>;

/** A campaign as it was read, and the version of it that is spoken of. */
export interface VersionOf {
  campaign: Campaign;
  definition: CampaignDefinition;
  version: number;
}

/** The versions that follow each other with the same rule and the same texts, and from when on they are tried. */
export interface Contest {
  versions: { from: number; to: number };
  /** Epoch milliseconds; null while it has not begun. */
  sinceMs: number | null;
}

/**
 * Tells which variant of a message's version alone is sent. When its time has come the winner is computed from what
 * was sent so far with the same rule and texts, and written down once: whoever computes it first decides, and every
 * later caller gets that one.
 *
 * @param about the campaign as the page read it, and the message's version
 * @param nowMs epoch milliseconds
 * @returns the variant's name; undefined while every profile gets its own
 */
export async function winnerOf(
  deps: WinnerDeps,
  context: PageContext,
  about: VersionOf,
  nowMs: number,
): Promise<string | undefined> {
  const { campaign, definition, version } = about;
  if (definition.channel !== 'webPush') return undefined;
  const { what } = definition;
  const { winner } = what;
  if (!winner || !what.variants?.length) return undefined;
  const known = winnerIn(campaign, definition);
  if (known) return known.variant;
  // No contest begins before its campaign.
  if (!campaign.startsAt || nowMs < decidedAtMs(winner, campaign.startsAt.getTime())) return undefined;

  return onceAPage(context, `winner/${campaign.id}/${version}`, async () => {
    const contest = await findContest(deps, about);
    // A page takes a while: the one that began before the instant goes on as it began.
    if (contest.sinceMs === null || nowMs < decidedAtMs(winner, contest.sinceMs)) return undefined;
    const counts = await deps.messages.variantStats(campaign.id, contest.versions);
    const best = pickWinner(what, counts, winner.by);
    const name = contestOf(definition);
    return best === undefined || name === undefined
      ? undefined
      : deps.campaigns.setWinner(campaign.id, name, best);
  });
}

/**
 * Finds in which versions the variants of one compete, and since when.
 *
 * @param opening of past behaviour the run that may be the first one
 */
export async function findContest(
  deps: Pick<WinnerDeps, 'campaigns' | 'runs'>,
  { campaign, definition, version }: VersionOf,
  opening: Run | null = null,
): Promise<Contest> {
  const name = contestOf(definition);
  const isSame = async (other: number): Promise<boolean> => {
    const found = await deps.campaigns.version(campaign.id, other);
    return found !== null && contestOf(found) === name;
  };
  let from = version;
  while (from > 1 && (await isSame(from - 1))) from -= 1;
  let to = version;
  while (to < campaign.version && (await isSame(to + 1))) to += 1;
  const versions = { from, to };
  if ('past' in definition.who) {
    const first = (await deps.runs.first(campaign.id, from)) ?? opening;
    return { versions, sinceMs: triedSinceMs(campaign, undefined, first) };
  }
  return { versions, sinceMs: triedSinceMs(campaign, await editedAt(deps, campaign, from), null) };
}

/** @returns when an edit brought a version; undefined of the first one */
async function editedAt(
  deps: Pick<WinnerDeps, 'campaigns'>,
  campaign: Campaign,
  version: number,
): Promise<Date | undefined> {
  if (version <= 1) return undefined;
  if (version === campaign.version) return campaign.versionAt;
  const [found] = await deps.campaigns.versions(campaign.id, version - 1, 1);
  return found?.publishedAt;
}
