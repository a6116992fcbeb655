import { Schema, type Connection } from 'mongoose';
import type { CountedEvent } from '../../domain/ports/audience.ts';
import { newId } from '../ids.ts';
import { addCounted, countedOf, type Counted } from './counted.ts';

/** An interval of arrivals in which events may be unfolded. Without `to` it is still growing. */
export interface FoldMark {
  _id: string;
  from: Date;
  to?: Date;
  /** Kept by a rebuild, which says now and again that it goes on: what is folded meanwhile it may overwrite. */
  rebuildSeenAt?: Date;
}

const foldMarkSchema = new Schema<FoldMark>(
  {
    _id: { type: String, required: true },
    from: { type: Date, required: true },
    to: Date,
    rebuildSeenAt: Date,
  },
  { collection: 'foldMarks', versionKey: false },
);

/** How long one mark grows before the next begins. */
const EPOCH_MS = 500;
/**
 * A mark that was not closed for so long belongs to a process that is gone, or stalled. No event that it covers
 * arrived later than this after its beginning, whatever the clocks did.
 */
const ABANDONED_MS = 60_000;
const REBUILD_ABANDONED_MS = 600_000;
/** How many events are held in memory at most: some 150 bytes each. Those of other marks are read when folded. */
const MOST_HELD = 300_000;
const MOST_HELD_OF_A_MARK = 50_000;

interface OpenMark {
  id: string;
  fromMs: number;
  toMs: number;
  openedAt: number;
  underWay: number;
  retired: boolean;
  stored: Promise<unknown>;
  /** What was stored under it; null when it is not held. */
  held: Counted | null;
}

/**
 * Says which events may not be folded yet, without touching the events: each process keeps a mark that begins
 * before the first of them is stored and is closed when all that it covers were stored. A mark that its process
 * cannot close is closed by others and, should the process come back, written once more.
 *
 * What this process stored under its marks it can hold until it is folded, which saves reading it: held is all
 * of a mark or nothing, and a mark that was closed without it covers the same events.
 */
