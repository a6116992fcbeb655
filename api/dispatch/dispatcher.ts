import type { StoredEvent } from '../../domain/event.ts';
import type { LaneRepository } from '../../domain/ports/events.ts';
import { dispatchEvent } from './dispatch-event.ts';
import type { DispatchDeps } from './deps.ts';
import type { Matcher } from './matcher.ts';
import type { Log } from '../../domain/ports/services.ts';

export interface DispatcherDeps extends DispatchDeps {
  lanes: LaneRepository;
  matcher: Matcher;
  log: Log;
  /** Names this process in the lease documents. */
  owner: string;
}

/** Takes pending events to their campaigns, lane by lane, each lane by one owner at a time. */
export interface Dispatcher {
  /** Lanes that may have something to do now. */
  nudge(lanes: number[]): void;
  /** Finishes the lanes in hand and stops. */
  close(): Promise<void>;
}

const LANE_LEASE_MS = 10_000;
/** A lane is let go of early when its lease was not renewed for this long, by our own clock. */
const LANE_DEADLINE_MS = 6_000;
const RENEW_AFTER_MS = 2_000;
const POLL_MS = 200;
const PAGE = 500;
const PROFILES_AT_ONCE = 16;
const LANES_AT_ONCE = 8;
const BACKOFF_MS = { first: 250, most: 5_000 };

/** Starts dispatching. Every step is idempotent, so a stale owner does no harm and a failed page comes again. */
export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const wanted = new Set<number>();
  const busy = new Map<number, Promise<void>>();
  const troubled = new Map<number, { failures: number; notBefore: number }>();
  let closed = false;
  let polling: Promise<void> | null = null;

  function pump(): void {
    if (closed) return;
    for (const lane of wanted) {
      if (busy.size >= LANES_AT_ONCE) return;
      if (busy.has(lane) || performance.now() < (troubled.get(lane)?.notBefore ?? 0)) continue;
      wanted.delete(lane);
      const work = drainLane(lane)
        .then(() => {
          troubled.delete(lane);
        })
        .catch((error: unknown) => {
          // MongoDB or Temporal is away: the events stay pending and the poll finds them again.
          const failures = (troubled.get(lane)?.failures ?? 0) + 1;
          const backoff = Math.min(BACKOFF_MS.first * 2 ** (failures - 1), BACKOFF_MS.most);
          troubled.set(lane, { failures, notBefore: performance.now() + backoff });
          deps.log.warn({ err: error, lane, backoff }, 'dispatching a lane failed; it is tried again');
        })
        .finally(() => {
          busy.delete(lane);
          pump();
        });
      busy.set(lane, work);
    }
  }

  async function drainLane(lane: number): Promise<void> {
    const token = await deps.lanes.claim(lane, deps.owner, LANE_LEASE_MS);
    if (token === null) return;
    let renewedAt = performance.now();
    const holds = async (): Promise<boolean> => {
      if (performance.now() - renewedAt < RENEW_AFTER_MS) return true;
      const before = performance.now();
      if (!(await deps.lanes.renew(lane, token, LANE_LEASE_MS))) return false;
      renewedAt = before;
      return true;
    };
    try {
      while (!closed && (await holds())) {
        const page = await deps.events.pendingOf(lane, PAGE);
        if (page.length === 0) return;
        // Proved after the page was read: it holds every campaign that any event of the page may concern.
        const view = await deps.matcher.current();
        if (view === null) throw new Error('the active campaigns cannot be read');
        const done: string[] = [];
        try {
          await eachProfile(page, async (events) => {
            for (const event of events) {
              if (closed || performance.now() - renewedAt > LANE_DEADLINE_MS) return;
              await dispatchEvent(deps, event, view.byEvent.get(event.name) ?? []);
              done.push(event.id);
            }
          });
        } finally {
          if (done.length > 0) await deps.events.clearPending(done);
        }
      }
    } finally {
      await deps.lanes.release(lane, token);
    }
  }

  async function poll(): Promise<void> {
    try {
      for (const lane of await deps.events.pendingLanes()) wanted.add(lane);
      pump();
    } catch (error) {
      deps.log.warn({ err: error }, 'pending events cannot be looked for');
    }
  }

  const timer = setInterval(() => {
    polling ??= poll().finally(() => {
      polling = null;
    });
  }, POLL_MS);

  return {
    nudge(lanes) {
      for (const lane of lanes) wanted.add(lane);
      pump();
    },
    async close() {
      closed = true;
      clearInterval(timer);
      await polling;
      await Promise.all(busy.values());
    },
  };
}

/**
 * Calls `work` with each profile's events in order, several profiles side by side. A profile that fails does
 * not hold up the others; the first failure is thrown at the end.
 */
async function eachProfile(
  page: StoredEvent[],
  work: (events: StoredEvent[]) => Promise<void>,
): Promise<void> {
  const byProfile = new Map<string, StoredEvent[]>();
  for (const event of page) {
    const list = byProfile.get(event.profileId);
    if (list) list.push(event);
    else byProfile.set(event.profileId, [event]);
  }
  const queue = [...byProfile.values()];
  const failures: unknown[] = [];
  const runner = async (): Promise<void> => {
    for (let events = queue.shift(); events; events = queue.shift()) {
      await work(events).catch((error: unknown) => failures.push(error));
    }
  };
  await Promise.all(Array.from({ length: PROFILES_AT_ONCE }, runner));
  if (failures.length > 0) throw failures[0];
}
