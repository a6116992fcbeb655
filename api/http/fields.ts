/** The fields that several calls share, each with the fault it names. */
import { z } from 'zod';
import { RESERVED_NAME, RESERVED_NAMES } from '../../domain/reserved-names.ts';
import { durationFault } from '../../domain/schedule/duration.ts';
import { isTimeZone } from '../../domain/schedule/time-zone.ts';

/**
 * A string without control characters, so that it can go into headers, logs and ids, and without halves of
 * characters, which a database would give back as something else.
 */
export const text = (max: number): z.ZodString =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(max, `must not be longer than ${max} characters`)
    // eslint-disable-next-line no-control-regex -- control characters are what it refuses
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not hold control characters')
    .regex(/^\P{Surrogate}*$/u, 'must not hold half a character');

export const identity = text(256)
  .refine((value) => !value.startsWith('anonymous/'), 'must not begin with anonymous/, which names visitors')
  .describe("The customer's own id of a person");
export const id = z.string().regex(/^[0-9a-f]{24}$/, 'must be an id of 24 hexadecimal digits');
export const timezone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be an IANA time zone such as Europe/Berlin');
export const language = z
  .string()
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'must be a language tag such as de or pt-BR');
export const country = z.string().regex(/^[A-Z]{2}$/, 'must be a two-letter country code such as DE');
export const duration = z.string().refine((value) => durationFault(value) === null, {
  error: ({ input }) => durationFault(String(input)) ?? undefined,
});
export const localTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a local time such as 09:00');
export const instant = z.iso.datetime({ offset: true, error: 'must be an ISO 8601 instant with offset' });

/** An https or, for the URL of a click, http address without credentials. */
export const webUrl = (protocols: string[]): z.ZodType<string> =>
  z
    .string()
    .max(2_048, 'must not be longer than 2048 characters')
    .refine(
      (value) => {
        if (!URL.canParse(value)) return false;
        const url = new URL(value);
        return protocols.includes(url.protocol) && url.username === '' && url.password === '';
      },
      `must be a URL (${protocols.join(' or ')}) without credentials`,
    );

/** Anything that JSON can say. */
export const json = z.json().meta({ id: 'Value' });

const MAX_DEPTH = 8;

/** Free properties: JSON with bounded names, depth and size. */
export const properties = z
  .record(z.string(), json)
  .superRefine((value, context) => {
    for (const path of badNames(value, [])) {
      const message = RESERVED_NAMES.has(path.at(-1) ?? '')
        ? RESERVED_NAME
        : 'is not a property name we take (1 to 128 characters, no leading $, no NUL)';
      context.addIssue({ code: 'custom', path, message });
    }
    if (depth(value) > MAX_DEPTH)
      context.addIssue({ code: 'custom', message: `must not nest deeper than ${MAX_DEPTH} levels` });
    if (JSON.stringify(value).length > 32_768)
      context.addIssue({ code: 'custom', message: 'must not be larger than 32 KiB' });
  })
  .describe('Free properties: strings, numbers, booleans, dates as ISO 8601 strings, arrays, objects');

/** @returns the paths of the names that we do not take, at any depth */
function badNames(value: unknown, path: string[]): string[][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) => {
    const bad =
      key.length === 0 ||
      key.length > 128 ||
      key.startsWith('$') ||
      key.includes('\0') ||
      RESERVED_NAMES.has(key);
    const here = [...path, key];
    return bad && !Array.isArray(value) ? [here] : badNames(part, here);
  });
}

function depth(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let deepest = 0;
  for (const part of Object.values(value)) deepest = Math.max(deepest, depth(part));
  return deepest + 1;
}

export const pageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1_000).default(100).describe('How many at most'),
  cursor: z
    .string()
    .regex(/^[0-9a-f]{24}([0-9a-f]{24})?$/, 'must be the nextCursor of the page before')
    .optional()
    .describe('`nextCursor` of the page before'),
});

/** @returns one page, and the cursor of the next when there may be one */
export function pageOf<T extends { id: string }, R>(
  items: T[],
  limit: number,
  view: (item: T) => R,
): { data: R[]; nextCursor: string | null } {
  return {
    data: items.map(view),
    nextCursor: items.length === limit ? (items[items.length - 1]?.id ?? null) : null,
  };
}