export function createFoldMarks(connection: Connection) {
  const marks = connection.model<FoldMark>('FoldMark', foldMarkSchema).collection;
  let current: OpenMark | null = null;
  const closing = new Set<Promise<unknown>>();
  /** Of marks that this process has closed, by id. */
  const held = new Map<string, Counted>();
  let heldEvents = 0;
  let holds = false;

  function open(fromMs: number): OpenMark {
    const id = newId();
    const mark: OpenMark = {
      id,
      fromMs,
      toMs: fromMs,
      openedAt: performance.now(),
      underWay: 0,
      retired: false,
      stored: marks.insertOne({ _id: id as never, from: new Date(fromMs) }),
      held: holds ? countedOf([]) : null,
    };
    mark.stored.catch(() => {
      // Whoever waits for it fails; the next begins anew.
      if (current === mark) current = null;
      mark.retired = true;
    });
    setTimeout(() => retire(mark), EPOCH_MS).unref();
    return mark;
  }

  function retire(mark: OpenMark): void {
    if (current === mark) current = null;
    if (mark.retired) return;
    mark.retired = true;
    if (mark.underWay === 0) close(mark);
  }

  function close(mark: OpenMark): void {
    // An upsert: it may have been closed and folded by others while this process stood still.
    const written = marks
      .updateOne(
        { _id: mark.id as never },
        { $set: { from: new Date(mark.fromMs), to: new Date(mark.toMs) } },
        { upsert: true },
      )
      .then(() => {
        if (mark.held === null || !holds || heldEvents + sizeOf(mark.held) > MOST_HELD) return;
        held.set(mark.id, mark.held);
        heldEvents += sizeOf(mark.held);
      })
      // Left open, it is closed by others when it has been open for too long.
      .catch(() => undefined)
      .finally(() => closing.delete(written));
    closing.add(written);
  }

  function keep(mark: OpenMark, stored: CountedEvent[]): void {
    if (mark.held === null) return;
    if (sizeOf(mark.held) + stored.length > MOST_HELD_OF_A_MARK) mark.held = null;
    else addCounted(mark.held, stored);
  }

  function drop(ids: string[]): void {
    for (const id of ids) {
      const counted = held.get(id);
      if (counted !== undefined) heldEvents -= sizeOf(counted);
      held.delete(id);
    }
  }

  return {
    async announce(receivedAt: Date): Promise<(stored: CountedEvent[]) => void> {
      const ms = receivedAt.getTime();
      const stale = current !== null && performance.now() - current.openedAt >= EPOCH_MS;
      if (current !== null && (stale || ms < current.fromMs)) retire(current);
      current ??= open(ms);
      const mark = current;
      mark.underWay += 1;
      mark.toMs = Math.max(mark.toMs, ms);
      let over = false;
      const done = (stored: CountedEvent[]): void => {
        if (over) return;
        over = true;
        keep(mark, stored);
        mark.underWay -= 1;
        if (mark.retired && mark.underWay === 0) close(mark);
      };
      try {
        await mark.stored;
      } catch (error) {
        done([]);
        throw error;
      }
      return done;
    },

    /** From now on what is stored is held until it is folded; after `false` nothing is. */
    keepStored(wanted: boolean): void {
      holds = wanted;
      if (!wanted) drop([...held.keys()]);
    },

    /** @returns all that was stored under a mark that this process closed; undefined when it is not held */
    heldOf(id: string): Counted | undefined {
      return held.get(id);
    },

    async read(): Promise<FoldMark[]> {
      const before = [...held.keys()];
      const list = (await marks.find({}).sort({ from: 1 }).toArray()) as unknown as FoldMark[];
      // What is held of marks that are gone was folded by another process.
      const there = new Set(list.map((mark) => mark._id));
      drop(before.filter((id) => !there.has(id)));
      return list;
    },

    /** Closes what belongs to processes that are gone, by the database's clock. */
    async closeAbandoned(): Promise<void> {
      const open = { to: { $exists: false } };
      const before = (ms: number): object => ({ $subtract: ['$$NOW', ms] });
      await marks.updateMany(
        { ...open, rebuildSeenAt: { $exists: false }, $expr: { $lt: ['$from', before(ABANDONED_MS)] } },
        [{ $set: { to: { $add: ['$from', ABANDONED_MS] } } }],
      );
      await marks.updateMany(
        {
          ...open,
          rebuildSeenAt: { $exists: true },
          $expr: { $lt: ['$rebuildSeenAt', before(REBUILD_ABANDONED_MS)] },
        },
        [{ $set: { to: '$$NOW' } }],
      );
    },

    /** Takes away those that are still as they were read: one that was written once more covers more. */
    async remove(list: FoldMark[]): Promise<void> {
      const asRead = list.flatMap(({ _id, to }) => (to === undefined ? [] : [{ _id: _id as never, to }]));
      if (asRead.length === 0) return;
      await marks.deleteMany({ $or: asRead });
      drop(asRead.map((mark) => mark._id));
    },

    /** Begins the mark of a rebuild. @returns what says that it goes on, and what closes it */
    async hold(from: Date): Promise<{ touch(): Promise<void>; release(): Promise<void> }> {
      const id = newId() as never;
      await marks.insertOne({ _id: id, from, rebuildSeenAt: from });
      return {
        async touch() {
          await marks.updateOne({ _id: id }, [{ $set: { from, rebuildSeenAt: '$$NOW' } }, { $unset: 'to' }], {
            upsert: true,
          });
        },
        async release() {
          await marks.updateOne({ _id: id }, [{ $set: { from, to: '$$NOW' } }], { upsert: true });
        },
      };
    },

    /** Closes the mark in hand and waits until that is written. */
    async settle(): Promise<void> {
      if (current !== null) retire(current);
      await Promise.all(closing);
    },
  };
}

function sizeOf({ entries }: Counted): number {
  return entries.length;
}

export type FoldMarks = ReturnType<typeof createFoldMarks>;

function endOf(mark: FoldMark): number {
  if (mark.to !== undefined) return mark.to.getTime();
  return mark.rebuildSeenAt === undefined ? mark.from.getTime() + ABANDONED_MS : Infinity;
}

/** Arrivals from and to, both in it, in milliseconds, and the marks that say so. */
export interface Interval {
  fromMs: number;
  toMs: number;
  marks: FoldMark[];
}

/** The marks as intervals of milliseconds, in order, those that touch or overlap joined. */
export function joinedIntervals(marks: FoldMark[]): Interval[] {
  const joined: Interval[] = [];
  const inOrder = marks
    .map((mark) => ({ fromMs: mark.from.getTime(), toMs: endOf(mark), marks: [mark] }))
    .sort((a, b) => a.fromMs - b.fromMs);
  for (const next of inOrder) {
    const last = joined[joined.length - 1];
    if (last && next.fromMs <= last.toMs + 1) {
      last.toMs = Math.max(last.toMs, next.toMs);
      last.marks.push(...next.marks);
    } else joined.push(next);
  }
  return joined;
}
