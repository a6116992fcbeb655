import type { Run } from './run.ts';
import { isRunOver } from './run.ts';

/** How many messages of a run stand where. */
export interface RunFigures {
  due: number;
  /** Not due yet, or not drawn yet. */
  waiting: number;
  sending: number;
  sent: number;
  failed: number;
  suppressed: number;
  controlGroup: number;
}

/** What the rows of a run came to at one instant. */
export interface RunCounts extends RunFigures {
  /** When they were counted, by the database's clock. */
  at: Date;
  /** Settled by the drain within the minute before, or since it began. */
  settledLately: number;
  /** When the last of those that are open is due; null when none is. */
  lastDueAt: Date | null;
}

/** How far a run has come. */
export interface RunProgress extends RunFigures {
  /** Always the sum of the figures. */
  materialised: number;
  /** Messages settled in a minute, by what the last one was like; null while that is not known. */
  ratePerMinute: number | null;
  /** When the last message will be settled if it goes on like this; null while that is not known. */
  expectedEnd: Date | null;
}

const MINUTE_MS = 60_000;
/** A rate of less than a second says nothing. */
const SHORTEST_MS = 1_000;

/** What a run stands under. */
export interface RunSurroundings {
  run: Pick<Run, 'status' | 'drainingAt'>;
  /** Its campaign is paused. */
  paused: boolean;
  /** The campaign's throughput, if it has one. */
  perMinute?: number | undefined;
}

/** @returns how far a run has come, how fast it is, and when it will be over */
export function progressOf(counts: RunCounts, { run, paused, perMinute }: RunSurroundings): RunProgress {
  const { due, waiting, sending, sent, failed, suppressed, controlGroup } = counts;
  const open = due + waiting + sending;
  const materialised = open + sent + failed + suppressed + controlGroup;
  const figures = { materialised, due, waiting, sending, sent, failed, suppressed, controlGroup };
  if (isRunOver(run.status)) return { ...figures, ratePerMinute: null, expectedEnd: null };
  const ratePerMinute = rateOf(counts, run.drainingAt, perMinute);
  const expectedEnd = paused ? null : endOf(counts, open, ratePerMinute, perMinute);
  return { ...figures, ratePerMinute, expectedEnd };
}

function rateOf(
  { at, settledLately }: RunCounts,
  since: Date | undefined,
  perMinute: number | undefined,
): number | null {
  const windowMs = since ? Math.min(MINUTE_MS, at.getTime() - since.getTime()) : 0;
  if (windowMs < SHORTEST_MS) return null;
  const rate = Math.round((settledLately * MINUTE_MS) / windowMs);
  return perMinute === undefined ? rate : Math.min(rate, perMinute);
}

/** What is due goes at the rate; nothing is over before the last of them is due. */
function endOf(
  { at, due, sending, lastDueAt }: RunCounts,
  open: number,
  rate: number | null,
  perMinute: number | undefined,
): Date | null {
  if (open === 0 || lastDueAt === null) return null;
  const going = rate === null || rate === 0 ? perMinute : rate;
  const lastMs = Math.max(lastDueAt.getTime(), at.getTime());
  // While all that is left lies in the future nothing is sent, and that says nothing about how fast it will be.
  if (going === undefined) return due + sending > 0 ? null : new Date(lastMs);
  return new Date(Math.max(lastMs, at.getTime() + Math.ceil((open / going) * MINUTE_MS)));
}

/** @returns how far a run has come, as an operator reads it */
export function progressText(progress: RunProgress): string {
  const { materialised, ratePerMinute, expectedEnd } = progress;
  const settled = materialised - progress.due - progress.waiting - progress.sending;
  const parts = [
    [`Draining: ${count(settled)} of ${count(materialised)} settled`, ...outcomes(progress)].join(', '),
    ...(ratePerMinute === null ? [] : [`${count(ratePerMinute)} a minute`]),
    ...(expectedEnd === null ? [] : [`expected end ${instant(expectedEnd)}`]),
  ];
  return `${parts.join('; ')}.`;
}

/** @returns what became of the messages of a run, such as `5,000 messages: 4,866 sent, 134 suppressed` */
export function totalsText(progress: RunProgress): string {
  const { materialised } = progress;
  if (materialised === 0) return 'no messages';
  return `${count(materialised)} message${materialised === 1 ? '' : 's'}: ${outcomes(progress).join(', ')}`;
}

function outcomes({ sent, failed, suppressed, controlGroup }: RunProgress): string[] {
  const more: [number, string][] = [
    [failed, 'failed'],
    [suppressed, 'suppressed'],
    [controlGroup, 'in a control group'],
  ];
  return [`${count(sent)} sent`, ...more.filter(([n]) => n > 0).map(([n, what]) => `${count(n)} ${what}`)];
}

function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

function instant(at: Date): string {
  return `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
