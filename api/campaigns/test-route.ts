import { z } from 'zod';
import { missingData } from '../../domain/delivery/api-send.ts';
import { labelOf, type Campaign, type CampaignLabel } from '../../domain/campaign/campaign.ts';
import { placesOf } from '../../domain/content/content-faults.ts';
import type { Profile } from '../../domain/profile.ts';
import type { TestSendInput, TestSendResult } from '../../domain/delivery/test-message.ts';
import type { ApiDeps } from '../deps.ts';
import { NothingSentError } from '../temporal/workflow-starter.ts';
import { id, instant, properties, text } from '../http/fields.ts';
import { Problem, type ProblemFault } from '../http/problem.ts';
import { pointerOf } from '../http/validate.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './routes.ts';

const MOST_NAMED = 20;
const MOST_PROFILES = 100;

const testInput = z
  .strictObject({
    identities: z
      .array(text(256))
      .min(1, 'must name at least one test profile; leave it out for all of them')
      .max(MOST_NAMED, `must not name more than ${MOST_NAMED} test profiles`)
      .optional()
      .describe('Which test profiles; absent: all of them'),
    event: z
      .strictObject({
        name: text(128).optional().describe('Default: the event that opens the campaign'),
        properties: properties.default({}),
        time: instant.optional().describe('Default: now'),
      })
      .optional()
      .describe('A sample that fills `event.*`, for live campaigns'),
    data: properties
      .optional()
      .describe('A sample that fills `data.*`, for API-triggered campaigns; all required data must be there'),
  })
  .meta({ id: 'TestSendInput' });

