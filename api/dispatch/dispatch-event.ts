import type { ActiveLiveCampaign } from '../../domain/campaign/campaign.ts';
import { refOf, type StoredEvent } from '../../domain/event.ts';
import { turnsCountSince } from '../../domain/audience/limits.ts';
import {
  cancellationBy,
  cancellingNames,
  decideOpening,
  eligibility,
  isCancelling,
  matchesEvent,
  matchValueOf,
} from '../../domain/audience/live-audience.ts';
import { asOf, mayClose, othersThatMove, rulesOf } from '../../domain/campaign/live-versions.ts';
import type { Message, Passage } from '../../domain/delivery/message.ts';
import type { Profile } from '../../domain/profile.ts';
import { quietHoursOf } from '../../domain/schedule/quiet-hours.ts';
import { reminderDate } from '../../domain/schedule/reminder-plan.ts';
import type { AccountSettings } from '../../domain/campaign/settings.ts';
import { endsQuietHours, planTrigger, type TriggerPlan } from '../../domain/delivery/trigger-plan.ts';
import { zoneOf } from '../../domain/schedule/zone-of.ts';
import { derivedId } from '../http/ids.ts';
import type { DispatchDeps } from './deps.ts';
import { fillingEvent, withdrawReminder } from './reminders.ts';

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
    if (mayClose(campaign, event.name)) await closePassages(deps, event, campaign);
    // What was posted before an edit is judged by what held then.
    const then = asOf(campaign, event);
    if (matchesEvent(then.live, event)) await openPassage(deps, event, then, 'any');
    const others = othersThatMove(campaign, then.version).filter(({ live }) => matchesEvent(live, event));
    if (others.length === 0) continue;
    const inside = await deps.messages.openPassages(event.profileId, campaign.id);
    for (const other of others)
      if (inside.some(({ version }) => version === other.version))
        await openPassage(deps, event, other, 'move');
  }
}

async function closePassages(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
): Promise<void> {
  for (const row of await deps.messages.openPassages(event.profileId, campaign.id)) {
    if (!row.passage) continue;
    // Whoever is inside keeps the version that it entered under.
    const rules = rulesOf(campaign, row.version);
    const reason = rules ? cancellationBy(rules.live, event, row.passage) : null;
    if (reason === null) continue;
    const qualified = event.time.getTime() >= row.passage.qualifiesAt.getTime();
    // A row that is being sent looks for this event itself, after it was claimed.
    const closed = await deps.messages.closePassage(row.id, { reason, closedBy: refOf(event), qualified });
    if (closed) await deps.workflows.close(triggerOf(row), reason, `closed by ${event.name}: ${reason}`);
  }
}

/**
 * @param campaign under the version by which the event is judged; passages of others are left alone
 * @param what `move`: opens nothing
 */
