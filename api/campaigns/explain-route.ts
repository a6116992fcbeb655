import { z } from 'zod';
import { SegmentTooSlow, UnknownReference } from '../../domain/audience/audience-errors.ts';
import type { Audience, Campaign, LiveAudience } from '../../domain/campaign/campaign.ts';
import type { StoredEvent } from '../../domain/event.ts';
import { explainEvent } from '../../domain/explain/explain-events.ts';
import { judgeSegment, type JudgedPart, type LeafVerdict } from '../../domain/explain/explain-segment.ts';
import { explainedRow } from '../../domain/explain/explain-row.ts';
import { explain } from '../../domain/explain/explain.ts';
import { STEPS, type ExplainFacts } from '../../domain/explain/explain-facts.ts';
import { cancellationBy, cancellingNames } from '../../domain/audience/live-audience.ts';
import { isOpen, type Message } from '../../domain/delivery/message.ts';
import type { Run } from '../../domain/delivery/run.ts';
import { conditionScope, type Profile } from '../../domain/profile.ts';
import { leavesOf, referencesOf, type Segment } from '../../domain/audience/segment.ts';
import { zoneOf } from '../../domain/schedule/zone-of.ts';
import type { ApiDeps } from '../deps.ts';
import { id, text } from '../http/fields.ts';
import { derivedId } from '../http/ids.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './routes.ts';
import { messageView } from './views.ts';

const MOST_EVENTS = 20;
const MOST_MESSAGES = 20;
const MOST_RUNS = 1_000;
const MOST_SUBSCRIPTIONS = 100;
/** Parts of a segment that are judged at once. */
const AT_ONCE = 8;
const JUDGE_FOR_MS = 10_000;

const partView: z.ZodType = z
  .lazy(() =>
    z.looseObject({
      text: z.string(),
      holds: z.boolean().nullable().describe('null: it could not be judged, `fault` says why'),
      fault: z.string().optional(),
      parts: z.array(partView).optional(),
    }),
  )
  .meta({ id: 'JudgedSegment' });

const explanationView = z
  .looseObject({
    campaignId: z.string(),
    objectId: z.string().nullable().describe('null: there is no such profile'),
    verdict: z.enum(['sent', 'failed', 'waiting', 'control', 'notSent']),
    summary: z.string(),
    steps: z.array(
      z.looseObject({
        step: z.enum(STEPS),
        outcome: z.enum(['passed', 'failed', 'notReached', 'info']),
        detail: z.string(),
        at: z.iso.datetime().optional(),
        segment: partView.optional(),
        events: z
          .array(
            z.looseObject({
              eventId: z.string(),
              time: z.iso.datetime(),
              receivedAt: z.iso.datetime(),
              outcome: z.enum(['opened', 'restarted', 'ignored', 'open']),
              detail: z.string(),
              conditions: z.array(z.object({ text: z.string(), holds: z.boolean() })),
            }),
          )
          .optional(),
      }),
    ),
    messages: z.array(z.looseObject({ id: z.string(), state: z.string(), reason: z.string().optional() })),
  })
  .meta({ id: 'Explanation' });

/** `GET /v1/campaigns/:id/explain`: why this person did or did not get it. */
export function campaignExplainRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/explain',
      tag: 'Campaigns',
      summary: 'Why a profile did or did not get it',
      description:
        'Goes through the steps of a message in order. What is recorded about the latest message to the profile ' +
        'wins; everything else is judged as of now, and the text says which is which.',
      access: 'key',
      params: z.strictObject({ id }),
      query: z
        .strictObject({ identity: text(400).optional(), objectId: id.optional() })
        .refine((query) => (query.identity === undefined) !== (query.objectId === undefined), {
          error: 'needs exactly one of identity and objectId',
          path: ['identity'],
        }),
      answers: { 200: { description: 'The explanation', schema: explanationView } },
      async handle({ params: { id: campaignId }, query }) {
        const campaign = await mustFind(deps, campaignId);
        const facts = await gather(deps, campaign, query);
        const body = {
          campaignId,
          objectId: facts.profile?.id ?? null,
          ...explain(facts),
          messages: facts.rows.map(shortView),
        };
        return { status: 200, body };
      },
    }),
  ];
}

