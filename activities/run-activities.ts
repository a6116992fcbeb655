import { notDrawn, rankOf } from '../domain/audience/cap.ts';
import { laneOf } from '../domain/hash.ts';
import { controlGroupOf } from '../domain/audience/limits.ts';
import type { Profile } from '../domain/profile.ts';
import type { Run } from '../domain/delivery/run.ts';
import type { NewRunRow } from '../domain/ports/messages.ts';
import type { RunProgressRepository, RunRepository } from '../domain/ports/runs.ts';
import { quietHoursOf } from '../domain/schedule/quiet-hours.ts';
import { isRunOver, RUN_PARTITIONS } from '../domain/delivery/run.ts';
import { progressOf, progressText, totalsText, type RunProgress } from '../domain/delivery/run-progress.ts';
import { dueRuns } from '../domain/schedule/due-runs.ts';
import { planRunRow } from '../domain/delivery/run-plan.ts';
import { PROFILE_ZONE } from '../domain/schedule/schedule.ts';
import type { Site, Subscription } from '../domain/site.ts';
import { isCampaignOver, type CampaignDefinition } from '../domain/campaign/campaign.ts';
import { unreachableBecause } from '../domain/audience/reachable.ts';
import { groupsFor } from '../domain/delivery/throughput.ts';
import { waitsForWinnerMs } from '../domain/content/variants-sample.ts';
import { winnerIn } from '../domain/content/winner.ts';
import { zoneOf } from '../domain/schedule/zone-of.ts';
import { delay } from './delay.ts';
import { deliverPage } from './delivery/deliver-page.ts';
import { drainDue } from './delivery/drain-due.ts';
import { CALL_FOR_MS, type DrainAnswer, type DrainSource } from './delivery/drain-source.ts';
import type { DeliveryDeps } from './delivery/deps.ts';
import { findContest } from './delivery/winner.ts';
import { failIfAborted, withHeartbeat } from './heartbeat.ts';

const PROFILES_PER_PAGE = 2_000;
const PAGES_PER_CALL = 20;
const DRAWN_PER_WRITE = 2_000;
/** Fewer than else: a draw is small, and yet several workers are to share it. */
const DRAWN_PER_GROUP = 50;
const ROWS_PER_GROUP = 1_000;
const MAX_GROUPS = 16;
/** How old the figures may be that an operator reads while it drains. */
const FIGURES_EVERY_MS = 10_000;
/** How long a pause is taken to last. */
const PAUSED_MS = 10 * 60_000;

/** Whether there is something to drain after a draw, and the ranges of partitions to drain side by side. */
export type DrawAnswer = { kind: 'drain'; groups: { from: number; to: number }[] } | { kind: 'over' };

export type { DrainAnswer };

export interface RunActivityDeps extends DeliveryDeps {
  runs: RunRepository;
  /** Absent: texts hold no figures. */
  progress?: RunProgressRepository | undefined;
}

export type RunActivities = ReturnType<typeof createRunActivities>;

