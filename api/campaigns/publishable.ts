import type { CampaignDefinition, EventMatch } from '../../domain/campaign.ts';
import { checkCondition, type Condition } from '../../domain/conditions.ts';
import { parseDuration } from '../../domain/duration.ts';
import { checkSegment, type Fault } from '../../domain/segment.ts';
import type { TemplateEngine } from '../../domain/ports/services.ts';

/** @returns what the schema cannot see about a definition: conditions and segments that cannot be meant */
export function definitionFaults(definition: CampaignDefinition): Fault[] {
  const { who, when, setup } = definition;
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
    if (when.delay !== undefined) faults.push({ pointer: '/when/delay', detail: 'is for live campaigns' });
  }
  return faults;
}

/**
 * @param nowMs epoch milliseconds
 * @returns what keeps a draft from being published
 */
export function publishFaults(
  definition: CampaignDefinition,
  templates: TemplateEngine,
  nowMs: number,
): Fault[] {
  const { when, what } = definition;
  const faults = definitionFaults(definition);
  const startMs = when.start === 'now' ? nowMs : Date.parse(when.start);
  // A minute's grace: a person who set the start to this minute means now.
  if (startMs < nowMs - 60_000) faults.push({ pointer: '/when/start', detail: 'lies in the past' });
  if (when.end !== undefined) {
    const endMs = Date.parse(when.end);
    if (endMs <= nowMs) faults.push({ pointer: '/when/end', detail: 'lies in the past' });
    else if (endMs <= startMs) faults.push({ pointer: '/when/end', detail: 'is not after the start' });
  }
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
