import { audienceKind, type LiveAudience } from '../campaign/campaign.ts';
import { callText, explainedRow } from './explain-row.ts';
import { cancellingNames } from '../audience/live-audience.ts';
import { ruleText, type EventVerdict } from './explain-events.ts';
import { doubtOf, hasEnded, nextRunOf, segmentNow } from './explain-runs.ts';
import type { JudgedPart } from './explain-segment.ts';
import type { ExplainFacts, StepName } from './explain-facts.ts';
import { controlGroupOf, periodsAt, turnsCountSince } from '../audience/limits.ts';
import { inQuietHours, quietHoursOf } from '../schedule/quiet-hours.ts';
import { reminderText } from '../schedule/reminder-plan.ts';
import { unreachableBecause } from '../audience/reachable.ts';
import { PROFILE_ZONE } from '../schedule/schedule.ts';
import { clockText } from '../delivery/trigger-plan.ts';
import { limitZoneOf, zoneOf } from '../schedule/zone-of.ts';

/** What a step would come to now; null when it would neither pass nor fail. `text` is a sentence without its stop. */
export interface Judged {
  holds: boolean | null;
  text: string;
  at?: Date | undefined;
  segment?: JudgedPart | undefined;
  events?: EventVerdict[] | undefined;
}

const passed = (text: string): Judged => ({ holds: true, text });
const failed = (text: string): Judged => ({ holds: false, text });
const info = (text: string): Judged => ({ holds: null, text });

/** @returns the steps that the campaign has, in order, each as it would be judged now */
export function judgeNow(facts: ExplainFacts): Map<StepName, Judged> {
  const { who } = facts.campaign.definition;
  const steps = new Map<StepName, Judged>();
  steps.set('campaign', campaignNow(facts));
  steps.set('profile', facts.profile ? passed('the profile is there') : failed(`there is no ${facts.asked}`));
  if (!facts.profile) return steps;
  if ('live' in who) {
    steps.set('who', eventsNow(facts, who.live));
    for (const [step, judged] of liveNow(facts, who.live)) steps.set(step, judged);
  } else if ('api' in who) {
    steps.set('who', callNow(facts));
    const { delay } = facts.campaign.definition.when;
    if (delay !== undefined) steps.set('delay', info(`it waits ${delay} after the call`));
  } else {
    steps.set('who', segmentNow(facts));
    steps.set('schedule', scheduleNow(facts));
  }
  steps.set('quietHours', quietHoursNow(facts));
  steps.set('reachable', reachableNow(facts));
  steps.set('requalify', requalifyNow(facts));
  steps.set('controlGroup', controlGroupNow(facts));
  steps.set('limits', limitsNow(facts));
  steps.set('cap', capNow(facts));
  steps.set('render', info('texts are rendered immediately before the send'));
  steps.set('delivery', info('nothing was sent'));
  return steps;
}

const PAUSED = { live: ': events open nothing', past: '', api: ': it takes no calls' } as const;

function campaignNow(facts: ExplainFacts): Judged {
  const { campaign } = facts;
  const { status, startsAt, endsAt } = campaign;
  const whilePaused = PAUSED[audienceKind(campaign.definition)];
  if (hasEnded(facts)) return info(`the campaign ended at ${endsAt?.toISOString() ?? ''}`);
  switch (status) {
    case 'draft':
      return failed('the campaign is a draft, and nothing is sent before it is published');
    case 'scheduled':
      return {
        ...info(`the campaign starts at ${startsAt?.toISOString() ?? 'an instant not known'}`),
        at: startsAt,
      };
    case 'running':
      return passed('the campaign is running');
    case 'paused':
      return info(`the campaign is paused${whilePaused}`);
    case 'completed':
      return info('the campaign is completed: nothing more is sent');
    case 'stopped':
      return info('the campaign was stopped: nothing more is sent');
  }
}

function eventsNow({ events }: ExplainFacts, live: LiveAudience): Judged {
  const [latest] = events;
  if (!latest) return { ...failed(`the profile never did ${JSON.stringify(live.event)}`), events };
  const name = `the latest ${JSON.stringify(live.event)} of the profile, of ${latest.time.toISOString()}`;
  switch (latest.outcome) {
    case 'opened':
    case 'restarted':
      return { ...passed(`${name}, ${latest.detail.replace('recorded: it ', '')}`), at: latest.time, events };
    case 'ignored':
      return { ...failed(`${name}, opened nothing: ${latest.detail}`), at: latest.time, events };
    case 'open':
      return { ...info(`${name}: ${latest.detail}`), at: latest.time, events };
  }
}

function callNow({ rows }: ExplainFacts): Judged {
  const row = explainedRow(rows);
  return row
    ? { ...passed(`${callText(row)} named the profile`), at: row.createdAt }
    : failed('no call named it');
}

function liveNow(facts: ExplainFacts, live: LiveAudience): [StepName, Judged][] {
  const { filter, cancelledBy, campaign } = facts;
  const { delay } = campaign.definition.when;
  const steps: [StepName, Judged][] = [];
  if (filter) {
    const text =
      filter.holds === true
        ? 'the profile meets the live filter'
        : doubtOf(filter, 'does not meet the live filter');
    steps.push(['filter', { holds: filter.holds, text, segment: filter }]);
  }
  const names = cancellingNames(live).map((name) => JSON.stringify(name));
  if (names.length > 0 || live.dateProperty) {
    const others = live.dateProperty ? 'event moved it to a date that has passed' : '';
    const cancel = names.length > 0 ? `${names.join(' or ')} came that would cancel it` : '';
    const judged = cancelledBy
      ? failed(`${JSON.stringify(cancelledBy.name)} came at ${cancelledBy.time.toISOString()} and cancels it`)
      : passed([cancel, others].flatMap((text) => (text === '' ? [] : [`no ${text}`])).join(', and '));
    steps.push(['cancellingEvents', judged]);
  }
  if (live.inaction) {
    const { event, within } = live.inaction;
    steps.push(['window', info(`it waits ${within} for ${JSON.stringify(event)} after the opening event`)]);
  }
  if (delay !== undefined) steps.push(['delay', info(`it waits ${delay} after it qualified`)]);
  const { dateProperty } = live;
  if (dateProperty) {
    const time = dateProperty.at === undefined ? '' : `, at ${dateProperty.at} (${zoneNow(facts)})`;
    steps.push(['delay', info(`the reminder is due ${reminderText(dateProperty)}${time}`)]);
  }
  return steps;
}

