import { setTimeout as delay } from 'node:timers/promises';
import {
  labelOf,
  plannedSpan,
  UNDER_WAY,
  type Campaign,
  type CampaignStatus,
} from '../../domain/campaign/campaign.ts';
import type { ApiDeps } from '../deps.ts';
import { Problem } from '../http/problem.ts';
import type { Route } from '../http/route.ts';
import { referenceFaults } from '../segments/references.ts';
import { campaignChanges } from './campaign-changes.ts';
import { audienceOf, mustFind, save } from './definition.ts';
import { publishFaults } from './publishable.ts';
import { siteOf, warningsOf } from './publish-advice.ts';
import { tellCampaign } from './tell-campaign.ts';

/** `/v1/campaigns/:id/{publish,pause,resume,stop}`: the life of a campaign. */
export function campaignLifeRoutes(deps: ApiDeps): Route[] {
  const change = campaignChanges(deps);

  /** Compare-and-set of the status, or the fault that says why not. */
  const become = async (
    campaign: Campaign,
    from: CampaignStatus[],
    to: CampaignStatus,
  ): Promise<Campaign> => {
    const changed = await deps.campaigns.changeStatus(campaign.id, from, to);
    if (changed) return changed;
    const now = await mustFind(deps, campaign.id);
    throw new Problem(
      'wrong_status',
      `the campaign is ${now.status}; only ${from.join(', ')} can become ${to}`,
    );
  };

  /** Whoever read the gate before it was changed believes it for so long; then nothing starts any more. */
  const waitOutGate = (): Promise<void> => delay(deps.gateLeaseMs);

  const tellWorkflows = async (what: string, call: () => Promise<void>): Promise<void> => {
    try {
      await call();
    } catch (error) {
      // The row is the truth: the sweep starts and wakes what Temporal missed.
      deps.log.warn({ err: error }, `${what}: Temporal cannot be reached; the sweep will see to it`);
    }
  };

  const wakeRuns = async (campaign: Campaign): Promise<void> => {
    for (const run of await deps.runs.openOf(campaign.id))
      await deps.workflows.wakeRun(run, labelOf(campaign.id, campaign));
  };

  return [
    change(
      'publish',
      'Publish a draft',
      'Freezes the definition as a version and starts the campaign. A draft that cannot be published is answered ' +
        'with everything that is missing; what can be published and is probably not meant comes as `warnings`. Every event posted after this call has returned is seen by the campaign.',
      async (campaign) => {
        if (campaign.status !== 'draft')
          throw new Problem('wrong_status', `the campaign is ${campaign.status} already`);
        if (campaign.archivedAt !== undefined)
          throw new Problem('wrong_status', 'the campaign is archived; bring it back before it is published');
        const nowMs = deps.clock.now().getTime();
        const { segment, pointer } = audienceOf(campaign.definition);
        const settings = await deps.settings.read();
        const site = await siteOf(deps, campaign.definition);
        const faults = publishFaults(campaign.definition, deps.templates, nowMs, settings, site);
        faults.push(...(await referenceFaults(deps, segment, pointer)));
        if (faults.length > 0) throw new Problem('not_publishable', undefined, faults);
        const plan = { judged: campaign.updatedAt, ...plannedSpan(campaign.definition.when, nowMs) };
        const published = await save(
          campaign.definition,
          () => deps.campaigns.publish(campaign.id, plan),
          'not_publishable',
        );
        if (!published)
          throw new Problem('wrong_status', 'the campaign was published or changed at the same time');
        await tellWorkflows('publish', () => deps.workflows.startCampaign(published));
        return { campaign: published, warnings: await warningsOf(deps, published, site) };
      },
    ),
    change(
      'pause',
      'Pause a campaign',
      'When it returns, no send starts any more. Live messages that fall due meanwhile are dropped as `paused`; a run ' +
        'goes on where it stood when resumed.',
      async (campaign) => {
        const paused = await become(campaign, ['scheduled', 'running'], 'paused');
        await waitOutGate();
        return paused;
      },
    ),
    change('resume', 'Resume a paused campaign', 'Sending goes on at once.', async (campaign) => {
      const begun = campaign.startsAt !== undefined && campaign.startsAt <= deps.clock.now();
      const resumed = await become(campaign, ['paused'], begun ? 'running' : 'scheduled');
      // Runs that look before the old lease is over would find the campaign paused and go back to sleep.
      await waitOutGate();
      await tellWorkflows('resume', () => wakeRuns(resumed));
      await tellCampaign(deps, resumed);
      return resumed;
    }),
    change(
      'stop',
      'Stop a campaign for good',
      'When it returns, no send starts any more. What was still to be sent is recorded as `stopped`.',
      async (campaign) => {
        const stopped = await become(campaign, [...UNDER_WAY], 'stopped');
        await waitOutGate();
        await tellWorkflows('stop', () => deps.workflows.stopCampaign(campaign.id));
        return stopped;
      },
    ),
  ];
}
