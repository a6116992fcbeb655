import type { Variant, WebPushContent } from './content.ts';
import { hash32 } from '../hash.ts';

/**
 * Tells which variant a profile gets: always the same, each as often as its weight says. Every variant draws a number
 * for the profile and the least one wins (weighted rendezvous hashing), so that the order of the variants does not
 * matter, and adding or taking away one moves nobody between the others.
 *
 * @param winner the name of the variant that alone is sent; one that is not there any more is ignored
 * @returns undefined when there are no variants
 */
export function variantOf(
  campaignId: string,
  profileId: string,
  { variants = [] }: Pick<WebPushContent, 'variants'>,
  winner?: string,
): Variant | undefined {
  const won = winner === undefined ? undefined : variants.find(({ name }) => name === winner);
  if (won) return won;
  let chosen: Variant | undefined;
  let least = Infinity;
  for (const variant of variants) {
    // An exponential draw of rate `weight`: the least of several is each one's with the share of its weight.
    const uniform = (hash32(`variant:${campaignId}:${variant.name}:${profileId}`) + 0.5) / 2 ** 32;
    const drawn = -Math.log(uniform) / variant.weight;
    if (drawn < least) {
      least = drawn;
      chosen = variant;
    }
  }
  return chosen;
}
