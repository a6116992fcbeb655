import type { Profile } from '../profile.ts';
import type { Subscription } from '../site.ts';

/** @returns the language that a profile is addressed in: its own, else of the subscription that was synced last */
export function languageOf(
  profile: Pick<Profile, 'language'>,
  subscriptions: Pick<Subscription, 'id' | 'language' | 'syncedAt'>[],
): string | undefined {
  if (profile.language) return profile.language;
  let latest: (typeof subscriptions)[number] | undefined;
  for (const one of subscriptions) {
    if (!one.language) continue;
    const ahead = latest ? one.syncedAt.getTime() - latest.syncedAt.getTime() : 1;
    // The id settles a tie, so that a repeat reads the same.
    if (ahead > 0 || (ahead === 0 && latest && one.id > latest.id)) latest = one;
  }
  return latest?.language;
}

/**
 * Finds the content for a language: of the very tag, else of the longest beginning of it that there is
 * (`zh-Hant-TW`, `zh-Hant`, `zh`), in any case and with `_` for `-`.
 *
 * @returns the tag as it is written among those given, undefined when the default is to be used
 */
export function matchLanguage(tags: string[], wanted: string | undefined): string | undefined {
  if (wanted === undefined || tags.length === 0) return undefined;
  const known = new Map(tags.map((tag) => [normalised(tag), tag]));
  const parts = normalised(wanted).split('-');
  for (; parts.length > 0; parts.pop()) {
    const found = known.get(parts.join('-'));
    if (found !== undefined) return found;
  }
  return undefined;
}

function normalised(tag: string): string {
  return tag.trim().replaceAll('_', '-').toLowerCase();
}
