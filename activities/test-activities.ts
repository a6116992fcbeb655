import { ApplicationFailure, Context } from '@temporalio/activity';
import type { Campaign } from '../domain/campaign/campaign.ts';
import type { StoredEvent } from '../domain/event.ts';
import type { Profile } from '../domain/profile.ts';
import type { Site, Subscription } from '../domain/site.ts';
import { testMessageId, type TestSendInput, type TestSendResult } from '../domain/delivery/test-message.ts';
import { expiresAtMs } from '../domain/delivery/ttl.ts';
import type { DeliveryDeps } from './delivery/deps.ts';
import { forEachLimit } from './delivery/for-each-limit.ts';
import { languageOf } from '../domain/content/languages.ts';
import { renderWebPush } from '../domain/content/render-web-push.ts';
import { winnerIn } from '../domain/content/winner.ts';
import type { WebhookTarget } from '../domain/delivery/webhook.ts';
import { pushesTo } from './delivery/web-push-message.ts';
import { withoutSecrets } from './delivery/webhook-request.ts';
import { unreachableBecause } from '../domain/audience/reachable.ts';
import { renderTestRequest } from './delivery/webhook-message.ts';

/** No push starts later than this after the activity did, and none may take longer: 11 s of the 12 it has. */
const START_WITHIN_MS = 3_000;
const PUSH_TIMEOUT_MS = 8_000;

export interface TestActivities {
  sendTest(input: TestSendInput): Promise<TestSendResult[]>;
}

/** The activity of `testSend`. */
export function createTestActivities(deps: DeliveryDeps): TestActivities {
  return {
    /**
     * Renders and sends as real messages are, but writes no row and asks for no gate, quiet hours, limits, control
     * group or filter. Not idempotent: it is tried once.
     * @throws ApplicationFailure `NothingSent` when it failed before anything was sent
     */
    async sendTest(input) {
      const startedMs = deps.clock.monotonicMs();
      const signal = Context.current().cancellationSignal;
      const mayBegin = (): boolean =>
        deps.clock.monotonicMs() - startedMs < START_WITHIN_MS && !signal.aborted;
      const { campaign, site, target, profiles, active } = await readAll(deps, input).catch(
        (error: unknown) => {
          const why = error instanceof Error ? error.message : String(error);
          throw ApplicationFailure.nonRetryable(why, 'NothingSent');
        },
      );

      const results = new Map<string, TestSendResult>();
      await forEachLimit(input.profileIds, deps.limits.concurrency, async (profileId) => {
        const profile = profiles.get(profileId);
        const to = { campaign, site, target, profile, subscriptions: active.get(profileId) ?? [] };
        results.set(profileId, await sendToProfile(deps, input, { ...to, profileId }, mayBegin));
      });
      await expireGone(deps, [...results.values()]);
      return input.profileIds.flatMap((profileId) => results.get(profileId) ?? []);
    },
  };
}

/** Reads what a test needs, before anything of it is sent. */
async function readAll(
  deps: DeliveryDeps,
  { campaignId, profileIds }: TestSendInput,
): Promise<{
  campaign: Campaign;
  site: Site | null;
  target: WebhookTarget | null;
  profiles: Map<string, Profile>;
  active: Map<string, Subscription[]>;
}> {
  const campaign = await deps.campaigns.byId(campaignId);
  if (!campaign) throw new Error(`no campaign ${campaignId}`);
  const { siteId, channel, what } = campaign.definition;
  const [site, target, profiles, active] = await Promise.all([
    deps.sites.byId(siteId),
    channel === 'webhook' ? deps.webhooks.byId(what.webhookId) : null,
    deps.profiles.byIds(profileIds),
    deps.subscriptions.activeOf(siteId, profileIds),
  ]);
  if (!site && siteId !== undefined) throw new Error(`no site ${siteId}`);
  if (channel === 'webhook' && !target) throw new Error(`no webhook ${what.webhookId}`);
  return { campaign, site, target, profiles, active };
}

interface Recipient {
  campaign: Campaign;
  site: Site | null;
  target: WebhookTarget | null;
  profileId: string;
  profile: Profile | undefined;
  subscriptions: Subscription[];
}

/** One try to reach one browser or webhook, with what a webhook answered. */
interface TestPush {
  subscriptionId: string;
  send(mayBegin: () => boolean): Promise<Omit<TestSendResult['devices'][number], 'subscriptionId'>>;
}

