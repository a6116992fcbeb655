import type { Collection, Connection } from 'mongoose';
import { OPEN_STATES } from '../domain/delivery/message.ts';
import type { Run } from '../domain/delivery/run.ts';
import type { ServerClock } from '../domain/ports/clock.ts';
import type { RunProgressRepository } from '../domain/ports/runs.ts';
import { isRunOver, RUN_OVER_STATUSES } from '../domain/delivery/run.ts';
import type { RunCounts } from '../domain/delivery/run-progress.ts';
import { atOneInstant } from './snapshot.ts';

/** The figures that a run's document keeps. */
interface KeptCounts extends RunCounts {
  /** How long counting took, in milliseconds. */
  tookMs: number;
  /** What the run did then; once it is over nothing changes any more. */
  status: Run['status'];
}

const MINUTE_MS = 60_000;
/** Figures are kept for so many times as long as it took to count them: a huge run is counted seldom. */
const KEPT_TIMES = 20;
/** Figures that are to stand for so many times as long as it takes are counted anew: each part of a run may ask. */
const SHOWN_TIMES = 16 * KEPT_TIMES;
/** Figures that took longer to count than this are counted anew in the background. */
const SLOW_MS = 2_000;

interface OpenGroup {
  _id: { state: string; due: boolean };
  count: number;
  last: Date;
}

interface SettledGroup {
  _id: string;
  count: number;
  lately: number;
}

/** Counts the rows of runs from indexes alone, and keeps the figures in the run's document. */
export function createRunProgressRepository(
  connection: Connection,
  clock: ServerClock,
): RunProgressRepository {
  const runs = connection.collection('runs');
  const messages = connection.collection('messages');
  // Several who ask at once wait for the same answer.
  const counting = new Map<string, Promise<RunCounts>>();

  async function recount(run: Run): Promise<RunCounts> {
    const startedMs = performance.now();
    const counts = await countRows(connection, messages, run, clock.now());
    const tookMs = Math.round(performance.now() - startedMs);
    const kept: KeptCounts = { ...counts, tookMs, status: run.status };
    // What was counted before a run was over is not kept in the place of what it came to.
    await runs.updateOne(
      { _id: run.id as never, 'counts.status': { $nin: [...RUN_OVER_STATUSES] } },
      { $set: { counts: kept } },
    );
    return counts;
  }

  /** @param anew nothing that was begun before counts */
  async function count(run: Run, anew = false): Promise<RunCounts> {
    const key = `${run.id} ${run.status}`;
    if (anew) await counting.get(key)?.catch(() => undefined);
    const counted = counting.get(key) ?? recount(run).finally(() => counting.delete(key));
    counting.set(key, counted);
    return counted;
  }

  return {
    async counts(run, { youngerMs = 0, shownForMs = 0 } = {}) {
      if (run.status === 'missed') return nothing(run.createdAt);
      const doc = await runs.findOne({ _id: run.id as never }, { projection: { counts: 1 } });
      const kept = doc?.counts as KeptCounts | undefined;
      if (!kept) return count(run, shownForMs > 0);
      const { tookMs, status, ...counts } = kept;
      if (isRunOver(status)) return counts;
      if (status !== run.status) return count(run, shownForMs > 0);
      if (shownForMs > SHOWN_TIMES * tookMs) return count(run, true);
      const isYoung = clock.now().getTime() - kept.at.getTime() < Math.max(youngerMs, KEPT_TIMES * tookMs);
      if (isYoung) return counts;
      const counted = count(run);
      if (tookMs < SLOW_MS) return counted;
      // Nobody waits for minutes: whoever asks next gets the new figures.
      counted.catch(() => undefined);
      return counts;
    },
  };
}

async function countRows(
  connection: Connection,
  messages: Collection,
  run: Run,
  at: Date,
): Promise<RunCounts> {
  const sinceMs = Math.max(at.getTime() - MINUTE_MS, run.drainingAt?.getTime() ?? Infinity);
  // One instant for both: else a row that is settled in between is counted twice, or not at all.
  return atOneInstant(connection, async (reads) => {
    const open = await messages
      .aggregate<OpenGroup>(openPipeline(run.id, at), { ...reads, hint: 'dueOfRun' })
      .toArray();
    const settled = await messages
      .aggregate<SettledGroup>(settledPipeline(run.id, sinceMs), { ...reads, hint: 'settledOfRun' })
      .toArray();
    return merge(at, open, settled);
  });
}

function openPipeline(runId: string, at: Date): object[] {
  const isDue = { $and: [{ $lte: ['$dueAt', at] }, { $ne: ['$held', true] }] };
  return [
    { $match: { runId, state: { $in: [...OPEN_STATES] } } },
    { $group: { _id: { state: '$state', due: isDue }, count: { $sum: 1 }, last: { $max: '$dueAt' } } },
  ];
}

function settledPipeline(runId: string, sinceMs: number): object[] {
  const isLate = sinceMs === Infinity ? false : { $gte: ['$settledAt', new Date(sinceMs)] };
  return [
    // Said as a range, so that the index alone answers it.
    { $match: { runId, settledAt: { $gte: new Date(0) } } },
    { $group: { _id: '$state', count: { $sum: 1 }, lately: { $sum: { $cond: [isLate, 1, 0] } } } },
  ];
}

function merge(at: Date, open: OpenGroup[], settled: SettledGroup[]): RunCounts {
  const counts = nothing(at);
  for (const { _id, count, last } of open) {
    if (_id.state === 'sending') counts.sending += count;
    else if (_id.due) counts.due += count;
    else counts.waiting += count;
    if (counts.lastDueAt === null || last > counts.lastDueAt) counts.lastDueAt = last;
  }
  for (const { _id: state, count, lately } of settled) {
    counts.settledLately += lately;
    if (state === 'control') counts.controlGroup += count;
    else if (state === 'sent' || state === 'failed' || state === 'suppressed') counts[state] += count;
  }
  return counts;
}

function nothing(at: Date): RunCounts {
  const none = { due: 0, waiting: 0, sending: 0, sent: 0, failed: 0, suppressed: 0, controlGroup: 0 };
  return { at, ...none, settledLately: 0, lastDueAt: null };
}