async function openPassage(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
  what: 'any' | 'move',
): Promise<void> {
  const may = mayDo(campaign, event);
  if (what === 'move') may.open = false;
  if (!may.open && !may.move) return;
  const matchValue = matchValueOf(campaign.live, event.properties);
  if (matchValue === null) return;

  const messageId = derivedId(campaign.id, event.id);
  const rows = await deps.messages.passagesOf(event.profileId, campaign.id, matchValue, messageId);
  const { live, when: ownWhen } = campaign;
  const passages = rows.flatMap(stateOf);
  // Which day a reminder is due hangs on the time zone of the user; all other decisions need nothing more.
  let place = live.dateProperty && (await placeOf(deps, event, campaign));
  if (place === null) return;
  const date = place && reminderDate(live, event, place.zone);
  const decision = decideOpening(live, event, messageId, passages, date);
  if (decision.kind === 'ignore') return;
  if (decision.kind === 'alreadyOpened' && !decision.stillWaiting) return;
  if (!may.open && (decision.kind === 'open' || decision.kind === 'alreadyOpened')) return;
  const changed = decision.kind === 'open' || decision.kind === 'alreadyOpened' ? null : decision.messageId;
  if (rows.some((row) => row.id === changed && row.version !== campaign.version)) return;

  place ??= await placeOf(deps, event, campaign);
  if (!place) return;
  const { profile, settings, zone, nowMs } = place;
  const { filter } = live;
  if (decision.kind === 'open' && filter) {
    const members = await deps.audience.members(filter, [profile.id], nowMs);
    if (!members.has(profile.id)) return;
  }

  const of = decision.kind === 'open' ? messageId : decision.messageId;
  const trigger = { campaignId: campaign.id, profileId: event.profileId, messageId: of };
  if (decision.kind === 'withdraw') return withdrawReminder(deps, trigger, event, date);

  const filledBy = await fillingEvent(deps, { live, event, matchValue, zone }, decision, rows);
  if (filledBy === null) return;
  const when = { ...ownWhen, dnd: quietHoursOf(ownWhen, settings) };
  const plan = planTrigger({ live, when, event: filledBy, zone, nowMs });
  if (decision.kind === 'open' && (await isTurnUsedUp(deps, event.profileId, campaign, plan))) return;
  const qualifiesAt = new Date(plan.qualifiesAtMs);
  const dueAt = new Date(plan.dueAtMs);

  if (decision.kind === 'restart' || decision.kind === 'alreadyMoved') {
    const passage = { event: refOf(event), qualifiesAt };
    const isRepeat = decision.kind === 'alreadyMoved';
    const { messageId: id } = decision;
    if (!isRepeat && !(await deps.messages.restartPassage(id, passage, dueAt, endsQuietHours(plan)))) return;
    const text = `${date ? 'moved' : 'restarted'} by ${event.name}`;
    await deps.workflows.signalTrigger(trigger, { kind: 'restart', waits: plan.waits, text });
    // The workflow of one that is queued is over.
    const isQueued = rows.some((row) => row.id === id && row.queued === true);
    if (isQueued) await deps.workflows.wakeQueue(campaign);
    return;
  }

  if (decision.kind === 'open') {
    const passage: Passage = { matchValue, event: refOf(filledBy), openedBy: refOf(event), qualifiesAt };
    const closing =
      (await firstClosing(deps, event, campaign, passage)) ?? endedBefore(campaign, passage, nowMs);
    const inserted = await deps.messages.insertTriggerRow({
      id: messageId,
      profileId: event.profileId,
      campaignId: campaign.id,
      version: campaign.version,
      siteId: campaign.siteId,
      dueAt,
      ...(endsQuietHours(plan) ? { released: true as const } : {}),
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

/** Whether the event may open a passage, and whether it may change one that is open. */
function mayDo(campaign: ActiveLiveCampaign, event: StoredEvent): { open: boolean; move: boolean } {
  const judged = eligibility(campaign, event);
  const open = judged === 'eligible' && !campaign.paused;
  const { live } = campaign;
  if (!live.dateProperty) return { open, move: open };
  // Else it would close the reminder and set it anew.
  if (isCancelling(live, event)) return { open: false, move: false };
  // What moves a reminder corrects it, as what cancels one does: however late it comes, and while it is paused.
  return { open, move: judged === 'eligible' || judged === 'backfill' };
}

/** The profile and its surroundings; null when it was erased. */
async function placeOf(
  deps: DispatchDeps,
  event: StoredEvent,
  campaign: ActiveLiveCampaign,
): Promise<{ profile: Profile; settings: AccountSettings; zone: string; nowMs: number } | null> {
  const [profiles, active, site, settings] = await Promise.all([
    deps.profiles.byIds([event.profileId]),
    deps.subscriptions.activeOf(campaign.siteId, [event.profileId]),
    deps.sites.byId(campaign.siteId),
    deps.settings.read(),
  ]);
  const profile = profiles.get(event.profileId);
  if (!profile) return null;
  const zone = zoneOf(profile, active.get(profile.id) ?? [], site ?? undefined, settings.timezone);
  return { profile, settings, zone, nowMs: deps.clock.now().getTime() };
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
    campaign,
    version: campaign.version,
    event: event.name,
  });
}

function stateOf(row: Message): Parameters<typeof decideOpening>[3] {
  if (!row.passage) return [];
  const { id, state, settledAt, firstDueAt } = row;
  const { openedBy, event, closedBy } = row.passage;
  return [{ id, state, settledAt, firstDueAt, openedBy, event, closedBy }];
}

function triggerOf(row: Message): { campaignId: string; profileId: string; messageId: string } {
  return { campaignId: row.campaignId, profileId: row.profileId, messageId: row.id };
}
