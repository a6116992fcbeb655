import { z } from 'zod';
import type { Campaign } from '../../domain/campaign/campaign.ts';
import type { ApiDeps } from '../deps.ts';
import { id } from '../http/fields.ts';
import type { ProblemFault } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './definition.ts';
import { campaignView } from './schemas.ts';
import { campaignView as view } from './views.ts';

const params = z.strictObject({ id });

/** @returns what declares `POST /v1/campaigns/:id/<name>`, which changes a campaign and answers with it */
export function campaignChanges(deps: Pick<ApiDeps, 'campaigns'>) {
  return (
    name: string,
    summary: string,
    description: string,
    act: (campaign: Campaign) => Promise<Campaign | { campaign: Campaign; warnings: ProblemFault[] }>,
  ): Route =>
    defineRoute({
      method: 'post',
      path: `/v1/campaigns/:id/${name}`,
      tag: 'Campaigns',
      summary,
      description,
      access: 'key',
      params,
      answers: { 200: { description: 'The campaign', schema: campaignView } },
      async handle({ params: { id: campaignId } }) {
        const done = await act(await mustFind(deps, campaignId));
        if (!('warnings' in done)) return { status: 200, body: view(done) };
        return { status: 200, body: { ...view(done.campaign), warnings: done.warnings } };
      },
    });
}
