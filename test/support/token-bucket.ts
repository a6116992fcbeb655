import { GRANT_MS, nextTokenMs, paceOf } from '../../domain/delivery/throughput.ts';

/** A bucket as the rules of the rate have it, one step at a time: what the database's is compared with. */
export interface TokenBucket {
  take(wanted: number, nowMs: number, grant: string): { granted: number; nextAtMs: number };
  settle(grant: string, left: number, nowMs: number): void;
}

/** @param perMinute may change from step to step */
export function createTokenBucket(perMinute: () => number): TokenBucket {
  let level: number | undefined;
  let atMs = 0;
  let held: { grant: string; count: number; untilMs: number }[] = [];
  const inHand = (): number => held.reduce((sum, { count }) => sum + count, 0);

  function fill(nowMs: number): number {
    const pace = paceOf(perMinute());
    held = held.filter(({ untilMs }) => untilMs > nowMs);
    level = level === undefined ? pace.burst : level + Math.max(0, nowMs - atMs) * pace.perMs;
    atMs = nowMs;
    return cap(level);
  }

  function cap(filled: number): number {
    const pace = paceOf(perMinute());
    level = Math.max(0, Math.min(filled, pace.burst, pace.most - inHand()));
    return level;
  }

  return {
    take(wanted, nowMs, grant) {
      const granted = Math.min(Math.floor(fill(nowMs)), wanted);
      level = (level ?? 0) - granted;
      if (granted > 0) held.push({ grant, count: granted, untilMs: nowMs + GRANT_MS });
      return { granted, nextAtMs: nowMs + nextTokenMs(paceOf(perMinute()), level, inHand()) };
    },
    settle(grant, left, nowMs) {
      const mine = held.find((one) => one.grant === grant && one.untilMs > nowMs);
      if (!held.some((one) => one.grant === grant)) return;
      const filled = fill(nowMs);
      held = held.filter((one) => one.grant !== grant);
      cap(filled + Math.max(0, (mine?.count ?? 0) - left));
    },
  };
}
