import { randomUUID } from 'node:crypto';
import type { Connection } from 'mongoose';
import type { RollupRepository, ServerClock } from '../../domain/ports/repositories.ts';
import { createLaneRepository } from '../lanes.ts';
import type { EventNames } from './event-names.ts';
import { createFoldMarks, joinedIntervals, type FoldMark } from './fold-marks.ts';
import { createFolder, type Foldable } from './fold.ts';

/** The lease document of background folding, beside those of the lanes. */
const FOLD_LANE = 1_001;
const LEASE_MS = 30_000;
const EVERY_MS = 2_000;
/** What waits is folded in the background when the oldest of it has waited so long: a visit's events together. */
const FOLD_AFTER_MS = 5_000;
/** How long an answer waits for another process that is folding, before it folds as well. */
const WAIT_FOR_HOLDER_MS = 5_000;
const LOOK_AGAIN_MS = 20;
/** How many events are grouped by profile before they are written. */
const EVENTS_PER_GROUP = 20_000;
const PROFILES_PER_REBUILD = 2_000;
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
  const marks = createFoldMarks(connection);
  const folder = createFolder(connection, names);
  const events = connection.collection('events');
  const profiles = connection.collection('profiles');
  const lanes = createLaneRepository(connection);
  const owner = randomUUID();
  let running: Promise<void> = Promise.resolve();

  /** Folds what the marks cover, and takes away those that were closed when they were read. */
  async function foldMarked(list: FoldMark[]): Promise<void> {
    for (const { fromMs, toMs } of joinedIntervals(list)) {
      const upTo = toMs === Infinity ? {} : { $lte: new Date(toMs) };
      await foldWhere({ receivedAt: { $gte: new Date(fromMs), ...upTo } });
    }
    await marks.remove(list.flatMap((mark) => (mark.to === undefined ? [] : [mark._id])));
  }

  async function foldWhere(filter: object): Promise<void> {
    let group: Foldable[] = [];
    for await (const doc of events.find(filter, { projection: { _id: 0, ...SHOWN }, batchSize: 5_000 })) {
      group.push(doc as unknown as Foldable);
      if (group.length < EVENTS_PER_GROUP) continue;
      await folder.fold(group);
      group = [];
    }
    await folder.fold(group);
  }

  /** One pass at a time: a second one, here or in another process, would only do the same again. */
  function inTurn(waitMs: number, work: (alone: boolean) => Promise<void>): Promise<void> {
    const turn = running.then(async () => {
      const token = await claim(waitMs);
      try {
        await work(token !== null);
      } finally {
        if (token !== null) await lanes.release(FOLD_LANE, token);
      }
    });
    running = turn.catch(() => undefined);
    return turn;
  }

  async function claim(waitMs: number): Promise<string | null> {
    for (const end = performance.now() + waitMs; ;) {
      const token = await lanes.claim(FOLD_LANE, owner, LEASE_MS);
      if (token !== null || performance.now() >= end) return token;
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  let waiting: Promise<void> | null = null;
  /** Calls that wait at the same time share one pass, which begins after each of them did. */
  function catchUpWithAll(): Promise<void> {
    waiting ??= inTurn(WAIT_FOR_HOLDER_MS, async () => {
      waiting = null;
      await foldMarked(await marks.read());
    });
    return waiting;
  }

  async function catchUpWithFew(profileIds: string[]): Promise<void> {
    const list = await marks.read();
    if (list.length === 0) return;
    const fromMs = Math.min(...list.map((mark) => mark.from.getTime()));
    await foldWhere({ profileId: { $in: profileIds }, receivedAt: { $gte: new Date(fromMs) } });
  }

  /** @param ids of profiles, in order */
  async function foldAnew(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const byProfile = new Map<string, Foldable[]>(ids.map((id) => [id, []]));
    // An event's key begins with its profile's: those of the page stand side by side.
    const range = { $gte: `${ids[0]!}:`, $lt: `${ids[ids.length - 1]!};` };
    const options = { projection: { _id: 0, ...SHOWN }, batchSize: 5_000 };
    for await (const doc of events.find({ _id: range as never }, options)) {
      const event = doc as unknown as Foldable;
      byProfile.get(event.profileId)?.push(event);
    }
    await folder.replace(byProfile);
  }

  return {
    announce: marks.announce,

    catchUp: (profileIds) =>
      profileIds !== undefined && profileIds.length <= FEW_PROFILES
        ? catchUpWithFew(profileIds)
        : catchUpWithAll(),

    async rebuild() {
      const mark = await marks.hold(new Date(clock.now().getTime() - REBUILD_SLACK_MS));
      try {
        let count = 0;
        for (let after = ''; ;) {
          const page = await profiles
            .find({ _id: { $gt: after as never } }, { projection: { _id: 1 } })
            .sort({ _id: 1 })
            .limit(PROFILES_PER_REBUILD)
            .toArray();
          if (page.length === 0) return count;
          const ids = page.map((doc) => String(doc._id));
          const half = Math.ceil(ids.length / 2);
          await Promise.all([foldAnew(ids.slice(0, half)), foldAnew(ids.slice(half))]);
          after = ids[ids.length - 1]!;
          count += ids.length;
          await mark.touch();
        }
      } finally {
        await mark.release();
      }
    },

    start(onTrouble) {
      let ended = false;
      let timer: NodeJS.Timeout | undefined;
      let pass: Promise<void> = Promise.resolve();

      const foldClosed = async (): Promise<void> => {
        await marks.closeAbandoned();
        const oldest = (await marks.read())[0];
        if (oldest === undefined || clock.now().getTime() - oldest.from.getTime() < FOLD_AFTER_MS) return;
        await inTurn(0, async (alone) => {
          if (!alone) return;
          const closed = (await marks.read()).filter((mark) => mark.to !== undefined);
          if (closed.length > 0) await foldMarked(closed);
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
        await marks.settle();
      };
    },
  };
}
