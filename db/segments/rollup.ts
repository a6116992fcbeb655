import { randomUUID } from 'node:crypto';
import type { Connection } from 'mongoose';
import type { CountedEvent, RollupRepository } from '../../domain/ports/audience.ts';
import type { ServerClock } from '../../domain/ports/clock.ts';
import { createLaneRepository } from '../lanes.ts';
import { countedOf } from './counted.ts';
import type { EventNames } from './event-names.ts';
import { createFoldMarks, joinedIntervals, type FoldMark } from './fold-marks.ts';
import { createFolder } from './fold.ts';
import { putIntoParts } from './parts-anew.ts';
import { createProfileForm } from './profile-form.ts';

/** The lease documents of background folding and of making it all anew at a start, beside those of the lanes. */
const FOLD_LANE = 1_001;
export const FORM_LANE = 1_002;
const LEASE_MS = 20_000;
const RENEW_EVERY_MS = 5_000;
const EVERY_MS = 2_000;
/** What waits is folded in the background when the oldest of it has waited so long: a visit's events together. */
const FOLD_AFTER_MS = 10_000;
/** What another process stored it folds itself, from its memory, unless it does not come to it. */
const FOLD_OTHERS_AFTER_MS = 15_000;
const LOOK_AGAIN_MS = 20;
/** Another process that makes everything anew is waited for. */
const FORM_AGAIN_MS = 250;
const FORM_OF_OLD =
  'what segments are answered from is in the form of an earlier version: it is made anew, which takes some five minutes for a million profiles';
const FORM_GOES_ON = 'what segments are answered from is made anew: it goes on from where it was left off';
const FORM_ELSEWHERE = 'another process makes anew what segments are answered from: waiting for it';
/** How many events are grouped by profile before they are written. */
const EVENTS_PER_GROUP = 200_000;
const EVENTS_PER_BATCH = 5_000;
const PROFILES_PER_REBUILD = 2_000;
/** Who waits for it to be made anew is told how far it is. */
const TELL_EVERY = 100_000;
/** Up to so many profiles, only their own new events are folded before an answer about them. */
const FEW_PROFILES = 200;
/** A call may have stored events under a clock that lags by this much. */
const REBUILD_SLACK_MS = 60_000;

const SHOWN = { profileId: 1, name: 1, time: 1, eventId: 1 } as const;

/**
 * Keeps what segments count events by (decision 10). Folding is idempotent, so several processes and repeats do
 * no harm; which events may be unfolded is known from the marks alone.
 */
