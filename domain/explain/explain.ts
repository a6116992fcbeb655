import type { ExplainFacts, Explanation, Step, StepName } from './explain-facts.ts';
import { STEPS } from './explain-facts.ts';
import { judgeNow, type Judged } from './explain-now.ts';
import { recordedStep, recordedText } from './explain-recorded.ts';
import { explainedRow } from './explain-row.ts';
import { leftOutSoFar, thenNextRun, waitingForRun, waitingForWriting } from './explain-runs.ts';
import type { Message } from '../delivery/message.ts';
import { sentence } from '../sentence.ts';

/**
 * Says step by step why a profile got a campaign's message or did not. What is recorded wins over what would be
 * judged now, and the text tells the two apart.
 */
export function explain(facts: ExplainFacts): Explanation {
  const judged = judgeNow(facts);
  const row = explainedRow(facts.rows);
  const steps = row ? stepsOfRow(facts, row, judged) : stepsAsOfNow(judged);
  if (!row) return { ...withoutRow(facts, judged), steps };
  const earlier = facts.rows.find((other) => other !== row && other.sentAt !== undefined);
  const also = earlier?.sentAt ? `; an earlier message was sent at ${earlier.sentAt.toISOString()}` : '';
  const of = row.passage && row.passage.matchValue !== '' ? `, for ${row.passage.matchValue}` : '';
  const next = row.state === 'suppressed' || row.state === 'failed' ? thenNextRun(facts) : '';
  const summary = `${recordedText(row, facts)}${of}${also}${laterEvent(facts, row)}${next}.`;
  return { verdict: verdictOf(row), summary, steps };
}

/** What the latest opening event did not do, when it came after what the message was opened by. */
function laterEvent({ events }: ExplainFacts, { passage }: Message): string {
  const [latest] = events;
  if (!latest || !passage || latest.time <= passage.event.time) return '';
  const opened = latest.outcome === 'opened' || latest.outcome === 'restarted';
  return opened ? '' : `; the event of ${latest.time.toISOString()} opened none: ${latest.detail}`;
}

function verdictOf(row: Message): Explanation['verdict'] {
  switch (row.state) {
    case 'waiting':
    case 'due':
    case 'sending':
      return 'waiting';
    case 'sent':
    case 'failed':
    case 'control':
      return row.state;
    case 'suppressed':
      return 'notSent';
  }
}

/** The recorded facts, and beside them what would be judged now. */
function stepsOfRow(facts: ExplainFacts, row: Message, judged: Map<StepName, Judged>): Step[] {
  return [...judged].map(([step, { text, segment, events }]): Step => {
    const { outcome, detail, at } = recordedStep(step, row, facts);
    const now = LASTING.has(step) ? '' : ` As of now: ${text}.`;
    return tidy({ step, outcome, detail: `${sentence(detail)}${now}`, at, segment, events });
  });
}

/** What cannot have changed, or is told by the record alone. */
const LASTING = new Set<StepName>(['profile', 'window', 'delay', 'cap', 'render', 'delivery']);

/** Each step judged now, in order, up to the first that fails. */
function stepsAsOfNow(judged: Map<StepName, Judged>): Step[] {
  let failed = false;
  return [...judged].map(([step, { holds, text, segment, events, at }]): Step => {
    if (failed)
      return tidy({
        step,
        outcome: 'notReached',
        detail: `Not reached. As of now: ${text}.`,
        segment,
        events,
      });
    failed = holds === false;
    const outcome = holds === null ? 'info' : holds ? 'passed' : 'failed';
    return tidy({ step, outcome, detail: `As of now: ${text}.`, segment, events, at });
  });
}

function withoutRow(
  facts: ExplainFacts,
  judged: Map<StepName, Judged>,
): Pick<Explanation, 'verdict' | 'summary'> {
  const { definition } = facts.campaign;
  const [latest] = facts.events;
  const [step, failed] = [...judged].find(([, { holds }]) => holds === false) ?? [];
  const writing = waitingForWriting(facts, failed?.text ?? null);
  if (writing !== null) return { verdict: 'waiting', summary: writing };
  // What is judged before the send alone cannot be why an event opened no message.
  const opens = 'live' in definition.who && latest?.outcome === 'open';
  const isAfter = (other: StepName): boolean =>
    step !== undefined && STEPS.indexOf(step) > STEPS.indexOf(other);
  if (failed && !(opens && isAfter('filter'))) {
    // What keeps it out now is not why a run before had no message for it.
    const before = isAfter('who') ? leftOutSoFar(facts) : null;
    const why = before === null ? failed.text : `${before}; as of now: ${failed.text}`;
    return { verdict: 'notSent', summary: `No message: ${why}${thenNextRun(facts)}.` };
  }
  if ('live' in definition.who) {
    const of = latest ? `the event of ${latest.time.toISOString()}: ${latest.detail}` : 'no event came';
    return { verdict: 'notSent', summary: `No message: ${of}.` };
  }
  if ('api' in definition.who)
    return { verdict: 'notSent', summary: 'No message: no call named the profile.' };
  return { verdict: 'waiting', summary: waitingForRun(facts) };
}

/** Leaves out what is not there. */
function tidy(step: Step): Step {
  return Object.fromEntries(
    Object.entries(step).filter(([, value]) => value !== undefined),
  ) as unknown as Step;
}
