import type { ActiveLiveCampaign } from '../../domain/campaign.ts';
import { refOf, type StoredEvent } from '../../domain/event.ts';
import { turnsCountSince } from '../../domain/limits.ts';
import {
  cancellationBy,
  cancellingNames,
  decideOpening,
  eligibility,
  matchesEvent,
  matchValueOf,
} from '../../domain/live-audience.ts';
import type { Message, Passage } from '../../domain/message.ts';
import type {
  AudienceRepository,
  EventRepository,
  LimitRepository,
  MessageRepository,
  ProfileRepository,
  ServerClock,
  SettingsRepository,
  SiteRepository,
  SubscriptionRepository,
} from '../../domain/ports/repositories.ts';
import { planTrigger, type TriggerPlan } from '../../domain/trigger-plan.ts';
import { zoneOf } from '../../domain/zone-of.ts';
import { derivedId } from '../http/ids.ts';
import type { WorkflowStarter } from '../temporal/workflow-starter.ts';

export interface DispatchDeps {
  events: EventRepository;
  audience: AudienceRepository;
  settings: SettingsRepository;
  allowances: LimitRepository;
  messages: MessageRepository;
  profiles: ProfileRepository;
  subscriptions: SubscriptionRepository;
  sites: SiteRepository;
  workflows: WorkflowStarter;
  clock: ServerClock;
}

/**
 * Takes one event through every campaign it concerns: first it closes open passages, then it opens one.
 * Each step changes the row first and Temporal second, and repeating the whole is harmless: rows have ids
 * derived from the event, and what an event closes or opens is judged by the order of events alone.
 */
export async function dispatchEvent(
  deps: DispatchDeps,
  event: StoredEvent,
  campaigns: readonly ActiveLiveCampaign[],
): Promise<void> {
  for (const campaign of campaigns) {
    if (cancellingNames(campaign.live).includes(event.name)) await closePassages(deps, event, campaign);
    if (!campaign.paused && matchesEvent(campaign.live, event)) await openPassage(deps, event, campaign);
  }
}

async function closePassages(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
): Promise<void> {
  for (const row of await deps.messages.openPassages(event.profileId, campaign.id)) {
    if (!row.passage) continue;
    const reason = cancellationBy(campaign.live, event, row.passage);
    if (reason === null) continue;
    const qualified = event.time.getTime() >= row.passage.qualifiesAt.getTime();
    // A row that is being sent looks for this event itself, after it was claimed.
    const closed = await deps.messages.closePassage(row.id, { reason, closedBy: refOf(event), qualified });
    if (closed) await deps.workflows.close(triggerOf(row), reason, `closed by ${event.name}: ${reason}`);
  }
}

