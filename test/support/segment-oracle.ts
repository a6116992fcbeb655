/**
 * What a segment means, read from the words of the grammar and worked out the plainest way: every profile,
 * every event, one after the other. It takes only types from the domain and nothing from the database, so that
 * it can be wrong only in ways of its own.
 */
import type { CountBounds, EventFilter, Occurrence, Period, Segment } from '../../domain/audience/segment.ts';
import type { SubscriptionFilter } from '../../domain/audience/segment.ts';
import { lengthOf, meets, momentOf } from './segment-oracle-conditions.ts';

export interface PersonEvent {
  name: string;
  /** Milliseconds since 1970. */
  at: number;
  properties: Record<string, unknown>;
}

export interface PersonSubscription {
  siteId: string;
  status: 'active' | 'optedOut' | 'expired';
  transport: string;
  browserType?: string | undefined;
  platformName?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  timezone?: string | undefined;
  topics: string[];
  customAttributes: Record<string, unknown>;
  createdAt: Date;
  syncedAt: Date;
}

export interface PersonMessage {
  campaignId: string;
  sentAt?: number | undefined;
  receipts: { kind: 'delivered' | 'viewed' | 'clicked' | 'dismissed'; at: number }[];
}

/** A profile and all that is known about it. */
export interface Person {
  id: string;
  identity?: string | undefined;
  email?: string | undefined;
  name?: string | undefined;
  timezone?: string | undefined;
  language?: string | undefined;
  country?: string | undefined;
  testProfile: boolean;
  properties: Record<string, unknown>;
  events: PersonEvent[];
  subscriptions: PersonSubscription[];
  messages: PersonMessage[];
}

export interface World {
  people: Person[];
  /** What messages of a campaign can be asked for. */
  campaigns: Map<string, { name: string; labels: string[]; channel: string; siteId: string }>;
  lists: Map<string, Set<string>>;
  segments: Map<string, Segment>;
}

/** Hears of every judgement on the way: what kind of thing was judged, and whether it held. */
export type Witness = (what: string, held: boolean) => void;

const NAMED = ['identity', 'email', 'name', 'timezone', 'language', 'country', 'testProfile'] as const;
const NAMED_OF_SUBSCRIPTION = [
  'siteId',
  'transport',
  'status',
  'browserType',
  'platformName',
  'language',
  'country',
  'timezone',
  'topics',
  'createdAt',
  'syncedAt',
] as const;

/** @returns the ids of those that the segment holds for */
export function membersOf(world: World, segment: Segment, now: number, witness?: Witness): Set<string> {
  const found = new Set<string>();
  for (const person of world.people) if (holds(world, segment, person, now, witness)) found.add(person.id);
  return found;
}

