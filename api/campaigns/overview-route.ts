import { z } from 'zod';
import { audienceText } from '../../domain/audience/audience-text.ts';
import { audienceKind, isUnderWay, segmentOf, type Campaign } from '../../domain/campaign/campaign.ts';
import { LIMIT_KINDS, limitTexts } from '../../domain/audience/limit-text.ts';
import type { Reach } from '../../domain/ports/audience.ts';
import { scheduleFaults } from '../../domain/schedule/schedule-faults.ts';
import { previewSchedule, type ZonePreview } from '../../domain/schedule/schedule-preview.ts';
import { leavesOf, referencesOf, type Segment } from '../../domain/audience/segment.ts';
import type { ReferenceNames } from '../../domain/audience/segment-text.ts';
import type { AccountSettings } from '../../domain/campaign/settings.ts';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import { id } from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { AROUND_THE_PLANET, zonesPreview } from '../schedules/routes.ts';
import { estimate, reachView, webhookNeeds } from '../segments/estimate.ts';
import { referenceFaults } from '../segments/references.ts';
import { audienceOf, mustFind } from './definition.ts';
import { previewOf } from './preview.ts';
import { siteOf, warningsOf } from './publish-advice.ts';
import { publishFaults } from './publishable.ts';
import { runsDue } from './runs-due.ts';

const NEXT_SHOWN = 5;
const MOST_NAMED = 50;

const fault = z.object({ pointer: z.string(), detail: z.string() });

const overviewView = z
  .looseObject({
    id: z.string(),
    name: z.string(),
    channel: z.enum(['webPush', 'webhook']),
    kind: z.enum(['live', 'past', 'api']),
    status: z.string(),
    version: z.number().int(),
    startsAt: z.iso.datetime().optional(),
    endsAt: z.iso.datetime().optional(),
    audience: z.string().describe('Whom it goes to, in sentences'),
    reach: reachView.nullable().describe('As things are now; null where it cannot be known beforehand'),
    reachDetail: z.string().optional().describe('Why reach is null'),
    nextRunAt: z.iso.datetime().nullable().describe('Past behaviour, under way: when the next run begins'),
    next: zonesPreview.shape.timezones.describe('Past behaviour: the next instants, zone by zone'),
    previews: z
      .array(z.looseObject({}))
      .describe('As POST …/preview answers for a sample profile; of each variant, where there are some'),
    limits: z.array(z.object({ kind: z.enum(LIMIT_KINDS), text: z.string() })),
    warnings: z.array(fault).describe('What is probably not meant'),
    faults: z.array(fault).describe('What keeps a draft from being published'),
  })
  .meta({ id: 'CampaignOverview' });

/** `GET /v1/campaigns/:id/overview`: everything about a campaign that somebody looks at before it is published. */
export function campaignOverviewRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/overview',
      tag: 'Campaigns',
      summary: 'What a campaign is going to do',
      description:
        'Its audience in words and how many of it can be reached, the next instants, the limits that hold, and ' +
        'what is wrong or probably not meant. Changes nothing.',
      access: 'key',
      params: z.strictObject({ id }),
      answers: { 200: { description: 'The overview', schema: overviewView } },
      async handle({ params: { id: campaignId } }) {
        const campaign = await mustFind(deps, campaignId);
        const { definition } = campaign;
        const [settings, site] = await Promise.all([deps.settings.read(), siteOf(deps, definition)]);
        const [names, reach, instants, previews, warnings, faults] = await Promise.all([
          namesOf(deps, segmentOf(definition)),
          reachOf(deps, campaign),
          instantsOf(deps, campaign, settings, site),
          previewsOf(deps, campaign),
          warningsOf(deps, campaign, site),
          faultsOf(deps, campaign, settings, site),
        ]);
        const body = {
          id: campaign.id,
          name: definition.name,
          channel: definition.channel,
          kind: audienceKind(definition),
          status: campaign.status,
          version: campaign.version,
          startsAt: campaign.startsAt,
          endsAt: campaign.endsAt,
          audience: audienceText(definition.who, names).join(' '),
          ...reach,
          ...instants,
          previews,
          limits: limitTexts(definition, settings),
          warnings,
          faults,
        };
        return { status: 200, body };
      },
    }),
  ];
}