const testOutput = z
  .object({
    results: z.array(
      z.looseObject({
        identity: z.string().optional(),
        objectId: z.string(),
        sent: z.boolean().describe('At least one device took it'),
        reason: z.string().optional().describe('Why no device took it'),
        detail: z.string().optional(),
        devices: z.array(
          z.looseObject({
            subscriptionId: z.string(),
            outcome: z.looseObject({
              kind: z.enum(['delivered', 'gone', 'throttled', 'rejected', 'unreachable', 'notBegun']),
              status: z.number().int().optional(),
              reason: z.string().optional(),
            }),
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'TestSend' });

/** `POST /v1/campaigns/:id/test`: the real message, to test profiles only. */
export function campaignTestRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/campaigns/:id/test',
      tag: 'Campaigns',
      summary: 'Send a test',
      description:
        'Renders the message as it would be sent and pushes it to test profiles, whatever the status of the ' +
        'campaign: past its audience, quiet hours, limits and control groups. It counts in no statistics. A repeat ' +
        'with the same `Idempotency-Key` sends nothing twice.',
      access: 'key',
      params: z.strictObject({ id }),
      body: testInput.default({}),
      examples: {
        all: {
          summary: 'A campaign whose texts name no event and that requires no data, to all test profiles',
          value: {},
        },
        past: { summary: 'A campaign of past behaviour, to one person', value: { identities: ['42'] } },
        live: {
          summary: 'A live campaign, to one person',
          value: { identities: ['42'], event: { properties: { cartId: 'a', product: 'Shoes' } } },
        },
        api: {
          summary: 'An API-triggered campaign, to one person',
          value: { identities: ['42'], data: { orderId: '1001' } },
        },
      },
      answers: { 200: { description: 'What became of it, by profile', schema: testOutput } },
      async handle({ params: { id: campaignId }, body, idOf }) {
        const campaign = await mustFind(deps, campaignId);
        const { profiles, faults } = await recipients(deps, body.identities);
        faults.push(...eventFaults(deps, campaign, body.event), ...dataFaults(campaign, body.data));
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const input: TestSendInput = {
          campaignId,
          testId: idOf('test'),
          profileIds: profiles.map((profile) => profile.id),
          event: sampleOf(campaign, body.event, deps.clock.now().getTime()),
          ...(body.data === undefined ? {} : { data: body.data }),
        };
        const results = await send(deps, input, labelOf(campaign.id, campaign));
        const identities = new Map(profiles.map((profile) => [profile.id, profile.identity]));
        return { status: 200, body: { results: results.map((result) => viewOf(result, identities)) } };
      },
    }),
  ];
}

type Sample = NonNullable<z.output<typeof testInput>['event']>;

async function recipients(
  deps: ApiDeps,
  identities: string[] | undefined,
): Promise<{ profiles: Profile[]; faults: ProblemFault[] }> {
  if (identities === undefined) {
    const profiles = await deps.profiles.listTestProfiles(null, MOST_PROFILES + 1);
    const fault = (detail: string): ProblemFault[] => [{ pointer: '/identities', detail }];
    if (profiles.length === 0) {
      return { profiles, faults: fault('there is no test profile; set testProfile of one to true') };
    }
    const tooMany = `there are more than ${MOST_PROFILES} test profiles; name those who are to get it`;
    return { profiles, faults: profiles.length > MOST_PROFILES ? fault(tooMany) : [] };
  }
  const found = await Promise.all(identities.map((identity) => deps.profiles.byIdentity(identity)));
  const faults = found.flatMap((profile, i): ProblemFault[] => {
    const pointer = `/identities/${i}`;
    if (!profile)
      return [{ pointer, detail: `there is no profile with the identity ${identities[i] ?? ''}` }];
    return profile.testProfile ? [] : [{ pointer, detail: 'is no test profile' }];
  });
  const byId = new Map(found.flatMap((profile) => (profile ? [[profile.id, profile]] : [])));
  return { profiles: [...byId.values()], faults };
}

function eventFaults(
  { templates }: Pick<ApiDeps, 'templates'>,
  { definition }: Campaign,
  event: Sample | undefined,
): ProblemFault[] {
  const { who } = definition;
  if (!('live' in who)) {
    if (event === undefined) return [];
    return [{ pointer: '/event', detail: 'is for live campaigns; this one has no event' }];
  }
  if (event === undefined) {
    const place = placesOf(definition).find(({ text }) =>
      templates.references(text).some(([root]) => root === 'event'),
    );
    if (place === undefined) return [];
    return [{ pointer: '/event', detail: `is required: ${place.pointer} names event.…` }];
  }
  if (event.name === undefined || event.name === who.live.event) return [];
  return [{ pointer: '/event/name', detail: `is not the event that opens the campaign, ${who.live.event}` }];
}

function dataFaults(campaign: Campaign, data: Record<string, unknown> | undefined): ProblemFault[] {
  const { who } = campaign.definition;
  if (!('api' in who)) {
    if (data === undefined) return [];
    return [{ pointer: '/data', detail: 'is for API-triggered campaigns; this one is given no data' }];
  }
  return missingData(data ?? {}, who.api).map((name) => ({
    pointer: pointerOf(['data', name]),
    detail: 'is required by the campaign',
  }));
}

function sampleOf(campaign: Campaign, event: Sample | undefined, nowMs: number): TestSendInput['event'] {
  const { who } = campaign.definition;
  if (!event || !('live' in who)) return undefined;
  const timeMs = event.time === undefined ? nowMs : Date.parse(event.time);
  return { name: who.live.event, properties: event.properties, timeMs };
}

async function send(deps: ApiDeps, input: TestSendInput, campaign: CampaignLabel): Promise<TestSendResult[]> {
  let answer;
  try {
    answer = await deps.workflows.testSend(input, campaign);
  } catch (error) {
    deps.log.warn({ err: error, campaign: input.campaignId }, 'a test could not be sent');
    throw new Problem(
      'workflows_unavailable',
      error instanceof NothingSentError
        ? `nothing was sent: ${error.message}`
        : 'it is not known whether it was sent: Temporal cannot be reached, or the test did not end in time; ' +
            'a repeat with the same Idempotency-Key sends nothing twice',
    );
  }
  if (answer.kind === 'done') return answer.results;
  throw new Problem(
    'workflows_unavailable',
    'it is not known whether it was sent: the worker broke off, and some devices may have got it',
  );
}

function viewOf({ profileId, ...rest }: TestSendResult, identities: Map<string, string | undefined>): object {
  return { identity: identities.get(profileId), objectId: profileId, ...rest };
}
