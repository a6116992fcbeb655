import type { Connection } from 'mongoose';
import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import { matchesAll, type Condition } from '../../domain/audience/conditions.ts';
import { namedOver } from '../../domain/profile.ts';
import { OWN_EVENTS, type SubscriptionFilter } from '../../domain/audience/segment.ts';
import { boundAt } from './entry.ts';
import { postedConditions } from './conditions.ts';
import { or, type Filter } from './filter.ts';
import { PARTS } from './parts.ts';
import { atomFilter, type FilterOptions } from './profile-filter.ts';
import type { Atom, Range } from './plan.ts';
import { aggregated, inBatches, type Deadline } from './query.ts';

type EventAtom = Extract<Atom, { kind: 'times' | 'edge' }>;

/** Finds out for whom a question holds that profiles' documents alone do not answer. */
export interface Holders {
  /** Whom it holds for, each once; with ids: only those among them. */
  of(atom: Atom, ids: string[] | null, deadline: Deadline): AsyncIterable<string>;
  /** Whom `of` must be asked about: right for everyone else is what the document says. */
  touched(atom: Atom, deadline: Deadline): AsyncIterable<string>;
}

/**
 * @param campaigns those there are, for questions about our own messages
 */
export function createHolders(
  connection: Connection,
  options: FilterOptions,
  campaigns: () => Promise<{ id: string; definition: CampaignDefinition }[]>,
): Holders {
  const collection = (name: string) => connection.collection(name);
  const among = (ids: string[] | null): Filter => (ids === null ? {} : { profileId: { $in: ids } });

  function of(atom: Atom, ids: string[] | null, deadline: Deadline): AsyncIterable<string> {
    switch (atom.kind) {
      case 'property':
        throw new Error('a property is answered by the document');
      case 'list':
        return inList(atom.listId, ids, deadline);
      case 'subscription':
        return subscribed(atom.filter, ids, deadline);
      case 'times':
      case 'edge':
        switch (atom.source) {
          case 'rollup':
            return ofSpilled(atom, ids, deadline);
          case 'events':
            return ofEvents(atom, ids, deadline);
          case 'messages':
            return ofMessages(atom, ids, deadline);
        }
    }
  }

  async function* inList(listId: string, ids: string[] | null, deadline: Deadline): AsyncGenerator<string> {
    const pipeline = [{ $match: { listId, ...among(ids) } }, { $project: { _id: 0, profileId: 1 } }];
    for await (const row of aggregated<{ profileId: string }>(collection('listMembers'), pipeline, deadline))
      yield row.profileId;
  }

  async function* subscribed(
    { siteId, status = 'active', where = [] }: SubscriptionFilter,
    ids: string[] | null,
    deadline: Deadline,
  ): AsyncGenerator<string> {
    const match = {
      ...(siteId === undefined ? {} : { siteId }),
      ...(status === 'any' ? {} : { status }),
      ...among(ids),
    };
    const seen = new Set<string>();
    const pipeline = [{ $match: match }, { $project: { keys: 0, endpoint: 0 } }];
    for await (const row of aggregated<SubscriptionRow>(collection('subscriptions'), pipeline, deadline)) {
      if (seen.has(row.profileId) || !matchesAll(where, subscriptionScope(row), options.nowMs)) continue;
      seen.add(row.profileId);
      yield row.profileId;
    }
  }

  /** Events as they were posted: counted by the server when it can judge the conditions itself. */
  async function* ofEvents(
    atom: EventAtom,
    ids: string[] | null,
    deadline: Deadline,
  ): AsyncGenerator<string> {
    const where = atom.event.where ?? [];
    const { filter, exact } = postedConditions(where, 'properties');
    // The first and the last are looked for among all of them, and only then held against the range.
    const time = atom.kind === 'times' ? timeIn(atom.range) : {};
    const match = { $match: { name: atom.event.event, ...time, ...among(ids), ...filter } };
    if (exact) {
      yield* grouped('events', [match], '$time', atom, deadline);
      return;
    }
    const tallies = new Map<string, Tally>();
    const shown = { $project: { _id: 0, profileId: 1, time: 1, properties: 1 } };
    for await (const row of aggregated<EventRow>(collection('events'), [match, shown], deadline)) {
      if (matchesAll(where, row.properties, row.time.getTime())) count(tallies, row.profileId, row.time);
    }
    for (const [profileId, tally] of tallies) if (holds(atom, tally)) yield profileId;
  }

  /** Rows of messages hold what we sent, their receipts what browsers reported. */
  async function* ofMessages(
    atom: EventAtom,
    ids: string[] | null,
    deadline: Deadline,
  ): AsyncGenerator<string> {
    const campaignIds = await campaignsMeeting(atom.event.where ?? []);
    if (campaignIds?.length === 0) return;
    const ofCampaigns = campaignIds === null ? {} : { campaignId: { $in: campaignIds } };
    const sent = { $match: { ...ofCampaigns, ...among(ids), sentAt: { $type: 'date' } } };
    const kind = KIND_OF[atom.event.event];
    if (kind === 'sent') {
      const inTime = atom.kind === 'times' ? [{ $match: timeIn(atom.range, 'sentAt') }] : [];
      yield* grouped('messages', [sent, ...inTime], '$sentAt', atom, deadline);
      return;
    }
    const reported = { $match: { ...ofCampaigns, ...among(ids), 'receipts.kind': kind } };
    const each = [{ $project: { profileId: 1, receipts: 1 } }, { $unwind: '$receipts' }];
    const inTime = atom.kind === 'times' ? timeIn(atom.range, 'receipts.at') : {};
    const wanted = { $match: { 'receipts.kind': kind, ...inTime } };
    yield* grouped('messages', [reported, ...each, wanted], '$receipts.at', atom, deadline);
  }

  /** @returns null when every campaign meets the conditions because there are none */
  async function campaignsMeeting(where: Condition[]): Promise<string[] | null> {
    if (where.length === 0) return null;
    const all = await campaigns();
    return all.filter((one) => matchesAll(where, campaignScope(one), options.nowMs)).map((one) => one.id);
  }

  async function* grouped(
    name: string,
    stages: object[],
    time: string,
    atom: EventAtom,
    deadline: Deadline,
  ): AsyncGenerator<string> {
    const group =
      atom.kind === 'times'
        ? { $group: { _id: '$profileId', n: { $sum: 1 } } }
        : { $group: { _id: '$profileId', at: { [atom.which === 'first' ? '$min' : '$max']: time } } };
    const meets = atom.kind === 'times' ? { n: { $gte: atom.least } } : timeIn(atom.range, 'at');
    const pipeline = [...stages, group, { $match: meets }, { $project: { _id: 1 } }];
    for await (const row of aggregated<{ _id: string }>(collection(name), pipeline, deadline)) yield row._id;
  }

  /** Profiles of whose entries some have left the document: all of them together, each counted once. */
  async function* ofSpilled(
    atom: EventAtom,
    ids: string[] | null,
    deadline: Deadline,
  ): AsyncGenerator<string> {
    const key = options.keyOf(atom.event.event);
    if (key === undefined) return;
    const from = boundAt(atom.range.fromMs);
    const to = atom.range.toMs === Infinity ? '~' : boundAt(atom.range.toMs);
    const match = { $match: { ...(ids === null ? {} : { _id: { $in: ids } }), ...touchedOfAll(atom) } };
    const shown = { $project: { [`did.${key}`]: 1 } };
    const rows = aggregated<SpilledRow>(collection('profiles'), [match, shown], deadline);
    for await (const batch of inBatches(rows, SPILLED_AT_ONCE)) {
      const entriesOf = new Map(batch.map((doc) => [doc._id, new Set(doc.did?.[key] ?? [])]));
      const inRange = atom.kind === 'times' ? { greatest: { $gte: from }, least: { $lt: to } } : {};
      const chunks = [{ $match: { profileId: { $in: [...entriesOf.keys()] }, key, ...inRange } }];
      for await (const chunk of aggregated<ChunkRow>(collection('eventChunks'), chunks, deadline)) {
        const entries = entriesOf.get(chunk.profileId)!;
        for (const entry of chunk.entries) entries.add(entry);
      }
      for (const [profileId, entries] of entriesOf) if (entriesHold(atom, entries, from, to)) yield profileId;
    }
  }

  return {
    of,
    touched(atom, deadline) {
      if (atom.kind === 'property' || !('source' in atom) || atom.source !== 'rollup')
        return of(atom, null, deadline);
      return touchedIds(atom, deadline);
    },
  };

  function touchedOfAll(atom: Atom): Filter {
    return or(PARTS.map((part) => atomFilter(atom, part, options).touched));
  }

  async function* touchedIds(atom: Atom, deadline: Deadline): AsyncGenerator<string> {
    const pipeline = [{ $match: touchedOfAll(atom) }, { $project: { _id: 1 } }];
    for await (const row of aggregated<{ _id: string }>(collection('profiles'), pipeline, deadline))
      yield row._id;
  }
}

