import { defineSearchAttributeKey } from '@temporalio/common';
import {
  continueAsNew,
  defineSignal,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { SIGNAL, type PartitionRange, type RunInput } from './contract.ts';
import { mustContinue } from './history.ts';
import { runActivities as activities, runDrains } from './policies.ts';
import { atLeast, instantText, waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');

/** One occurrence of a past-behaviour campaign: writes down who gets it, then drains what falls due. */
export async function run(input: RunInput): Promise<'completed' | 'stopped'> {
  const { drain } = runDrains();
  let stopped = false;
  let wakes = 0;
  setHandler(defineSignal(SIGNAL.stop), () => {
    stopped = true;
  });
  setHandler(defineSignal(SIGNAL.wake), () => {
    wakes += 1;
  });

  let phase: NonNullable<RunInput['phase']> = input.phase ?? { kind: 'materialise', after: null };
  while (phase.kind === 'materialise' && !stopped) {
    setCurrentDetails('Materialising: writing down who gets it.');
    const page = await activities.materialise({ runId: input.runId, after: phase.after });
    if (page.closed) stopped = true;
    else if (page.after !== null) phase = { kind: 'materialise', after: page.after };
    else if (page.capped) phase = { kind: 'draw' };
    else phase = { kind: 'drain', groups: await activities.beginDrain(input.runId) };
    if (mustContinue() && !stopped) await continueAsNew<typeof run>({ ...input, phase });
  }

  while (phase.kind !== 'materialise' && !stopped) {
    if (phase.kind === 'draw') {
      setCurrentDetails('Drawing who gets it, as many as the targeting cap leaves.');
      const drawn = await activities.draw(input.runId);
      if (drawn.kind === 'over') break;
      phase = { kind: 'drain', groups: drawn.groups, capped: true };
      if (stopped) break;
    }
    setCurrentDetails(`Draining in ${phase.groups.length} parts.`);
    const { groups, capped } = phase;
    const ends = await Promise.all(groups.map((range) => drainRange(range)));
    const left = groups.filter((_, i) => ends[i] === 'continue');
    if (left.length > 0 && !stopped) {
      await continueAsNew<typeof run>({ ...input, phase: { ...phase, groups: left } });
    }
    if (!capped) break;
    // Slots of what was settled and not sent are free again.
    phase = { kind: 'draw' };
    if (mustContinue() && !stopped) await continueAsNew<typeof run>({ ...input, phase });
  }

  const outcome = await activities.finishRun({ runId: input.runId, stopped });
  setCurrentDetails(outcome.text);
  upsertSearchAttributes([{ key: outcomeKey, value: outcome.status }]);
  return outcome.status;

  /** Drains one range of partitions until nothing is left, the run is stopped, or the history is long enough. */
  async function drainRange(range: PartitionRange): Promise<'done' | 'continue'> {
    while (!stopped) {
      if (mustContinue()) return 'continue';
      // A wake that comes while it drains may be about what it has not seen: it looks again.
      const seen = wakes;
      const answer = await drain({ runId: input.runId, ...range });
      if (answer.progress !== undefined) setCurrentDetails(answer.progress);
      // One part that must continue as new wakes the others, so that none waits for another's timer.
      const awake = (): boolean => stopped || wakes !== seen || mustContinue();
      switch (answer.kind) {
        case 'done':
          return 'done';
        case 'closed':
          stopped = true;
          return 'done';
        case 'paused':
          await waitUntil(null, 'paused', awake);
          break;
        case 'wait':
          await waitUntil(
            atLeast(answer.untilMs),
            `next messages due at ${instantText(answer.untilMs)}`,
            awake,
          );
          break;
        case 'more':
          break;
      }
    }
    return 'done';
  }
}
