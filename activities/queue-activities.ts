import { drainDue } from './delivery/drain-due.ts';
import { NAP_MS, type DrainSource } from './delivery/drain-source.ts';
import type { DeliveryDeps } from './delivery/deps.ts';
import { withHeartbeat } from './heartbeat.ts';

/** What a queue does next, and what an operator reads about it. */
export type QueueAnswer = ({ kind: 'done' | 'more' } | { kind: 'wait'; untilMs: number }) & { text: string };

export type QueueActivities = ReturnType<typeof createQueueActivities>;

const COUNTED_TO = 10_000;
/** Rows may be closed while it waits for them: then there is nothing to wait for any more. */
const LOOK_AGAIN_MS = 10 * 60_000;

/** The activities of `queue`: what found its campaign's rate used up or was named by a call, as the rate lets it leave. */
export function createQueueActivities(deps: DeliveryDeps) {
  async function describe(campaignId: string): Promise<string> {
    const [count, campaign] = await Promise.all([
      deps.messages.countQueued(campaignId, COUNTED_TO),
      deps.campaigns.byId(campaignId),
    ]);
    const many = count === COUNTED_TO ? `At least ${count}` : String(count);
    const perMinute = campaign?.definition.when.throughput?.perMinute;
    const isApi = campaign !== null && 'api' in campaign.definition.who;
    const unlimited = isApi ? 'as soon as due' : 'as fast as may be after quiet hours';
    const rate = perMinute === undefined ? unlimited : `at ${perMinute} a minute`;
    return `${many} queued ${count === 1 ? 'message leaves' : 'messages leave'} ${rate}.`;
  }

  /**
   * Says until when nobody looks, and looks once more: what was queued before this is seen, and whoever queues
   * something from now on wakes the queue. What its rate holds up holds up what comes later as well.
   */
  async function comesBefore(
    campaignId: string,
    source: DrainSource,
    { untilMs, byRate }: { untilMs: number; byRate?: true },
  ): Promise<boolean> {
    if (byRate || untilMs <= deps.clock.nowMs() + NAP_MS) return false;
    await deps.throughput.doze(campaignId, new Date(untilMs));
    const next = await source.nextDue();
    return next !== null && next.getTime() < untilMs;
  }

  return {
    /** Sends queued messages for up to 20 s. It is done only when nobody counts on it any more. */
    async drainQueue(campaignId: string): Promise<QueueAnswer> {
      const source: DrainSource = {
        campaignId,
        rows: { queueOf: campaignId, limit: deps.limits.pageSize },
        nextDue: () => deps.messages.nextQueued(campaignId),
        whenPaused: 'drop',
      };
      return withHeartbeat(async (signal) => {
        const answer = await drainDue(deps, source, signal);
        if (answer.kind === 'wait') {
          const untilMs = Math.min(answer.untilMs, deps.clock.nowMs() + LOOK_AGAIN_MS);
          if (await comesBefore(campaignId, source, { ...answer, untilMs }))
            return { kind: 'more', text: await describe(campaignId) };
          return { kind: 'wait', untilMs, text: await describe(campaignId) };
        }
        if (answer.kind === 'done') {
          // Whoever queued a message before this found the queue awake; whoever does from now on wakes it.
          await deps.throughput.sleep(campaignId);
          if ((await source.nextDue()) === null) return { kind: 'done', text: 'Nothing is queued any more.' };
          await deps.throughput.wake(campaignId);
        }
        return { kind: 'more', text: await describe(campaignId) };
      });
    },
  };
}
