import type { ExplainFacts, Step, StepName } from './explain-facts.ts';
import { callText } from './explain-row.ts';
import { delayStep, ownDefinition, quietHoursStep, scheduleStep, windowStep } from './explain-waits.ts';
import { isInSample } from '../content/variants-sample.ts';
import { winnerIn } from '../content/winner.ts';
import { isOpen, type Message, type SuppressionReason } from '../delivery/message.ts';
import { bucketsOf, type Bucket } from '../delivery/throughput.ts';

/** The step at which a message ends that is suppressed for a reason. */
const STEP_OF: Record<SuppressionReason, StepName> = {
  dnd: 'quietHours',
  globalLimit: 'limits',
  frequencyCap: 'requalify',
  targetingCap: 'cap',
  cutOff: 'schedule',
  localTimePast: 'schedule',
  unreachable: 'reachable',
  noLongerQualifies: 'filter',
  inactionMet: 'cancellingEvents',
  cancelled: 'cancellingEvents',
  renderError: 'render',
  expired: 'delivery',
  paused: 'campaign',
  ended: 'campaign',
  stopped: 'campaign',
};

const WHY: Record<SuppressionReason, string> = {
  dnd: 'it fell into quiet hours, which the campaign lets discard a message',
  globalLimit: 'the profile had had as many messages as the account allows',
  frequencyCap: 'the profile had got the campaign before, and may not get it again so soon',
  targetingCap: "the campaign's targeting cap left none for the profile",
  cutOff: 'it had not left when the cut-off came, from which on nothing leaves',
  localTimePast: "the set time was past in the profile's time zone when the run was to begin",
  unreachable: 'the profile could not be reached',
  noLongerQualifies: 'the profile met the live filter at the event and not before the send',
  inactionMet: 'the event came that was to stay away',
  cancelled: 'a cancelling event came before the send',
  renderError: 'a text of the message did not render for the profile',
  expired: 'its time to live ended before a device took it',
  paused: 'it fell due while the campaign was paused',
  ended: 'it was open when the campaign ended',
  stopped: 'it was open when the campaign was stopped',
};

/** What is checked immediately before a send, in order; a message that was tried has passed all of it once. */
const BEFORE_SEND: StepName[] = [
  'cancellingEvents',
  'filter',
  'quietHours',
  'reachable',
  'requalify',
  'controlGroup',
  'limits',
  'cap',
  'render',
  'delivery',
];

/** @returns the step at which a settled message ended; null when it was sent or is open */
function endOf(row: Message): StepName | null {
  switch (row.state) {
    case 'suppressed':
      return STEP_OF[row.reason as SuppressionReason] ?? 'delivery';
    case 'control':
      return 'controlGroup';
    case 'failed':
      return 'delivery';
    case 'sent':
    case 'waiting':
    case 'due':
    case 'sending':
      return null;
  }
}

/** @returns what became of a message, a sentence without its stop */
export function recordedText(row: Message, facts: ExplainFacts): string {
  const at = row.settledAt?.toISOString() ?? '';
  if (isOpen(row.state)) return waitingText(row, facts);
  if (row.state === 'sent') return `Sent at ${row.sentAt?.toISOString() ?? at} to ${devicesText(row, facts)}`;
  if (row.state === 'control') return `Kept out at ${at} as a member of a control group, ${row.detail ?? ''}`;
  if (row.state === 'failed')
    return `Failed at ${at}: ${refusedText(facts)}, ${row.reason ?? ''}${inBrackets(row.detail)}`;
  return `Not sent, at ${at}: ${suppressionText(row)}`;
}

function suppressionText(row: Message): string {
  const { closedBy } = row.passage ?? {};
  const by = closedBy ? `, ${JSON.stringify(closedBy.name)} of ${closedBy.time.toISOString()}` : '';
  return `${WHY[row.reason as SuppressionReason] ?? row.reason ?? 'it was suppressed'}${by}${inBrackets(row.detail)}`;
}

function waitingText(row: Message, facts: ExplainFacts): string {
  const { nowMs, campaign, settings } = facts;
  if (row.held) return 'Waiting: who of the audience is within the targeting cap is not drawn yet';
  if (row.state === 'sending') return 'Waiting: it is being sent right now';
  const due = row.dueAt.toISOString();
  const paused = campaign.status === 'paused' ? '; the campaign is paused' : '';
  if (row.attempts.length > 0) return `Waiting: tried ${row.tries} times, and due again at ${due}${paused}`;
  if (row.dueAt.getTime() > nowMs) return `Waiting: to be sent at ${due}${winnerText(row, facts)}${paused}`;
  const rates = bucketsOf(campaign, settings, row.released === true)
    .map(rateText)
    .join(' and ');
  if (row.queued) {
    const why = rates === '' ? '' : `: it waits for ${rates}`;
    return `Waiting: due since ${due}, and in the campaign's queue${why}${paused}`;
  }
  const when = rates === '' ? 'to be sent any moment' : `to be sent when its turn comes under ${rates}`;
  return `Waiting: due since ${due}, and ${when}${paused}`;
}

