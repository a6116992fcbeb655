import type { WebhookDefinition } from '../../domain/campaign/campaign.ts';
import { renderWebhookBody } from '../../domain/content/webhook-payload.ts';
import type { Site } from '../../domain/site.ts';
import type { ApiDeps } from '../deps.ts';
import type { ProblemFault } from '../http/problem.ts';
import { renderFault } from './render-fault.ts';
import { sampleData, sampleEvent, sampleProfile } from './sample.ts';

export type WebhookAdviceDeps = Pick<ApiDeps, 'properties' | 'templates' | 'webhooks' | 'clock'>;

/** @returns what about the target of a webhook campaign, as it is now, keeps messages from reaching it */
export async function webhookWarnings(
  deps: WebhookAdviceDeps,
  campaign: { id: string; definition: WebhookDefinition },
  site: Site | null,
): Promise<ProblemFault[]> {
  const { what } = campaign.definition;
  const target = await deps.webhooks.byId(what.webhookId);
  if (!target) return [];
  const warnings: ProblemFault[] = [];
  if (target.disabled) {
    const detail = 'is disabled: nothing is sent to it, and messages fail as targetGone';
    warnings.push({ pointer: '/what/webhookId', detail });
  }
  // What does not parse is a fault, and is told as one.
  if (target.contentType === 'json' && what.body !== undefined && deps.templates.check(what.body) === null)
    warnings.push(...(await jsonWarnings(deps, campaign, what.body, site)));
  return warnings;
}

/** Whether a body comes out as JSON is seen from a sample: a template alone does not tell. */
async function jsonWarnings(
  deps: WebhookAdviceDeps,
  { id, definition }: { id: string; definition: WebhookDefinition },
  body: string,
  site: Site | null,
): Promise<ProblemFault[]> {
  const context = {
    profile: await sampleProfile(deps),
    event: await sampleEvent(deps, definition),
    data: sampleData(definition),
    site,
    campaign: { id, name: definition.name },
    nowMs: deps.clock.now().getTime(),
  };
  try {
    await renderWebhookBody(deps.templates, body, 'json', context);
    return [];
  } catch (error) {
    const { detail } = renderFault(error);
    const why = `filled with a sample it is no JSON, which the target takes (${detail})`;
    return [{ pointer: '/what/body', detail: `${why}; such a message is suppressed as renderError` }];
  }
}
