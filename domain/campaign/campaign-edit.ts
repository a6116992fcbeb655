import { audienceKind, type Campaign, type CampaignDefinition } from './campaign.ts';
import type { Fault } from '../audience/segment.ts';

type Published = Pick<Campaign, 'definition' | 'startsAt'>;

/** @returns whether a published campaign has come to its start, which it keeps from then on */
export function hasBegun({ startsAt }: Pick<Campaign, 'startsAt'>, nowMs: number): boolean {
  return startsAt !== undefined && startsAt.getTime() <= nowMs;
}

/**
 * What may not change once a campaign is published: its channel, its site, whether it is live or about past behaviour,
 * and after its start also the start.
 *
 * @param nowMs epoch milliseconds
 * @returns a fault for each change that may not be
 */
export function changeFaults(campaign: Published, next: CampaignDefinition, nowMs: number): Fault[] {
  const { definition, startsAt } = campaign;
  const faults: Fault[] = [];
  if (next.channel !== definition.channel)
    faults.push({
      pointer: '/channel',
      detail: `must stay ${definition.channel} once it is published`,
    });
  if (next.siteId !== definition.siteId)
    faults.push({
      pointer: '/siteId',
      detail: `must stay ${definition.siteId ?? 'absent'} once it is published`,
    });
  const kind = audienceKind(definition);
  if (audienceKind(next) !== kind)
    faults.push({ pointer: '/who', detail: `must stay ${kind} once it is published` });
  if (startsAt && hasBegun(campaign, nowMs) && !keepsStart(next.when.start, campaign)) {
    const detail = `cannot change: the campaign began at ${startsAt.toISOString()}; "now" leaves it as it is`;
    faults.push({ pointer: '/when/start', detail });
  }
  return faults;
}

/** "now", what was set, and the instant that came of it all say the same. */
function keepsStart(start: string, { definition, startsAt }: Published): boolean {
  if (start === 'now' || start === definition.when.start) return true;
  const startMs = Date.parse(start);
  return startMs === startsAt?.getTime() || startMs === Date.parse(definition.when.start);
}

/** @returns the definition with the start that a campaign which has begun keeps */
export function withKeptStart(next: CampaignDefinition, { definition }: Published): CampaignDefinition {
  return { ...next, when: { ...next.when, start: definition.when.start } };
}

/** @returns whether its runs are to come at other times than they did */
export function isRescheduled(current: CampaignDefinition, next: CampaignDefinition): boolean {
  return !sameSchedule(current, next);
}

/**
 * Takes out the faults of times that were right when they were set and have merely passed: such as the first of
 * several dates, or the last occurrence of a schedule that is left as it is.
 *
 * @param faults of the times of `next`, judged as if it began now
 */
export function stillWrong(faults: Fault[], current: CampaignDefinition, next: CampaignDefinition): Fault[] {
  const same = sameSchedule(current, next);
  const dates = datesOf(current);
  return faults.filter(({ pointer }) => {
    if (pointer === '/when/cutOff' && same && current.when.cutOff === next.when.cutOff) return false;
    if (!pointer.startsWith('/when/schedule')) return true;
    if (same) return false;
    const place = /^\/when\/schedule\/at\/(\d+)$/.exec(pointer);
    const date = place && datesOf(next)[Number(place[1])];
    return !(date && dates.includes(date) && current.when.timezone === next.when.timezone);
  });
}

function datesOf({ when: { schedule } }: CampaignDefinition): string[] {
  return schedule && 'at' in schedule && !('rrule' in schedule) ? schedule.at : [];
}

function sameSchedule(a: CampaignDefinition, b: CampaignDefinition): boolean {
  return a.when.timezone === b.when.timezone && isSame(a.when.schedule, b.when.schedule);
}

/** Whether two JSON values are the same, whatever the order of their fields. */
function isSame(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => isSame(a[key as keyof typeof a], b[key as keyof typeof b]));
}
