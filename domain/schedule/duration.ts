const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const maxMs = 10 * 365 * unitMs.d;
const spoken = ['d', 'h', 'm', 's'] as const;

/**
 * Reads a duration such as `30s`, `10m`, `2h`, `3d` or `1w`: one positive whole number without leading
 * zeros and one unit. A day is 24 hours, whatever the clocks do meanwhile.
 *
 * @returns milliseconds, or `null` when the text is no duration or longer than ten years of 365 days.
 */
export function parseDuration(text: string): number | null {
  const match = typeof text === 'string' ? /^([1-9]\d{0,9})([smhdw])$/.exec(text) : null;
  if (!match) return null;
  const ms = Number(match[1]) * unitMs[match[2] as keyof typeof unitMs];
  return ms <= maxMs ? ms : null;
}

const RANGE = 'a duration from 1s to 3650d, which is ten years';

/** @returns what is wrong with a text that is no duration, its form or its length; null when it is one */
export function durationFault(text: string, example = '30s, 10m, 2h or 3d'): string | null {
  if (parseDuration(text) !== null) return null;
  return `must be ${isDurationForm(text) ? RANGE : `a duration such as ${example}`}`;
}

/** @returns whether a text has the form of a duration: too short or too long is all that it can be */
export function isDurationForm(text: string): boolean {
  return typeof text === 'string' && /^(0|[1-9]\d*)[smhdw]$/.test(text);
}

/**
 * Reads a short wait, such as `250ms`, or a duration as {@link parseDuration} does.
 *
 * @returns milliseconds, or `null` when the text is neither
 */
export function parseWait(text: string): number | null {
  const match = /^(0|[1-9]\d{0,5})ms$/.exec(text);
  return match ? Number(match[1]) : parseDuration(text);
}

/**
 * Says a duration in milliseconds shortly: its two largest units that are not zero, rounded down
 * (`10m`, `1h 30m`, `2d`); `250ms` below a second, `0s` for nothing, a leading `-` when negative.
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms > 0 && ms < unitMs.s) return `${Math.ceil(ms)}ms`;
  const parts: string[] = [];
  let rest = ms;
  for (const unit of spoken) {
    const count = Math.floor(rest / unitMs[unit]);
    rest -= count * unitMs[unit];
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0s';
}
