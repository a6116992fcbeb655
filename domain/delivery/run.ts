export interface Run {
  id: string;
  campaignId: string;
  version: number;
  instant: Date;
  /** The local time of the schedule, `YYYY-MM-DDTHH:mm`; `instant` is when the first place on earth comes to it. */
  local?: string | undefined;
  /** When it was to begin: the later of `instant` and the campaign's start. */
  plannedAt?: Date | undefined;
  /** Missed: it had not begun when the next was due, since the campaign was paused or the server away. */
  status: 'materialising' | 'draining' | 'completed' | 'stopped' | 'missed';
  createdAt: Date;
  /** When its first messages could leave. */
  drainingAt?: Date | undefined;
  finishedAt?: Date | undefined;
  /** Why it sent nothing: more could be reached than its targeting cap allows. */
  aborted?: 'targetingCap' | undefined;
}

/** Into how many partitions the rows of a run fall; groups of them are drained side by side. */
export const RUN_PARTITIONS = 64;

/** In which something may still happen to a run. */
export const OPEN_RUN_STATUSES = ['materialising', 'draining'] as const satisfies readonly Run['status'][];
export const RUN_OVER_STATUSES = [
  'completed',
  'stopped',
  'missed',
] as const satisfies readonly Run['status'][];

/** @returns whether nothing more happens in a run with this status */
export function isRunOver(status: Run['status']): status is (typeof RUN_OVER_STATUSES)[number] {
  return (RUN_OVER_STATUSES as readonly Run['status'][]).includes(status);
}
