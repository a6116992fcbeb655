import type { Campaign } from '../campaign/campaign.ts';
import type { RunCounts } from '../delivery/run-progress.ts';
import type { Run } from '../delivery/run.ts';
import type { PlannedRun } from '../schedule/due-runs.ts';

export interface RunRepository {
  /**
   * Opens the latest of the runs that are due, and records that the others were missed. What is there already is left
   * as it is: an instant of a campaign has one run.
   */
  openDue(campaign: Pick<Campaign, 'id' | 'version'>, due: PlannedRun[]): Promise<void>;
  /** @returns the run of a campaign with the latest instant, also one that was missed */
  latest(campaignId: string): Promise<Run | null>;
  /** @returns the first run of a campaign that was not missed, of a version or of one after it */
  first(campaignId: string, version: number): Promise<Run | null>;
  /** @returns the runs of a campaign that are not over, up to 1,000 */
  openOf(campaignId: string): Promise<Run[]>;
  byId(id: string): Promise<Run | null>;
  /** Changes nothing of a run that is over. */
  setStatus(id: string, status: Run['status']): Promise<void>;
  /** @returns runs of a campaign, the latest first, after the one with this id */
  list(campaignId: string, after: string | null, limit: number): Promise<Run[]>;
  unfinished(after: string | null, limit: number): Promise<Run[]>;
}

export interface RunProgressRepository {
  /**
   * Counts a run's rows, all at one instant. Of a run that is over they are counted once and kept.
   * @param need.youngerMs figures that were counted less than so long ago do as well; those of a huge run may be older
   * @param need.shownForMs how long they will stand somewhere: where that is long beside what counting takes, they are
   * counted anew
   */
  counts(run: Run, need?: { youngerMs?: number; shownForMs?: number }): Promise<RunCounts>;
}
