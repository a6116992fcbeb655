import { z } from 'zod';
import { CHANNELS, isCampaignOver, isUnderWay, type Campaign } from '../../domain/campaign/campaign.ts';
import type { PlannedRun } from '../../domain/schedule/due-runs.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery, text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { checkDefinition, mustFind, save } from './definition.ts';
import { editPublished } from './edit.ts';
import { campaignExamples } from './examples.ts';
import { runsDue } from './runs-due.ts';
import { campaignView as view, campaignViewWithNext } from './views.ts';
import { campaignInput, campaignView, definitionOf } from './schemas.ts';

export { mustFind };

const params = z.strictObject({ id });
const STATUSES = ['draft', 'scheduled', 'running', 'paused', 'completed', 'stopped'] as const;

/** `/v1/campaigns`: writing campaigns down. */
export function campaignRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/campaigns',
      tag: 'Campaigns',
      summary: 'Create a draft',
      access: 'key',
      body: campaignInput,
      examples: campaignExamples,
      answers: { 201: { description: 'The draft', schema: campaignView } },
      async handle({ body, idOf }) {
        const definition = definitionOf(body);
        await checkDefinition(deps, definition);
        const campaign = await save(definition, () => deps.campaigns.create(idOf('campaign'), definition));
        return { status: 201, body: view(campaign), headers: { Location: `/v1/campaigns/${campaign.id}` } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/campaigns',
      tag: 'Campaigns',
      summary: 'List campaigns',
      access: 'key',
      query: pageQuery.extend({
        status: z.enum(STATUSES).optional(),
        label: text(64).optional(),
        channel: z.enum(CHANNELS).optional(),
        archived: z
          .enum(['true', 'false'])
          .default('false')
          .describe('Those that were put away, or those that were not'),
      }),
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(campaignView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ query }) {
        const { status, label, channel } = query;
        const filter = { status, label, channel, archived: query.archived === 'true' };
        const found = await deps.campaigns.list(filter, query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, view) };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id',
      tag: 'Campaigns',
      summary: 'Read a campaign',
      access: 'key',
      params,
      answers: { 200: { description: 'The campaign', schema: campaignView } },
      async handle({ params: { id: campaignId } }) {
        const campaign = await mustFind(deps, campaignId);
        return { status: 200, body: campaignViewWithNext(campaign, await upcomingRun(deps, campaign)) };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/v1/campaigns/:id',
      tag: 'Campaigns',
      summary: 'Replace a draft, or edit a published campaign',
      description:
        'A published campaign gets a new version at once. Whoever is inside and runs under way keep theirs; every ' +
        'event posted after this call has returned is judged by the new one. Channel, site, live or past, and after ' +
        'its start the start cannot change. What is probably not meant comes as `warnings`, as with publishing.',
      access: 'key',
      params,
      body: campaignInput,
      examples: campaignExamples,
      answers: { 200: { description: 'The campaign', schema: campaignView } },
      async handle({ params: { id: campaignId }, body, idOf }) {
        const current = await mustFind(deps, campaignId);
        const definition =
          current.status === 'draft' ? definitionOf(body) : definitionOf(body, current.definition.when.start);
        if (isCampaignOver(current.status))
          throw new Problem(
            'wrong_status',
            `the campaign is ${current.status} and cannot be changed any more`,
          );
        if (current.status !== 'draft') {
          const edited = await editPublished(deps, current, definition, idOf('edit'));
          return { status: 200, body: { ...view(edited.campaign), warnings: edited.warnings } };
        }
        await checkDefinition(deps, definition);
        const campaign = await save(definition, () => deps.campaigns.replaceDraft(campaignId, definition));
        if (!campaign) {
          await mustFind(deps, campaignId);
          throw new Problem('wrong_status', 'the campaign was published at the same time; look at it again');
        }
        return { status: 200, body: view(campaign) };
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/campaigns/:id',
      tag: 'Campaigns',
      summary: 'Delete a draft',
      access: 'key',
      params,
      answers: { 204: { description: 'Deleted' } },
      async handle({ params: { id: campaignId } }) {
        if (!(await deps.campaigns.deleteDraft(campaignId)))
          throw notADraft(await mustFind(deps, campaignId));
        return { status: 204 };
      },
    }),
  ];
}

/** @returns the run that is to come next; null for live campaigns, drafts, and what is over */
async function upcomingRun(deps: ApiDeps, campaign: Campaign): Promise<PlannedRun | null> {
  if (!('past' in campaign.definition.who) || !isUnderWay(campaign.status)) return null;
  return (await runsDue(deps, campaign, deps.clock.now().getTime())).upcoming;
}

function notADraft(campaign: Campaign): Problem {
  return new Problem('wrong_status', `the campaign is ${campaign.status}; only a draft can be deleted`);
}