/** The activities of `run`: write down who gets it, then send what is due. */
export function createRunActivities(deps: RunActivityDeps) {
  const mustRun = async (runId: string): Promise<Run> => {
    const run = await deps.runs.byId(runId);
    if (run === null) throw new Error(`no run ${runId}`);
    return run;
  };
  const mustDefinition = async (run: Run): Promise<CampaignDefinition> => {
    const definition = await deps.campaigns.version(run.campaignId, run.version);
    if (definition === null) throw new Error(`no version ${run.version} of campaign ${run.campaignId}`);
    return definition;
  };

  return {
    /**
     * Inserts one row for each profile of the next pages of the segment, by profile id, for up to 20 s or until
     * the campaign is over: what it refers to may be deleted from then on. Repeating a page is harmless: a row that
     * is there is left alone.
     *
     * @returns the last profile id looked at, null when there are no more, whether the rows are to be drawn,
     *   and whether the campaign is over
     */
    async materialise(input: {
      runId: string;
      after: string | null;
    }): Promise<{ after: string | null; capped?: true; closed?: true }> {
      const run = await mustRun(input.runId);
      if (isRunOver(run.status)) return { after: null };
      const definition = await mustDefinition(run);
      const capped = definition.setup?.targetingCap ? { capped: true as const } : {};
      // What is inserted once the draw may have begun is not drawn any more.
      if (capped.capped && run.status === 'draining') return { after: null, ...capped };
      const site = await deps.sites.byId(definition.siteId);
      const segment = 'past' in definition.who ? definition.who.past : { any: [] };
      const atMs = run.instant.getTime();
      return withHeartbeat<{ after: string | null; capped?: true; closed?: true }>(async (signal) => {
        const startedMs = deps.clock.monotonicMs();
        let { after } = input;
        for (let page = 0; page < PAGES_PER_CALL; page += 1) {
          failIfAborted(signal);
          if (await isOver(run.campaignId)) return { after: null, closed: true };
          const members = await deps.audience.page(segment, after, PROFILES_PER_PAGE, atMs);
          if (members.profiles.length > 0) {
            const rows = await rowsFor(run, definition, site, members.profiles);
            if (capped.capped) await deps.messages.insertRowsToDraw(run.id, rows);
            else await deps.messages.insertRunRows(rows);
          }
          after = members.after;
          if (after === null || deps.clock.monotonicMs() - startedMs > CALL_FOR_MS) break;
        }
        return { after, ...capped };
      });
    },

    /**
     * Draws those of a run with a targeting cap that get it, as many as slots are left. Repeating it is harmless,
     * and once they are settled it draws others for the slots that came free. When there is nothing left to
     * draw, whoever was not drawn is suppressed.
     */
    async draw(runId: string): Promise<DrawAnswer> {
      const run = await mustRun(runId);
      const cap = (await mustDefinition(run)).setup?.targetingCap;
      if (isRunOver(run.status) || !cap) return { kind: 'over' };
      await deps.runs.setStatus(runId, 'draining');
      return withHeartbeat(async (signal) => {
        let drawn: Awaited<ReturnType<DeliveryDeps['caps']['draw']>>;
        do {
          for (const step of [deps.caps.admit, deps.caps.reclaim])
            while ((await step(run.campaignId, DRAWN_PER_WRITE)) > 0) failIfAborted(signal);
          drawn = await deps.caps.draw({ campaignId: run.campaignId, runId }, cap);
          failIfAborted(signal);
        } while (drawn === 'unfinished' || (drawn !== 'aborted' && drawn > 0));
        const aborted = drawn === 'aborted';
        if (!aborted) {
          const open = await deps.messages.countOpen(runId, DRAWN_PER_GROUP * MAX_GROUPS);
          if (open > 0)
            return { kind: 'drain', groups: await groupsOf(run, Math.ceil(open / DRAWN_PER_GROUP)) };
        }
        const which = aborted ? 'withoutSlot' : 'held';
        while ((await deps.caps.suppress(runId, which, notDrawn(cap, aborted), DRAWN_PER_WRITE)) > 0)
          failIfAborted(signal);
        return { kind: 'over' };
      });
    },

    /** Marks the run as draining. @returns the ranges of partitions to drain side by side */
    async beginDrain(runId: string): Promise<{ from: number; to: number }[]> {
      const run = await mustRun(runId);
      if (isRunOver(run.status)) return [];
      await deps.runs.setStatus(runId, 'draining');
      const open = await withHeartbeat(() => deps.messages.countOpen(runId, ROWS_PER_GROUP * MAX_GROUPS));
      return groupsOf(run, Math.ceil(open / ROWS_PER_GROUP));
    },

    /**
     * Sends what is due in a range of partitions, page by page and at the campaign's rate, for up to 20 s.
     * @returns where it stands, and how far the whole run has come
     */
    async drain(input: {
      runId: string;
      from: number;
      to: number;
    }): Promise<DrainAnswer & { progress?: string }> {
      const partitions = { from: input.from, to: input.to };
      const { campaignId } = await mustRun(input.runId);
      const source: DrainSource = {
        campaignId,
        rows: { runId: input.runId, partitions, limit: deps.limits.pageSize },
        nextDue: () => deps.messages.nextDue(input.runId, partitions),
        whenPaused: 'keep',
      };
      return withHeartbeat(async (signal) => {
        const answer = await drainDue(deps, source, signal);
        const progress = await figuresOf(input.runId, {
          youngerMs: answer.kind === 'more' ? FIGURES_EVERY_MS : 0,
          shownForMs: waitMsOf(answer),
        });
        return progress ? { ...answer, progress: progressText(progress) } : answer;
      });
    },

    /** Closes what a stopped or ended run leaves behind, and says how it ended. */
    async finishRun(input: {
      runId: string;
      stopped: boolean;
    }): Promise<{ status: 'completed' | 'stopped'; text: string }> {
      const run = await mustRun(input.runId);
      if (isRunOver(run.status)) {
        const status = run.status === 'completed' ? 'completed' : 'stopped';
        return { status, text: `This run was ${run.status} already.` };
      }
      const campaign = await deps.campaigns.byId(run.campaignId);
      // Whoever stopped it may have closed its rows before its workflow was told.
      if (!input.stopped && campaign?.status !== 'stopped') {
        await deps.runs.setStatus(run.id, 'completed');
        const cap = run.aborted && (await mustDefinition(run)).setup?.targetingCap;
        if (cap) return { status: 'completed', text: `Completed, nothing was sent: ${notDrawn(cap, true)}.` };
        const total = await withHeartbeat(() => figuresOf(run.id));
        return { status: 'completed', text: `Completed: ${total ? totalsText(total) : 'all is settled'}.` };
      }
      const reason = campaign?.status === 'stopped' ? 'stopped' : 'ended';
      const closed = await withHeartbeat(async (signal) => {
        let count = 0;
        for (;;) {
          failIfAborted(signal);
          const page = await deps.messages.closeOpen(
            { campaignId: run.campaignId, runId: run.id },
            reason,
            deps.clock.nowMs(),
            1_000,
          );
          count += page.length;
          if (page.length > 0) continue;
          // What a lost worker still holds is taken over when its lease has run out; the gate keeps it in.
          const held = await deliverPage(deps, allOf(run), { whenPaused: 'keep', signal });
          count += held.claimed;
          if (held.claimed > 0) continue;
          const next = await deps.messages.nextDue(run.id, allOf(run).partitions);
          if (next === null) break;
          const ms = next.getTime() - deps.clock.nowMs();
          await delay(Math.min(Math.max(ms, 200), 1_000));
        }
        return count;
      });
      await deps.runs.setStatus(run.id, 'stopped');
      const total = await withHeartbeat(() => figuresOf(run.id));
      return {
        status: 'stopped',
        text:
          `${reason === 'stopped' ? 'Stopped' : 'Ended'}: ${closed} messages were not sent.` +
          (total ? ` In all ${totalsText(total)}.` : ''),
      };
    },
  };

  /** How far a run has come, for whoever looks: where it cannot be told the run goes on without. */
  async function figuresOf(
    runId: string,
    need?: Parameters<RunProgressRepository['counts']>[1],
  ): Promise<RunProgress | null> {
    if (!deps.progress) return null;
    try {
      const run = await mustRun(runId);
      const campaign = await deps.campaigns.byId(run.campaignId);
      const counts = await deps.progress.counts(run, need);
      const perMinute = campaign?.definition.when.throughput?.perMinute;
      const paused = campaign?.status === 'paused';
      return progressOf(counts, { run, paused, perMinute });
    } catch (error) {
      deps.log.warn({ err: error, run: runId }, 'how far a run has come cannot be counted');
      return null;
    }
  }

  /** What stands there while it waits should be how it was left. */
  function waitMsOf(answer: DrainAnswer): number {
    if (answer.kind === 'paused') return PAUSED_MS;
    return answer.kind === 'wait' ? answer.untilMs - deps.clock.nowMs() : 0;
  }

  /** A slow campaign needs no more parts than keep up with its rate; in one part the batches of a webhook are full. */
  async function groupsOf(run: Run, wanted: number): Promise<{ from: number; to: number }[]> {
    const campaign = await deps.campaigns.byId(run.campaignId);
    if (campaign?.definition.channel === 'webhook') return splitPartitions(1);
    return splitPartitions(groupsFor(wanted, campaign?.definition.when.throughput));
  }

  /** @returns the local time of the run that comes after this one */
  async function localAfter(run: Run, accountZone: string): Promise<string | undefined> {
    const campaign = await deps.campaigns.byId(run.campaignId);
    return campaign ? dueRuns(campaign, run, { accountZone, nowMs: -Infinity }).upcoming?.local : undefined;
  }

  /** @returns from when on a profile may be sent to, epoch milliseconds, where some wait for the winning variant */
  async function waitForWinner(
    run: Run,
    definition: CampaignDefinition,
  ): Promise<(profileId: string) => number | null> {
    const { what } = definition;
    const winner = definition.channel === 'webPush' ? definition.what.winner : undefined;
    const campaign = winner?.sample === undefined ? null : await deps.campaigns.byId(run.campaignId);
    if (!campaign || !('variants' in what)) return () => null;
    const { sinceMs } = await findContest(deps, { campaign, definition, version: run.version }, run);
    if (sinceMs === null) return () => null;
    const rule = { winner, won: winnerIn(campaign, definition) !== undefined };
    return (profileId) => waitsForWinnerMs(rule, { campaignId: run.campaignId, profileId }, sinceMs);
  }

  async function isOver(campaignId: string): Promise<boolean> {
    const status = (await deps.campaigns.byId(campaignId))?.status;
    return status === undefined || isCampaignOver(status);
  }

  function allOf(run: Run): { runId: string; partitions: { from: number; to: number }; limit: number } {
    return { runId: run.id, partitions: { from: 0, to: RUN_PARTITIONS }, limit: deps.limits.pageSize };
  }

  async function rowsFor(
    run: Run,
    definition: CampaignDefinition,
    site: Site | null,
    members: Profile[],
  ): Promise<NewRunRow[]> {
    const settings = await deps.settings.read();
    const { when } = definition;
    const dnd = quietHoursOf(when, settings);
    const cap = definition.setup?.targetingCap;
    const ids = members.map((profile) => profile.id);
    const isLocal = when.timezone === PROFILE_ZONE;
    const active: Map<string, Subscription[]> =
      dnd || cap || isLocal
        ? await deps.subscriptions.activeOf(definition.siteId, ids)
        : new Map<string, Subscription[]>();
    const nowMs = deps.clock.nowMs();
    const nextLocal = when.ifPast === 'nextDay' ? await localAfter(run, settings.timezone) : undefined;
    const notBefore = await waitForWinner(run, definition);
    return members.map((profile) => {
      const fromMs = Math.max(nowMs, notBefore(profile.id) ?? nowMs);
      const addresses = active.get(profile.id) ?? [];
      const zone = zoneOf(profile, addresses, site ?? undefined, settings.timezone);
      const row: NewRunRow = {
        runId: run.id,
        profileId: profile.id,
        campaignId: run.campaignId,
        version: run.version,
        siteId: definition.siteId,
        partition: laneOf(profile.id, RUN_PARTITIONS),
        ...planRunRow({ when, dnd, run, zone, accountZone: settings.timezone, nowMs: fromMs, nextLocal }),
      };
      if (row.suppressed !== undefined) return row;
      if (!cap) return row;
      // A slot is for somebody who gets it: who surely does not is not drawn, and settled in the usual way.
      const unreachable = unreachableBecause(definition, { profile, active: addresses });
      if (unreachable !== null) return { ...row, suppressed: 'unreachable', detail: unreachable };
      if (controlGroupOf(row, settings.controlGroup, definition.setup?.controlGroup) !== null) return row;
      return { ...row, rank: rankOf(run.id, profile.id), held: true };
    });
  }
}

/** @returns the partitions in at least one and at most {@link MAX_GROUPS} ranges of about equal size */
export function splitPartitions(wanted: number): { from: number; to: number }[] {
  const groups = Math.min(Math.max(wanted, 1), MAX_GROUPS);
  return Array.from({ length: groups }, (_, i) => ({
    from: Math.floor((i * RUN_PARTITIONS) / groups),
    to: Math.floor(((i + 1) * RUN_PARTITIONS) / groups),
  }));
}