/** Why a message of a run waits that the variants are not tried with. */
function winnerText(row: Message, facts: ExplainFacts): string {
  const definition = ownDefinition(row, facts);
  if (row.runId === undefined || definition?.channel !== 'webPush') return '';
  const { sample } = definition.what.winner ?? {};
  if (sample === undefined || winnerIn(facts.campaign, definition)) return '';
  if (isInSample(row.campaignId, row.profileId, sample)) return '';
  return `, since it waits until the winner is known among the variants, which ${sample} % of the audience try`;
}

function rateText({ name, perMinute }: Bucket): string {
  return name.startsWith('release/')
    ? `the rate after quiet hours, ${perMinute} a minute`
    : `the campaign's throughput of ${perMinute} a minute`;
}

function refusedText({ campaign }: ExplainFacts): string {
  return campaign.definition.channel === 'webhook' ? 'the webhook did not take it' : 'no device took it';
}

function devicesText(row: Message, { campaign }: ExplainFacts): string {
  if (campaign.definition.channel === 'webhook') return 'the webhook';
  const took = row.devices.filter(({ state }) => state === 'delivered').length;
  return `${took} of ${row.devices.length} ${row.devices.length === 1 ? 'device' : 'devices'}`;
}

function variantText({ variant }: Message): string {
  return variant === undefined ? '' : `, as the variant ${JSON.stringify(variant)}`;
}

function inBrackets(text: string | undefined): string {
  return text === undefined ? '' : ` (${text})`;
}

/** @returns what the record says about one step of a message */
export function recordedStep(
  step: StepName,
  row: Message,
  facts: ExplainFacts,
): Pick<Step, 'outcome' | 'detail' | 'at'> {
  const end = endOf(row);
  if (step === end) {
    const text = recordedText(row, facts);
    const variant = step === 'delivery' ? variantText(row) : '';
    const detail = `recorded: ${text.charAt(0).toLowerCase()}${text.slice(1)}${variant}`;
    return { outcome: 'failed', detail, at: row.settledAt };
  }
  if (step === 'campaign')
    return { outcome: 'passed', detail: 'recorded: the campaign did not keep it back' };
  if (step === 'profile') return { outcome: 'passed', detail: 'the profile is there' };
  if (step === 'who') return enteredBy(row, facts);
  if (step === 'schedule') return scheduleStep(row, facts);
  if (step === 'window') return windowStep(row, facts);
  if (step === 'delay') return delayStep(row, facts);
  if (step === 'quietHours' && row.released) return quietHoursStep(row, facts);
  return beforeSend(step, end, row, facts);
}

function enteredBy(row: Message, { runs }: ExplainFacts): Pick<Step, 'outcome' | 'detail' | 'at'> {
  const { passage } = row;
  if (passage) {
    const name = JSON.stringify(passage.openedBy.name);
    const detail = `recorded: ${name} of ${passage.openedBy.time.toISOString()} opened the message`;
    return { outcome: 'passed', detail, at: passage.openedBy.time };
  }
  if (row.request)
    return {
      outcome: 'passed',
      detail: `recorded: ${callText(row)} named the profile`,
      at: row.createdAt,
    };
  const run = runs.find(({ id }) => id === row.runId);
  const which = run ? `the run of ${run.instant.toISOString()}` : 'a run';
  return {
    outcome: 'passed',
    detail: `recorded: the profile was in the segment when ${which} wrote it down`,
    at: row.createdAt,
  };
}

function beforeSend(
  step: StepName,
  end: StepName | null,
  row: Message,
  facts: ExplainFacts,
): Pick<Step, 'outcome' | 'detail' | 'at'> {
  const tried = row.attempts.length > 0 || row.sentAt !== undefined;
  if (step === 'delivery') {
    if (row.state === 'sent') {
      return {
        outcome: 'passed',
        detail: `recorded: sent to ${devicesText(row, facts)}${variantText(row)}`,
        at: row.sentAt,
      };
    }
    const text = waitingText(row, facts);
    if (isOpen(row.state)) return { outcome: 'info', detail: text };
    return { outcome: 'notReached', detail: 'not reached' };
  }
  // The draw of a run comes before its other checks; those who did not get in were never asked further.
  const drawn =
    end === 'cap' &&
    row.runId !== undefined &&
    (step === 'requalify' || step === 'controlGroup' || step === 'limits');
  const before = end !== null && BEFORE_SEND.indexOf(step) < BEFORE_SEND.indexOf(end) && !drawn;
  const expired = end === 'delivery' && row.state === 'suppressed';
  if (tried || (before && !expired))
    return { outcome: 'passed', detail: 'recorded: it did not keep the message back' };
  const detail = isOpen(row.state) ? 'it is judged immediately before the send' : 'not reached';
  return { outcome: 'notReached', detail };
}