async function openPassage(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
): Promise<void> {
  if (eligibility(campaign, event) !== 'eligible') return;
  const matchValue = matchValueOf(campaign.live, event.properties);
  if (matchValue === null) return;

  const messageId = derivedId(campaign.id, event.id);
  const passages = await deps.messages.passagesOf(event.profileId, campaign.id, matchValue, messageId);
  const decision = decideOpening(campaign.live, event, messageId, passages.flatMap(stateOf));
  if (decision.kind === 'ignore') return;
  if (decision.kind === 'alreadyOpened' && !decision.stillWaiting) return;

  const [profiles, active, site, { timezone }] = await Promise.all([
    deps.profiles.byIds([event.profileId]),
    deps.subscriptions.activeOf(campaign.siteId, [event.profileId]),
    deps.sites.byId(campaign.siteId),
    deps.settings.read(),
  ]);
  const profile = profiles.get(event.profileId);
  if (!profile) return;
  const nowMs = deps.clock.now().getTime();
  const { filter } = campaign.live;
  if (decision.kind === 'open' && filter) {
    const members = await deps.audience.members(filter, [profile.id], nowMs);
    if (!members.has(profile.id)) return;
  }

  const zone = zoneOf(profile, active.get(profile.id) ?? [], site ?? undefined, timezone);
  const plan = planTrigger({ live: campaign.live, when: campaign.when, event, zone, nowMs });
  if (decision.kind === 'open' && (await isTurnUsedUp(deps, event.profileId, campaign, plan))) return;
  const qualifiesAt = new Date(plan.qualifiesAtMs);
  const dueAt = new Date(plan.dueAtMs);

  if (decision.kind === 'restart') {
    const restarted = await deps.messages.restartPassage(
      decision.messageId,
      { event: refOf(event), qualifiesAt },
      dueAt,
    );
    if (!restarted) return;
    const trigger = { campaignId: campaign.id, profileId: event.profileId, messageId: decision.messageId };
    await deps.workflows.signalTrigger(trigger, {
      kind: 'restart',
      waits: plan.waits,
      text: `restarted by ${event.name}`,
    });
    return;
  }

  if (decision.kind === 'open') {
    const reference = refOf(event);
    const passage: Passage = { matchValue, event: reference, openedBy: reference, qualifiesAt };
    const closing =
      (await firstClosing(deps, event, campaign, passage)) ?? endedBefore(campaign, passage, nowMs);
    const inserted = await deps.messages.insertTriggerRow({
      id: messageId,
      profileId: event.profileId,
      campaignId: campaign.id,
      version: campaign.version,
      siteId: campaign.siteId,
      dueAt,
      ...(closing
        ? {
            suppressed: closing.reason,
            qualified: closing.qualified,
            passage: closing.by ? { ...passage, closedBy: closing.by } : passage,
          }
        : { passage }),
    });
    // It was closed before it could start (bought in the same batch): nothing waits, nothing costs.
    if (closing || inserted === 'conflict') return;
  }
  await startTrigger(deps, event, campaign, messageId, plan);
}

/** The first event that closes the passage and is there already: late, out of order, or of the same batch. */
async function firstClosing(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
  passage: Passage,
): Promise<{ reason: 'inactionMet' | 'cancelled'; by: Passage['event']; qualified: boolean } | null> {
  const names = cancellingNames(campaign.live);
  if (names.length === 0) return null;
  for await (const later of deps.events.since(event.profileId, names, event.time)) {
    const reason = cancellationBy(campaign.live, later, passage);
    if (reason === null) continue;
    return { reason, by: refOf(later), qualified: later.time.getTime() >= passage.qualifiesAt.getTime() };
  }
  return null;
}

/** The campaign ended between the event and its dispatch: the passage is closed like those that were open then. */
function endedBefore(
  campaign: ActiveLiveCampaign,
  passage: Passage,
  nowMs: number,
): { reason: 'ended'; by?: undefined; qualified: boolean } | null {
  if (campaign.endsAt === undefined || nowMs < campaign.endsAt.getTime()) return null;
  return { reason: 'ended', qualified: passage.qualifiesAt <= campaign.endsAt };
}

/**
 * Whether a message that the profile got, or would have, keeps the passage from being sent when it is to be.
 * One that is under way may yet fail: the passage opens, and before its send it is asked again.
 */
async function isTurnUsedUp(
  deps: DispatchDeps,
  profileId: string,
  campaign: ActiveLiveCampaign,
  plan: TriggerPlan,
): Promise<boolean> {
  const since = turnsCountSince(campaign.when.requalify, plan.dueAtMs);
  if (since === 'always') return false;
  const { gotAt } = await deps.allowances.of(profileId, campaign.id);
  return gotAt !== null && (since === null || gotAt >= since);
}

async function startTrigger(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
  messageId: string,
  plan: TriggerPlan,
): Promise<void> {
  const input = { messageId, campaignId: campaign.id, profileId: event.profileId, waits: plan.waits };
  await deps.workflows.startTrigger(input, {
    campaignName: campaign.name,
    version: campaign.version,
    event: event.name,
  });
}

function stateOf(row: Message): Parameters<typeof decideOpening>[3] {
  if (!row.passage) return [];
  const { openedBy, event, closedBy } = row.passage;
  return [{ id: row.id, state: row.state, settledAt: row.settledAt, openedBy, event, closedBy }];
}

function triggerOf(row: Message): { campaignId: string; profileId: string; messageId: string } {
  return { campaignId: row.campaignId, profileId: row.profileId, messageId: row.id };
}
