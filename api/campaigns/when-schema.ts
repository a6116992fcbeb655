import { z } from 'zod';
import { WEEKDAYS } from '../../domain/campaign/campaign.ts';
import { MOST_COUNT, MOST_INTERVAL } from '../../domain/schedule/recurrence-rule.ts';
import { offsetFault } from '../../domain/schedule/reminder.ts';
import { cutOffFormFault } from '../../domain/schedule/schedule-shape.ts';
import { PROFILE_ZONE } from '../../domain/schedule/schedule.ts';
import { isTimeZone } from '../../domain/schedule/time-zone.ts';
import { duration, instant, localTime, text } from '../http/fields.ts';
import { quietHours } from '../settings/quiet-hours-schema.ts';

const requalify = z
  .strictObject({
    mode: z.enum(['everyTime', 'once', 'interval']),
    interval: duration.optional().describe('With mode interval'),
  })
  .superRefine(({ mode, interval }, context) => {
    const path = ['interval'];
    if (mode === 'interval' && interval === undefined)
      context.addIssue({ code: 'custom', message: 'is required with mode interval', path });
    if (mode !== 'interval' && interval !== undefined)
      context.addIssue({ code: 'custom', message: 'is only for mode interval', path });
  })
  .describe('How often the same profile may get it; default every time');

/** A whole number of a range, with one fault for whatever else it is. */
const whole = (most: number, fault = `must be a whole number from 1 to ${most}`): z.ZodType<number> =>
  z
    .number()
    .refine((n) => Number.isInteger(n) && n >= 1 && n <= most, fault)
    .meta({ type: 'integer', minimum: 1, maximum: most });

/** Of either sign; the domain says what is wrong with the value, which depends on what it counts. */
const position = z.number().meta({ type: 'integer' });

const MOST_TIMES = 48;
const MOST_DATES = 500;
const times = z.array(localTime).min(1, 'must not be empty').max(MOST_TIMES).describe('Local times of day');
const localDateTime = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d$/, 'must be a local time such as 2027-12-01T09:00');

const weekday = z.enum(WEEKDAYS);
const on = z
  .array(z.union([weekday, position, z.strictObject({ weekday, nth: position })]))
  .min(1, 'must not be empty')
  .max(62)
  .describe(
    'Weekly: weekdays. Monthly: days of the month (-1 is the last) or `{ weekday, nth }` (-1 is the last). ' +
      "Left out: the start's own weekday or day of the month",
  );

const recurrence = z.strictObject({
  frequency: z.enum(['daily', 'weekly', 'monthly'], {
    error: ({ input }) =>
      input === undefined
        ? 'is required'
        : 'must be one of daily, weekly, monthly; a yearly recurrence is an rrule such as FREQ=YEARLY',
  }),
  interval: whole(MOST_INTERVAL).optional().describe('Every so many days, weeks (from Monday) or months'),
  on: on.optional(),
  at: times,
  until: z
    .string()
    .regex(/^\d{4}-\d\d-\d\d$/, 'must be a date such as 2027-12-31')
    .optional()
    .describe('The last local date'),
  count: whole(MOST_COUNT).optional().describe('So many occurrences in all'),
});

/** Lines of a calendar are taken as far as the domain, which says what they may not hold. */
const rule = z
  .string()
  .min(1, 'must not be empty')
  .max(500, 'must not be longer than 500 characters')
  .refine(
    (value) => text(500).safeParse(value.replace(/[\r\n\t]/g, ' ')).success,
    'must not hold control characters',
  );

const schedules = {
  at: z.strictObject({ at: z.array(localDateTime).min(1, 'must not be empty').max(MOST_DATES) }),
  every: z.strictObject({ every: recurrence }),
  rrule: z.strictObject({
    rrule: rule.describe('RFC 5545, dates only: the times of day are `at`'),
    at: times,
  }),
};

const oneForm = z
  .union([schedules.at, schedules.every, schedules.rrule])
  .describe('Past behaviour: when it runs, in local times; left out: once, at the start')
  .meta({ id: 'RunSchedule' });

/** What is no form at all would else be told what one of the forms lacks. */
const schedule = z.preprocess((value, context) => {
  const fault = formFault(value);
  if (fault !== null) context.addIssue({ code: 'custom', message: fault });
  return value;
}, oneForm);

function formFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const has = (name: string): boolean => Object.hasOwn(value, name);
  const forms = [has('every'), has('rrule'), has('at') && !has('rrule')].filter(Boolean).length;
  const stray = Object.keys(recurrence.shape).filter((name) => name !== 'at' && has(name));
  if (forms === 1 && stray.length === 0) return null;
  const fault = 'must be exactly one of at, every, and rrule with at';
  if (stray.length === 0) return fault;
  return `${fault}; ${stray.join(', ')} ${stray.length === 1 ? 'belongs' : 'belong'} in every`;
}

/** When a campaign acts, and when its messages may leave. */
export const when = z.strictObject({
  start: z
    .union([z.literal('now'), instant], { error: 'must be "now" or an ISO 8601 instant with offset' })
    .optional()
    .describe('Default now; in an edit, left out, the start stays as it is'),
  end: instant.optional(),
  schedule: schedule.optional(),
  timezone: z
    .string()
    .max(64)
    .refine(
      (name) => name === PROFILE_ZONE || isTimeZone(name),
      'must be an IANA time zone such as Europe/Berlin, or profile',
    )
    .optional()
    .describe("Whose local times the schedule's are; `profile`: each user's own; left out: the account's"),
  ifPast: z
    .enum(['drop', 'nextDay'])
    .optional()
    .describe(
      'With timezone profile: what becomes of those whose time is past when the run starts; default drop',
    ),
  cutOff: z
    .string()
    .superRefine((value, context) => {
      const message = cutOffFormFault(value);
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .optional()
    .describe('Past behaviour: nothing leaves so long after the set time, or after this time of its day'),
  throughput: z
    .strictObject({ perMinute: whole(1_000_000) })
    .optional()
    .describe('At most so many messages leave in any minute'),
  delay: duration.optional().describe('Live: after qualifying'),
  dnd: quietHours.optional().describe("Quiet hours in the user's time zone; left out: those of the account"),
  ignoreQuietHours: z
    .boolean()
    .optional()
    .describe('Without quiet hours of its own: the account has none either'),
  requalify: requalify.optional(),
  ignoreGlobalLimits: z
    .boolean()
    .optional()
    .describe("Sends past the account's global campaign limits, and uses nothing of them up"),
});

/** A reminder at a date that an event names. */
export const dateProperty = z
  .strictObject({
    property: text(128).describe('Of the event: an instant, a local time without offset, or a date'),
    offset: z
      .string()
      .refine((value) => offsetFault(value) === null, {
        error: ({ input }) => offsetFault(String(input)) ?? undefined,
      })
      .optional()
      .describe('How much earlier (with a minus) or later; days and weeks are those of the calendar'),
    at: localTime.optional().describe("At this time of the date, in the user's time zone"),
  })
  .describe('Due at a date that the event names; a later event with the same value of matchOn moves it');
