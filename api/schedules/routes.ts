import { z } from 'zod';
import type { CampaignSchedule } from '../../domain/campaign/campaign.ts';
import { scheduleFaults } from '../../domain/schedule/schedule-faults.ts';
import { previewSchedule } from '../../domain/schedule/schedule-preview.ts';
import { when } from '../campaigns/when-schema.ts';
import type { ApiDeps } from '../deps.ts';
import { timezone } from '../http/fields.ts';
import { Problem } from '../http/problem.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { previewExamples } from './examples.ts';

/** From where the day begins to where it ends. */
export const AROUND_THE_PLANET = [
  'Pacific/Auckland',
  'Asia/Tokyo',
  'Asia/Kolkata',
  'Europe/Berlin',
  'America/New_York',
  'America/Los_Angeles',
];
const MOST_INSTANTS = 100;
const MOST_ZONES = 50;
const localDateTime = z.string().describe('`YYYY-MM-DDTHH:mm`');

export const zonesPreview = z
  .object({
    timezones: z.array(
      z.object({
        timezone: z.string(),
        instants: z.array(
          z.object({
            local: localDateTime.describe('The local time it is set to'),
            at: z.iso.datetime().describe('The instant at which that is'),
            offset: z.string().describe("How far the zone's clock is from UTC then, such as +02:00"),
            cutOff: z.iso.datetime().optional().describe('From then on nothing leaves any more'),
            note: z
              .enum(['skippedByClock', 'shownTwice', 'past', 'nextDay'])
              .optional()
              .describe(
                'skippedByClock: the clock skips the local time, so the first instant after the gap counts. ' +
                  'shownTwice: the clock shows it twice; the first counts. past: over in this zone when the run ' +
                  'starts, so nobody there gets it. nextDay: over as well, so it is moved to the next day',
              ),
          }),
        ),
      }),
    ),
  })
  .meta({ id: 'SchedulePreview' });

/** `/v1/schedules`: what somebody sets, shown before it is published. */
export function scheduleRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/schedules/preview',
      tag: 'Schedules',
      summary: 'Show the next instants of a `when`',
      description:
        'Changes nothing. It begins now, or at the start where that is later. A `when` that could not be published is ' +
        'refused with every fault. With timezone `profile` each of `timezones` is shown, else the one of the schedule.',
      access: 'key',
      body: z.strictObject({
        when,
        count: z
          .number()
          .refine(
            (n) => Number.isInteger(n) && n >= 1 && n <= MOST_INSTANTS,
            `must be a whole number from 1 to ${MOST_INSTANTS}`,
          )
          .meta({ type: 'integer', minimum: 1, maximum: MOST_INSTANTS })
          .default(5)
          .describe('How many instants of each time zone'),
        timezones: z
          .array(timezone)
          .min(1, 'must not be empty')
          .max(MOST_ZONES)
          .optional()
          .describe("IANA names; left out: the account's and some around the planet"),
      }),
      examples: previewExamples,
      answers: { 200: { description: 'Zone by zone', schema: zonesPreview } },
      async handle({ body }) {
        const given = { ...body.when, start: body.when.start ?? 'now' } as CampaignSchedule;
        const { timezone: accountZone } = await deps.settings.read();
        const nowMs = deps.clock.now().getTime();
        const faults = scheduleFaults({ who: { past: { all: [] } }, when: given }, { nowMs, accountZone });
        if (faults.length > 0) throw new Problem('validation_failed', undefined, faults);
        const startsAtMs = given.start === 'now' ? nowMs : Math.max(nowMs, Date.parse(given.start));
        const endsAtMs = given.end === undefined ? null : Date.parse(given.end);
        const zones = body.timezones ?? [accountZone, ...AROUND_THE_PLANET];
        const context = { when: given, startsAtMs, endsAtMs, accountZone, nowMs };
        return {
          status: 200,
          body: { timezones: previewSchedule(context, { count: body.count, zones }) },
        };
      },
    }),
  ];
}
