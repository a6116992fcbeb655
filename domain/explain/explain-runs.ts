import { isUnderWay } from '../campaign/campaign.ts';
import type { Run } from '../delivery/run.ts';
import { dueRuns } from '../schedule/due-runs.ts';
import { PROFILE_ZONE } from '../schedule/schedule.ts';
import type { ExplainFacts } from './explain-facts.ts';
import { failingParts, type JudgedPart } from './explain-segment.ts';

/** The step `who` as of now; `holds` is null where it neither keeps a message out nor lets it pass. */
interface JudgedWho {
  holds: boolean | null;
  text: string;
  segment?: JudgedPart | undefined;
}

/** @returns whether the end of a campaign has come that its status may not show yet */
export function hasEnded({ campaign: { status, endsAt }, nowMs }: ExplainFacts): boolean {
  return isUnderWay(status) && endsAt !== undefined && nowMs >= endsAt.getTime();
}

/** @returns whether something may still come of runs: none of a campaign that is over */
function hasRunsAhead(facts: ExplainFacts): boolean {
  const { definition, status } = facts.campaign;
  // Without a profile the runs were not looked up.
  return 'past' in definition.who && isUnderWay(status) && !hasEnded(facts) && facts.profile !== null;
}

/** @returns the run that writes down at this moment who gets the campaign, and has not written down the profile yet */
function writingRun(facts: ExplainFacts): Run | undefined {
  if (!hasRunsAhead(facts)) return undefined;
  const { runs, rows } = facts;
  // Runs go side by side: an earlier one may still be at it.
  return runs.find(({ id, status }) => status === 'materialising' && !rows.some((row) => row.runId === id));
}

/** @returns the run that begins next, and when in words; null when none is to come */
export function nextRunOf(facts: ExplainFacts): { at: Date; text: string } | null {
  if (!hasRunsAhead(facts)) return null;
  const { campaign, runs, settings, nowMs } = facts;
  const planned = dueRuns(campaign, runs[0] ?? null, { accountZone: settings.timezone, nowMs });
  // Of several that are due at once the latest alone has a run.
  const due = planned.due.at(-1);
  const next = due ?? planned.upcoming;
  if (!next) return null;
  const at = next.plannedAt;
  const isPaused = campaign.status === 'paused';
  const isLocal = campaign.definition.when.timezone === PROFILE_ZONE;
  const local = isLocal ? ` (for the local time ${next.local.replace('T', ' ')})` : '';
  if (due) {
    const begins = isPaused ? 'is due, and begins when the campaign is resumed' : 'is about to begin';
    // It is called the same before and after it was opened.
    return { at, text: `the run of ${next.instant.toISOString()}${local} ${begins}` };
  }
  const text = isPaused
    ? `the next run is set for ${at.toISOString()}${local}, and none begins while the campaign is paused`
    : `the next run begins at ${at.toISOString()}${local}`;
  return { at, text };
}

/** @returns the step `who` of a past-behaviour campaign as of now */
export function segmentNow(facts: ExplainFacts): JudgedWho {
  const { segment, campaign, rows } = facts;
  const said = (holds: boolean | null, text: string): JudgedWho => ({ holds, text, segment });
  const isIn = segment?.holds === true ? 'the profile is in the segment' : doubtOf(segment);
  const asOfNow = said(segment?.holds ?? null, isIn);
  if (rows.length > 0 || campaign.status === 'draft') return asOfNow;

  const isOver = !isUnderWay(campaign.status) || hasEnded(facts);
  const hasRun = facts.runs.length > 0;
  // Nothing more is sent of it, whatever can be said of the segment by now.
  if (isOver && !hasRun) return said(false, 'the campaign was over before a run of it began');
  // It judges as of its own instant, and may write down a profile that is outside by now.
  const writing = writingText(facts);
  if (writing !== null) return said(null, `${isIn}, and ${writing}`);
  if (segment?.holds === false) return asOfNow;
  const next = nextRunOf(facts);
  if (hasRun) return said(next ? null : false, passedOver(facts));
  if (!next) return said(false, `${isIn}, but no run has begun and none is to come`);
  return campaign.status === 'scheduled' ? asOfNow : said(null, `${isIn}, and no run has begun`);
}

/** @returns in words that a run is writing down who gets the campaign; null when none is */
function writingText(facts: ExplainFacts): string | null {
  const writing = writingRun(facts);
  return writing ? `the run of ${writing.instant.toISOString()} is writing down who gets it` : null;
}

/**
 * @param failing what a step fails at as of now; null when none does
 * @returns that a profile without a message waits for a run which may still write it down; null when none is writing
 */
export function waitingForWriting(facts: ExplainFacts, failing: string | null): string | null {
  const writing = writingText(facts);
  if (writing === null) return null;
  const { segment } = facts;
  const keeping = [segment?.holds === false ? doubtOf(segment) : null, failing].filter(
    (text) => text !== null,
  );
  const now = keeping.length > 0 ? `; as of now: ${keeping.join(', and ')}` : '';
  return `Waiting: ${writing}${now}.`;
}

/** @returns what a profile without a message waits for, when nothing keeps it out as of now and no run is writing */
export function waitingForRun(facts: ExplainFacts): string {
  const { segment, campaign } = facts;
  const isIn = segment?.holds === true;
  if (campaign.status === 'scheduled') {
    const now = isIn ? 'as of now nothing keeps the profile out' : doubtOf(segment);
    return `Waiting: the campaign has not started, and ${now}${thenNextRun(facts)}.`;
  }
  const leftOut = leftOutSoFar(facts);
  if (leftOut !== null) return `Waiting: ${leftOut}${thenNextRun(facts)}.`;
  return `Waiting: no run has begun${isIn ? '' : `, and ${doubtOf(segment)}`}${thenNextRun(facts)}.`;
}

/** @returns the end of a sentence about a profile that got nothing: the run that looks at it now or next, if one does */
export function thenNextRun(facts: ExplainFacts): string {
  const text = writingText(facts) ?? nextRunOf(facts)?.text;
  return text === undefined ? '' : `; ${text}`;
}

/** @returns what the latest run did with a profile that has no message; null when none has written down anything */
export function leftOutSoFar(facts: ExplainFacts): string | null {
  return facts.runs.length === 0 || writingRun(facts) ? null : passedOver(facts);
}

function passedOver({ runs, profile, segment }: ExplainFacts): string {
  const run = runs.find(({ status }) => status !== 'missed') ?? runs[0];
  const which = `the run of ${run?.instant.toISOString() ?? ''}`;
  const why = (theSegment: string): string => {
    if (profile && run && profile.createdAt > run.createdAt) return 'the profile was made after it';
    return `it was not in ${theSegment} then, or the run was stopped before it came so far`;
  };
  const isMissed = run?.status === 'missed';
  if (segment?.holds === true) {
    const said = isMissed ? 'was missed' : `wrote down no message for it: ${why('it')}`;
    return `the profile is in the segment, but ${which} ${said}`;
  }
  const said = isMissed ? 'was missed' : `wrote down no message for the profile: ${why('the segment')}`;
  return `${which} ${said}; ${doubtOf(segment)}`;
}

/** @returns in words that a judged segment does not hold, or that this is not known */
export function doubtOf(segment: JudgedPart | undefined, what = 'is not in the segment'): string {
  if (!segment) return 'the segment was not judged';
  const why = failingParts(segment).join(' and ');
  return segment.holds === false ? `the profile ${what}: ${why}` : why;
}
