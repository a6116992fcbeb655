import { z } from 'zod';
import { RELEASE_PER_MINUTE } from '../../domain/schedule/quiet-hours.ts';
import { localTime } from '../http/fields.ts';

const MOST_PER_MINUTE = 1_000_000;

/** Quiet hours, of a campaign or of the account. */
export const quietHours = z
  .strictObject({
    from: localTime,
    to: localTime,
    action: z.enum(['delay', 'discard']).describe('What becomes of a message that falls due in them'),
    releasePerMinute: z
      .number()
      .refine(
        (n) => Number.isInteger(n) && n >= 1 && n <= MOST_PER_MINUTE,
        `must be a whole number from 1 to ${MOST_PER_MINUTE}`,
      )
      .meta({ type: 'integer', minimum: 1, maximum: MOST_PER_MINUTE })
      .optional()
      .describe(
        'With delay: at most so many of those that waited leave in any minute once the hours are over; ' +
          `default ${RELEASE_PER_MINUTE}`,
      ),
  })
  .superRefine((quiet, context) => {
    if (quiet.from === quiet.to)
      context.addIssue({ code: 'custom', message: 'must not begin and end at the same time' });
    if (quiet.action !== 'delay' && quiet.releasePerMinute !== undefined)
      context.addIssue({ code: 'custom', message: 'is only for action delay', path: ['releasePerMinute'] });
  })
  .describe("Local times, in the user's time zone; from the first up to, but not including, the second");
