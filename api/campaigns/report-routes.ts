import { z } from 'zod';
import { audienceKind, type Campaign } from '../../domain/campaign/campaign.ts';
import { progressOf, type RunProgress } from '../../domain/delivery/run-progress.ts';
import { variantReports } from '../../domain/content/variant-report.ts';
import type { ApiDeps } from '../deps.ts';
import { id, pageOf, pageQuery } from '../http/fields.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { mustFind } from './definition.ts';
import { messageView, runView, statsView } from './report-schemas.ts';
import { messageView as viewOfMessage, runView as viewOfRun, winnerView } from './views.ts';

const params = z.strictObject({ id });
const MOST_RUNS = 100;
const STATES = ['waiting', 'due', 'sending', 'sent', 'failed', 'suppressed', 'control'] as const;

/** `/v1/campaigns/:id/{stats,runs,messages}`: what happened. */
export function campaignReportRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/stats',
      tag: 'Campaigns',
      summary: 'Statistics',
      description: 'Counted from the messages themselves, as they are now.',
      access: 'key',
      params,
      answers: { 200: { description: 'The figures', schema: statsView } },
      async handle({ params: { id: campaignId } }) {
        const campaign = await mustFind(deps, campaignId);
        const kind = audienceKind(campaign.definition);
        const stats = await deps.messages.stats(campaignId, kind, deps.clock.now().getTime());
        const { transports, ...devices } = stats.devices;
        // A webhook is no device that a push service reaches.
        const isWebhook = campaign.definition.channel === 'webhook';
        const body = { ...stats, devices: isWebhook ? devices : { ...devices, transports } };
        return { status: 200, body: { ...body, ...(await variantsOf(campaign)) } };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/runs',
      tag: 'Campaigns',
      summary: 'Runs of a past-behaviour campaign',
      description:
        'The latest first, each with how far it has come. The figures are counted from the messages, all at one ' +
        'instant, so that they add up; those of a run with very many messages may be minutes old while it is under way.',
      access: 'key',
      params,
      query: pageQuery.extend({
        limit: z.coerce.number().int().min(1).max(MOST_RUNS).default(MOST_RUNS).describe('How many at most'),
      }),
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(runView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ params: { id: campaignId }, query }) {
        const { status, definition } = await mustFind(deps, campaignId);
        const runs = await deps.runs.list(campaignId, query.cursor ?? null, query.limit);
        const surroundings = {
          paused: status === 'paused',
          perMinute: definition.when.throughput?.perMinute,
        };
        const progress = new Map<string, RunProgress>();
        // Those that are over have their figures with them: few are counted.
        for (const run of runs) {
          progress.set(run.id, progressOf(await deps.progress.counts(run), { run, ...surroundings }));
        }
        return {
          status: 200,
          body: pageOf(runs, query.limit, (run) => viewOfRun(run, progress.get(run.id)!)),
        };
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/campaigns/:id/messages',
      tag: 'Campaigns',
      summary: 'Messages with their attempts and receipts',
      access: 'key',
      params,
      query: pageQuery.extend({ state: z.enum(STATES).optional() }),
      answers: {
        200: {
          description: 'One page',
          schema: z.object({ data: z.array(messageView), nextCursor: z.string().nullable() }),
        },
      },
      async handle({ params: { id: campaignId }, query }) {
        await mustFind(deps, campaignId);
        const filter = query.state === undefined ? {} : { state: query.state };
        const found = await deps.messages.list(campaignId, filter, query.cursor ?? null, query.limit);
        return { status: 200, body: pageOf(found, query.limit, viewOfMessage) };
      },
    }),
  ];

  /** What is there only with variants. */
  async function variantsOf(campaign: Campaign): Promise<object> {
    const { id: campaignId, definition } = campaign;
    if (definition.channel !== 'webPush' || !definition.what.variants?.length) return {};
    const counts = await deps.messages.variantStats(campaignId);
    return {
      variants: variantReports(definition.what.variants, counts),
      ...(definition.what.winner ? { winner: winnerView(campaign) ?? null } : {}),
    };
  }
}