async function gather(
  deps: ApiDeps,
  campaign: Campaign,
  query: { identity?: string | undefined; objectId?: string | undefined },
): Promise<ExplainFacts> {
  const { definition } = campaign;
  const nowMs = deps.clock.now().getTime();
  const { identity, objectId = '' } = query;
  const profile =
    identity === undefined
      ? ((await deps.profiles.byIds([objectId])).get(objectId) ?? null)
      : await deps.profiles.byIdentity(identity);
  const asked = identity === undefined ? `profile ${objectId}` : `profile with the identity ${identity}`;
  const [settings, site] = await Promise.all([deps.settings.read(), deps.sites.byId(definition.siteId)]);
  const nothing = { subscriptions: [], held: null, rows: [], runs: [], events: [] };
  const known = { nowMs, campaign, asked, profile, settings, site };
  if (!profile) return { ...known, ...nothing };

  // Before the messages: of a run that is over its writing by then, the messages are there.
  const runsBefore = 'past' in definition.who ? await runsOf(deps, campaign) : [];
  const [rows, subscriptions, held, zones] = await Promise.all([
    deps.messages.ofProfile(profile.id, campaign.id, MOST_MESSAGES),
    deps.subscriptions.list(
      { profileId: profile.id, ...(definition.siteId === undefined ? {} : { siteId: definition.siteId }) },
      null,
      MOST_SUBSCRIPTIONS,
    ),
    deps.allowances.of(profile.id, campaign.id),
    deps.subscriptions.latestZones([profile.id]),
  ]);
  const latestZone = zones.get(profile.id);
  const own = await ownOf(deps, campaign, explainedRow(rows));
  const facts = { ...known, ...nothing, rows, own, subscriptions, held, latestZone };
  const { who } = definition;
  if ('api' in who) return facts;
  return 'live' in who
    ? { ...facts, ...(await gatherLive(deps, campaign, who.live, { ...facts, profile })) }
    : { ...facts, ...(await gatherPast(deps, campaign, who.past, { profile, rows, nowMs }, runsBefore)) };
}

/** What a message entered under: whoever is inside keeps that version. */
async function ownOf(
  deps: ApiDeps,
  campaign: Campaign,
  row: Message | undefined,
): Promise<ExplainFacts['own']> {
  if (!row) return undefined;
  const isCurrent = row.version === campaign.version;
  const definition = isCurrent ? campaign.definition : await deps.campaigns.version(campaign.id, row.version);
  if (!definition) return undefined;
  const isReminder = 'live' in definition.who && definition.who.live.dateProperty !== undefined;
  if (!isReminder || !row.released || !row.passage) return { definition };
  return { definition, event: (await deps.events.byId(row.passage.event.id)) ?? undefined };
}

async function gatherLive(
  deps: ApiDeps,
  campaign: Campaign,
  live: LiveAudience,
  known: Pick<ExplainFacts, 'rows' | 'own' | 'held' | 'nowMs' | 'subscriptions' | 'site' | 'settings'> & {
    profile: Profile;
  },
): Promise<Pick<ExplainFacts, 'events' | 'filter' | 'cancelledBy'>> {
  const { profile, rows, nowMs } = known;
  const gotAt = known.held?.gotAt ?? null;
  const active = known.subscriptions.filter(({ status }) => status === 'active');
  const zone = zoneOf(profile, active, known.site ?? undefined, known.settings.timezone);
  const [events, filter, cancelledBy] = await Promise.all([
    deps.events.latest(profile.id, live.event, MOST_EVENTS),
    live.filter && judge(deps, live.filter, profile, nowMs),
    cancelling(deps, known.own?.definition.who ?? { live }, explainedRow(rows)),
  ]);
  const verdicts = events.map((event) => {
    const messageId = derivedId(campaign.id, event.id);
    return explainEvent(campaign, live, { event, messageId }, rows, gotAt, zone);
  });
  return { events: verdicts, filter, cancelledBy };
}