function scheduleNow(facts: ExplainFacts): Judged {
  const { when } = facts.campaign.definition;
  const whose =
    when.timezone === PROFILE_ZONE ? `at its local times in ${zoneNow(facts)}` : 'at the set times';
  const until = when.cutOff === undefined ? '' : `, and nothing leaves after the cut-off of ${when.cutOff}`;
  const next = nextRunOf(facts);
  const then = next ? `; ${next.text}` : '';
  return { ...info(`it is sent ${whose}${until}${then}`), at: next?.at };
}

/** @returns the profile's time zone as it is now */
export function zoneNow({ profile, subscriptions, site, settings }: ExplainFacts): string {
  const active = subscriptions.filter(({ status }) => status === 'active');
  return zoneOf(profile ?? undefined, active, site ?? undefined, settings.timezone);
}

/** What the call said that named the profile; of one that is yet to come nothing is known. */
function isTransactional({ rows }: ExplainFacts): boolean {
  return explainedRow(rows)?.request?.transactional === true;
}

function quietHoursNow(facts: ExplainFacts): Judged {
  const dnd = quietHoursOf(facts.campaign.definition.when, facts.settings);
  if (!dnd) return passed('no quiet hours hold for the campaign');
  if (isTransactional(facts)) return passed('quiet hours do not hold for a transactional message');
  const zone = zoneNow(facts);
  const hours = `quiet hours ${dnd.from} to ${dnd.to}; for the profile it is ${clockText(facts.nowMs, zone)} (${zone})`;
  if (!inQuietHours(facts.nowMs, dnd, zone)) return passed(`outside of the ${hours}`);
  return dnd.action === 'delay'
    ? info(`in the ${hours}, and a message waits for their end`)
    : failed(`in the ${hours}, and a message is discarded`);
}

function reachableNow({ subscriptions, campaign, profile }: ExplainFacts): Judged {
  const { definition } = campaign;
  if (definition.channel === 'webhook') {
    if (!profile) return info('nobody is asked about');
    const open = subscriptions.filter(({ status }) => status === 'active');
    // What an event fills is not known before it comes.
    const because = unreachableBecause(definition, { profile, active: open, event: { any: true } });
    return because === null ? passed('the profile has what the webhook requires') : failed(because);
  }
  const active = subscriptions.filter(({ status }) => status === 'active').length;
  if (active > 0)
    return passed(`${active} active ${active === 1 ? 'subscription' : 'subscriptions'} on the site`);
  const others = subscriptions.map(({ status }) => status);
  const rest = others.length === 0 ? 'none at all' : `only ${[...new Set(others)].join(' and ')}`;
  return failed(`no active subscription on the site, ${rest}`);
}

function requalifyNow({ campaign, held, nowMs }: ExplainFacts): Judged {
  const { requalify } = campaign.definition.when;
  const rule = ruleText(requalify);
  const since = turnsCountSince(requalify, nowMs);
  if (since === 'always') return passed(rule);
  const turnAt = held?.turnAt ?? null;
  if (turnAt === null) return passed(`${rule}, and this one did not get it yet`);
  const text = `${rule}, and this one got it, or would have, at ${turnAt.toISOString()}`;
  return since === null || turnAt >= since ? failed(text) : passed(text);
}

function controlGroupNow({ campaign, profile, settings }: ExplainFacts): Judged {
  const { setup } = campaign.definition;
  const group = controlGroupOf(
    { profileId: profile?.id ?? '', campaignId: campaign.id },
    settings.controlGroup,
    setup?.controlGroup,
  );
  if (group === 'account')
    return failed("the profile is in the account's control group, which no campaign reaches");
  if (group === 'campaign')
    return failed(`the profile is in the campaign's control group of ${setup?.controlGroup?.percent ?? 0} %`);
  return passed('the profile is in no control group');
}

function limitsNow(facts: ExplainFacts): Judged {
  const { campaign, settings, nowMs, held } = facts;
  const { channel, when } = campaign.definition;
  if (when.ignoreGlobalLimits) return passed('the campaign ignores the global limits');
  if (isTransactional(facts))
    return passed('global limits do not hold for a transactional message, which takes no slot');
  const zone = limitZoneOf(facts.profile ?? {}, facts.latestZone, settings.timezone);
  const { periods } = periodsAt(settings.globalLimits[channel], nowMs, zone);
  if (periods.length === 0) return passed('the account sets no limit for the channel');
  const used = periods.map(({ key, limit }) => ({
    key,
    limit,
    taken: held?.slots.find((slot) => slot.key === key)?.messageIds.length ?? 0,
  }));
  const text = used.map(({ key, limit, taken }) => `${taken} of ${limit} taken in ${key}`).join(' and ');
  return used.some(({ limit, taken }) => taken >= limit) ? failed(text) : passed(text);
}

function capNow({ campaign }: ExplainFacts): Judged {
  const cap = campaign.definition.setup?.targetingCap;
  if (!cap) return passed('the campaign has no targeting cap');
  return info(`at most ${cap.limit} messages are sent over all runs`);
}
