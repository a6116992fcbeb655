import {
  EARLIER_VERSIONS,
  plannedSpan,
  type Campaign,
  type CampaignDefinition,
} from '../../domain/campaign/campaign.ts';
import {
  changeFaults,
  hasBegun,
  isRescheduled,
  stillWrong,
  withKeptStart,
} from '../../domain/campaign/campaign-edit.ts';
import { STRADDLE_MS } from '../../domain/event.ts';
import { concerningNames } from '../../domain/audience/live-audience.ts';
import type { Fault } from '../../domain/audience/segment.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { referenceFaults } from '../segments/references.ts';
import { audienceOf, save } from './definition.ts';
import { publishFaults } from './publishable.ts';
import { siteOf, warningsOf } from './publish-advice.ts';
import { runsDue } from './runs-due.ts';
import { tellCampaign } from './tell-campaign.ts';

/**
 * Makes a definition the next version of a campaign that is published. Whoever is inside, and a run under way, keep
 * theirs; every event posted after this has returned is judged by the new one.
 *
 * @param editId the same when the call is repeated
 * @returns the campaign, and what it can go on with and is probably not meant
 * @throws Problem `validation_failed` with everything that is wrong, `wrong_status` when it is over or was changed
 *   meanwhile, `too_many` when somebody is inside by a version too far back
 */
export async function editPublished(
  deps: ApiDeps,
  campaign: Campaign,
  posted: CampaignDefinition,
  editId: string,
): Promise<{ campaign: Campaign; warnings: ProblemFault[] }> {
  const nowMs = deps.clock.now().getTime();
  const begun = hasBegun(campaign, nowMs);
  const faults = await editFaults(deps, campaign, posted, nowMs);
  if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
  await mustNotForget(deps, campaign);
  const rescheduled = begun && isRescheduled(campaign.definition, posted);
  // What is due by the old times still has its run.
  if (rescheduled && 'past' in posted.who)
    await deps.runs.openDue(campaign, (await runsDue(deps, campaign, nowMs)).due);

  const definition = begun ? withKeptStart(posted, campaign) : posted;
  const { startsAt, endsAt } = plannedSpan(definition.when, nowMs);
  const edited = await save(definition, () =>
    deps.campaigns.edit(campaign.id, {
      editId,
      judged: campaign.updatedAt,
      definition,
      ...(begun ? {} : { startsAt }),
      endsAt,
      rescheduled,
    }),
  );
  if (!edited)
    throw new Problem('wrong_status', 'the campaign was changed at the same time; read it and decide anew');
  await rescan(deps, edited);
  await tellCampaign(deps, edited);
  return { campaign: edited, warnings: await warningsOf(deps, edited, await siteOf(deps, definition)) };
}

/** Everything that keeps the definition from being the next version. */
async function editFaults(
  deps: ApiDeps,
  campaign: Campaign,
  next: CampaignDefinition,
  nowMs: number,
): Promise<Fault[]> {
  const begun = hasBegun(campaign, nowMs);
  const changes = changeFaults(campaign, next, nowMs);
  // The start of a campaign that has begun lies in the past, and rightly so.
  const judged = begun ? { ...next, when: { ...next.when, start: 'now' } } : next;
  const settings = await deps.settings.read();
  const site = await siteOf(deps, next);
  const content = publishFaults(judged, deps.templates, nowMs, settings, site);
  const { segment, pointer } = audienceOf(next);
  return [
    ...changes,
    ...(begun ? stillWrong(content, campaign.definition, next) : content),
    ...(await referenceFaults(deps, segment, pointer)),
    ...(begun && content.length === 0 ? await emptyFaults(deps, campaign, next, nowMs) : []),
  ];
}

/** A campaign that has nothing left to do by its new times would be over at once. */
async function emptyFaults(
  deps: ApiDeps,
  campaign: Campaign,
  next: CampaignDefinition,
  nowMs: number,
): Promise<Fault[]> {
  if (!('past' in next.who) || !isRescheduled(campaign.definition, next)) return [];
  const { endsAt } = plannedSpan(next.when, nowMs);
  const edited = { ...campaign, definition: next, endsAt, rescheduledAt: new Date(nowMs) };
  const { due, upcoming } = await runsDue(deps, edited, nowMs);
  if (due.length > 0 || upcoming !== null) return [];
  return [{ pointer: '/when/schedule', detail: 'leaves no run to come; to end the campaign, stop it' }];
}

/** What an event does to somebody inside is judged by the version that it entered under, which must be kept in view. */
async function mustNotForget(deps: ApiDeps, campaign: Campaign): Promise<void> {
  const forgotten = campaign.version - EARLIER_VERSIONS;
  if (forgotten < 1 || !('live' in campaign.definition.who)) return;
  if (!(await deps.messages.hasOpenUpTo(campaign.id, forgotten))) return;
  const detail = `messages opened under version ${forgotten} or before are not settled yet; at most ${EARLIER_VERSIONS} versions can follow one`;
  throw new Problem('too_many', detail);
}

/** Marks for dispatch what was stored meanwhile by calls whose view did not hold this version yet. */
async function rescan(deps: ApiDeps, campaign: Campaign): Promise<void> {
  const { definition, versionAt, catalogueVersion } = campaign;
  if (!('live' in definition.who) || !versionAt || catalogueVersion === undefined) return;
  const names = concerningNames(definition.who.live);
  const until = new Date(versionAt.getTime() + STRADDLE_MS);
  try {
    await deps.events.markPendingBetween(versionAt, until, catalogueVersion, names);
  } catch (error) {
    deps.log.warn(
      { err: error },
      'edit: events stored at the same moment may be judged by the version before',
    );
  }
}
