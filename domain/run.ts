import type { Run } from './ports/repositories.ts';

/** Into how many partitions the rows of a run fall; groups of them are drained side by side. */
export const RUN_PARTITIONS = 64;

/** @returns whether nothing more happens in a run with this status */
export function isRunOver(status: Run['status']): status is 'completed' | 'stopped' | 'missed' {
  return status === 'completed' || status === 'stopped' || status === 'missed';
}