/** @returns whether the segment holds for the person; every part of it is judged, whatever the others say */
export function holds(
  world: World,
  segment: Segment,
  person: Person,
  now: number,
  witness: Witness = () => {},
): boolean {
  const told = (what: string, held: boolean): boolean => {
    witness(what, held);
    return held;
  };
  const judge = (part: Segment): boolean => {
    if ('all' in part) return told('all', !part.all.map(judge).includes(false));
    if ('any' in part) return told('any', part.any.map(judge).includes(true));
    if ('not' in part) return told('not', !judge(part.not));
    if ('did' in part) return judgeCount('did', part.did, true);
    if ('didNot' in part) return judgeCount('didNot', part.didNot, false);
    if ('firstDid' in part) return judgeOccurrence('firstDid', part.firstDid, Math.min);
    if ('lastDid' in part) return judgeOccurrence('lastDid', part.lastDid, Math.max);
    if ('subscription' in part) return judgeSubscription(part.subscription);
    if ('segment' in part) {
      const saved = world.segments.get(part.segment);
      if (saved === undefined) throw new Error(`there is no segment ${part.segment}`);
      return told('segment', judge(saved));
    }
    if ('inList' in part) {
      const list = world.lists.get(part.inList);
      if (list === undefined) throw new Error(`there is no list ${part.inList}`);
      return told('inList', list.has(person.id));
    }
    return told(`profile ${part.op}`, meets(part, scopeOf(person.properties, person, NAMED), now));
  };

  /** The instants at which the person did it, as often as it was done. */
  const timesOf = ({ event, where }: EventFilter): number[] =>
    [...person.events, ...ownEventsOf(world, person)]
      .filter((one) => one.name === event)
      .filter((one) => {
        const verdicts = (where ?? []).map((condition) =>
          told(
            `${event.startsWith('Notification ') ? 'own' : 'event'} ${condition.op}`,
            meets(condition, one.properties, one.at),
          ),
        );
        return !verdicts.includes(false);
      })
      .map((one) => one.at);

  const judgeCount = (
    kind: string,
    behaviour: Occurrence & { count?: CountBounds | undefined },
    wanted: boolean,
  ): boolean => {
    const times = timesOf(behaviour).filter((at) => liesIn(behaviour, at, now));
    const held = isWithin(behaviour.count, times.length) === wanted;
    for (const bound of Object.keys(behaviour.count ?? { default: 1 })) told(`count ${bound}`, held);
    return tellOfEvent(kind, behaviour, held);
  };

  const judgeOccurrence = (
    kind: string,
    occurrence: Occurrence,
    choose: (...times: number[]) => number,
  ): boolean => {
    const times = timesOf(occurrence);
    const held = times.length > 0 && liesIn(occurrence, choose(...times), now);
    return tellOfEvent(kind, occurrence, held);
  };

  const tellOfEvent = (kind: string, occurrence: Occurrence, held: boolean): boolean => {
    const ends = (['within', 'between', 'before', 'after'] as const).filter((end) => occurrence[end]);
    told(`${kind} ${ends.join(' and ') || 'ever'}`, held);
    if (occurrence.event.startsWith('Notification ')) told(`own ${occurrence.event}`, held);
    return told(kind, held);
  };

  const judgeSubscription = ({ siteId, status, where }: SubscriptionFilter): boolean => {
    const held = person.subscriptions
      .filter((one) => siteId === undefined || one.siteId === siteId)
      .filter((one) => status === 'any' || one.status === (status ?? 'active'))
      .map((one) => {
        const scope = scopeOf(one.customAttributes, one, NAMED_OF_SUBSCRIPTION);
        return (where ?? []).map((condition) =>
          told(`subscription ${condition.op}`, meets(condition, scope, now)),
        );
      })
      .some((verdicts) => !verdicts.includes(false));
    told(`subscription status ${status ?? 'default'}`, held);
    if (siteId !== undefined) told('subscription siteId', held);
    return told('subscription', held);
  };

  return judge(segment);
}

/** What we did ourselves to the person, and what their browsers reported of it. */
function ownEventsOf(world: World, person: Person): PersonEvent[] {
  return person.messages.flatMap(({ campaignId, sentAt, receipts }) => {
    const campaign = world.campaigns.get(campaignId);
    if (!campaign) throw new Error(`there is no campaign ${campaignId}`);
    const { name, labels, channel, siteId } = campaign;
    const properties = { campaignId, campaignName: name, labels, channel, siteId };
    const reported = { delivered: 'Delivered', viewed: 'Viewed', clicked: 'Clicked', dismissed: 'Dismissed' };
    const events = receipts.map(({ kind, at }) => ({
      name: `Notification ${reported[kind]}`,
      at,
      properties,
    }));
    return sentAt === undefined ? events : [...events, { name: 'Notification Sent', at: sentAt, properties }];
  });
}

/** Free values, and in the place of those with a reserved name what the thing itself has there, if anything. */
function scopeOf<T extends object>(
  free: Record<string, unknown>,
  thing: T,
  reserved: readonly (keyof T & string)[],
): Record<string, unknown> {
  const scope = Object.entries(free).filter(([name]) => !reserved.includes(name as keyof T & string));
  for (const name of reserved) if (thing[name] !== undefined) scope.push([name, thing[name]]);
  return Object.fromEntries(scope);
}

function liesIn({ within, between, before, after }: Period, at: number, now: number): boolean {
  if (within !== undefined && at < now - lengthOf(within)) return false;
  if (between !== undefined && (at < momentOf(between[0]) || at > momentOf(between[1]))) return false;
  if (before !== undefined && at >= momentOf(before)) return false;
  return after === undefined || at > momentOf(after);
}

function isWithin(count: CountBounds | undefined, times: number): boolean {
  const { eq, gt, gte, lt, lte } = count ?? { gte: 1 };
  if (eq !== undefined && times !== eq) return false;
  if (gt !== undefined && times <= gt) return false;
  if (gte !== undefined && times < gte) return false;
  if (lt !== undefined && times >= lt) return false;
  return lte === undefined || times <= lte;
}
