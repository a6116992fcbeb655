import type { Campaign, WebhookDefinition } from '../../domain/campaign/campaign.ts';
import { DEFAULT_BATCH_SIZE, DEFAULT_BATCH_WAIT_MS } from '../../domain/content/content.ts';
import { parseDuration, parseWait } from '../../domain/schedule/duration.ts';
import type { WebhookRequest } from '../../domain/ports/channels.ts';
import { unreachableBecause } from '../../domain/audience/reachable.ts';
import type { RenderContext } from '../../domain/content/render-scope.ts';
import {
  bodyForOne,
  pushTokenOf,
  renderKeyValues,
  renderWebhookBody,
  webhookPayload,
  webhookProfile,
} from '../../domain/content/webhook-payload.ts';
import type { Subscription } from '../../domain/site.ts';
import { MAX_WEBHOOK_TIMEOUT_MS, targetAddress, type WebhookTarget } from '../../domain/delivery/webhook.ts';
import { retryPolicyOf } from '../../domain/delivery/webhook-retry.ts';
import { devicesOf, type Addressed, type Recipient } from './address.ts';
import type { BatchKind } from './batches.ts';
import type { DeliveryDeps } from './deps.ts';
import { definitionKey, onceAPage, type PageContext } from './page-context.ts';
import {
  sendTogether,
  type Sent,
  type WebhookDeps,
  type WebhookItem,
  type WebhookPart,
} from './webhook-request.ts';

/** @returns how many profiles of a campaign go into one request */
export function batchSizeOf({ what }: WebhookDefinition): number {
  return what.body === undefined ? (what.batch?.size ?? DEFAULT_BATCH_SIZE) : 1;
}

/** @returns how long messages of a campaign that fall due by themselves wait for others, in milliseconds */
export function batchWaitOf({ what }: WebhookDefinition): number {
  if (what.body !== undefined) return 0;
  const maxWait = what.batch?.maxWait;
  return maxWait === undefined ? DEFAULT_BATCH_WAIT_MS : (parseWait(maxWait) ?? DEFAULT_BATCH_WAIT_MS);
}

/**
 * @param batchId of messages that were tried before: they make a request of their own again, under its name
 * @returns how messages of a version of a campaign travel together
 */
function webhookBatches(
  deps: WebhookDeps,
  about: {
    campaign: Pick<Campaign, 'id' | 'targetId'>;
    version: number;
    definition: WebhookDefinition;
    target: WebhookTarget;
    keyValues: Record<string, string>;
  },
  batchId: string | undefined,
): BatchKind<Sent, WebhookItem> {
  const { campaign, version, target, keyValues } = about;
  return {
    key: batchId ?? `${campaign.id}/${version}`,
    leftOut: { attempts: [] },
    bytesOf: ({ bytes }) => bytes,
    async send(items) {
      const request = (parts: WebhookPart[], id: string): WebhookRequest => {
        const bodies = parts.flatMap((part) => ('body' in part ? [part.body] : []));
        const profiles = parts.flatMap((part) => ('profile' in part ? [part.profile] : []));
        const body = bodies[0] ?? JSON.stringify(webhookPayload(campaign.targetId, keyValues, profiles));
        return webhookRequest(target, { id, body, longestMs: deps.limits.timeoutMs });
      };
      return sendTogether(deps, { campaignId: campaign.id, target, request, batchId }, items);
    },
  };
}

