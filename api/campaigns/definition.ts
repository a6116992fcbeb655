import { segmentOf, type Campaign, type CampaignDefinition } from '../../domain/campaign/campaign.ts';
import type { Segment } from '../../domain/audience/segment.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem, type ProblemCode } from '../http/problem.ts';
import { referenceFaults, withSegment } from '../segments/references.ts';
import { definitionFaults } from './publishable.ts';

/** @throws Problem `not_found` */
export async function mustFind(deps: Pick<ApiDeps, 'campaigns'>, campaignId: string): Promise<Campaign> {
  const campaign = await deps.campaigns.byId(campaignId);
  if (!campaign) throw new Problem('not_found', `there is no campaign ${campaignId}`);
  return campaign;
}

/** @returns the segment that a campaign's audience is judged by, if it has one, and where it stands */
export function audienceOf(definition: CampaignDefinition): {
  segment: Segment | undefined;
  pointer: string;
} {
  const { who } = definition;
  const pointer = 'live' in who ? '/who/live/filter' : 'past' in who ? '/who/past' : '/who/api';
  return { segment: segmentOf(definition), pointer };
}

/** @throws Problem with everything that a definition cannot mean, and whatever it names that is not there */
export async function checkDefinition(deps: ApiDeps, definition: CampaignDefinition): Promise<void> {
  const { segment, pointer } = audienceOf(definition);
  const faults = definitionFaults(definition);
  faults.push(...(await referenceFaults(deps, segment, pointer)));
  if (definition.siteId !== undefined && (await deps.sites.byId(definition.siteId)) === null) {
    faults.push({ pointer: '/siteId', detail: `there is no site ${definition.siteId}` });
  }
  if (definition.channel === 'webhook' && !(await deps.webhooks.exists(definition.what.webhookId))) {
    const detail = `there is no webhook target ${definition.what.webhookId}`;
    faults.push({ pointer: '/what/webhookId', detail });
  }
  if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
}

/** Writes a definition, or names the place in it that keeps it from being written. */
export async function save<T>(
  definition: CampaignDefinition,
  write: () => Promise<T>,
  code?: ProblemCode,
): Promise<T> {
  const { segment, pointer } = audienceOf(definition);
  return withSegment(segment, pointer, write, code);
}
