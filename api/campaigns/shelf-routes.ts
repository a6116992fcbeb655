import { z } from 'zod';
import type { Campaign, CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { ApiDeps } from '../deps.ts';
import { id, text } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { estimate, reachView, webhookNeeds } from '../segments/estimate.ts';
import { campaignChanges } from './campaign-changes.ts';
import { audienceOf, checkDefinition, mustFind, save } from './definition.ts';
import { campaignView } from './schemas.ts';
import { campaignView as view } from './views.ts';

const params = z.strictObject({ id });
const LONGEST_NAME = 200;
const COPY = ' (copy)';

/** `/v1/campaigns/:id/{clone,archive,unarchive,estimate}`: what is done with a campaign beside its life. */
export function campaignShelfRoutes(deps: ApiDeps): Route[] {
  const change = campaignChanges(deps);
  const put = (name: 'archive' | 'unarchive', summary: string, description: string): Route =>
    change(name, summary, description, async ({ id: campaignId }) => {
      const changed = await deps.campaigns.setArchived(campaignId, name === 'archive');
      if (changed) return changed;
      const { status } = await mustFind(deps, campaignId);
      throw new Problem(
        'wrong_status',
        `the campaign is ${status}; only draft, completed, stopped can be archived`,
      );
    });

  return [
    defineRoute({
      method: 'post',
      path: '/v1/campaigns/:id/clone',
      tag: 'Campaigns',
      summary: 'Make a draft of a campaign',
      description: 'A new draft with the same definition, under the name given or its own with “(copy)”.',
      access: 'key',
      params,
      body: z.strictObject({ name: text(LONGEST_NAME).optional() }).optional(),
      examples: { named: { summary: 'Under a name of its own', value: { name: 'Abandoned cart, spring' } } },
      answers: { 201: { description: 'The draft', schema: campaignView } },
      async handle({ params: { id: campaignId }, body, idOf }) {
        const { definition } = await mustFind(deps, campaignId);
        const copy: CampaignDefinition = { ...definition, name: body?.name ?? copyName(definition.name) };
        await checkDefinition(deps, copy);
        const made = await save(copy, () => deps.campaigns.create(idOf('campaign'), copy));
        return { status: 201, body: view(made), headers: { Location: `/v1/campaigns/${made.id}` } };
      },
    }),
    put(
      'archive',
      'Put a campaign away',
      'A draft or a campaign that is over; lists leave it out unless asked.',
    ),
    put('unarchive', 'Bring an archived campaign back', 'It is in lists again.'),
    defineRoute({
      method: 'post',
      path: '/v1/campaigns/:id/estimate',
      tag: 'Campaigns',
      summary: 'Count whom a campaign could reach now',
      description: 'Changes nothing. Of a live campaign the profiles that its filter holds for are counted.',
      access: 'key',
      params,
      answers: { 200: { description: 'How many', schema: reachView } },
      async handle({ params: { id: campaignId } }) {
        const campaign = await mustFind(deps, campaignId);
        const { segment, pointer } = estimable(campaign);
        const { definition } = campaign;
        const reach = await estimate(deps, segment, pointer, definition.siteId, webhookNeeds(definition));
        return { status: 200, body: reach };
      },
    }),
  ];
}

function estimable({ definition }: Campaign): ReturnType<typeof audienceOf> & { segment: object } {
  const { segment, pointer } = audienceOf(definition);
  if (segment !== undefined) return { segment, pointer };
  const on = 'api' in definition.who ? 'an API-triggered campaign reaches depends on its calls' : null;
  const detail = `is not there: whom ${on ?? 'a live campaign without a filter reaches depends on its events'} alone`;
  throw new Problem('validation_failed', 'there is no segment to count', [{ pointer, detail }]);
}

function copyName(name: string): string {
  // Whole characters: half of one is no name.
  const kept = [...name];
  while (kept.join('').length > LONGEST_NAME - COPY.length) kept.pop();
  return kept.join('') + COPY;
}