async function sendToProfile(
  deps: DeliveryDeps,
  input: TestSendInput,
  to: Recipient,
  mayBegin: () => boolean,
): Promise<TestSendResult> {
  const { profileId, profile } = to;
  const unsent = (reason: string, detail: string): TestSendResult => ({
    profileId,
    sent: false,
    reason,
    detail,
    devices: [],
  });
  if (!profile?.testProfile) return unsent('notATestProfile', 'it was erased or is no test profile any more');
  const { definition } = to.campaign;
  if (to.target?.disabled) return unsent('targetGone', 'the webhook target is switched off');
  const unreachable = unreachableBecause(definition, {
    profile,
    active: to.subscriptions,
    event: input.event?.properties,
  });
  if (unreachable !== null) return unsent('unreachable', unreachable);
  let pushes: TestPush[];
  try {
    pushes = await pushesFor(deps, input, to, profile);
  } catch (error) {
    return unsent('renderError', error instanceof Error ? error.message : String(error));
  }
  const devices = await Promise.all(
    pushes.map(async ({ subscriptionId, send }) => ({ subscriptionId, ...(await send(mayBegin)) })),
  );
  const reason = reasonOf(devices);
  return { profileId, sent: reason === null, ...(reason === null ? {} : { reason }), devices };
}

async function pushesFor(
  deps: DeliveryDeps,
  input: TestSendInput,
  { campaign, site, target, subscriptions }: Recipient,
  profile: Profile,
): Promise<TestPush[]> {
  const { definition } = campaign;
  const nowMs = deps.clock.nowMs();
  const id = testMessageId(input.testId, profile.id);
  const timeoutMs = Math.min(deps.limits.timeoutMs, PUSH_TIMEOUT_MS);
  const context = {
    profile,
    event: sampleEvent(input, profile.id, nowMs)?.properties,
    data: input.data,
    site,
    campaign: { id: campaign.id, name: definition.name },
    language: languageOf(profile, subscriptions),
    nowMs,
  };
  if (definition.channel === 'webhook') {
    if (!target) throw new Error('the webhook target is not there any more');
    const about = { campaign, definition, target, subscriptions };
    const request = await renderTestRequest(deps, about, context, { id, longestMs: timeoutMs });
    const send: TestPush['send'] = async (mayBegin) => {
      const given = { ...request, timeoutMs: Math.min(request.timeoutMs, timeoutMs) };
      const { outcome, ...said } = await deps.webhook.send(given, mayBegin);
      return { outcome, ...withoutSecrets(target, said) };
    };
    return [{ subscriptionId: target.id, send }];
  }
  if (!site) throw new Error('its site is not there any more');
  const winner = winnerIn(campaign, definition)?.variant;
  const { content } = await renderWebPush(deps.templates, definition, context, { winner });
  const expiresMs = expiresAtMs(definition.what.ttl, new Date(nowMs));
  const pushes = pushesTo(deps, site, subscriptions, { id, content, expiresAtMs: expiresMs, timeoutMs });
  return pushes.map(({ subscriptionId, send }) => ({
    subscriptionId,
    send: async (mayBegin) => ({ outcome: await send(mayBegin) }),
  }));
}

/** The sample as an event of the profile, which is stored nowhere. */
function sampleEvent(input: TestSendInput, profileId: string, nowMs: number): StoredEvent | undefined {
  if (!input.event) return undefined;
  const { name, properties, timeMs } = input.event;
  return {
    id: `${profileId}:${input.testId}`,
    eventId: input.testId,
    profileId,
    name,
    properties,
    time: new Date(timeMs),
    receivedAt: new Date(nowMs),
    index: 0,
    lane: 0,
    catalogueVersion: 0,
  };
}

/** @returns why no device took it, null when one did */
function reasonOf(devices: TestSendResult['devices']): string | null {
  if (devices.some(({ outcome }) => outcome.kind === 'delivered')) return null;
  const reasons = devices.map(({ outcome }) => {
    switch (outcome.kind) {
      case 'rejected':
      case 'unreachable':
        return outcome.reason;
      case 'throttled':
        return `http${outcome.status}`;
      case 'delivered':
      case 'gone':
      case 'notBegun':
        return outcome.kind;
    }
  });
  // As with real messages: a person can do most about a refusal, and nothing about a device that is gone.
  return reasons.find((reason) => reason !== 'gone') ?? 'gone';
}

async function expireGone(deps: DeliveryDeps, results: TestSendResult[]): Promise<void> {
  const gone = results
    .flatMap((result) => result.devices)
    .filter(({ outcome }) => outcome.kind === 'gone')
    .map(({ subscriptionId }) => subscriptionId);
  if (gone.length === 0) return;
  try {
    await deps.subscriptions.expire(gone);
  } catch (error) {
    // What was sent was sent: the next message to them finds out again.
    deps.log.warn({ err: error }, 'subscriptions that are gone could not be marked as expired');
  }
}
