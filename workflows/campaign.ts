import { defineSearchAttributeKey } from '@temporalio/common';
import {
  continueAsNew,
  defineSignal,
  setCurrentDetails,
  setHandler,
  sleep,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { sentence } from '../domain/sentence.ts';
import { SIGNAL, type CampaignInput } from './contract.ts';
import { mustContinue } from './history.ts';
import { campaignActivities as activities, scheduleActivities } from './policies.ts';
import { followSchedule, type Told } from './run-schedule.ts';
import { instantText, waitUntil } from './wait.ts';

const outcomeKey = defineSearchAttributeKey('Outcome', 'KEYWORD');
const LOOK_AGAIN_MS = 1_000;

/** The life of a campaign: waits for its start, does its work, waits for its end, closes what is left open. */
export async function campaign(input: CampaignInput): Promise<'completed' | 'stopped'> {
  const told: Told = { stopped: false, changes: 0, version: null };
  setHandler(defineSignal(SIGNAL.stop), () => {
    told.stopped = true;
  });
  setHandler(defineSignal(SIGNAL.changed), () => {
    told.changes += 1;
  });
  let span = { startsAtMs: input.startsAtMs, endsAtMs: input.endsAtMs };

  if (!input.begun) {
    await awaitStart();
    if (!told.stopped && (await activities.beginCampaign(input.campaignId)) === 'stopped')
      told.stopped = true;
    if (!told.stopped && input.kind === 'live') await activities.rescanEvents(input.campaignId);
  }
  for (;;) {
    const end = await (told.stopped
      ? 'over'
      : input.kind === 'past'
        ? followSchedule(input, told)
        : awaitEnd());
    // Whoever continues reads the campaign anew: nothing that was told to it is lost.
    if (end === 'continue') await continueAsNew<typeof campaign>({ ...input, begun: true });

    const outcome = told.stopped ? 'stopped' : 'completed';
    const { campaignId } = input;
    const closed = await activities.finishCampaign({ campaignId, outcome, version: told.version });
    if (closed === 'goesOn') {
      // It was edited in the moment in which it was over, or told to stop by somebody who did not say so to the row.
      told.stopped = false;
      if (mustContinue()) await continueAsNew<typeof campaign>({ ...input, begun: true });
      await sleep(LOOK_AGAIN_MS, { summary: 'looks at what it was edited to' });
      continue;
    }
    setCurrentDetails(
      `${outcome === 'stopped' ? 'Stopped' : 'Completed'}; ${closed} open messages were closed.`,
    );
    upsertSearchAttributes([{ key: outcomeKey, value: outcome }]);
    return outcome;
  }

  async function awaitStart(): Promise<void> {
    for (;;) {
      // Read after what was told so far: of anything that is told later it is woken.
      const { changes } = told;
      span = await scheduleActivities.readSpan(input.campaignId);
      const summary = `starts at ${instantText(span.startsAtMs)}`;
      setCurrentDetails(sentence(summary));
      const woken = (): boolean => told.stopped || told.changes !== changes;
      if (!(await waitUntil(span.startsAtMs, summary, woken)) || told.stopped) return;
    }
  }

  /** Waits for the end of a live or API-triggered campaign, which may be moved meanwhile. */
  async function awaitEnd(): Promise<'over' | 'continue'> {
    const what =
      input.kind === 'api'
        ? 'Each call to send leaves its messages'
        : 'Live: each qualifying event opens a trigger';
    const waits = input.kind === 'api' ? 'takes calls until' : 'live until';
    for (;;) {
      const { changes } = told;
      span = await scheduleActivities.readSpan(input.campaignId);
      const end = span.endsAtMs === null ? 'it is stopped' : instantText(span.endsAtMs);
      setCurrentDetails(`${what} until ${end}.`);
      const woken = (): boolean => told.stopped || told.changes !== changes || mustContinue();
      if (!(await waitUntil(span.endsAtMs, `${waits} ${end}`, woken)) || told.stopped) return 'over';
      if (told.changes === changes) return 'continue';
    }
  }
}
