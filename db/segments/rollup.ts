import type { Connection } from 'mongoose';
import type { RollupRepository } from '../../domain/ports/audience.ts';
import type { ServerClock } from '../../domain/ports/clock.ts';
import { countedOf, EVENTS_PER_GROUP, readCounted } from './counted.ts';
import type { EventNames } from './event-names.ts';
import { createFoldMarks, joinedIntervals, type FoldMark } from './fold-marks.ts';
import { createFolder } from './fold.ts';
import { createOneProcess, FOLD_LANE } from './one-process.ts';
import { createRebuild } from './rebuild.ts';

const EVERY_MS = 2_000;
/** What waits is folded in the background when the oldest of it has waited so long: a visit's events together. */
const FOLD_AFTER_MS = 10_000;
/** What another process stored it folds itself, from its memory, unless it does not come to it. */
const FOLD_OTHERS_AFTER_MS = 15_000;
const LOOK_AGAIN_MS = 20;
/** Up to so many profiles, only their own new events are folded before an answer about them. */
const FEW_PROFILES = 200;

/**
 * Keeps what segments count events by (decision 10). Folding is idempotent, so several processes and repeats do
 * no harm; which events may be unfolded is known from the marks alone.
 */
export function createRollupRepository(
  connection: Connection,
  clock: ServerClock,
  names: EventNames,
): RollupRepository {
  const marks = createFoldMarks(connection);
  const folder = createFolder(connection, names);
  const events = connection.collection('events');
  const oneProcess = createOneProcess(connection);
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
      for await (const some of readCounted(events, {
        receivedAt: { $gte: new Date(interval.fromMs), ...upTo },
      })) {
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

  /** One pass at a time: a second one, here or in another process, would only do the same again. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    const turn = running.then(work);
    running = turn.catch(() => undefined);
    return turn;
  }

  /** @returns whether it came to the end of what `choose` leaves of the marks; false also when another folds */
  async function foldAlone(choose: (mark: FoldMark) => boolean): Promise<boolean> {
    const fold = async (goesOn: () => Promise<boolean>): Promise<boolean> =>
      foldMarked((await marks.read()).filter(choose), goesOn);
    return (await oneProcess.alone(FOLD_LANE, fold)) ?? false;
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
    for await (const some of readCounted(events, filter)) await own.add(countedOf(some));
    await own.fold();
  }

  return {
    ...createRebuild({ connection, clock, marks, folder, oneProcess }),

    announce: marks.announce,

    catchUp: (profileIds) =>
      profileIds !== undefined && profileIds.length <= FEW_PROFILES
        ? catchUpWithFew(profileIds)
        : catchUpWithAll(),

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
