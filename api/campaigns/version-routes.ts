import { z } from 'zod';
import type { CampaignVersion } from '../../domain/ports/campaigns.ts';
import type { ApiDeps } from '../deps.ts';
import { id } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './definition.ts';
import { definitionShape } from './schemas.ts';

const number = z.coerce.number().int().min(1).max(1_000_000_000);
const listed = { version: z.number().int(), publishedAt: z.iso.datetime() };
const versionView = z
  .looseObject({ ...definitionShape, ...listed, campaignId: z.string() })
  .describe('The definition as it was published')
  .meta({ id: 'CampaignVersion' });

/** `/v1/campaigns/:id/versions`: what a campaign said, version by version. */
export function campaignVersionRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/versions',
      tag: 'Campaigns',
      summary: 'List the versions of a campaign',
      description: 'Publishing makes the first one, and each change of a published campaign another.',
      access: 'key',
      params: z.strictObject({ id }),
      query: z.strictObject({
        limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('How many at most'),
        cursor: number.optional().describe('`nextCursor` of the page before'),
      }),
      answers: {
        200: {
          description: 'One page, the first version first',
          schema: z.object({ data: z.array(z.object(listed)), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ params: { id: campaignId }, query }) {
        await mustFind(deps, campaignId);
        const found = await deps.campaigns.versions(campaignId, query.cursor ?? 0, query.limit);
        const data = found.map(({ version, publishedAt }) => ({ version, publishedAt }));
        const last = found.length === query.limit ? found.at(-1) : undefined;
        return { status: 200, body: { data, nextCursor: last ? String(last.version) : null } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/versions/:version',
      tag: 'Campaigns',
      summary: 'Read a version of a campaign',
      access: 'key',
      params: z.strictObject({ id, version: number }),
      answers: { 200: { description: 'The version', schema: versionView } },
      async handle({ params: { id: campaignId, version } }) {
        await mustFind(deps, campaignId);
        const [found] = await deps.campaigns.versions(campaignId, version - 1, 1);
        if (found?.version !== version)
          throw new Problem('not_found', `campaign ${campaignId} has no version ${version}`);
        return { status: 200, body: view(campaignId, found) };
      },
    }),
  ];
}

function view(campaignId: string, { version, publishedAt, definition }: CampaignVersion): object {
  return { campaignId, version, publishedAt, ...definition };
}