/** @returns the target that a message of a webhook campaign goes to, or why it goes nowhere */
export function addressWebhook(
  deps: WebhookDeps & Pick<DeliveryDeps, 'templates'>,
  to: Recipient<WebhookDefinition>,
  page: PageContext,
): Addressed {
  const { row, definition } = to;
  const target = page.webhooks.get(definition.what.webhookId);
  if (!target || target.disabled) {
    const detail = target ? 'the webhook target is switched off' : 'the webhook target is not there any more';
    return { kind: 'failed', reason: 'targetGone', detail };
  }
  const event = row.passage ? page.events.get(row.passage.event.id)?.properties : undefined;
  const unreachable = unreachableBecause(definition, {
    profile: to.profile,
    active: to.subscriptions,
    event,
  });
  if (unreachable !== null) return { kind: 'unreachable', detail: unreachable };
  const campaign = page.campaigns.get(row.campaignId);
  if (!campaign || row.token === undefined)
    return { kind: 'failed', reason: 'campaignGone', detail: 'its campaign is not there any more' };
  const { id, token = '', tries } = row;
  return {
    kind: 'addressed',
    devices: devicesOf(row, [{ subscriptionId: target.id }]),
    async ready() {
      const { keyValues, part } = await renderWebhook(deps, to, { event, target, page });
      const bytes = Buffer.byteLength('body' in part ? part.body : JSON.stringify(part.profile));
      const about = { campaign, version: row.version, definition, target, keyValues };
      return {
        retry: retryPolicyOf(target.retries),
        send: (mayBegin, batches) =>
          batches.join(webhookBatches(deps, about, row.batchId), {
            row: { id, token, tries },
            part,
            mayBegin,
            bytes,
          }),
      };
    },
  };
}

/**
 * Renders what a webhook is told of one profile.
 * @throws what keeps it from being rendered
 */
async function renderWebhook(
  deps: Pick<DeliveryDeps, 'templates' | 'clock'>,
  to: Pick<Recipient<WebhookDefinition>, 'definition' | 'site' | 'profile' | 'subscriptions' | 'row'>,
  {
    event,
    target,
    page,
  }: { event: Record<string, unknown> | undefined; target: WebhookTarget; page: PageContext },
): Promise<{ keyValues: Record<string, string>; part: WebhookPart }> {
  const { definition, row } = to;
  const context: RenderContext = {
    profile: to.profile,
    event,
    data: row.request?.data,
    site: to.site ?? null,
    campaign: { id: row.campaignId, name: definition.name },
    nowMs: deps.clock.nowMs(),
  };
  const { body } = definition.what;
  if (body !== undefined) {
    const text = await renderWebhookBody(deps.templates, body, target.contentType, context);
    return { keyValues: {}, part: { body: text } };
  }
  const keyValues = await onceAPage(page, `keyValues/${definitionKey(row)}`, () =>
    renderKeyValues(deps.templates, definition, context),
  );
  return {
    keyValues,
    part: {
      profile: webhookProfile(definition, {
        profile: to.profile,
        pushToken: pushTokenOf(to.subscriptions),
        event,
      }),
    },
  };
}

/**
 * @returns the request that a test of a webhook campaign makes for one profile
 * @throws what keeps it from being rendered
 */
export async function renderTestRequest(
  deps: Pick<DeliveryDeps, 'templates'>,
  about: {
    campaign: Pick<Campaign, 'targetId'>;
    definition: WebhookDefinition;
    target: WebhookTarget;
    subscriptions: Subscription[];
  },
  context: RenderContext,
  request: { id: string; longestMs: number },
): Promise<WebhookRequest> {
  const { campaign, definition, target, subscriptions } = about;
  const { targetId } = campaign;
  const of = { targetId, definition, contentType: target.contentType, subscriptions };
  return webhookRequest(target, { ...request, body: await bodyForOne(deps.templates, of, context) });
}

function webhookRequest(
  target: WebhookTarget,
  { id, body, longestMs }: { id: string; body: string; longestMs: number },
): WebhookRequest {
  const timeoutMs = Math.min(parseDuration(target.limits.timeout) ?? longestMs, MAX_WEBHOOK_TIMEOUT_MS);
  return {
    method: target.method,
    url: targetAddress(target),
    headers: Object.fromEntries(target.headers.map(({ name, value }) => [name, value])),
    contentType: target.contentType === 'json' ? 'application/json' : 'text/plain; charset=utf-8',
    body,
    id,
    signingSecrets: target.signingSecrets,
    timeoutMs,
  };
}
