import type { Run } from '../ports/repositories.ts';

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