export function createRollupRepository(
  connection: Connection,
  clock: ServerClock,
  names: EventNames,
): RollupRepository {
  const form = createProfileForm(connection);
  const marks = createFoldMarks(connection);
  const folder = createFolder(connection, names);
  const events = connection.collection('events');
  const profiles = connection.collection('profiles');
  const lanes = createLaneRepository(connection);
  const owner = randomUUID();
  let running: Promise<void> = Promise.resolve();

  /**
   * Folds what the marks cover, and takes away those that were closed when they were read.
   * @param goesOn says that this process still folds; false: it was taken for dead, and another does
   * @returns whether it came to the end
   */
  async function foldMarked(list: FoldMark[], goesOn: () => Promise<boolean>): Promise<boolean> {
    let group = folder.gather();
    let covered: FoldMark[] = [];
    const fold = async (): Promise<boolean> => {
      await group.fold();
      group = folder.gather();
      return goesOn();
    };
    const unheld: FoldMark[] = [];
    for (const mark of list) {
      const held = marks.heldOf(mark._id);
      if (held === undefined) {
        unheld.push(mark);
        continue;
      }
      await group.add(held);
      covered.push(mark);
      if (group.size < EVENTS_PER_GROUP) continue;
      if (!(await fold())) return false;
      await marks.remove(covered);
      covered = [];
    }
    for (const interval of joinedIntervals(unheld)) {
      const upTo = interval.toMs === Infinity ? {} : { $lte: new Date(interval.toMs) };
      for await (const some of foldable({ receivedAt: { $gte: new Date(interval.fromMs), ...upTo } })) {
        await group.add(countedOf(some));
        if (group.size >= EVENTS_PER_GROUP && !(await fold())) return false;
      }
      covered.push(...interval.marks);
      if (group.size < EVENTS_PER_GROUP / 2) continue;
      if (!(await fold())) return false;
      await marks.remove(covered);
      covered = [];
    }
    await group.fold();
    await marks.remove(covered);
    return true;
  }

  /** Batch by batch: a turn of the event loop for each event would cost as much as reading it. */
  async function* foldable(filter: object): AsyncGenerator<CountedEvent[]> {
    const cursor = events.find(filter, { projection: { _id: 0, ...SHOWN }, batchSize: EVENTS_PER_BATCH });
    try {
      while (await cursor.hasNext()) yield cursor.readBufferedDocuments() as unknown as CountedEvent[];
    } finally {
      await cursor.close();
    }
  }

  /** One pass at a time: a second one, here or in another process, would only do the same again. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = running.then(work);
    running = turn.catch(() => undefined);
    return turn;
  }

  /** @returns what the work came to; null when another process holds the lane */
  async function alone<T>(
    lane: number,
    work: (goesOn: () => Promise<boolean>) => Promise<T>,
  ): Promise<T | null> {
    const token = await lanes.claim(lane, owner, LEASE_MS);
    if (token === null) return null;
    const renew = (): Promise<boolean> => lanes.renew(lane, token, LEASE_MS);
    // A large group takes longer than the lease.
    const timer = setInterval(() => void renew().catch(() => undefined), RENEW_EVERY_MS);
    try {
      return await work(renew);
    } finally {
      clearInterval(timer);
      await lanes.release(lane, token);
    }
  }

  /** @returns whether it came to the end of what `choose` leaves of the marks; false also when another folds */
  async function foldAlone(choose: (mark: FoldMark) => boolean): Promise<boolean> {
    const fold = async (goesOn: () => Promise<boolean>): Promise<boolean> =>
      foldMarked((await marks.read()).filter(choose), goesOn);
    return (await alone(FOLD_LANE, fold)) ?? false;
  }

  let waiting: Promise<void> | null = null;
  /** Calls that wait at the same time share one pass, which begins after each of them did. */
  function catchUpWithAll(): Promise<void> {
    if (waiting !== null) return waiting;
    const turn = inTurn(async () => {
      if (waiting === turn) waiting = null;
      if ((await marks.read()).length === 0) return;
      // Whoever folds goes on, or its lease runs out.
      while (!(await foldAlone(() => true)))
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    });
    waiting = turn;
    turn.catch(() => {
      if (waiting === turn) waiting = null;
    });
    return turn;
  }

  async function catchUpWithFew(profileIds: string[]): Promise<void> {
    const list = await marks.read();
    if (list.length === 0) return;
    const fromMs = Math.min(...list.map((mark) => mark.from.getTime()));
    const own = folder.gather();
    const filter = { profileId: { $in: profileIds }, receivedAt: { $gte: new Date(fromMs) } };
    for await (const some of foldable(filter)) await own.add(countedOf(some));
    await own.fold();
  }

  /** @param ids of profiles, in order */
  async function foldAnew(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const onPage = new Map(ids.map((id, place) => [id, place]));
    let byProfile = new Map<string, CountedEvent[]>();
    let held = 0;
    let next = 0;
    /** Writes the profiles before this one, those without events as well. */
    const putBefore = async (place: number): Promise<void> => {
      for (; next < place; next += 1) if (!byProfile.has(ids[next]!)) byProfile.set(ids[next]!, []);
      await folder.replace(byProfile);
      byProfile = new Map();
      held = 0;
    };
    // An event's key begins with its profile's: they come profile by profile.
    const range = { $gte: `${ids[0]!}:`, $lt: `${ids[ids.length - 1]!};` };
    for await (const some of foldable({ _id: range })) {
      for (const event of some) {
        // One that is on no page was erased, or came, meanwhile.
        const place = onPage.get(event.profileId);
        if (place === undefined) continue;
        const known = byProfile.get(event.profileId);
        if (known) {
          known.push(event);
        } else {
          if (held >= EVENTS_PER_GROUP) await putBefore(place);
          byProfile.set(event.profileId, [event]);
        }
        held += 1;
      }
    }
    await putBefore(ids.length);
  }

  /**
   * @param from the last profile, by id, of those that need not be gone through
   * @param goesOn told after each page how many were and up to which; false: it leaves off
   * @returns how many profiles were gone through
   */
  async function rebuild(
    from: string,
    goesOn: (count: number, upTo: string) => Promise<boolean>,
  ): Promise<number> {
    const mark = await marks.hold(new Date(clock.now().getTime() - REBUILD_SLACK_MS));
    try {
      let count = 0;
      for (let after = from; ;) {
        const page = await profiles
          .find({ _id: { $gt: after as never } }, { projection: { _id: 1 } })
          .sort({ _id: 1 })
          .limit(PROFILES_PER_REBUILD)
          .toArray();
        const ids = page.map((doc) => String(doc._id));
        if (ids.length === 0) break;
        await putIntoParts(profiles, ids);
        const half = Math.ceil(ids.length / 2);
        await Promise.all([foldAnew(ids.slice(0, half)), foldAnew(ids.slice(half))]);
        after = ids[ids.length - 1]!;
        count += ids.length;
        await mark.touch();
        if (!(await goesOn(count, after))) return count;
      }
      await form.written();
      return count;
    } finally {
      await mark.release();
    }
  }

  return {
    announce: marks.announce,

    catchUp: (profileIds) =>
      profileIds !== undefined && profileIds.length <= FEW_PROFILES
        ? catchUpWithFew(profileIds)
        : catchUpWithAll(),

    rebuild: () => rebuild('', () => Promise.resolve(true)),

    async ensureForm(log, signal) {
      let hasWaited = false;
      while (!(await form.isCurrent())) {
        signal?.throwIfAborted();
        const answer = await alone(FORM_LANE, async (isStillOurs) => {
          // Another process may have come to its end just before.
          if (await form.isCurrent()) return;
          const from = await form.writtenUpTo();
          log(from === '' ? FORM_OF_OLD : FORM_GOES_ON);
          let told = 0;
          await rebuild(from, async (count, upTo) => {
            // Whose lease is over may be behind another who goes on from where that one came to.
            if (!(await isStillOurs())) return false;
            await form.wroteUpTo(upTo);
            if (count - told >= TELL_EVERY) log(`${(told = count)} profiles are made anew`);
            return signal?.aborted !== true;
          });
        });
        if (answer !== null) continue;
        if (!hasWaited) log(FORM_ELSEWHERE);
        hasWaited = true;
        await new Promise((resolve) => setTimeout(resolve, FORM_AGAIN_MS));
      }
    },

    start(onTrouble) {
      marks.keepStored(true);
      let ended = false;
      let timer: NodeJS.Timeout | undefined;
      let pass: Promise<void> = Promise.resolve();

      const foldClosed = async (): Promise<void> => {
        await marks.closeAbandoned();
        const nowMs = clock.now().getTime();
        const isDue = (mark: FoldMark, afterMs: number): boolean => nowMs - mark.from.getTime() >= afterMs;
        const isOwn = (mark: FoldMark): boolean => marks.heldOf(mark._id) !== undefined;
        const list = await marks.read();
        if (!list.some((mark) => isDue(mark, isOwn(mark) ? FOLD_AFTER_MS : FOLD_OTHERS_AFTER_MS))) return;
        await inTurn(async () => {
          await foldAlone(
            (mark) => mark.to !== undefined && (isOwn(mark) || isDue(mark, FOLD_OTHERS_AFTER_MS)),
          );
        });
      };
      const again = (): void => {
        if (ended) return;
        timer = setTimeout(() => {
          pass = foldClosed().catch(onTrouble).finally(again);
        }, EVERY_MS);
      };
      again();
      return async () => {
        ended = true;
        clearTimeout(timer);
        await pass;
        marks.keepStored(false);
        await marks.settle();
      };
    },
  };
}