/** The first event that cancels a message: for one that is open, what it will find when it is sent. */
async function cancelling(
  deps: ApiDeps,
  own: Audience,
  row: Message | undefined,
): Promise<StoredEvent | undefined> {
  if (!row?.passage) return undefined;
  const { passage } = row;
  if (passage.closedBy) return (await deps.events.byId(passage.closedBy.id)) ?? undefined;
  if (!isOpen(row.state)) return undefined;
  if (!('live' in own)) return undefined;
  const rules = own.live;
  const names = cancellingNames(rules);
  if (names.length === 0) return undefined;
  for await (const event of deps.events.since(row.profileId, names, passage.event.time)) {
    if (cancellationBy(rules, event, passage) !== null) return event;
  }
  return undefined;
}

async function gatherPast(
  deps: ApiDeps,
  campaign: Campaign,
  past: Segment,
  known: Pick<ExplainFacts, 'rows' | 'nowMs'> & { profile: Profile },
  runsBefore: Run[],
): Promise<Pick<ExplainFacts, 'segment' | 'runs'>> {
  const { profile, rows, nowMs } = known;
  // A run that was opened in between has its message already.
  const isOpened = rows.some(
    ({ runId }) => runId !== undefined && !runsBefore.some(({ id }) => id === runId),
  );
  const [segment, runs] = await Promise.all([
    judge(deps, past, profile, nowMs),
    isOpened ? runsOf(deps, campaign) : runsBefore,
  ]);
  return { segment, runs };
}

function runsOf(deps: ApiDeps, campaign: Campaign): Promise<Run[]> {
  return deps.runs.list(campaign.id, null, MOST_RUNS);
}

/** Asks the database for each part that holds no others, with the one profile. */
async function judge(deps: ApiDeps, segment: Segment, profile: Profile, nowMs: number): Promise<JudgedPart> {
  const leaves = leavesOf(segment);
  const verdicts = new Map<Segment, LeafVerdict>();
  const untilMs = performance.now() + JUDGE_FOR_MS;
  for (let i = 0; i < leaves.length; i += AT_ONCE) {
    if (performance.now() > untilMs) {
      const fault = 'the parts before it took too long to judge';
      for (const leaf of leaves.slice(i)) verdicts.set(leaf, { holds: null, fault });
      break;
    }
    await Promise.all(
      leaves.slice(i, i + AT_ONCE).map(async (leaf) => {
        verdicts.set(leaf, await judgeLeaf(deps, leaf, profile, nowMs));
      }),
    );
  }
  return judgeSegment(segment, verdicts, conditionScope(profile), await namesIn(deps, segment));
}

/** The names of the saved segments and lists that a segment refers to itself, by their ids. */
async function namesIn(deps: ApiDeps, segment: Segment): Promise<Map<string, string>> {
  const { segments, lists } = referencesOf(segment);
  const names = await Promise.all([
    segments.length > 0 ? deps.segments.names(segments) : [],
    lists.length > 0 ? deps.lists.names(lists) : [],
  ]);
  return new Map(names.flatMap((some) => [...some]));
}

async function judgeLeaf(
  deps: ApiDeps,
  leaf: Segment,
  profile: Profile,
  nowMs: number,
): Promise<LeafVerdict> {
  try {
    return { holds: (await deps.audience.members(leaf, [profile.id], nowMs)).has(profile.id) };
  } catch (error) {
    if (error instanceof UnknownReference || error instanceof SegmentTooSlow)
      return { holds: null, fault: error.message };
    throw error;
  }
}

/** A message as lists show it, without its receipts. */
function shortView(message: Message): object {
  return { ...messageView(message), receipts: undefined };
}
