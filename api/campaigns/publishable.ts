import type { CampaignDefinition, EventMatch } from '../../domain/campaign.ts';
import { checkCondition, type Condition } from '../../domain/conditions.ts';
import { parseDuration } from '../../domain/duration.ts';
import { quietHoursOf } from '../../domain/quiet-hours.ts';
import { scheduleFaults, scheduleShapeFaults } from '../../domain/schedule-faults.ts';
import { checkSegment, type Fault } from '../../domain/segment.ts';
import type { AccountSettings } from '../../domain/settings.ts';
import type { TemplateEngine } from '../../domain/ports/services.ts';

/** @returns what the schema cannot see about a definition: conditions, segments and schedules that cannot be meant */
export function definitionFaults(definition: CampaignDefinition): Fault[] {
  return [...contentFaults(definition), ...scheduleShapeFaults(definition)];
}

/** All but the times. */
function contentFaults({ who, setup }: CampaignDefinition): Fault[] {
  const faults: Fault[] = [];
  if ('live' in who) {
    faults.push(...matchFaults(who.live, '/who/live'));
    if (who.live.inaction) faults.push(...matchFaults(who.live.inaction, '/who/live/inaction'));
    (who.live.cancelledBy ?? []).forEach((match, i) => {
      faults.push(...matchFaults(match, `/who/live/cancelledBy/${i}`));
    });
    if (who.live.filter) faults.push(...checkSegment(who.live.filter, '/who/live/filter'));
    if (setup?.targetingCap?.ifExceeded === 'abort') {
      const detail = 'abort is for past behaviour: whom a live campaign will reach is not known beforehand';
      faults.push({ pointer: '/setup/targetingCap/ifExceeded', detail });
    }
  } else {
    faults.push(...checkSegment(who.past, '/who/past'));
  }
  return faults;
}

/**
 * @param nowMs epoch milliseconds
 * @param settings the account's: local times without a zone of their own are in its zone, and its quiet hours hold for
 *   a campaign that has none
 * @returns what keeps a draft from being published
 */
export function publishFaults(
  definition: CampaignDefinition,
  templates: TemplateEngine,
  nowMs: number,
  settings: Pick<AccountSettings, 'timezone' | 'dnd'>,
): Fault[] {
  const { what, who } = definition;
  const when = { ...definition.when, dnd: quietHoursOf(definition.when, settings) };
  const accountZone = settings.timezone;
  const faults = [...contentFaults(definition), ...scheduleFaults({ who, when }, { nowMs, accountZone })];
  const texts: [string, string | undefined][] = [
    ['/what/title', what.title],
    ['/what/body', what.body],
    ['/what/url', what.url],
    ['/what/image', what.image],
    ['/what/icon', what.icon],
    ['/what/badge', what.badge],
    ...(what.actions ?? []).flatMap((action, i): [string, string | undefined][] => [
      [`/what/actions/${i}/title`, action.title],
      [`/what/actions/${i}/url`, action.url],
    ]),
    ...Object.entries(what.data ?? {}).map(([key, value]): [string, string] => [`/what/data/${key}`, value]),
  ];
  for (const [pointer, text] of texts) {
    const fault = text === undefined ? null : templates.check(text);
    if (fault !== null) faults.push({ pointer, detail: fault });
    else if (text !== undefined && 'past' in definition.who && EVENT_IN_TEXT.test(text)) {
      faults.push({ pointer, detail: 'names event.…, and a past-behaviour campaign has no event' });
    }
  }
  if (what.ttl !== undefined && (parseDuration(what.ttl) ?? 0) > MAX_TTL_MS) {
    faults.push({ pointer: '/what/ttl', detail: 'push services keep a message for at most 28 days' });
  }
  return faults;
}

/** A text that names a property of the event. */
export const EVENT_IN_TEXT = /\{[{%][^}]*\bevent\s*[.[]/;
const MAX_TTL_MS = 28 * 24 * 3_600_000;

function matchFaults(match: EventMatch, pointer: string): Fault[] {
  return (match.where ?? []).flatMap((condition: Condition, i) =>
    checkCondition(condition).map((detail) => ({ pointer: `${pointer}/where/${i}`, detail })),
  );
}