interface EventRow {
  profileId: string;
  time: Date;
  properties: Record<string, unknown>;
}

interface SpilledRow {
  _id: string;
  did?: Record<string, string[]>;
}

interface ChunkRow {
  profileId: string;
  entries: string[];
}

/** How many profiles' chunks are held at a time. */
const SPILLED_AT_ONCE = 200;

function entriesHold(atom: EventAtom, entries: Set<string>, from: string, to: string): boolean {
  if (atom.kind === 'times') {
    let times = 0;
    for (const entry of entries) if (entry >= from && entry < to) times += 1;
    return times >= atom.least;
  }
  let edge = '';
  for (const entry of entries)
    if (edge === '' || (atom.which === 'first' ? entry < edge : entry > edge)) edge = entry;
  return edge !== '' && edge >= from && edge < to;
}

interface SubscriptionRow extends Partial<Record<(typeof SUBSCRIPTION_FIELDS)[number], unknown>> {
  profileId: string;
  customAttributes?: Record<string, unknown>;
}

interface Tally {
  times: number;
  firstMs: number;
  lastMs: number;
}

function count(tallies: Map<string, Tally>, profileId: string, time: Date): void {
  const ms = time.getTime();
  const tally = tallies.get(profileId);
  if (!tally) {
    tallies.set(profileId, { times: 1, firstMs: ms, lastMs: ms });
    return;
  }
  tally.times += 1;
  tally.firstMs = Math.min(tally.firstMs, ms);
  tally.lastMs = Math.max(tally.lastMs, ms);
}

