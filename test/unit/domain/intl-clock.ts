import fc from 'fast-check';
import { localParts } from '../../../domain/schedule/time-zone.ts';

export const minute = 60_000;
export const day = 24 * 60 * minute;
export const zones = Intl.supportedValuesOf('timeZone');

/** An instant as ISO 8601, without milliseconds when there are none. */
export const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

const formats = new Map<string, Intl.DateTimeFormat>();

/** What Intl itself shows, as if the clock were UTC: the slow way, one question for each instant. */
export function shownByIntl(instantMs: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    const numeric = { month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const;
    const options = {
      ...numeric,
      year: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
      timeZone: zone,
    } as const;
    format = new Intl.DateTimeFormat('en-US', options);
    formats.set(zone, format);
  }
  const field = Object.fromEntries(
    format.formatToParts(instantMs).map((part) => [part.type, Number(part.value)]),
  );
  const { year = 0, month = 0, day: date = 0, hour: hours = 0, minute: minutes = 0, second = 0 } = field;
  return Date.UTC(year, month - 1, date, hours, minutes, second);
}

/** What the code under test says that the clock shows, counted likewise. */
export function shown(instantMs: number, zone: string): number {
  const parts = localParts(instantMs, zone);
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
}

/** Nights on which a clock changes, with the instant at which it does. */
export const changes: [string, string][] = [
  ['Europe/Berlin', '2026-03-29T01:00:00Z'],
  ['Europe/Berlin', '2026-10-25T01:00:00Z'],
  ['America/New_York', '2026-03-08T07:00:00Z'],
  ['America/New_York', '2026-11-01T06:00:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T15:00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T15:30:00Z'],
  ['Pacific/Apia', '2011-12-30T10:00:00Z'],
  ['America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ['America/Sao_Paulo', '2018-02-18T02:00:00Z'],
  ['Asia/Beirut', '2026-03-28T22:00:00Z'],
  ['America/Nuuk', '2026-03-29T01:00:00Z'],
  ['America/St_Johns', '2010-11-07T02:31:00Z'],
  ['Asia/Kathmandu', '1985-12-31T18:30:00Z'],
  ['Africa/Casablanca', '2026-03-22T02:00:00Z'],
];

/** A zone and a whole minute within days of a change of its clock. */
export const aroundChange = fc
  .tuple(fc.constantFrom(...changes), fc.integer({ min: -3 * 24 * 60, max: 2 * 24 * 60 }))
  .map(([[zone, at], minutes]) => ({ zone, instant: Date.parse(at) + minutes * minute }));

const anywhere = fc.record({
  zone: fc.constantFrom(...zones),
  instant: fc
    .integer({ min: Date.UTC(1980) / 1000, max: Date.UTC(2100) / 1000 })
    .map((second) => second * 1000),
});
/** The same, or any second of any zone from 1980 to 2100. */
export const somewhere = fc.oneof(aroundChange, anywhere);
