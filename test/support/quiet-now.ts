import { localParts } from '../../domain/schedule/time-zone.ts';

/** Far from UTC, so that a plan by the wrong zone is seen. */
export const FAR_ZONE = 'Asia/Kolkata';
const HOUR_MS = 3_600_000;

/** @returns quiet hours that hold now in the far zone, from an hour ago for an hour, and not in UTC */
export function quietNow(action: 'delay' | 'discard'): { from: string; to: string; action: string } {
  return { from: farTime(Date.now() - HOUR_MS), to: farTime(Date.now() + HOUR_MS), action };
}

/** @returns the local time in the far zone, `HH:mm` */
export function farTime(atMs: number): string {
  const { hour, minute } = localParts(atMs, FAR_ZONE);
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}
