import type { ActiveLiveCampaign, LiveVersion } from './campaign.ts';
import type { StoredEvent } from '../event.ts';
import { cancellingNames, concerningNames } from '../audience/live-audience.ts';

/** @returns what the version says under which a passage was opened, if the campaign is known to have it */
export function rulesOf(campaign: ActiveLiveCampaign, version: number): LiveVersion | undefined {
  return version === campaign.version ? campaign : campaign.earlier.find((one) => one.version === version);
}

/**
 * The campaign as it stood when an event came. Judged by a view that held a version already the event came after
 * that version, whatever the clocks say; else its arrival tells. The answer is the same however late it is asked for.
 *
 * @returns the campaign with the latest version that was there, or with its oldest
 */
export function asOf(
  campaign: ActiveLiveCampaign,
  event: Pick<StoredEvent, 'receivedAt' | 'catalogueVersion'>,
): ActiveLiveCampaign {
  const latestFirst = [campaign, ...[...campaign.earlier].sort((a, b) => b.version - a.version)];
  const then = latestFirst.find(
    ({ catalogueVersion, publishedAt }) =>
      event.catalogueVersion >= catalogueVersion || event.receivedAt.getTime() >= publishedAt.getTime(),
  );
  return under(campaign, then ?? latestFirst.at(-1) ?? campaign);
}

/** @returns every event name that concerns the campaign or somebody who entered it under an earlier version */
export function namesOfAll(campaign: Pick<ActiveLiveCampaign, 'earlier' | 'live'>): string[] {
  return [...new Set([campaign, ...campaign.earlier].flatMap(({ live }) => concerningNames(live)))];
}

/** @returns whether the event may close a passage that was opened under some version */
export function mayClose(campaign: ActiveLiveCampaign, name: string): boolean {
  return [campaign, ...campaign.earlier].some(({ live }) => cancellingNames(live).includes(name));
}

/** @returns the campaign under each other version whose open passages the same event may restart or move */
export function othersThatMove(campaign: ActiveLiveCampaign, version: number): ActiveLiveCampaign[] {
  return [campaign, ...campaign.earlier]
    .filter(({ live }) => live.onRepeat === 'restart' || live.dateProperty !== undefined)
    .filter((one) => one.version !== version)
    .map((one) => under(campaign, one));
}

function under(campaign: ActiveLiveCampaign, rules: LiveVersion): ActiveLiveCampaign {
  const { version, live, when, publishedAt, catalogueVersion } = rules;
  return { ...campaign, version, live, when, publishedAt, catalogueVersion };
}
