import type { CampaignDefinition, EventMatch, WebPushDefinition } from '../../domain/campaign/campaign.ts';
import { checkCondition, type Condition } from '../../domain/audience/conditions.ts';
import { parseDuration } from '../../domain/schedule/duration.ts';
import { contentFaults, sizeFaults, templateFaults } from '../../domain/content/content-faults.ts';
import { chosenContent } from '../../domain/content/chosen-content.ts';
import { quietHoursOf } from '../../domain/schedule/quiet-hours.ts';
import { scheduleFaults, scheduleShapeFaults } from '../../domain/schedule/schedule-faults.ts';
import { checkSegment, type Fault } from '../../domain/audience/segment.ts';
import type { AccountSettings } from '../../domain/campaign/settings.ts';
import type { TemplateEngine } from '../../domain/ports/services.ts';
import type { Site } from '../../domain/site.ts';

/** @returns what the schema cannot see about a definition: conditions, segments and schedules that cannot be meant */
export function definitionFaults(definition: CampaignDefinition): Fault[] {
  return [...lastingFaults(definition), ...scheduleShapeFaults(definition)];
}

/** All but the times. */
function lastingFaults(definition: CampaignDefinition): Fault[] {
  return [...audienceFaults(definition), ...contentFaults(definition)];
}

function audienceFaults({ who, setup }: CampaignDefinition): Fault[] {
  const faults: Fault[] = [];
  if ('live' in who) {
    faults.push(...matchFaults(who.live, '/who/live'));
    if (who.live.inaction) faults.push(...matchFaults(who.live.inaction, '/who/live/inaction'));
    (who.live.cancelledBy ?? []).forEach((match, i) => {
      faults.push(...matchFaults(match, `/who/live/cancelledBy/${i}`));
    });
    if (who.live.filter) faults.push(...checkSegment(who.live.filter, '/who/live/filter'));
  } else if ('past' in who) {
    faults.push(...checkSegment(who.past, '/who/past'));
  }
  if (!('past' in who) && setup?.targetingCap?.ifExceeded === 'abort') {
    const which = 'live' in who ? 'a live campaign' : 'an API-triggered campaign';
    const detail = `abort is for past behaviour: whom ${which} will reach is not known beforehand`;
    faults.push({ pointer: '/setup/targetingCap/ifExceeded', detail });
  }
  return faults;
}

/**
 * @param nowMs epoch milliseconds
 * @param settings the account's: local times without a zone of their own are in its zone, and its quiet hours hold for
 *   a campaign that has none
 * @param site the campaign's, where it has one
 * @returns what keeps a draft from being published
 */
export function publishFaults(
  definition: CampaignDefinition,
  templates: TemplateEngine,
  nowMs: number,
  settings: Pick<AccountSettings, 'timezone' | 'dnd'>,
  site: Pick<Site, 'safari'> | null = null,
): Fault[] {
  const { who } = definition;
  const when = { ...definition.when, dnd: quietHoursOf(definition.when, settings) };
  const accountZone = settings.timezone;
  const faults = [
    ...lastingFaults(definition),
    ...scheduleFaults({ who, when }, { nowMs, accountZone }),
    ...templateFaults(definition, templates),
    ...sizeFaults(definition),
  ];
  if (definition.channel === 'webPush' && site?.safari) faults.push(...safariFaults(definition));
  const { ttl } = definition.what;
  if (ttl !== undefined && (parseDuration(ttl) ?? 0) > MAX_TTL_MS) {
    faults.push({ pointer: '/what/ttl', detail: 'push services keep a message for at most 28 days' });
  }
  return faults;
}

/** Safari's website push shows nothing that leads nowhere. */
function safariFaults({ what }: WebPushDefinition): Fault[] {
  const variants = what.variants ?? [undefined];
  const missing = variants.some(
    (variant) => chosenContent(what, '', '', undefined, variant?.name).texts.url === undefined,
  );
  if (!missing) return [];
  return [
    { pointer: '/what/url', detail: 'is required: the site has Safari, which shows nothing without a link' },
  ];
}

const MAX_TTL_MS = 28 * 24 * 3_600_000;

function matchFaults(match: EventMatch, pointer: string): Fault[] {
  return (match.where ?? []).flatMap((condition: Condition, i) =>
    checkCondition(condition).map((detail) => ({ pointer: `${pointer}/where/${i}`, detail })),
  );
}