function holds(atom: EventAtom, tally: Tally): boolean {
  if (atom.kind === 'times') return tally.times >= atom.least;
  const ms = atom.which === 'first' ? tally.firstMs : tally.lastMs;
  return ms >= atom.range.fromMs && ms < atom.range.toMs;
}

/** The widest range that a date of the database's can be compared with. */
const MOST_DATE_MS = 8.64e15;

function timeIn({ fromMs, toMs }: Range, field = 'time'): Filter {
  const from = fromMs > -MOST_DATE_MS ? { $gte: new Date(Math.ceil(fromMs)) } : {};
  const to = toMs < MOST_DATE_MS ? { $lt: new Date(Math.ceil(toMs)) } : {};
  const test = { ...from, ...to };
  return Object.keys(test).length === 0 ? {} : { [field]: test };
}

const KIND_OF: Record<string, string> = Object.fromEntries(
  Object.entries(OWN_EVENTS).map(([kind, name]) => [name, kind]),
);

const SUBSCRIPTION_FIELDS = [
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

/** What a condition on a subscription sees: its attributes, and in the place of some its own fields. */
function subscriptionScope(row: SubscriptionRow): Record<string, unknown> {
  return namedOver(row.customAttributes ?? {}, row, SUBSCRIPTION_FIELDS);
}

/** What a condition on one of our own events sees. */
function campaignScope({
  id,
  definition,
}: {
  id: string;
  definition: CampaignDefinition;
}): Record<string, unknown> {
  const { name, labels, channel, siteId } = definition;
  return { campaignId: id, campaignName: name, labels, channel, siteId };
}