/** What a segment refers to is called by its name, where it has one. */
async function namesOf(deps: ApiDeps, segment: Segment | undefined): Promise<ReferenceNames> {
  if (!segment) return {};
  const { segments, lists } = referencesOf(segment);
  const sites = leavesOf(segment).flatMap((part) =>
    'subscription' in part ? (part.subscription.siteId ?? []) : [],
  );
  const named = async (
    ids: string[],
    byId: (one: string) => Promise<{ id: string; name: string } | null>,
  ): Promise<Map<string, string>> => {
    const found = await Promise.all([...new Set(ids)].slice(0, MOST_NAMED).map(byId));
    return new Map(found.flatMap((one) => (one ? [[one.id, one.name] as const] : [])));
  };
  const [bySegment, byList, bySite] = await Promise.all([
    named(segments, deps.segments.byId),
    named(lists, deps.lists.byId),
    named(sites, deps.sites.byId),
  ]);
  return { segments: bySegment, lists: byList, sites: bySite };
}

async function reachOf(
  deps: ApiDeps,
  { definition }: Campaign,
): Promise<{ reach: Reach | null; reachDetail?: string }> {
  const { segment, pointer } = audienceOf(definition);
  if (!segment) {
    const whom = 'api' in definition.who ? 'calls will name' : 'the event will be done by';
    return { reach: null, reachDetail: `Whom ${whom} is not known beforehand.` };
  }
  try {
    return { reach: await estimate(deps, segment, pointer, definition.siteId, webhookNeeds(definition)) };
  } catch (error) {
    // What is wrong with the segment is among the faults; one that takes too long is worth the rest of the answer.
    if (!(error instanceof Problem)) throw error;
    const details = error.errors.map(({ detail }) => detail).join('; ');
    return { reach: null, reachDetail: details === '' ? error.message : details };
  }
}

async function instantsOf(
  deps: ApiDeps,
  campaign: Campaign,
  { timezone: accountZone }: AccountSettings,
  site: Site | null,
): Promise<{ nextRunAt: Date | null; next: ZonePreview[] }> {
  const { definition, status } = campaign;
  const { who, when } = definition;
  const isDraft = status === 'draft';
  if (!('past' in who) || !(isDraft || isUnderWay(status))) return { nextRunAt: null, next: [] };
  const nowMs = deps.clock.now().getTime();
  if (isDraft && scheduleFaults({ who, when }, { nowMs, accountZone }).length > 0)
    return { nextRunAt: null, next: [] };
  const plannedMs = when.start === 'now' ? nowMs : Date.parse(when.start);
  const startsAtMs = campaign.startsAt?.getTime() ?? Math.max(nowMs, plannedMs);
  const endMs = when.end === undefined ? null : Date.parse(when.end);
  const endsAtMs = isDraft ? endMs : (campaign.endsAt?.getTime() ?? null);
  const zones = [accountZone, ...(site?.timezone === undefined ? [] : [site.timezone]), ...AROUND_THE_PLANET];
  const next = previewSchedule(
    { when, startsAtMs, endsAtMs, accountZone, nowMs },
    { count: NEXT_SHOWN, zones },
  );
  const upcoming = isDraft ? null : (await runsDue(deps, campaign, nowMs)).upcoming;
  return { nextRunAt: upcoming?.plannedAt ?? null, next };
}

async function previewsOf(deps: ApiDeps, campaign: Campaign): Promise<object[]> {
  const { definition } = campaign;
  const variants = definition.channel === 'webPush' ? (definition.what.variants ?? []) : [];
  const wishes = variants.length > 0 ? variants.map(({ name }) => ({ variant: name })) : [{}];
  return Promise.all(wishes.map((wish) => previewOf(deps, campaign, wish)));
}

/** Of what was published already nothing keeps it from being so. */
async function faultsOf(
  deps: ApiDeps,
  { status, definition, archivedAt }: Campaign,
  settings: AccountSettings,
  site: Site | null,
): Promise<ProblemFault[]> {
  if (status !== 'draft') return [];
  const { segment, pointer } = audienceOf(definition);
  const nowMs = deps.clock.now().getTime();
  const faults: ProblemFault[] = publishFaults(definition, deps.templates, nowMs, settings, site);
  faults.push(...(await referenceFaults(deps, segment, pointer)));
  if (definition.siteId !== undefined && !site)
    faults.push({ pointer: '/siteId', detail: `there is no site ${definition.siteId}` });
  if (archivedAt !== undefined)
    faults.push({ pointer: '', detail: 'is archived; bring it back before it is published' });
  return faults;
}
