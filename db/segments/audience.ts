import type { Connection } from 'mongoose';
import { UnknownReference } from '../../domain/audience/audience-errors.ts';
import type { CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type {
  AudienceRepository,
  Reach,
  ReachOptions,
  RollupRepository,
} from '../../domain/ports/audience.ts';
import type { Profile } from '../../domain/profile.ts';
import { leavesOf, referencesOf, type Segment } from '../../domain/audience/segment.ts';
import { PROFILE_PROJECTION, toProfile, type ProfileDoc } from '../profile-document.ts';
import { checkSize, savedBehind } from '../references.ts';
import type { EventNames } from './event-names.ts';
import { and, NEVER, none, or, type Filter } from './filter.ts';
import { createHolders, type Holders } from './holders.ts';
import { PARTS, partOf, type Part } from './parts.ts';
import { atomsOf, planOf, type Atom, type Plan } from './plan.ts';
import {
  atomFilter,
  filterOf,
  filterOfPart,
  isElsewhere,
  openAtoms,
  wideFilter,
  type AtomFilter,
} from './profile-filter.ts';
import { aggregated, deadlineIn, firstOf, inBatches, type Deadline } from './query.ts';
import { reachGroup, type Counts } from './reach.ts';

/** How long an answer may take, in milliseconds, and how many are worked on at a time in one process. */
export interface AudienceLimits {
  estimateMs: number;
  membersMs: number;
  pageMs: number;
  estimatesAtOnce: number;
}

export const AUDIENCE_LIMITS: AudienceLimits = {
  estimateMs: 20_000,
  membersMs: 20_000,
  pageMs: 120_000,
  estimatesAtOnce: 2,
};

const IDS_AT_ONCE = 5_000;
/** A query names each of them once for every question that is answered elsewhere; it must stay below 16 MB. */
const NAMED_IN_A_QUERY = 200_000;
/** A page that found no one for so long is handed over empty, so that whoever asks sees that it goes on. */
const EMPTY_PAGE_AFTER_MS = 15_000;

/** A segment made ready to be asked. */
interface Question {
  plan: Plan;
  of(atom: Atom, part: Part): AtomFilter;
  /** What documents alone do not answer for everyone. */
  open: Atom[];
  holders: Holders;
}

/** Profiles of one part, and the filter that is right for them. */
interface Looked {
  part: Part;
  ids: string[];
  filter: Filter;
}

/** The one compiler of segments: for the population, for a page of profiles, and for one. */
export function createAudienceRepository(
  connection: Connection,
  rollup: RollupRepository,
  names: EventNames,
  limits: AudienceLimits = AUDIENCE_LIMITS,
): AudienceRepository {
  const profiles = connection.collection('profiles');
  const inTurn = createTurns(limits.estimatesAtOnce);

  /** @param known the saved segments that it refers to, where they were read already */
  async function ask(segment: Segment, nowMs: number, known?: Map<string, Segment>): Promise<Question> {
    const saved = known ?? (await savedBehind(connection, segment));
    await checkLists([segment, ...saved.values()]);
    const keys = await names.keysOf(namesOf([segment, ...saved.values()]));
    const room = await names.mayFollowMore();
    const plan = planOf(segment, nowMs, saved, (name) => room || keys.has(name));
    const options = { nowMs, keyOf: (name: string) => keys.get(name) };
    const atoms = atomsOf(plan);
    const filters = new Map(
      PARTS.map((part) => [part, new Map(atoms.map((atom) => [atom, atomFilter(atom, part, options)]))]),
    );
    const of = (atom: Atom, part: Part): AtomFilter => filters.get(part)!.get(atom)!;
    return {
      plan,
      of,
      open: openAtoms(plan, (atom) => of(atom, PARTS[0])),
      holders: createHolders(connection, options, campaigns),
    };
  }

  /** @throws UnknownReference when one of the lists of these segments is not there */
  async function checkLists(segments: Segment[]): Promise<void> {
    const ids = [...new Set(segments.flatMap((segment) => referencesOf(segment).lists))];
    if (ids.length === 0) return;
    const there = await connection
      .collection('lists')
      .find({ _id: { $in: ids as never[] } }, { projection: { _id: 1 } })
      .toArray();
    const known = new Set(there.map((doc) => String(doc._id)));
    for (const id of ids) if (!known.has(id)) throw new UnknownReference('list', id);
  }

  async function campaigns(): Promise<{ id: string; definition: CampaignDefinition }[]> {
    const docs = await connection
      .collection('campaigns')
      .find({ status: { $ne: 'draft' } }, { projection: { definition: 1 } })
      .toArray();
    return docs.map((doc) => ({ id: String(doc._id), definition: doc.definition as CampaignDefinition }));
  }

  /**
   * The filters that are right for these profiles, by part: what documents do not tell is looked up for them.
   * @param known atoms of which it is known already whom among the ids they hold for
   */
  async function exactFilters(
    question: Question,
    ids: string[],
    deadline: Deadline,
    known = new Map<Atom, string[]>(),
  ): Promise<Looked[]> {
    const byPart = new Map<Part, string[]>(PARTS.map((part) => [part, []]));
    for (const id of ids) byPart.get(partOf(id))!.push(id);
    const holding = new Map<Atom, Set<string>>();
    const touching = new Map<Atom, Set<string>>();
    for (const atom of question.open) {
      const held = known.get(atom) ?? (await collected(question.holders.of(atom, ids, deadline)));
      holding.set(atom, new Set(held));
      if (isElsewhere(atom)) continue;
      const touched = or(PARTS.map((part) => question.of(atom, part).touched));
      const pipeline = [{ $match: and([{ _id: { $in: ids } }, touched]) }, { $project: { _id: 1 } }];
      const rows = await collected(aggregated<{ _id: string }>(profiles, pipeline, deadline));
      touching.set(atom, new Set(rows.map((row) => row._id)));
    }
    const among = (some: string[], set: Set<string>): string[] => some.filter((id) => set.has(id));
    return [...byPart].flatMap(([part, some]) => {
      if (some.length === 0) return [];
      const filter = filterOf(question.plan, (atom) => {
        const own = question.of(atom, part).filter;
        const held = holding.get(atom);
        if (held === undefined) return own;
        const holders = among(some, held);
        const answered = holders.length === 0 ? NEVER : { _id: { $in: holders } };
        const touched = touching.get(atom);
        if (touched === undefined) return answered;
        const others = among(some, touched);
        return others.length === 0 ? own : or([and([own, none({ _id: { $in: others } })]), answered]);
      });
      return [{ part, ids: some, filter }];
    });
  }

  async function memberIds(question: Question, all: string[], deadline: Deadline): Promise<string[]> {
    const members: string[] = [];
    const atOnce = idsAtOnce(question);
    for (let i = 0; i < all.length; i += atOnce) {
      const looked = await exactFilters(question, all.slice(i, i + atOnce), deadline);
      const asked = looked.filter(({ filter }) => filter !== NEVER);
      if (asked.length === 0) continue;
      const match = or(asked.map((one) => and([{ _id: { $in: one.ids } }, one.filter])));
      const pipeline = [{ $match: match }, { $project: { _id: 1 } }];
      for (const row of await collected(aggregated<{ _id: string }>(profiles, pipeline, deadline)))
        members.push(row._id);
    }
    return members;
  }

  /** Counts what each filter holds for, side by side. */
  async function reachOf(filters: Filter[], group: object, deadline: Deadline): Promise<Counts> {
    const answers = await Promise.all(
      filters
        .filter((filter) => filter !== NEVER)
        .map((filter) =>
          firstOf<{ qualified: number; webPush: number; webhook: number; webPopup: number }>(
            profiles,
            [{ $match: filter }, { $group: group }],
            deadline,
          ),
        ),
    );
    const sum: Counts = [0, 0, 0, 0];
    for (const counts of answers) {
      if (counts === undefined) continue;
      [counts.qualified, counts.webPush, counts.webhook, counts.webPopup].forEach(
        (value, i) => (sum[i]! += value),
      );
    }
    return sum;
  }

  /**
   * Counts documents as if nothing else were known, then puts right whatever another collection, or an entry
   * that left its document, says about: only those profiles are gone through.
   */
  async function estimate(question: Question, options: ReachOptions, deadline: Deadline): Promise<Reach> {
    const group = reachGroup(options);
    const plain = new Map(
      PARTS.map((part) => [part, filterOfPart(question.plan, part, (atom) => question.of(atom, part))]),
    );
    const sum = await reachOf([...plain.values()], group, deadline);
    const seen = question.open.length > 1 ? new Set<string>() : null;
    for (const atom of question.open) {
      for await (const batch of inBatches(question.holders.touched(atom, deadline), idsAtOnce(question))) {
        const ids = seen === null ? batch : batch.filter((id) => !seen.has(id));
        if (ids.length === 0) continue;
        for (const id of ids) seen?.add(id);
        const known = isElsewhere(atom) ? new Map([[atom, ids]]) : new Map<Atom, string[]>();
        const looked = await exactFilters(question, ids, deadline, known);
        const right = looked.map((one) => and([{ _id: { $in: one.ids } }, one.filter]));
        const before = looked.map((one) => and([{ _id: { $in: one.ids } }, plain.get(one.part)!]));
        const [more, less] = [await reachOf(right, group, deadline), await reachOf(before, group, deadline)];
        more.forEach((value, i) => (sum[i]! += value - less[i]!));
      }
    }
    // Parts of it are counted one after the other while the profiles change.
    const [qualified, webPush, webhook, webPopup] = sum.map((value) => Math.max(0, value)) as Counts;
    return { qualified, reachable: { webPush, webhook, webPopup } };
  }

  /** Profiles that a filter lets through, by id, after one. */
  async function candidates(
    filter: Filter,
    after: string | null,
    limit: number,
    deadline: Deadline,
  ): Promise<Profile[]> {
    const later = after === null ? {} : { _id: { $gt: after as never } };
    try {
      const docs = await profiles
        .find({ $and: [later, filter] }, { projection: PROFILE_PROJECTION, maxTimeMS: deadline.left() })
        .sort({ _id: 1 })
        .limit(limit)
        .hint({ _id: 1 })
        .toArray();
      return docs.map((doc) => toProfile(doc as unknown as ProfileDoc));
    } catch (error) {
      throw deadline.named(error);
    }
  }

  return {
    async estimate(segment, options) {
      const saved = await savedBehind(connection, segment);
      checkSize(segment, saved);
      return inTurn(async () => {
        const deadline = deadlineIn(limits.estimateMs);
        await deadline.of(rollup.catchUp());
        return estimate(await ask(segment, options.nowMs, saved), options, deadline);
      });
    },

    async members(segment, profileIds, nowMs) {
      const deadline = deadlineIn(limits.membersMs);
      await deadline.of(rollup.catchUp(profileIds));
      const question = await ask(segment, nowMs);
      return new Set(await memberIds(question, profileIds, deadline));
    },

    async page(segment, after, limit, nowMs) {
      const startedAt = performance.now();
      const deadline = deadlineIn(limits.pageMs);
      await deadline.of(rollup.catchUp());
      const question = await ask(segment, nowMs);
      const wide = or(
        PARTS.map((part) => and([wideFilter(question.plan, (atom) => question.of(atom, part)), { part }])),
      );
      if (wide === NEVER) return { profiles: [], after: null };
      for (let from = after; ;) {
        const found = await candidates(wide, from, limit, deadline);
        const next = found.length < limit ? null : (found[found.length - 1]?.id ?? null);
        if (question.open.length === 0 || found.length === 0) return { profiles: found, after: next };
        const ids = found.map((profile) => profile.id);
        const members = new Set(await memberIds(question, ids, deadline));
        const page = found.filter((profile) => members.has(profile.id));
        const isLate = performance.now() - startedAt > EMPTY_PAGE_AFTER_MS;
        if (page.length > 0 || next === null || isLate) return { profiles: page, after: next };
        from = next;
      }
    },
  };
}

function idsAtOnce({ open }: Question): number {
  return Math.min(IDS_AT_ONCE, Math.floor(NAMED_IN_A_QUERY / Math.max(1, open.length)));
}

/** The names of the events that segments count. */
function namesOf(segments: Segment[]): string[] {
  const found = new Set<string>();
  for (const part of segments.flatMap(leavesOf)) {
    if ('did' in part) found.add(part.did.event);
    else if ('didNot' in part) found.add(part.didNot.event);
    else if ('firstDid' in part) found.add(part.firstDid.event);
    else if ('lastDid' in part) found.add(part.lastDid.event);
  }
  return [...found];
}

async function collected<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

/** Lets so many run at a time; the others wait their turn. */
function createTurns(atOnce: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0;
  const queue: (() => void)[] = [];
  return async (work) => {
    if (running >= atOnce) await new Promise<void>((resolve) => queue.push(resolve));
    else running += 1;
    try {
      return await work();
    } finally {
      const next = queue.shift();
      if (next) next();
      else running -= 1;
    }
  };
}
