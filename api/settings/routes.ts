import { z } from 'zod';
import { ACCOUNT_TIME_ZONE } from '../../domain/schedule/zone-of.ts';
import type { ApiDeps } from '../deps.ts';
import { timezone } from '../http/fields.ts';
import { defineRoute, type Route } from '../http/route.ts';
import { quietHours } from './quiet-hours-schema.ts';

/** Each message that counts is kept in the profile's document: so many fit in easily. */
const MOST_A_PERIOD = 1_000;

const limit = z
  .number()
  .refine(
    (n) => Number.isInteger(n) && n >= 1 && n <= MOST_A_PERIOD,
    `must be a whole number from 1 to ${MOST_A_PERIOD}; leave it out for no limit`,
  )
  .meta({ type: 'integer', minimum: 1, maximum: MOST_A_PERIOD })
  .optional();

const channelLimits = z
  .strictObject({
    perDay: limit.describe("In a calendar day of the profile's time zone"),
    perWeek: limit.describe("In a week of the profile's time zone, Monday to Sunday"),
  })
  .optional();

const settings = z
  .strictObject({
    timezone: timezone
      .default(ACCOUNT_TIME_ZONE)
      .describe('For profiles of which neither they, their subscriptions nor the site have one'),
    globalLimits: z
      .strictObject({ webPush: channelLimits, webhook: channelLimits })
      .default({})
      .describe('At most so many messages a profile, over all campaigns that do not override it'),
    dnd: quietHours
      .optional()
      .describe(
        'Quiet hours of campaigns that have none of their own and do not ignore them; left out: none',
      ),
    controlGroup: z
      .strictObject({
        percent: z
          .number()
          .refine((percent) => percent > 0 && percent <= 100, 'must be more than 0 and at most 100')
          .meta({ exclusiveMinimum: 0, maximum: 100 }),
      })
      .optional()
      .describe('A stable share of all profiles that no campaign reaches; left out: nobody'),
  })
  .meta({ id: 'Settings' });

/** `/v1/settings`: what holds for the whole account. */
export function settingsRoutes(deps: ApiDeps): Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/settings',
      tag: 'Settings',
      summary: 'Read the account settings',
      access: 'key',
      answers: { 200: { description: 'The settings', schema: settings } },
      async handle() {
        return { status: 200, body: await deps.settings.read() };
      },
    }),
    defineRoute({
      method: 'put',
      path: '/v1/settings',
      tag: 'Settings',
      summary: 'Replace the account settings',
      description: 'What is left out goes back to its default. Messages being sent obey within seconds.',
      access: 'key',
      body: settings,
      examples: {
        limits: {
          summary: 'One push a day and five a week, none at night; a twentieth of all profiles get nothing',
          value: {
            timezone: 'Europe/Berlin',
            globalLimits: { webPush: { perDay: 1, perWeek: 5 } },
            dnd: { from: '21:00', to: '09:00', action: 'delay', releasePerMinute: 6_000 },
            controlGroup: { percent: 5 },
          },
        },
      },
      answers: { 200: { description: 'The settings', schema: settings } },
      async handle({ body }) {
        await deps.settings.write(body);
        return { status: 200, body: await deps.settings.read() };
      },
    }),
  ];
}
